"""Who is in training, validation and test: by person unless that cannot be told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, UNKNOWN, Dataset
from fer_pipeline.errors import SplitError

Rows = NDArray[np.int64]

SplitKind = Literal["participant", "corpus", "video", "random", "leave-one-participant-out"]

SPLIT_KINDS: tuple[SplitKind, ...] = get_args(SplitKind)

TEST_SHARE = 0.20
VALIDATION_SHARE = 0.15
SEEN_SHARE = 0.10
"""Share of the training people's frames that the leak meter holds out at random."""

FEWEST_PEOPLE = 5

_SIDES = (("training", SPLIT_TRAINING), ("validation", SPLIT_VALIDATION), ("test", SPLIT_TEST))

# With a class that few people show, a few draws may be needed until every side has it.
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Split:
    """A division of a dataset's labelled rows; no row is on two sides.

    Attributes:
        kind: What decides on which side a row is.
        training: Rows to learn from.
        validation: Rows for stopping and every other choice.
        test: Rows that are touched once.
        seen: Rows of the training people, held out at random for the leak meter; may be empty.
        groups: For each side the names that decided: people or videos.
    """

    kind: SplitKind
    training: Rows
    validation: Rows
    test: Rows
    seen: Rows
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


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


def divide(dataset: Dataset, kind: SplitKind | None, seed: int) -> tuple[Split, ...]:
    """Divide the labelled rows of a dataset.

    Args:
        dataset: The dataset.
        kind: How to divide; None takes the default of `default_kind`.
        seed: Decides who is where; the same seed gives the same division.

    Returns:
        One split; for ``leave-one-participant-out`` one for each person.

    Raises:
        SplitError: It cannot be divided so; the message says what can be done.
    """
    kind = kind or default_kind(dataset)
    if kind == "corpus":
        splits: tuple[Split, ...] = (_as_corpus_says(dataset),)
    elif kind == "random":
        splits = (_by_group(dataset, "random", seed),)
    elif kind == "leave-one-participant-out":
        splits = tuple(_leaving_one_out(dataset, seed))
    else:
        splits = (_by_group(dataset, kind, seed),)
    for split in splits:
        _check_training_classes(dataset, split)
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


def _as_corpus_says(dataset: Dataset) -> Split:
    rows = labelled_rows(dataset)
    side = dataset.column("split")[rows]
    training, validation, test = (
        rows[side == value] for value in (SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST)
    )
    for name, part in (("training", training), ("validation", validation), ("test", test)):
        if not len(part):
            raise SplitError(
                f"{dataset.path}: the corpus's own split has no {name} part; choose another --split"
            )
    return Split("corpus", training, validation, test, seen=rows[:0])


def _by_group(dataset: Dataset, kind: SplitKind, seed: int) -> Split:
    """Divide so that all rows of a person, or a video, are on one side."""
    rows = labelled_rows(dataset)
    groups, names = _groups(dataset, kind, rows)
    members = np.unique(groups)
    if kind == "participant" and len(members) < FEWEST_PEOPLE:
        raise SplitError(
            f"{dataset.path}: {len(members)} participants are too few to set some aside; "
            "--split leave-one-participant-out tests on each of them in turn"
        )
    if len(members) < 3:
        what = "videos" if kind == "video" else "faces"
        remedy = ", or --split random divides by frame, which flatters" if kind == "video" else ""
        raise SplitError(
            f"{dataset.path}: {len(members)} {what} cannot be divided in three; add more{remedy}"
        )
    labels = dataset.column("label")[rows]
    rng = np.random.default_rng(seed)
    side = _best_draw(groups, members, labels, rng)
    training, seen = _hold_out(rows[side == SPLIT_TRAINING], rng, kind)
    return Split(
        kind,
        training=training,
        validation=rows[side == SPLIT_VALIDATION],
        test=rows[side == SPLIT_TEST],
        seen=seen,
        groups=_sides(groups, side, names),
    )


