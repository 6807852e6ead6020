"""FER2013: faces from a web search, 48 x 48 pixels, gray, cropped, in seven classes.

Goodfellow et al., "Challenges in representation learning: A report on three machine learning
contests", 2013. Read as its authors distribute it, one table with the pixels as text, and as it is
often passed on, pictures in a folder for each class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from fer_pipeline.corpora.corpus import Corpus, Entry, Progress, ReadOptions, Still, Unusable
from fer_pipeline.corpora.members import (
    PICTURE_SUFFIXES,
    may_be_table,
    member_names,
    read_members,
    suffix,
    telling,
)
from fer_pipeline.corpora.pictures import decode_picture
from fer_pipeline.corpora.tables import RowError, code_of, shown, table_rows
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION
from fer_pipeline.domain import EMOTIONS, UInt8Array, canonical_emotion
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions
from fer_pipeline.quiet import quiet

SIZE = 48

# Its faces fill their square: the median box that our detector finds on them leaves 2.2 %.
CROP = CropOptions(size=SIZE, margin=0.02, channels="gray")

COLUMNS = ("emotion", "pixels", "usage")

USAGES = {
    b"Training": SPLIT_TRAINING,
    b"PublicTest": SPLIT_VALIDATION,
    b"PrivateTest": SPLIT_TEST,
}
"""The contest showed its entrants their score on the public test; the private one decided."""

_REMEDY = "give fer2013.csv, which begins with emotion,pixels,Usage"

_EMOTIONS_BY_CODE = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_CODES = {str(code).encode(): emotion for code, emotion in enumerate(_EMOTIONS_BY_CODE)}

_FOLDERS = {
    **{name.decode().lower(): split for name, split in USAGES.items()},
    "train": SPLIT_TRAINING,
    "val": SPLIT_VALIDATION,
    "valid": SPLIT_VALIDATION,
    "validation": SPLIT_VALIDATION,
    "test": SPLIT_TEST,
}

_TABLES = ("fer2013.csv", "icml_face_data.csv")
"""The complete table, under both names; archives also hold parts of it."""

_GRAYS = {str(value).encode(): value for value in range(256)}


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read FER2013 from tables, archives, or folders; as `corpus.Reader`."""
    del options  # nothing to be told
    for source in sources:
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
    title="FER2013 (Goodfellow et al., 2013): fer2013.csv (emotion,pixels,Usage), alone or in a "
    ".zip or .tar.gz, or folders of pictures such as train/angry/ and test/angry/.",
    crop=lambda _: CROP,
    read=read,
    emotions=tuple(name for name in EMOTIONS if name in _EMOTIONS_BY_CODE),
)


def _table_among(source: Path, names: Sequence[str]) -> str | None:
    """Return the table to be read, None if the faces are pictures."""
    pictures = [name for name in names if suffix(name) in PICTURE_SUFFIXES]
    tables = [name for name in names if may_be_table(source, name)]
    if not pictures and not tables:
        raise CorpusError(f"{source}: holds neither fer2013.csv nor pictures")
    if table := complete_table(tables):
        return table
    if pictures:
        return None
    if len(tables) > 1:
        some = ", ".join(tables[:3])
        raise CorpusError(f"{source}: holds several tables ({some}); unpack it and give one")
    return tables[0]


def complete_table(names: Sequence[str]) -> str | None:
    """Return which of several tables is known by its name to be the whole corpus."""
    for known in _TABLES:
        found = [name for name in names if PurePosixPath(name).name == known]
        if len(found) == 1:
            return found[0]
    return None


def read_table(place: str, file: IO[bytes]) -> Iterator[Still | Unusable]:
    """Yield the rows of a table with the columns emotion, pixels and Usage.

    Args:
        place: What the table is called in messages.
        file: Its bytes.

    Raises:
        CorpusError: The first line lacks a column.
    """
    for _, row in table_rows(place, file, COLUMNS, _REMEDY, _read_row):
        yield row


def _read_row(place: str, cells: Sequence[bytes]) -> Still:
    code, pixels, usage = cells
    emotion = code_of(code, _CODES, "emotion", "not a number from 0 to 6")
    split = read_usage(usage)
    return Still(place, read_pixels(pixels), emotion, split=split)


def read_usage(cell: bytes) -> int:
    """Return the side that a usage stands for.

    Raises:
        RowError: It is none.
    """
    known = ", ".join(name.decode() for name in USAGES)
    return code_of(cell, USAGES, "usage", f"none of {known}")


def read_pixels(pixels: bytes) -> UInt8Array:
    """Return a picture, shape (48, 48, 1), of its grays as text, row by row.

    Raises:
        RowError: They are not 48 x 48 numbers from 0 to 255.
    """
    values = pixels.split()
    if len(values) != SIZE * SIZE:
        raise RowError(f"pixels: {len(values)} instead of {SIZE * SIZE}")
    try:
        grays = bytes(map(_GRAYS.__getitem__, values))
    except KeyError:
        place, wrong = next((i, v) for i, v in enumerate(values, 1) if v not in _GRAYS)
        raise RowError(f"pixel {place} is {shown(wrong)}, not a number from 0 to 255") from None
    return np.frombuffer(grays, np.uint8).reshape(SIZE, SIZE, 1)


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
    with quiet():
        image = decode_picture(content)
    if image is None:
        return Unusable(place, "no whole picture")
    height, width, _ = image.shape
    if (width, height) != (SIZE, SIZE):
        return Unusable(place, f"{width} x {height} px instead of {SIZE} x {SIZE}")
    return Still(place, image, emotion, split=split)
