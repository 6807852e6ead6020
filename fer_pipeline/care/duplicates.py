"""Images that are in a dataset more than once: finding them, and a dataset without them.

Frames of a face that keeps still are copies of each other and do no harm. Copies do where they are
on two sides of a split, because a model is then tested on what it has learned, and where the same
image stands under two people or two emotions, because one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.care.perceptual import Hashes, near_pairs, perceptual_hashes
from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    Dataset,
    Excerpt,
    Rows,
    copy_rows,
    image_hash,
    open_dataset,
    refused_by,
)
from fer_pipeline.errors import DatasetError
from fer_pipeline.files import refuse_taken
from fer_pipeline.provenance import continued

Progress = Callable[[int], object]
"""Called with the number of images read since the last call."""

Scope = Literal["harmful", "splits", "everywhere"]
"""Which copies are too many: those on two sides of the split or under two people; those on two
sides; or all."""

NEAR_BITS = 4
"""Hashes of 64 bits that differ in no more are of the same picture, of those found on the web."""

SIDES = (("training", SPLIT_TRAINING), ("validation", SPLIT_VALIDATION), ("test", SPLIT_TEST))

# Of two copies that one stays which stands before the other here. By split, from 0; the last is of
# rows that are on no side.
_PRECEDENCE = np.array([2, 1, 0, 3])


class Reason(IntEnum):
    """Why a row goes."""

    STAYS = 0
    OTHER_SIDE = 1
    OTHER_PERSON = 2
    AGAIN = 3
    CONTRADICTION = 4


@dataclass(frozen=True, slots=True)
class DedupeOptions:
    """What is removed.

    Attributes:
        scope: Which copies are too many.
        near: In how many of 64 bits the perceptual hashes of copies may differ; None for exact
            copies only.
        drop_contradictions: Remove exact copies with different labels, all of them: nobody knows
            which is right.
    """

    scope: Scope = "harmful"
    near: int | None = None
    drop_contradictions: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """What is kept of each image to find copies.

    Attributes:
        exact: A number that only exact copies share, shape (N,).
        plain: Whether it has one colour all over, shape (N,).
        alike: A number that is nearly the same for images that look alike; None if nobody asked.
    """

    exact: Hashes
    plain: NDArray[np.bool_]
    alike: Hashes | None


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """Something about some rows that a user should know.

    Attributes:
        what: What it is.
        rows: Their numbers.
    """

    what: str
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Deduped:
    """What becomes of each row of a dataset.

    Attributes:
        reasons: A `Reason` for each row, shape (N,).
        split: The side that each is on in the corpus's own division, shape (N,).
        contradictions: Rows that have an exact copy with another label.
    """

    reasons: NDArray[np.int8]
    split: NDArray[np.int8]
    contradictions: Rows

    @property
    def kept(self) -> Rows:
        """Rows that stay."""
        return np.flatnonzero(self.reasons == Reason.STAYS)


def fingerprints(
    dataset: Dataset, *, alike: bool = False, progress: Progress = lambda _: None
) -> Fingerprints:
    """Read each image once.

    Args:
        dataset: The dataset.
        alike: Whether images that look alike will be looked for, too.
        progress: Called with the number of images read.

    Raises:
        DatasetError: An image cannot be read.
    """
    exact, plain = np.empty(len(dataset), np.uint64), np.empty(len(dataset), np.bool_)
    perceptual = np.empty(len(dataset), np.uint64) if alike else None
    for rows in dataset.batches():
        images = dataset.images(rows)
        exact[rows] = [image_hash(image) for image in images]
        plain[rows] = (images == images[:, :1, :1]).all(axis=(1, 2, 3))
        if perceptual is not None:
            perceptual[rows] = perceptual_hashes(images)
        progress(len(images))
    return Fingerprints(exact, plain, perceptual)


def copies_worth_knowing(dataset: Dataset, prints: Fingerprints) -> tuple[Finding, ...]:
    """Tell which exact copies flatter a figure or contradict each other; empty if none does."""
    split, images = dataset.column("split"), prints.exact

    def also_in(side: int, other: int) -> Rows:
        return np.flatnonzero((split == side) & np.isin(images, images[split == other]))

    test = also_in(SPLIT_TEST, SPLIT_TRAINING)
    validation = also_in(SPLIT_VALIDATION, SPLIT_TRAINING)
    found = (
        Finding("held-out images that are in training, too", np.union1d(test, validation)),
        Finding("  of these, test images", test),
        Finding("  of these, validation images", validation),
        Finding("test images that are in validation, too", also_in(SPLIT_TEST, SPLIT_VALIDATION)),
        Finding("images that stand under two people", _varied(images, dataset, "participant")),
        Finding("images that stand under two emotions", _varied(images, dataset, "label")),
        Finding("images of one colour all over", np.flatnonzero(prints.plain)),
    )
    return tuple(finding for finding in found if len(finding.rows))


def _varied(images: Hashes, dataset: Dataset, column: str) -> Rows:
    """Return the rows of which an exact copy has another value in a column; -1 is no value."""
    _, group = np.unique(images, return_inverse=True)
    values = dataset.column(column).astype(np.int64)
    known = values != UNKNOWN
    lowest = np.full(len(images), np.iinfo(np.int64).max)
    highest = np.full(len(images), UNKNOWN, np.int64)
    np.minimum.at(lowest, group[known], values[known])
    np.maximum.at(highest, group[known], values[known])
    return np.flatnonzero(known & (lowest < highest)[group])


def find_copies(
    dataset: Dataset, options: DedupeOptions, progress: Progress = lambda _: None
) -> Deduped:
    """Choose which rows go.

    Of two copies the one in test stays, else in validation, else in training; else the one with a
    label; else the first. A row goes only if one stays that it is a copy of, and of two rows that
    stay none is a copy of the other, as far as the scope goes.

    Args:
        dataset: The dataset.
        options: What is removed.
        progress: Called with the number of images read.

    Raises:
        DatasetError: The dataset is broken.
    """
    prints = fingerprints(dataset, alike=options.near is not None, progress=progress)
    split = dataset.column("split")
    if np.any((split < UNKNOWN) | (split > SPLIT_TEST)):
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where")
    contradictions = _varied(prints.exact, dataset, "label")
    reasons = np.zeros(len(dataset), np.int8)
    if options.drop_contradictions:
        reasons[contradictions] = Reason.CONTRADICTION
    rows = _by_precedence(dataset, np.flatnonzero(reasons == Reason.STAYS))
    hashes = prints.exact if prints.alike is None else prints.alike
    nodes, first, node_of_row = _nodes(
        hashes[rows], split[rows], dataset.column("participant")[rows]
    )
    of_node = _removed(nodes, options.scope, options.near or 0)
    reasons[rows] = of_node[node_of_row]
    if options.scope == "everywhere":
        again = np.setdiff1d(np.arange(len(rows)), first)
        again = rows[again[of_node[node_of_row[again]] == Reason.STAYS]]
        reasons[again] = Reason.AGAIN
    return Deduped(reasons, split, contradictions)


def _by_precedence(dataset: Dataset, rows: Rows) -> Rows:
    side, label = dataset.column("split")[rows], dataset.column("label")[rows]
    return rows[np.lexsort((rows, label == UNKNOWN, _PRECEDENCE[side]))]


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Rows that share hash, side and person, and so stay or go together; first come first kept."""

    hashes: Hashes
    split: NDArray[np.int8]
    person: NDArray[np.int32]