def _groups(
    dataset: Dataset, kind: SplitKind, rows: Rows
) -> tuple[NDArray[np.int64], Callable[[int], str] | None]:
    """Return the group of each row, and what gives a group its name."""
    if kind == "random":
        return np.arange(len(rows)), None
    known = dataset.participants if kind != "video" else dataset.videos
    groups = dataset.column("participant" if kind != "video" else "video")[rows].astype(np.int64)
    unknown = int(np.sum(groups == UNKNOWN))
    if unknown:
        what = "participant" if kind != "video" else "video"
        raise SplitError(
            f"{dataset.path}: the {what} of {unknown} faces is unknown; "
            "tell it with --labels or --pattern when extracting, or choose another --split"
        )
    return groups, known.__getitem__


def _best_draw(
    groups: NDArray[np.int64],
    members: NDArray[np.int64],
    labels: NDArray[np.int8],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Draw who is on which side, until each side has every class that it can; else the best."""
    tests = max(1, round(len(members) * TEST_SHARE))
    validations = max(1, round(len(members) * VALIDATION_SHARE))
    of_row = np.searchsorted(members, groups)
    names, classes = np.unique(labels, return_inverse=True)
    least = _fewest_missing(of_row, classes, len(_SIDES))
    best, fewest = np.zeros(len(groups), np.int8), math.inf
    for _ in range(_DRAWS):
        drawn = rng.permutation(len(members))
        of_member = np.full(len(members), SPLIT_TRAINING, np.int8)
        of_member[drawn[:tests]] = SPLIT_TEST
        of_member[drawn[tests : tests + validations]] = SPLIT_VALIDATION
        side = of_member[of_row]
        found = np.bincount(side * len(names) + classes, minlength=len(_SIDES) * len(names))
        missing = int(np.sum(found == 0))
        if missing < fewest:
            best, fewest = side, missing
        if missing == least:
            break
    return best


def _fewest_missing(of_row: NDArray[np.int64], labels: NDArray[np.int64], sides: int) -> int:
    """Return how many sides must do without a class, because too few members have it."""
    classes = int(labels.max()) + 1
    owned = np.unique(of_row * classes + labels) % classes
    members = np.bincount(owned, minlength=classes)
    return int(np.maximum(sides - members[members > 0], 0).sum())


def _hold_out(training: Rows, rng: np.random.Generator, kind: SplitKind) -> tuple[Rows, Rows]:
    """Take a tenth of the training people's frames out, for the leak meter."""
    if kind not in ("participant", "leave-one-participant-out"):
        return training, training[:0]
    held = rng.permutation(len(training)) < round(len(training) * SEEN_SHARE)
    return training[~held], training[held]


def _sides(
    groups: NDArray[np.int64], side: NDArray[np.int8], names: Callable[[int], str] | None
) -> dict[str, tuple[str, ...]]:
    if names is None:
        return {}
    return {
        name: tuple(sorted(names(int(group)) for group in np.unique(groups[side == value])))
        for name, value in _SIDES
    }


def _leaving_one_out(dataset: Dataset, seed: int) -> Iterator[Split]:
    """Test on each person in turn, with one or more of the others for validation."""
    rows = labelled_rows(dataset)
    groups, names = _groups(dataset, "leave-one-participant-out", rows)
    members: Sequence[int] = np.unique(groups).tolist()
    if len(members) < 3:
        raise SplitError(
            f"{dataset.path}: {len(members)} participants; add more, at least three are needed "
            "to learn from one, choose on another and test on a third"
        )
    validations = max(1, round(len(members) * VALIDATION_SHARE))
    for turn, person in enumerate(members):
        rng = np.random.default_rng([seed, turn])
        others = rng.permutation([member for member in members if member != person])
        side = np.full(len(groups), SPLIT_TRAINING, np.int8)
        side[groups == person] = SPLIT_TEST
        side[np.isin(groups, others[:validations])] = SPLIT_VALIDATION
        training, seen = _hold_out(rows[side == SPLIT_TRAINING], rng, "leave-one-participant-out")
        yield Split(
            "leave-one-participant-out",
            training=training,
            validation=rows[side == SPLIT_VALIDATION],
            test=rows[side == SPLIT_TEST],
            seen=seen,
            groups=_sides(groups, side, names),
        )


def _check_training_classes(dataset: Dataset, split: Split) -> None:
    found = set(dataset.column("label")[split.training].tolist())
    missing = [name for index, name in enumerate(dataset.emotions) if index not in found]
    if missing:
        raise SplitError(
            f"{dataset.path}: no face of the training part shows {', '.join(missing)}; "
            "add more people who do, or try another --seed"
        )
