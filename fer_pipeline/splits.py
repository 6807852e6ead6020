"""Who is in training, validation and test: by person unless that cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, UNKNOWN, Dataset
from fer_pipeline.errors import SplitError
from fer_pipeline.split_draws import deal_out, draw_sides, draw_validation

Rows = NDArray[np.int64]

SplitKind = Literal["participant", "corpus", "video", "random", "leave-one-participant-out"]

SPLIT_KINDS: tuple[SplitKind, ...] = get_args(SplitKind)

BY_PERSON: frozenset[SplitKind] = frozenset({"participant", "leave-one-participant-out"})
"""Kinds after which nobody is on two sides."""

TEST_SHARE = 0.20
VALIDATION_SHARE = 0.15
SEEN_SHARE = 0.10
"""Share of the training people's frames that the leak meter holds out at random."""

FEWEST_PEOPLE = 5

_SIDES = (("training", SPLIT_TRAINING), ("validation", SPLIT_VALIDATION), ("test", SPLIT_TEST))


@dataclass(frozen=True, eq=False)
class Split:
    """A division of a dataset's labelled rows.

    No row is on two sides, and no image: of exact copies on different sides, those on the side that
    matters less are left out.

    Attributes:
        kind: What decides on which side a row is.
        training: Rows to learn from.
        validation: Rows for stopping and every other choice.
        test: Rows that are touched once.
        seen: Rows of the training people, held out at random for the leak meter; may be empty.
        groups: For each side the names that decided: people or videos.
        copies: Number of rows left out because a copy of their image is on another side.
    """

    kind: SplitKind
    training: Rows
    validation: Rows
    test: Rows
    seen: Rows
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    copies: int = 0


@dataclass(frozen=True, eq=False)
class _Groups:
    """What must stay together: all rows of a person or a video, or all copies of an image.

    Attributes:
        of_row: Number of each labelled row's group, 0 to the number of groups.
        names: Name of each group; none for single images.
        labels: Label of each row.
    """

    of_row: NDArray[np.int64]
    names: tuple[str, ...]
    labels: NDArray[np.int8]
    count: int


def default_kind(dataset: Dataset) -> SplitKind:
    """Choose how to divide: by participant, else as the corpus says, else by video.

    Raises:
        SplitError: Nothing is known that a split could go by.
    """
    rows = labelled_rows(dataset)
    if np.all(dataset.column("participant")[rows] != UNKNOWN):
        return "participant"
    if np.all(dataset.column("split")[rows] != UNKNOWN):
        return "corpus"
    if np.all(dataset.column("video")[rows] != UNKNOWN):
        return "video"
    raise SplitError(
        f"{dataset.path}: neither people nor videos are known; --split random divides by frame, "
        "which flatters: frames of one person are then on both sides"
    )


def labelled_rows(dataset: Dataset) -> Rows:
    """Return the rows that have a label.

    Raises:
        SplitError: There are none, or one class has none.
    """
    labels = dataset.column("label")
    rows = np.flatnonzero(labels != UNKNOWN)
    if not len(rows):
        raise SplitError(
            f"{dataset.path}: no face has a label; "
            "extract again with --labels, --pattern or emotion words in the file names"
        )
    empty = set(range(len(dataset.emotions))).difference(labels[rows].tolist())
    if empty:
        names = ", ".join(dataset.emotions[index] for index in sorted(empty))
        raise SplitError(
            f"{dataset.path}: no face shows {names}; add videos that do, or extract without it"
        )
    if len(dataset.emotions) < 2:
        raise SplitError(
            f"{dataset.path}: every face shows {dataset.emotions[0]}; "
            "add videos that show another emotion to tell it from"
        )
    return rows


def divide(
    dataset: Dataset, kind: SplitKind | None, seed: int, folds: int | None = None
) -> tuple[Split, ...]:
    """Divide the labelled rows of a dataset.

    Args:
        dataset: The dataset.
        kind: How to divide; None takes the default of `default_kind`.
        seed: Decides who is where; the same seed gives the same division.
        folds: Into how many parts, each of which is the test part in turn; None for one division.

    Returns:
        One split; one for each fold; for ``leave-one-participant-out`` one for each person.

    Raises:
        SplitError: It cannot be divided so; the message says what can be done.
    """
    kind = kind or default_kind(dataset)
    if kind in ("corpus", "leave-one-participant-out") and folds:
        raise SplitError(f"--folds does not go with --split {kind}, which says who is tested when")
    if kind == "corpus":
        splits: tuple[Split, ...] = (_as_corpus_says(dataset, seed),)
    elif kind == "leave-one-participant-out":
        splits = tuple(_leaving_one_out(dataset, seed))
    elif folds:
        splits = tuple(_in_folds(dataset, kind, folds, seed))
    else:
        splits = (_by_group(dataset, kind, seed),)
    splits = tuple(without_copies(split, dataset.image_hashes) for split in splits)
    for split in splits:
        check_sides(dataset, split)
    return splits


