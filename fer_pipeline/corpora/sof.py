"""SoF, Specs on Faces: portraits of 112 people who wear glasses, 640 x 480 pixels, in colour.

Afifi and Abdelhamed, "AFIF4: Deep gender classification based on AdaBoost-based fusion of isolated
facial features and foggy faces", 2019. Files are called
``AbdA_00013_m_31_i_fr_nc_sr_2016_2_e0_nl_o.jpg``: person, picture, sex, age, light, view, whether
it is cropped, expression, year, part; then what was done to the picture: a cover over nose or mouth
(``e0``: none), a filter (``nl``: none), and how hard that makes it (``o``: the original). So on
https://sites.google.com/view/sof-dataset. Its expressions are fewer than the emotions: one stands
for sadness, anger and disgust, another for surprise and fear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_pipeline.corpora.corpus import Corpus, Entry, Progress, ReadOptions, Skipped
from fer_pipeline.corpora.naming import Misnamed, Shown, file_stem, read_named
from fer_pipeline.faces import CropOptions

SAD_ANGRY_OR_DISGUSTED = "sadness_anger_disgust"
SURPRISED_OR_AFRAID = "surprise_fear"

_EMOTIONS_BY_CODE = {
    "no": "neutral",
    "hp": "happiness",
    "sd": SAD_ANGRY_OR_DISGUSTED,
    "sr": SURPRISED_OR_AFRAID,
}

_ORIGINAL = ("e0", "nl", "o")

_ALTERED = "altered copy (covered or filtered)"

_EXPECTED = "AbdA_00013_m_31_i_fr_nc_sr_2016_2_e0_nl_o.jpg and the like"

_NAME = re.compile(
    r"(?P<person>[A-Z]+)_(?P<number>\d+)_[^_]+_[^_]+_[^_]+_[^_]+_[^_]+_(?P<emotion>[^_]+)"
    r"_[^_]+_[^_]+_(?P<cover>e0|en|em)_(?P<filter>nl|gn|gs|ps)_(?P<difficulty>[oemh])",
    re.IGNORECASE | re.ASCII,
)


def read_name(name: str) -> Shown | Skipped | Misnamed:
    """Read a file name such as ``AbdA_00013_m_31_i_fr_nc_sr_2016_2_e0_nl_o.jpg``."""
    match = _NAME.fullmatch(file_stem(name))
    if match is None:
        return Misnamed(f"its name is not of SoF's form, such as {_EXPECTED}")
    code = match["emotion"].lower()
    if code not in _EMOTIONS_BY_CODE:
        return Misnamed(f"{code!a} in its name is none of {', '.join(_EMOTIONS_BY_CODE)}")
    if tuple(match[field].lower() for field in ("cover", "filter", "difficulty")) != _ORIGINAL:
        return Skipped(_ALTERED)
    person, number = match["person"], match["number"]
    return Shown(_EMOTIONS_BY_CODE[code], person, picture=f"{person}_{number}")


def read(sources: Sequence[Path], _: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read the originals of SoF from folders and archives; as `corpus.Reader`."""
    return read_named(sources, read_name, _EXPECTED, progress)


SOF = Corpus(
    title="SoF, Specs on Faces (Afifi and Abdelhamed, 2019): the folder of the original images.",
    crop=lambda _: CropOptions(),
    read=read,
)
