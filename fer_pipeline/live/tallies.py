"""What the rows of a live view add up to: pauses belong to no emotion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from fer_pipeline.timeline import Tally, TimelineRow, Totals


class Tallies:
    """Adds up rows, stretch by stretch.

    Args:
        emotions: The model's.
    """

    def __init__(self, emotions: Sequence[str]) -> None:
        self._emotions = emotions
        self._stretches = [Tally(emotions)]

    def add(self, rows: Iterable[TimelineRow]) -> None:
        """Take the next rows."""
        for row in rows:
            self._stretches[-1].add(row)

    def interrupt(self) -> None:
        """Begin another stretch: the last frame does not stand for the time until the next."""
        self._stretches.append(Tally(self._emotions))

    def totals(self) -> Totals:
        """Return what all rows add up to; call it once, after the last."""
        parts = [stretch.totals() for stretch in self._stretches]
        seconds: dict[int, dict[str, float]] = {}
        for part in parts:
            for face, times in part.seconds.items():
                for emotion, time in times.items():
                    seconds.setdefault(face, defaultdict(float))[emotion] += time
        return Totals(
            frames=sum(part.frames for part in parts),
            with_face=sum(part.with_face for part in parts),
            errors=sum(part.errors for part in parts),
            seconds={face: dict(times) for face, times in sorted(seconds.items())},
        )
