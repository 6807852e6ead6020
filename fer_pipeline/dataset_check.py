"""Looking for everything that could be wrong inside a dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import COLUMNS, SPLIT_TEST, UNKNOWN, Dataset
from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import DatasetError
from fer_pipeline.faces import CHANNEL_COUNT


def verify(dataset: Dataset) -> list[str]:
    """Look for everything that could be wrong inside a dataset, reading each image once.

    Returns:
        What is wrong, one line each; empty if nothing is.
    """
    found = _check_layout(dataset)
    return found or [*_check_columns(dataset), *_check_images(dataset)]


def _check_layout(dataset: Dataset) -> list[str]:
    """Look for columns that are not what they should be, or cannot be read."""
    size, channels = dataset.crop.size, CHANNEL_COUNT[dataset.crop.channels]
    found = []
    for name, (dtype, shape) in {"images": (np.uint8, (size, size, channels)), **COLUMNS}.items():
        has = dataset.layout(name)
        if has != (np.dtype(dtype), shape):
            found.append(f"{name}: rows of {has[0]} {has[1]} instead of {dtype.__name__} {shape}")
    for name in COLUMNS:
        try:
            dataset.column(name)
        except DatasetError as error:
            found.append(str(error))
    return found


def _check_columns(dataset: Dataset) -> list[str]:
    frame, time = dataset.column("frame"), dataset.column("time")

    def beyond(name: str, limit: int) -> NDArray[np.bool_]:
        values = dataset.column(name)
        return np.asarray((values < UNKNOWN) | (values >= limit))

    wrong = {
        "label: points to no emotion": beyond("label", len(dataset.emotions)),
        "participant: points to nobody": beyond("participant", len(dataset.participants)),
        "video: points to no video": beyond("video", len(dataset.videos)),
        "split: none of the values allowed": beyond("split", SPLIT_TEST + 1),
        "frame: below −1": frame < UNKNOWN,
        "time: none, although the frame has a number": (frame >= 0) & ~np.isfinite(time),
        "box: without width or height": (dataset.column("box")[:, 2:] <= 0).any(axis=1),
    }
    found = [_finding(what, np.flatnonzero(rows)) for what, rows in wrong.items() if rows.any()]
    if dataset.emotions != order_emotions(dataset.emotions):
        found.append("emotions: not in their order")
    for name, names in (("participants", dataset.participants), ("videos", dataset.videos)):
        if len(set(names)) != len(names):
            found.append(f"{name}: the same name twice")
    if list(dataset.videos) != sorted(dataset.videos):
        found.append("videos: not in their order")
    if np.any(np.diff(np.lexsort((time, dataset.column("video")))) < 0):
        found.append("rows: not in the order of videos and times")
    return found


def _check_images(dataset: Dataset) -> list[str]:
    unreadable: list[int] = []
    for rows in dataset.batches():
        if not _readable(dataset, rows):
            single = range(rows.start, rows.stop)
            unreadable += [row for row in single if not _readable(dataset, slice(row, row + 1))]
    return [_finding("images: cannot be read", unreadable)] if unreadable else []


def _readable(dataset: Dataset, rows: slice) -> bool:
    try:
        dataset.images(rows)
    except DatasetError:
        return False
    return True


def _finding(what: str, rows: Sequence[int] | NDArray[np.int64]) -> str:
    return f"{what} ({len(rows)} of the rows, the first is {rows[0]})"
