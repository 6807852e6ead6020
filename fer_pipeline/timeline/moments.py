"""One person's way through a clip: a moment for each frame looked at, whoever else is in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from fer_pipeline.domain import Status
from fer_pipeline.timeline.clips import end_of
from fer_pipeline.timeline.rows import TimelineRow


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame looked at, as far as it concerns one person.

    Attributes:
        row: The person's row; one without a face where the frame does not show them.
        until: Seconds: the time of the next frame looked at. The last frame of a clip stands as
            long as the one before it.
    """

    row: TimelineRow
    until: float

    @property
    def seconds(self) -> float:
        """How long the frame stands."""
        return self.until - self.row.time

    @property
    def middle(self) -> float:
        """Seconds: the middle of the time that the frame stands."""
        return (self.row.time + self.until) / 2


def moments_of(rows: Sequence[TimelineRow], faces: Collection[int]) -> tuple[Moment, ...]:
    """Return the moments of one person, one for each frame of the clip.

    Args:
        rows: All rows of one clip, in order of their frames.
        faces: The numbers under which the person is seen: several where somebody said that a face
            lost and found again is the same. All become the lowest; where two are in one frame, the
            row that comes first counts.
    """
    number = min(faces, default=0)
    frames = [list(group) for _, group in groupby(rows, key=lambda row: row.frame)]
    ends = [later[0].time for _, later in pairwise(frames)] + [end_of(rows)]
    return tuple(
        Moment(row := _of_person(group, faces, number), max(row.time, until))
        for group, until in zip(frames, ends, strict=False)
    )


def _of_person(group: Sequence[TimelineRow], faces: Collection[int], number: int) -> TimelineRow:
    for row in group:
        if row.face in faces:
            return replace(row, face=number)
    first = group[0]
    status = Status.NO_FACE if first.face is not None else first.status
    return TimelineRow(first.video, first.frame, first.time, status)
