"""Is one model better than another? Paired, because both were tested on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["folds", "people", "faces"]
"""What is taken to be drawn at random: the difference would be another with others of these."""

DRAWS = 2000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often one model is right than another, as shares of faces.

    Attributes:
        value: Accuracy of the first minus that of the second.
        interval: 95 % interval.
        p: Probability of a difference at least as large if there were none; None where no test is
            made.
        unit: What varies.
        number: How many of these there are.
    """

    value: float
    interval: tuple[float, float]
    p: float | None
    unit: Unit
    number: int


def across_folds(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare accuracies fold by fold, with the corrected t test.

    Folds share most of their training faces, so their differences are alike and an ordinary t test
    finds too much. The variance is therefore enlarged by the ratio of test to training faces:
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52 (2003).

    Args:
        first: Accuracy of the first model on each of two folds or more.
        second: Accuracy of the second model on the same.
    """
    from scipy import stats

    differences = np.subtract(first, second)
    folds = len(differences)
    value = float(differences.mean())
    spread = float(np.sqrt(differences.var(ddof=1) * (1 / folds + 1 / (folds - 1))))
    if spread == 0:
        return Difference(value, (value, value), 1.0 if value == 0 else 0.0, "folds", folds)
    reach = float(stats.t.ppf((1 + _LEVEL) / 2, folds - 1)) * spread
    p = 2 * float(stats.t.sf(abs(value) / spread, folds - 1))
    return Difference(value, _around(value, reach), p, "folds", folds)


def over_people(
    first: NDArray[np.bool_], second: NDArray[np.bool_], people: NDArray[np.str_], seed: int
) -> Difference:
    """Compare on one division, drawing its test people anew; there is no test, only an interval.

    Args:
        first: Whether the first model is right about each face, shape (N,).
        second: Whether the second is.
        people: Whose face it is.
        seed: Of the draws.
    """
    names, index = np.unique(people, return_inverse=True)
    gain = first.astype(float) - second
    gains, faces = np.bincount(index, weights=gain), np.bincount(index)
    draws = np.random.default_rng(seed).integers(len(names), size=(DRAWS, len(names)))
    drawn = gains[draws].sum(axis=1) / faces[draws].sum(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Difference(float(gain.mean()), (float(low), float(high)), None, "people", len(names))


def over_faces(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """Compare on one division where the people are not known, by McNemar's exact test.

    Args:
        first: Whether the first model is right about each face, shape (N,).
        second: Whether the second is.
    """
    from scipy import stats

    gain = first.astype(float) - second
    value, error = float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
    reach = float(stats.norm.ppf((1 + _LEVEL) / 2)) * error
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    differing = only_first + only_second
    p = float(stats.binomtest(only_first, differing).pvalue) if differing else 1.0
    return Difference(value, _around(value, reach), p, "faces", len(gain))


def _around(value: float, reach: float) -> tuple[float, float]:
    """Return the interval around a difference of two shares, which no reach takes beyond ±1."""
    return max(value - reach, -1.0), min(value + reach, 1.0)


def share_interval(right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of faces, as if all faces were independent."""
    from scipy import stats

    interval = stats.binomtest(int(right.sum()), len(right)).proportion_ci(_LEVEL, method="wilson")
    return float(interval.low), float(interval.high)
