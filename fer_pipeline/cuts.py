"""Hard cuts: where one shot ends and another begins, nobody is the same person by position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import Frame

# Side, in points, of the coarse picture that is compared.
_POINTS = 48

# Grey levels; a picture with less contrast, such as a black one, tells nothing.
_LEAST_CONTRAST = 4.0

# Coarse pictures of one shot are alike, also when the light changes or somebody moves.
_LEAST_LIKENESS = 0.5


class CutFinder:
    """Tells, frame by frame, whether a new shot has begun."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def begins_shot(self, frame: Frame) -> bool:
        """Compare a frame with the one before it; a few black ones between are passed over."""
        picture = _coarse(frame)
        contrast = float(picture.std())
        if contrast < _LEAST_CONTRAST:
            return False
        picture = (picture - picture.mean()) / contrast
        last, self._last = self._last, picture
        if last is None:
            return False
        return last.shape != picture.shape or float((last * picture).mean()) < _LEAST_LIKENESS


def _coarse(frame: Frame) -> NDArray[np.float32]:
    """Return points of the brightness, taken at equal distances: cheaper than any reduction."""
    step = max(1, max(frame.luma.shape) // _POINTS)
    return frame.luma[step // 2 :: step, step // 2 :: step].astype(np.float32)
