"""KDEF: portraits of 70 people, each in seven expressions from five angles, in two sessions.

Lundqvist, Flykt and Öhman, "The Karolinska Directed Emotional Faces", 1998. Files are called
``AF01ANS.JPG``: session, sex, number of the person among those of that sex, expression, angle; so
on its authors' page, https://www.kdef.se. The averaged faces that are passed on with it (AKDEF)
lack session and number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_pipeline.corpora.corpus import Corpus, Entry, Progress, ReadOptions, Skipped
from fer_pipeline.corpora.naming import Misnamed, Shown, file_stem, read_named
from fer_pipeline.domain import order_emotions
from fer_pipeline.faces import CropOptions

_EMOTIONS_BY_CODE = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}

_TURNED = {
    "HL": "half profile",
    "HR": "half profile",
    "FL": "full profile",
    "FR": "full profile",
}

_AVERAGED = "averaged face of many people (AKDEF)"

_EXPECTED = "AF01ANS.JPG and the like"

_WHO = r"(?P<session>[AB])(?P<person>[FM]\d\d)"
_WHAT = rf"(?P<emotion>[A-Z]{{2}})(?P<angle>S|{'|'.join(_TURNED)})"
_NAME = re.compile(_WHO + _WHAT, re.IGNORECASE | re.ASCII)
_AVERAGED_NAME = re.compile(rf"[FM]({'|'.join(_EMOTIONS_BY_CODE)})(S|{'|'.join(_TURNED)})")


def read_name(name: str) -> Shown | Skipped | Misnamed:
    """Read a file name such as ``AF01ANS.JPG``.

    The same person is in both sessions, so the session is no part of who it is.
    """
    stem = file_stem(name).upper()
    if _AVERAGED_NAME.fullmatch(stem):
        return Skipped(_AVERAGED)
    match = _NAME.fullmatch(stem)
    if match is None:
        return Misnamed(f"its name is not of KDEF's form, such as {_EXPECTED}")
    code, angle = match["emotion"], match["angle"]
    if code not in _EMOTIONS_BY_CODE:
        return Misnamed(f"{code} in its name is none of {', '.join(_EMOTIONS_BY_CODE)}")
    if angle in _TURNED:
        return Skipped(f"{_TURNED[angle]}, not straight")
    return Shown(_EMOTIONS_BY_CODE[code], match["person"], picture=stem)


def read(sources: Sequence[Path], _: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read KDEF from folders and archives; as `corpus.Reader`."""
    return read_named(sources, read_name, _EXPECTED, progress)


KDEF = Corpus(
    title="KDEF (Lundqvist et al., 1998): the folder or an archive with AF01ANS.JPG and the like; "
    "straight views.",
    crop=lambda _: CropOptions(),
    read=read,
    emotions=order_emotions(_EMOTIONS_BY_CODE.values()),
)
