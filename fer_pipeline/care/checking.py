"""Looking for everything that could be wrong inside a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.care.duplicates import (
    Finding,
    Fingerprints,
    Progress,
    copies_worth_knowing,
    fingerprints,
)
from fer_pipeline.dataset import (
    COLUMNS,
    SPLIT_TEST,
    UNKNOWN,
    VOTES,
    Dataset,
    withdrawn_among,
)
from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import DatasetError
from fer_pipeline.faces import CHANNEL_COUNT


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found inside a dataset.

    Attributes:
        broken: What is wrong, one line each.
        copies: Images that flatter a figure or contradict each other; unknown where it is broken.
        sources: What does not fit together in the list of sources, one line each.
    """

    broken: tuple[str, ...]
    copies: tuple[Finding, ...] = ()
    sources: tuple[str, ...] = ()


def verify(dataset: Dataset) -> list[str]:
    """Return what is wrong inside a dataset, one line each; empty if nothing is."""
    return list(examine(dataset).broken)


def examine(dataset: Dataset, progress: Progress = lambda _: None) -> Examined:
    """Look for everything that could be wrong inside a dataset, reading each image once.

    Args:
        dataset: The dataset.
        progress: Called with the number of images read.
    """
    found = _check_layout(dataset)
    if found:
        return Examined(tuple(found))
    prints, unreadable = _read_images(dataset, progress)
    found = [*_check_columns(dataset), *_check_votes(dataset), *_check_people(dataset), *unreadable]
    if found or prints is None:
        return Examined(tuple(found))
    return Examined((), copies_worth_knowing(dataset, prints), tuple(_check_sources(dataset)))


def _check_layout(dataset: Dataset) -> list[str]:
    """Look for columns that are not what they should be, or cannot be read."""
    size, channels = dataset.crop.size, CHANNEL_COUNT[dataset.crop.channels]
    found = []
    columns = dict(COLUMNS)
    try:
        if dataset.votes is not None:
            columns[VOTES] = np.float32, (len(dataset.emotions),)
    except DatasetError as error:
        found.append(str(error))
    images = {"images": (np.uint8, (size, size, channels))}
    for name, (dtype, shape) in (images | columns).items():
        has = dataset.layout(name)
        if has != (np.dtype(dtype), shape):
            found.append(f"{name}: rows of {has[0]} {has[1]} instead of {dtype.__name__} {shape}")
    for name in columns:
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


def _check_votes(dataset: Dataset) -> list[str]:
    votes = dataset.votes
    if votes is None:
        return []
    missing = np.isnan(votes)
    wrong = {
        "votes: of some emotions only": missing.any(axis=1) & ~missing.all(axis=1),
        "votes: below 0 or without end": ((votes < 0) | np.isinf(votes)).any(axis=1),
    }
    return [_finding(what, np.flatnonzero(rows)) for what, rows in wrong.items() if rows.any()]


def _check_people(dataset: Dataset) -> list[str]:
    back = withdrawn_among(dataset.participants, dataset.withdrawn)
    return [
        f"participants: {code} was withdrawn and is in it; fer data withdraw removes them"
        for code in back
    ]


def _check_sources(dataset: Dataset) -> list[str]:
    """Compare the videos with what the provenance of extracted ones tells of them."""
    sources = dataset.provenance.get("sources")
    if "settings" not in dataset.provenance or not isinstance(sources, dict):
        return []
    untold = sorted(set(dataset.videos).difference(sources))
    foreign = sorted(set(sources).difference(dataset.videos))
    told = []
    if untold:
        told.append(f"videos without a source ({len(untold)}, the first is {untold[0]})")
    if foreign:
        told.append(f"sources that are no video of it ({len(foreign)}, the first is {foreign[0]})")
    return told


def _read_images(dataset: Dataset, progress: Progress) -> tuple[Fingerprints | None, list[str]]:
    """Read all images; where one cannot be, find out which."""
    try:
        return fingerprints(dataset, progress=progress), []
    except DatasetError:
        pass
    unreadable: list[int] = []
    for rows in dataset.batches():
        if not _readable(dataset, rows):
            single = range(rows.start, rows.stop)
            unreadable += [row for row in single if not _readable(dataset, slice(row, row + 1))]
    return None, [_finding("images: cannot be read", unreadable)]


def _readable(dataset: Dataset, rows: slice) -> bool:
    try:
        dataset.images(rows)
    except DatasetError:
        return False
    return True


def _finding(what: str, rows: Sequence[int] | NDArray[np.int64]) -> str:
    return f"{what} ({len(rows)} of the rows, the first is {rows[0]})"