def participants_by_side(dataset: Dataset, splits: Sequence[Split]) -> dict[str, list[str]]:
    """Return the people with faces on each side, as far as known, whatever decided.

    Of several splits, those who were on that side in any of them. The faces of the leak meter are
    of training people.
    """
    index = dataset.column("participant")
    found: dict[str, set[int]] = {name: set() for name, _ in _SIDES}
    for split in splits:
        found["training"].update(index[split.seen].tolist())
        for name, people in found.items():
            people.update(index[getattr(split, name)].tolist())
    return {
        name: sorted(dataset.participants[person] for person in people if person != UNKNOWN)
        for name, people in found.items()
    }


def check_sides(dataset: Dataset, split: Split) -> None:
    """Make sure that training has every class, and that no side is empty.

    Raises:
        SplitError: It is not so.
    """
    found = set(dataset.column("label")[split.training].tolist())
    missing = [name for index, name in enumerate(dataset.emotions) if index not in found]
    if missing:
        raise SplitError(
            f"{dataset.path}: no face of the training part shows {', '.join(missing)}; "
            "add more people who do, or try another --seed"
        )
    for name in ("validation", "test"):
        if not len(getattr(split, name)):
            raise SplitError(
                f"{dataset.path}: the {name} part has no face that is not a copy of another part's;"
                " choose another --split or --seed"
            )


def without_copies(split: Split, images: NDArray[np.uint64]) -> Split:
    """Leave out of each side the images that a more important side has.

    Frames for the leak meter are the exception: they yield to training, since a still that was
    filmed for long would otherwise leave nothing to learn from.

    Args:
        split: Whose sides may share images.
        images: `Dataset.image_hashes` of the dataset.
    """

    def unlike(rows: Rows, *others: Rows) -> Rows:
        return rows[~np.isin(images[rows], images[np.concatenate(others)])]

    validation = unlike(split.validation, split.test)
    training = unlike(split.training, split.test, validation)
    seen = unlike(split.seen, split.test, validation, training)
    rows = (split.validation, split.training, split.seen)
    kept = (validation, training, seen)
    return replace(
        split,
        validation=validation,
        training=training,
        seen=seen,
        copies=split.copies + sum(map(len, rows)) - sum(map(len, kept)),
    )


def _as_corpus_says(dataset: Dataset, seed: int) -> Split:
    """Divide as the corpus does; one without a validation part gives some of its training part."""
    rows = labelled_rows(dataset)
    side = dataset.column("split")[rows]
    training, validation, test = (
        rows[side == value] for value in (SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST)
    )
    for name, part in (("training", training), ("test", test)):
        if not len(part):
            raise SplitError(
                f"{dataset.path}: the corpus's own split has no {name} part; choose another --split"
            )
    if not len(validation):
        training, validation = _take_validation(dataset, training, seed)
    return Split("corpus", training, validation, test, seen=rows[:0])


def _take_validation(dataset: Dataset, training: Rows, seed: int) -> tuple[Rows, Rows]:
    """Take a part of the training rows for validation: by person, else by video, else by image."""
    kinds: tuple[SplitKind, ...] = ("participant", "video", "random")
    known = [
        kind
        for kind in kinds
        if kind == "random" or np.all(dataset.column(kind)[training] != UNKNOWN)
    ]
    choices = [_groups(dataset, kind, training) for kind in known]
    parts = round(1 / VALIDATION_SHARE)
    groups = next((one for one in choices if one.count >= parts), choices[-1])
    rng = np.random.default_rng(seed)
    fold_of_group = deal_out(groups.of_row, groups.labels, min(parts, groups.count), rng)
    held = (fold_of_group == 0)[groups.of_row]
    return training[~held], training[held]


def _by_group(dataset: Dataset, kind: SplitKind, seed: int) -> Split:
    """Divide so that all rows of a person, or a video, are on one side."""
    rows = labelled_rows(dataset)
    groups = _groups(dataset, kind, rows)
    if kind == "participant":
        _require_three_people(dataset, groups.count)
    if kind == "participant" and groups.count < FEWEST_PEOPLE:
        raise SplitError(
            f"{dataset.path}: {groups.count} participants are too few to set some aside; "
            "fer train --split leave-one-participant-out tests on each of them in turn"
        )
    if groups.count < 3:
        what = "videos" if kind == "video" else "faces"
        remedy = ", or --split random divides by frame, which flatters" if kind == "video" else ""
        raise SplitError(
            f"{dataset.path}: {groups.count} {what} cannot be divided in three; add more{remedy}"
        )
    rng = np.random.default_rng(seed)
    of_group = draw_sides(
        groups.of_row,
        groups.labels,
        tests=max(1, round(groups.count * TEST_SHARE)),
        validations=_validations(groups),
        rng=rng,
    )
    return _split(kind, rows, groups, of_group, rng)


