"""Which frames of a video are looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fer_pipeline.domain import Frame, LostFrame, PassedFrame

# A frame that belongs on a tick may lie a rounding error before it.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Every frame, every n-th, or so many a second of media time.

    Attributes:
        every: Keep one frame in this many, by frame number.
        fps: Keep the first frame at or after each tick of this many a second; None for all.
    """

    every: int = 1
    fps: float | None = None

    @property
    def takes_all(self) -> bool:
        """Whether every frame is looked at."""
        return self.fps is None and self.every == 1

    def interval(self, rate: float) -> float:
        """Return the nominal seconds between kept frames of a video of ``rate`` frames a second."""
        if self.fps is None:
            return self.every / rate
        return max(1 / self.fps, 1 / rate)


class Sampler:
    """Tells, frame by frame, which ones to look at."""

    def __init__(self, options: SamplingOptions) -> None:
        self._options = options
        self._tick = 0

    def takes(self, index: int, time: float) -> bool:
        """Tell whether to look at a frame; asked once for each, in order.

        Args:
            index: Number of the frame.
            time: Its time in seconds.
        """
        if self._options.fps is None:
            return index % self._options.every == 0
        ticks_passed = math.floor(time * self._options.fps + _TOLERANCE)
        if ticks_passed < self._tick:
            return False
        self._tick = ticks_passed + 1
        return True


def sample(
    frames: Iterable[Frame | LostFrame | PassedFrame], options: SamplingOptions
) -> Iterator[Frame | LostFrame]:
    """Yield the frames to look at; lost frames are sampled like any other.

    Those that were passed over count, and none of them comes out.
    """
    sampler = Sampler(options)
    for frame in frames:
        if sampler.takes(frame.index, frame.time) and not isinstance(frame, PassedFrame):
            yield frame
