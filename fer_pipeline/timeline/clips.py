"""The rows of a clip in order: how long each frame stands, and where a face is without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from fer_pipeline.timeline.rows import TIME_DECIMALS, TimelineRow


def clips_of(rows: Iterable[TimelineRow]) -> Iterator[tuple[str, list[TimelineRow]]]:
    """Yield each clip with its rows, one clip at a time, so that memory holds no more."""
    for video, group in groupby(rows, key=lambda row: row.video):
        yield video, list(group)


@dataclass(frozen=True, slots=True)
class FaceRow:
    """A row with a face, and where it stands.

    Attributes:
        place: Of the row, among those of its clip.
        row: The row.
        until: Seconds: the time of the next frame looked at. The last frame of a clip stands as
            long as the one before it.
    """

    place: int
    row: TimelineRow
    until: float

    @property
    def seconds(self) -> float:
        """How long the frame stands."""
        return self.until - self.row.time


def runs_of(rows: Sequence[TimelineRow]) -> dict[int, list[list[FaceRow]]]:
    """Return for each face of a clip its runs: stretches of frames that all show it.

    A frame that was looked at and does not show the face ends a run; so does one that did not
    decode.

    Args:
        rows: All rows of one clip, in order of their frames.
    """
    frames = [list(group) for _, group in groupby(enumerate(rows), key=lambda one: one[1].frame)]
    times = [group[0][1].time for group in frames]
    last_step = max(0.0, times[-1] - times[-2]) if len(times) > 1 else 0.0
    ends = [max(time, following) for time, following in pairwise(times)]
    ends += [round(times[-1] + last_step, TIME_DECIMALS)] if times else []
    runs: dict[int, list[list[FaceRow]]] = {}
    latest: dict[int, int] = {}
    for number, (group, until) in enumerate(zip(frames, ends, strict=True)):
        for place, row in group:
            if row.face is None:
                continue
            of_face = runs.setdefault(row.face, [])
            if latest.get(row.face) != number - 1:
                of_face.append([])
            latest[row.face] = number
            of_face[-1].append(FaceRow(place, row, until))
    return dict(sorted(runs.items()))


def end_of(rows: Sequence[TimelineRow]) -> float:
    """Return when the last frame of a clip ends, in seconds; 0 of no rows."""
    times = sorted({row.time for row in rows})
    if not times:
        return 0.0
    last_step = times[-1] - times[-2] if len(times) > 1 else 0.0
    return round(times[-1] + last_step, TIME_DECIMALS)