def _in_folds(dataset: Dataset, kind: SplitKind, folds: int, seed: int) -> Iterator[Split]:
    """Deal all groups out into parts, classes as evenly as that allows; test on each in turn."""
    rows = labelled_rows(dataset)
    groups = _groups(dataset, kind, rows)
    tested_at_once = -(-groups.count // folds)
    if groups.count < folds or groups.count - tested_at_once < 2:  # to learn from and to choose on
        what = {"participant": "participants", "video": "videos"}.get(kind, "different faces")
        raise SplitError(
            f"{dataset.path}: {groups.count} {what} cannot be dealt out into {folds} folds "
            "so that two are left to choose on and to learn from; "
            "give another number of --folds, or add more"
        )
    fold_of_group = deal_out(groups.of_row, groups.labels, folds, np.random.default_rng(seed))
    for turn in range(folds):
        yield _testing_on(kind, rows, groups, fold_of_group == turn, [seed, turn])


def _leaving_one_out(dataset: Dataset, seed: int) -> Iterator[Split]:
    """Test on each person in turn, with one or more of the others for validation."""
    kind: SplitKind = "leave-one-participant-out"
    rows = labelled_rows(dataset)
    groups = _groups(dataset, kind, rows)
    _require_three_people(dataset, groups.count)
    for turn in range(groups.count):
        yield _testing_on(kind, rows, groups, np.arange(groups.count) == turn, [seed, turn])


def _require_three_people(dataset: Dataset, count: int) -> None:
    if count < 3:
        people = "1 participant is" if count == 1 else f"{count} participants are"
        raise SplitError(
            f"{dataset.path}: {people} too few: it takes three to learn from one, choose on "
            "another and test on a third; add more, or divide by clip or by frame with --split "
            "video or --split random, which flatters"
        )


def _testing_on(
    kind: SplitKind, rows: Rows, groups: _Groups, tested: NDArray[np.bool_], seed: list[int]
) -> Split:
    rng = np.random.default_rng(seed)
    of_group = draw_validation(groups.of_row, groups.labels, tested, _validations(groups), rng)
    return _split(kind, rows, groups, of_group, rng)


def _validations(groups: _Groups) -> int:
    return max(1, round(groups.count * VALIDATION_SHARE))


def _split(
    kind: SplitKind,
    rows: Rows,
    groups: _Groups,
    of_group: NDArray[np.int8],
    rng: np.random.Generator,
) -> Split:
    side = of_group[groups.of_row]
    training, seen = _hold_out(rows[side == SPLIT_TRAINING], rng, kind)
    names = np.array(groups.names)
    return Split(
        kind,
        training=training,
        validation=rows[side == SPLIT_VALIDATION],
        test=rows[side == SPLIT_TEST],
        seen=seen,
        groups={
            name: tuple(sorted(names[of_group == value].tolist()))
            for name, value in _SIDES
            if len(names)
        },
    )


def _groups(dataset: Dataset, kind: SplitKind, rows: Rows) -> _Groups:
    labels = dataset.column("label")[rows]
    if kind == "random":
        _, first, copy_of = np.unique(
            dataset.image_hashes[rows], return_index=True, return_inverse=True
        )
        members, of_row = np.unique(first[copy_of], return_inverse=True)
        return _Groups(of_row, (), labels, len(members))
    what = "video" if kind == "video" else "participant"
    known = dataset.videos if what == "video" else dataset.participants
    index = dataset.column(what)[rows]
    unknown = int(np.sum(index == UNKNOWN))
    if unknown:
        raise SplitError(
            f"{dataset.path}: the {what} of {unknown} faces is unknown; "
            "tell it with --labels or --pattern when extracting, or choose another --split"
        )
    members, of_row = np.unique(index, return_inverse=True)
    return _Groups(of_row, tuple(known[member] for member in members), labels, len(members))


def _hold_out(training: Rows, rng: np.random.Generator, kind: SplitKind) -> tuple[Rows, Rows]:
    """Take a tenth of the training people's frames out, for the leak meter."""
    if kind not in BY_PERSON:
        return training, training[:0]
    held = rng.permutation(len(training)) < round(len(training) * SEEN_SHARE)
    return training[~held], training[held]
