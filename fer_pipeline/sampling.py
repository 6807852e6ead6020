"""Which frames of a video are looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fer_pipeline.domain import Frame, LostFrame

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

    def interval(self, rate: float) -> float:
        """Return the nominal seconds between kept frames of a video of ``rate`` frames a second."""
        if self.fps is None:
            return self.every / rate
        return max(1 / self.fps, 1 / rate)


def sample(
    frames: Iterable[Frame | LostFrame], options: SamplingOptions
) -> Iterator[Frame | LostFrame]:
    """Yield the frames to look at; lost frames are sampled like any other."""
    if options.fps is None:
        yield from (frame for frame in frames if frame.index % options.every == 0)
        return
    tick = 0
    for frame in frames:
        ticks_passed = math.floor(frame.time * options.fps + _TOLERANCE)
        if ticks_passed >= tick:
            tick = ticks_passed + 1
            yield frame
