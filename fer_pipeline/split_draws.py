"""How lots are drawn for a split: groups of rows to sides or folds, with every class in each.

A group is what must not be torn apart: the rows of a person, of a video, or of an image's copies.
Here groups are numbers from 0; only `of_row`, the group of each row, and the rows' labels count.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION

_SIDES = 3

# With a class that few people show, a few draws may be needed until every side has it.
_DRAWS = 200

Groups = NDArray[np.int64]
Labels = NDArray[np.integer]


def draw_sides(
    of_row: Groups, labels: Labels, tests: int, validations: int, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Draw which groups are tested and which serve choices.

    Args:
        of_row: Group of each row.
        labels: Label of each row.
        tests: Number of groups to test on.
        validations: Number of groups to choose on.
        rng: Decides.

    Returns:
        Side of each group; each side has every class if a few draws found such a division.
    """
    groups = int(of_row.max()) + 1
    owned = _classes_of_groups(of_row, labels)
    least = int(np.maximum(_SIDES - owned.sum(axis=0), 0).sum())
    best, fewest = np.zeros(groups, np.int8), math.inf
    for _ in range(_DRAWS):
        drawn = rng.permutation(groups)
        sides = np.full(groups, SPLIT_TRAINING, np.int8)
        sides[drawn[:tests]] = SPLIT_TEST
        sides[drawn[tests : tests + validations]] = SPLIT_VALIDATION
        missing = _missing(sides, owned, (SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST))
        if missing < fewest:
            best, fewest = sides, missing
        if missing == least:
            break
    return best


def draw_validation(
    of_row: Groups,
    labels: Labels,
    tested: NDArray[np.bool_],
    validations: int,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Draw which of the groups that are not tested serve choices.

    Args:
        of_row: Group of each row.
        labels: Label of each row.
        tested: Whether each group is tested.
        validations: Number of groups to choose on; at least one is left to learn from.
        rng: Decides.

    Returns:
        Side of each group; training and validation have every class if a few draws found it so.
    """
    owned = _classes_of_groups(of_row, labels)
    others = np.flatnonzero(~tested)
    validations = min(validations, len(others) - 1)
    best, fewest = np.where(tested, SPLIT_TEST, SPLIT_TRAINING).astype(np.int8), math.inf
    for _ in range(_DRAWS):
        sides = np.where(tested, SPLIT_TEST, SPLIT_TRAINING).astype(np.int8)
        sides[rng.permutation(others)[:validations]] = SPLIT_VALIDATION
        missing = _missing(sides, owned, (SPLIT_TRAINING, SPLIT_VALIDATION))
        if missing < fewest:
            best, fewest = sides, missing
        if missing == 0:
            break
    return best


def deal_out(
    of_row: Groups, labels: Labels, folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal groups out into folds of equally many groups, with the classes as even as can be.

    Groups of one row, or nearly so, are dealt class by class. Others are placed one by one, the
    most one-sided first, where the shares of the classes then differ least between the folds: the
    procedure of scikit-learn's StratifiedGroupKFold, with folds of equal numbers of groups.

    Args:
        of_row: Group of each row.
        labels: Label of each row.
        folds: Number of folds, at most that of groups.
        rng: Decides between equals.

    Returns:
        Fold of each group.
    """
    counts = _counts(of_row, labels)
    order = rng.permutation(len(counts))
    if len(counts) > len(of_row) / 2:
        return _deal_by_class(counts, order, folds)
    order = order[np.argsort(-counts[order].std(axis=1), kind="stable")]
    shares = counts / counts.sum(axis=0)
    room = np.full(folds, len(counts) // folds)
    room[: len(counts) % folds] += 1
    held = np.zeros((folds, counts.shape[1]))
    fold_of_group = np.empty(len(counts), np.int64)
    for group in order:
        fold = min(np.flatnonzero(room), key=lambda one: _unevenness(held, int(one), shares[group]))
        held[fold] += shares[group]
        room[fold] -= 1
        fold_of_group[group] = fold
    return fold_of_group


def _unevenness(held: NDArray[np.float64], fold: int, share: NDArray[np.float64]) -> float:
    """Return how much the folds would differ with a group of these shares in one of them."""
    tried = held.copy()
    tried[fold] += share
    return float(tried.std(axis=0).mean())


def _deal_by_class(
    counts: NDArray[np.int64], order: NDArray[np.int64], folds: int
) -> NDArray[np.int64]:
    by_class = order[np.argsort(counts[order].argmax(axis=1), kind="stable")]
    fold_of_group = np.empty(len(counts), np.int64)
    fold_of_group[by_class] = np.arange(len(counts)) % folds
    return fold_of_group


def _counts(of_row: Groups, labels: Labels) -> NDArray[np.int64]:
    """Return how many rows of each class each group has, shape (groups, classes that occur)."""
    _, classes = np.unique(labels, return_inverse=True)
    width = int(classes.max()) + 1
    flat = np.bincount(of_row * width + classes, minlength=(int(of_row.max()) + 1) * width)
    return flat.reshape(-1, width)


def _classes_of_groups(of_row: Groups, labels: Labels) -> NDArray[np.bool_]:
    return _counts(of_row, labels) > 0


def _missing(sides: NDArray[np.int8], owned: NDArray[np.bool_], wanted: tuple[int, ...]) -> int:
    """Return how many sides must do without a class, counted over sides and classes."""
    return sum(int(np.sum(~owned[sides == side].any(axis=0))) for side in wanted)
