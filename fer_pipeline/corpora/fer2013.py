"""FER2013: faces from a web search, 48 x 48 pixels, gray, cropped, in seven classes.

Goodfellow et al., "Challenges in representation learning: A report on three machine learning
contests", 2013. Read as its authors distribute it, one table with the pixels as text, and as it is
often passed on, pictures in a folder for each class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from fer_pipeline.corpora.corpus import Corpus, Progress, Still, Unusable
from fer_pipeline.corpora.members import (
    PICTURE_SUFFIXES,
    member_names,
    read_members,
    suffix,
    telling,
)
from fer_pipeline.corpora.pictures import decode_gray
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION
from fer_pipeline.domain import EMOTIONS, canonical_emotion
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions

SIZE = 48

_EMOTIONS_BY_CODE = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_CODES = {str(code).encode(): emotion for code, emotion in enumerate(_EMOTIONS_BY_CODE)}

_USAGES = {
    b"Training": SPLIT_TRAINING,
    b"PublicTest": SPLIT_VALIDATION,
    b"PrivateTest": SPLIT_TEST,
}
"""The contest showed its entrants their score on the public test; the private one decided."""

_FOLDERS = {
    **{name.decode().lower(): split for name, split in _USAGES.items()},
    "train": SPLIT_TRAINING,
    "val": SPLIT_VALIDATION,
    "valid": SPLIT_VALIDATION,
    "validation": SPLIT_VALIDATION,
    "test": SPLIT_TEST,
}

_COLUMNS = (b"emotion", b"pixels", b"usage")

_TABLES = ("fer2013.csv", "icml_face_data.csv")
"""The complete table, under both names; archives also hold parts of it."""

_GRAYS = {str(value).encode(): value for value in range(256)}

_LONGEST_LINE = 2**16
"""Bytes; a row of four digits and blanks for each pixel has 9,230."""


def read(source: Path, progress: Progress) -> Iterator[Still | Unusable]:
    """Read FER2013 from a table, an archive, or a folder; as `corpus.Reader`."""
    names = member_names(source)
    table = _table_among(source, names)
    chosen = {table} if table else {name for name in names if suffix(name) in PICTURE_SUFFIXES}
    with telling(source):
        for member in read_members(source, chosen.__contains__, progress):
            if table:
                yield from read_table(member.place, member.file)
            else:
                yield read_picture(member.name, member.place, member.file.read())


FER2013 = Corpus(
    emotions=tuple(name for name in EMOTIONS if name in _EMOTIONS_BY_CODE),
    # Its faces fill their square: the median box that our detector finds on them leaves 2.2 %.
    crop=CropOptions(size=SIZE, margin=0.02, channels="gray"),
    read=read,
)


def _table_among(source: Path, names: Sequence[str]) -> str | None:
    """Return the table to be read, None if the faces are pictures."""
    if not names:
        raise CorpusError(f"{source}: holds neither fer2013.csv nor PNG or JPEG pictures")
    pictures = [name for name in names if suffix(name) in PICTURE_SUFFIXES]
    tables = [name for name in names if name not in pictures]
    for known in _TABLES:
        found = [name for name in tables if PurePosixPath(name).name == known]
        if len(found) == 1:
            return found[0]
    if pictures:
        return None
    if len(tables) > 1:
        some = ", ".join(tables[:3])
        raise CorpusError(f"{source}: holds several tables ({some}); unpack it and give one")
    return tables[0]


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the columns of a table are.

    Attributes:
        places: Index of each needed column.
        width: Number of all columns.
    """

    places: Mapping[bytes, int]
    width: int


class _ProblemError(ValueError):
    """What is wrong with a row."""


