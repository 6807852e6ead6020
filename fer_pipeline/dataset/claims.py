"""What is believed of a dataset that somebody else may have made.

HDF5 lets a file of a kilobyte claim a terabyte of rows, be a window to other files of this machine,
or hold anything under any name. All that is looked at before a single row is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from fer_pipeline.dataset.layout import COLUMNS, VOTES

LARGEST_IMAGE = 4096 * 4096 * 3
"""Bytes of an image: four times the side of the largest crop, since a study may write its own."""

LARGEST_CHUNK = 2**28
"""Bytes that are decompressed at a time: HDF5 itself stops at sixteen times as many."""

# A row takes 44 bytes in its columns, or, where somebody compressed them, an entry in the index of
# the images, one for each.
_LEAST_BYTES_OF_A_ROW = 16

# The place of a name takes 16 bytes, a pointer in memory 8.
_MOST_EXPANSION_OF_NAMES = 4

_MOST_EMOTIONS = 127  # labels are int8

_NUMBERS = "iuf"

_NAMES = ("participants", "videos")


def check_claims(file: Any, size: int) -> None:
    """Make sure that reading an open file costs no more than a dataset of its size may.

    Args:
        file: The open HDF5 file.
        size: Bytes of the file.

    Raises:
        KeyError: Something is missing.
        ValueError: Something is not stored in the file itself, or claims more than it can hold.
    """
    for name in _NAMES:
        stored = _stored(file, name)
        if stored.nbytes > _MOST_EXPANSION_OF_NAMES * size:
            raise ValueError(f"{name} claims {stored.shape[0]} names")
    for name, largest_row in _largest_rows(file):
        stored = _stored(file, name)
        rows, *row = stored.shape
        if stored.dtype.kind not in _NUMBERS:
            raise ValueError(f"{name} holds no numbers but {stored.dtype}")
        if rows * _LEAST_BYTES_OF_A_ROW > size:
            raise ValueError(f"{name} claims {rows} rows")
        if math.prod(row) * stored.dtype.itemsize > largest_row:
            raise ValueError(f"{name} claims rows of {' x '.join(map(str, row))}")


def _largest_rows(file: Any) -> Iterator[tuple[str, int]]:
    """Yield each column and the images with the bytes that a row may have."""
    yield "images", LARGEST_IMAGE
    for name, (_, shape) in COLUMNS.items():
        yield name, 8 * math.prod(shape)  # what has another type is told by fer data verify
    if VOTES in file:
        yield VOTES, 8 * _MOST_EMOTIONS


def _stored(file: Any, name: str) -> Any:
    """Return a dataset that lies in the file itself, as one that can be read in pieces."""
    import h5py

    link = file.get(name, getlink=True)
    if link is None:
        raise KeyError(f"{name} is missing")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{name} is a link to another place")
    stored = file[name]
    if not isinstance(stored, h5py.Dataset) or not stored.shape:
        raise ValueError(f"{name} is no list")
    if stored.external or stored.is_virtual:
        raise ValueError(f"{name} lies in another file")
    if stored.chunks and math.prod(stored.chunks) * stored.dtype.itemsize > LARGEST_CHUNK:
        raise ValueError(f"{name} claims pieces of {' x '.join(map(str, stored.chunks))}")
    return stored