def _nodes(
    hashes: Hashes, split: NDArray[np.int8], person: NDArray[np.int32]
) -> tuple[_Nodes, Rows, Rows]:
    """Return nodes in the order of their first rows, these rows, and the node of each row."""
    _, image = np.unique(hashes, return_inverse=True)
    people = int(person.max(initial=0)) + 2  # -1 is one of them
    key = (image * len(_PRECEDENCE) + split + 1) * people + person + 1
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    first = first[order]
    return _Nodes(hashes[first], split[first], person[first]), first, number[inverse]


def _removed(nodes: _Nodes, scope: Scope, bits: int) -> NDArray[np.int8]:
    """Return why each node goes: it is a copy of one before it that stays."""
    reasons = np.zeros(len(nodes.hashes), np.int8)
    for later, earlier in near_pairs(nodes.hashes, bits):
        why = _conflicts(nodes, later, earlier, scope)
        # Most pairs do not matter, and are left out together.
        counts = (why != Reason.STAYS) & (reasons[earlier] == Reason.STAYS)
        for a, b, reason in zip(
            *(part[counts].tolist() for part in (later, earlier, why)), strict=True
        ):
            # All before a are decided: the pairs come in the order of the later one.
            if reasons[b] == Reason.STAYS and (reasons[a] == Reason.STAYS or reason < reasons[a]):
                reasons[a] = reason
    return reasons


def _conflicts(nodes: _Nodes, later: Rows, earlier: Rows, scope: Scope) -> NDArray[np.int8]:
    """Return the reason why of each pair only one may stay."""
    everywhere = Reason.AGAIN if scope == "everywhere" else Reason.STAYS
    why = np.full(len(later), everywhere, np.int8)
    if scope != "splits":
        why[_differ(nodes.person, later, earlier)] = Reason.OTHER_PERSON
    why[_differ(nodes.split, later, earlier)] = Reason.OTHER_SIDE
    return why


def _differ(values: NDArray[np.integer], later: Rows, earlier: Rows) -> NDArray[np.bool_]:
    one, other = values[later], values[earlier]
    return np.asarray((one != other) & (one != UNKNOWN) & (other != UNKNOWN))


def dedupe(
    source: Path,
    output: Path | None,
    options: DedupeOptions,
    command: str,
    *,
    overwrite: bool = False,
    progress: Progress = lambda _: None,
) -> Deduped:
    """Write a dataset without copies.

    Args:
        source: The dataset, which stays as it is unless it is the output.
        output: The new dataset; None if nothing is to be written.
        options: What is removed.
        command: The command line as it was typed.
        overwrite: Replace what is at ``output``.
        progress: Called with the number of images read.

    Returns:
        What became of each row.

    Raises:
        DatasetError: The dataset is broken.
        OutputError: The new one cannot be written, or something is in its place.
    """
    if output is not None:
        refuse_taken(output, overwrite=overwrite)
    with open_dataset(source) as dataset:
        deduped = find_copies(dataset, options, progress)
        if output is None:
            return deduped
        crop, made, withdrawn = dataset.crop, dataset.provenance, refused_by(dataset, output)
        kept = Excerpt.of(dataset, deduped.kept)
    # The source is closed by now, so that it may be the output on every system.
    copy_rows(output, [kept], crop, continued(made, command), withdrawn=withdrawn)
    return deduped
