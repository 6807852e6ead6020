"""What the rows of a clip add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_pipeline.domain import Status
from fer_pipeline.timeline.rows import TimelineRow


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows of one clip add up to.

    Attributes:
        frames: Frames looked at.
        with_face: Frames of these with at least one face.
        errors: Frames that did not decode.
        seconds: By face, then by dominant emotion: time in seconds.
    """

    frames: int
    with_face: int
    errors: int
    seconds: dict[int, dict[str, float]]


class Tally:
    """Adds up the rows of one clip as they come.

    A frame stands for the time until the next one; the last for as long as the one before it.

    Args:
        emotions: The model's emotions.
    """

    def __init__(self, emotions: Sequence[str]) -> None:
        self._emotions = emotions
        self._frames = self._with_face = self._errors = 0
        self._seconds: dict[int, dict[str, float]] = {}
        self._frame: list[TimelineRow] = []
        self._last_step = 0.0

    def add(self, row: TimelineRow) -> None:
        """Take the next row of the clip."""
        if self._frame and row.frame != self._frame[0].frame:
            self._last_step = max(0.0, row.time - self._frame[0].time)
            self._close_frame()
        if not self._frame:
            self._frames += 1
            self._with_face += row.face is not None
            self._errors += row.status is Status.DECODE_ERROR
        self._frame.append(row)

    def totals(self) -> Totals:
        """Return what all rows add up to; call it once, after the last."""
        self._close_frame()
        seconds = dict(sorted(self._seconds.items()))
        return Totals(self._frames, self._with_face, self._errors, seconds)

    def _close_frame(self) -> None:
        for row in self._frame:
            dominant = row.dominant(self._emotions)
            if dominant is not None and row.face is not None:
                times = self._seconds.setdefault(row.face, {})
                times[dominant[0]] = times.get(dominant[0], 0.0) + self._last_step
        self._frame.clear()
