"""Smoothing over true media time, face by face, never across a gap.

All methods look at a window of so many seconds with the moment in its middle. At a variable frame
rate a frame counts for the time that it stands, so that dense frames do not outvote sparse ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.errors import UsageError
from fer_pipeline.timeline.clips import runs_of
from fer_pipeline.timeline.rows import TimelineRow

FloatArray = NDArray[np.float64]

Smoother = Callable[[FloatArray, FloatArray, FloatArray, float], FloatArray]
"""From the values of a window, shape (n, emotions), their times from its middle, shape (n,), their
weights, shape (n,), and half its width in seconds, to the value in the middle, shape (emotions,).
"""

# Times are read with six decimals: a frame at the very edge of a window is inside.
_ROUNDING = 2e-6

_DEGREE = 2
"""Of the polynomial that ``savgol`` fits."""


def _mean(values: FloatArray, times: FloatArray, weights: FloatArray, half: float) -> FloatArray:  # noqa: ARG001
    return np.asarray(weights @ values / weights.sum())


def _gaussian(
    values: FloatArray, times: FloatArray, weights: FloatArray, half: float
) -> FloatArray:
    # The window ends three standard deviations from its middle, where little is left.
    bell = weights * np.exp(-0.5 * (3 * times / half) ** 2)
    return np.asarray(bell @ values / bell.sum())


def _median(values: FloatArray, times: FloatArray, weights: FloatArray, half: float) -> FloatArray:  # noqa: ARG001
    """Return the weighted median: half of the time lies below it."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(weights[order], axis=0) / weights.sum()
    columns = np.arange(values.shape[1])
    lower = (reached >= 0.5 - 1e-9).argmax(axis=0)
    upper = (reached > 0.5 + 1e-9).argmax(axis=0)
    return np.asarray((ordered[lower, columns] + ordered[upper, columns]) / 2)


def _savgol(values: FloatArray, times: FloatArray, weights: FloatArray, half: float) -> FloatArray:
    """Return the middle of the parabola that fits best.

    Source: Savitzky and Golay 1964, doi 10.1021/ac60214a047, here for any distances in time. Where
    a window holds too few frames for a parabola, a line or their mean.
    """
    degree = min(_DEGREE, len(times) - 1)
    root = np.sqrt(weights)
    powers = np.vander(times / half, degree + 1, increasing=True)
    fitted = np.linalg.lstsq(powers * root[:, None], values * root[:, None], rcond=None)[0]
    return np.asarray(fitted[0])


SMOOTHERS: dict[str, Smoother] = {
    "mean": _mean,
    "median": _median,
    "gaussian": _gaussian,
    "savgol": _savgol,
}


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How values are smoothed.

    Attributes:
        method: One of `SMOOTHERS`.
        seconds: Width of the window.
    """

    method: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.method}:{self.seconds:g}"

    @classmethod
    def parse(cls, text: str) -> Smoothing:
        """Understand ``METHOD:SECONDS``.

        Raises:
            UsageError: The method is none, or the seconds are no positive number.
        """
        method, _, number = text.partition(":")
        try:
            seconds = float(number)
        except ValueError:
            seconds = math.nan
        if method not in SMOOTHERS or not (math.isfinite(seconds) and seconds > 0):
            raise UsageError(
                f"--smooth {text}: no way of smoothing",
                f"write METHOD:SECONDS such as median:0.5; methods are {', '.join(SMOOTHERS)}",
            )
        return cls(method, seconds)


def smoothed(rows: Sequence[TimelineRow], options: Smoothing) -> list[TimelineRow]:
    """Return the rows of one clip with the values of their latest step, smoothed.

    Args:
        rows: All rows of the clip, in order of their frames.
        options: How.
    """
    done = list(rows)
    for runs in runs_of(rows).values():
        for run in runs:
            times = np.array([one.row.time for one in run])
            values = np.array([one.row.latest for one in run], np.float64)
            for one, value in zip(run, smooth(times, values, options), strict=True):
                done[one.place] = replace(one.row, smoothed=tuple(map(float, value)))
    return done


def smooth(times: FloatArray, values: FloatArray, options: Smoothing) -> FloatArray:
    """Smooth one run.

    Args:
        times: Seconds, in order, shape (n,).
        values: Shape (n, emotions).
        options: How.

    Returns:
        The smoothed values, shape (n, emotions).
    """
    half = options.seconds / 2
    weights = _standing(times)
    first = np.searchsorted(times, times - half - _ROUNDING, "left")
    last = np.searchsorted(times, times + half + _ROUNDING, "right")
    smoother = SMOOTHERS[options.method]
    return np.array(
        [
            smoother(values[i:k], times[i:k] - time, weights[i:k], half)
            for time, i, k in zip(times, first, last, strict=True)
        ]
    ).reshape(values.shape)


def _standing(times: FloatArray) -> FloatArray:
    """Return for how long each frame stands: half the way to each neighbour, at the ends all."""
    if len(times) < 2:
        return np.ones(len(times))
    steps = np.diff(times)
    around = (np.concatenate([steps[:1], steps]) + np.concatenate([steps, steps[-1:]])) / 2
    # Frames of one and the same time would have no weight, and a window of them none to divide by.
    return np.asarray(np.maximum(around, 1e-6))