def read_table(place: str, file: IO[bytes]) -> Iterator[Still | Unusable]:
    """Yield the rows of a table with the columns emotion, pixels and Usage.

    Args:
        place: What the table is called in messages.
        file: Its bytes.

    Raises:
        CorpusError: The first line lacks a column.
    """
    lines = _lines(file)
    _, first = next(lines, (1, b""))
    header = _read_header(place, first)
    for number, line in lines:
        if line is None or line.strip():
            try:
                yield _read_row(line, header)
            except _ProblemError as problem:
                yield Unusable(f"{place}, line {number}", str(problem))


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, None for one too long to be held."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        whole = len(line) < _LONGEST_LINE or line.endswith(b"\n")
        yield number, line if whole else None
        while line and not line.endswith(b"\n"):
            line = file.readline(_LONGEST_LINE)


def _read_header(place: str, line: bytes | None) -> _Header:
    cells = [cell.lower() for cell in _cells((line or b"").removeprefix(b"\xef\xbb\xbf"))]
    missing = [column.decode() for column in _COLUMNS if column not in cells]
    if missing:
        raise CorpusError(
            f"{place}: the first line lacks {', '.join(missing)}",
            "give fer2013.csv, which begins with emotion,pixels,Usage",
        )
    return _Header({column: cells.index(column) for column in _COLUMNS}, len(cells))


def _cells(line: bytes) -> list[bytes]:
    # No cell has a comma in it, so the quotes that some programs add mean nothing.
    return [cell.strip().strip(b'"').strip() for cell in line.split(b",")]


def _read_row(line: bytes | None, header: _Header) -> Still:
    if line is None:
        raise _ProblemError(f"longer than {_LONGEST_LINE} characters")
    cells = _cells(line)
    if len(cells) != header.width:
        raise _ProblemError(f"columns: {len(cells)} instead of {header.width}")
    code, pixels, usage = (cells[header.places[column]] for column in _COLUMNS)
    if code not in _CODES:
        raise _ProblemError(f"the emotion is {_shown(code)}, not a number from 0 to 6")
    if usage not in _USAGES:
        known = ", ".join(name.decode() for name in _USAGES)
        raise _ProblemError(f"the usage is {_shown(usage)}, none of {known}")
    return Still(_image(pixels), _CODES[code], _USAGES[usage])


def _image(pixels: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    values = pixels.split()
    if len(values) != SIZE * SIZE:
        raise _ProblemError(f"pixels: {len(values)} instead of {SIZE * SIZE}")
    try:
        grays = bytes(map(_GRAYS.__getitem__, values))
    except KeyError:
        place, wrong = next((i, v) for i, v in enumerate(values, 1) if v not in _GRAYS)
        raise _ProblemError(
            f"pixel {place} is {_shown(wrong)}, not a number from 0 to 255"
        ) from None
    return np.frombuffer(grays, np.uint8).reshape(SIZE, SIZE, 1)


def _shown(cell: bytes) -> str:
    """Quote a cell of any content so that it fits into a line."""
    return ascii(cell[:20].decode("utf-8", "replace"))


def read_picture(name: str, place: str, content: bytes) -> Still | Unusable:
    """Read a face from a file such as ``train/angry/17.png``, whose folders tell what it is.

    Args:
        name: Path of the file, with forward slashes.
        place: What it is called in messages.
        content: All of it.
    """
    folders = [part.lower() for part in PurePosixPath(name).parts[:-1]]
    emotion = canonical_emotion(folders[-1]) if folders else None
    if emotion not in _EMOTIONS_BY_CODE:
        return Unusable(place, "its folder names none of the seven emotions")
    split = _FOLDERS.get(folders[-2]) if len(folders) > 1 else None
    if split is None:
        return Unusable(place, "the folder above is none of train, validation and test")
    image = decode_gray(content)
    if image is None:
        return Unusable(place, "no whole PNG or JPEG picture")
    if image.shape != (SIZE, SIZE):
        height, width = image.shape
        return Unusable(place, f"{width} x {height} px instead of {SIZE} x {SIZE}")
    return Still(image[..., None], emotion, split)
