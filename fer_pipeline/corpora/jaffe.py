"""JAFFE: portraits of ten Japanese women, 256 x 256 pixels, gray, in seven classes.

Lyons, Akamatsu, Kamachi and Gyoba, "Coding facial expressions with Gabor wavelets", 1998. Files are
called ``KA.AN1.39.tiff``: a woman's initials, the expression that she was asked to pose with the
number of the take, and a number of the picture; so in the README that comes with the pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_pipeline.corpora.corpus import Corpus, Entry, Progress, ReadOptions
from fer_pipeline.corpora.naming import Misnamed, Shown, read_named
from fer_pipeline.domain import order_emotions
from fer_pipeline.faces import CropOptions

_EMOTIONS_BY_CODE = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}

_EXPECTED = "KA.AN1.39.tiff and the like"

# Behind the number stand one suffix or, in copies in another format, two.
_NAME = re.compile(
    r"(?P<person>[A-Z]{2})[._-](?P<emotion>[A-Z]{2})(?P<take>\d+)[._-](?P<number>\d+)(\.\w+)+",
    re.IGNORECASE | re.ASCII,
)


def read_name(name: str) -> Shown | Misnamed:
    """Read a file name such as ``KA.AN1.39.tiff``."""
    match = _NAME.fullmatch(name)
    if match is None:
        return Misnamed(f"its name is not of JAFFE's form, such as {_EXPECTED}")
    person, code = match["person"].upper(), match["emotion"].upper()
    if code not in _EMOTIONS_BY_CODE:
        return Misnamed(f"{code} in its name is none of {', '.join(_EMOTIONS_BY_CODE)}")
    picture = f"{person}.{code}{match['take']}.{match['number']}"
    return Shown(_EMOTIONS_BY_CODE[code], person, picture=picture)


def read(sources: Sequence[Path], _: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read JAFFE from folders and archives; as `corpus.Reader`."""
    return read_named(sources, read_name, _EXPECTED, progress)


JAFFE = Corpus(
    title="JAFFE (Lyons et al., 1998): the folder or an archive with KA.AN1.39.tiff and the like.",
    crop=lambda _: CropOptions(),
    read=read,
    emotions=order_emotions(_EMOTIONS_BY_CODE.values()),
)
