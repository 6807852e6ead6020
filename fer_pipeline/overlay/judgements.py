"""The rows of a timeline, frame by frame, and which of them a frame of the source shows."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import Box, Status
from fer_pipeline.timeline import TimelineRow

Rows = Callable[[], Iterable[TimelineRow]]
"""Gives the rows of one clip in their order, anew at each call: they are gone through twice."""

# Times in tables are rounded to the microsecond.
_TOLERANCE = 1e-5

# Of the usual time between two judged frames: it varies where so many a second are judged.
_NEAR = 1.5


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame that was looked at.

    Attributes:
        index: Number of the frame in its source.
        time: Seconds from the container's start.
        decoded: Whether it could be.
        faces: A row for each of its faces.
    """

    index: int
    time: float
    decoded: bool
    faces: tuple[TimelineRow, ...]


def judged_frames(rows: Iterable[TimelineRow]) -> Iterator[Judged]:
    """Yield the frames that rows stand for."""
    for index, group in groupby(rows, key=lambda row: row.frame):
        of_frame = tuple(group)
        yield Judged(
            index,
            of_frame[0].time,
            of_frame[0].status is not Status.DECODE_ERROR,
            tuple(row for row in of_frame if row.box is not None),
        )


@dataclass(frozen=True, eq=False)
class Sightings:
    """Where and when one face was seen, in order of time.

    Attributes:
        times: Seconds from the container's start, shape (n,).
        boxes: Shape (n, 4): x, y, width, height in pixels.
    """

    times: NDArray[np.float64]
    boxes: NDArray[np.int64]

    @property
    def span(self) -> float:
        """Seconds from the first to the last."""
        return float(self.times[-1] - self.times[0])

    def box(self, number: int) -> Box:
        """Return where the face was."""
        return Box(*map(int, self.boxes[number]))


@dataclass(frozen=True, slots=True)
class Overview:
    """What must be known of a timeline before its first frame is drawn.

    Attributes:
        interval: Usual seconds between judged frames; 0 if there is but one.
        faces: Sightings of each face, by its number.
    """

    interval: float
    faces: dict[int, Sightings]

    @classmethod
    def of(cls, rows: Iterable[TimelineRow]) -> Overview:
        """Go through the rows of a clip once; 24 bytes are kept of each."""
        times = array("d")
        seen: dict[int, tuple[array[float], array[int]]] = {}
        for frame in judged_frames(rows):
            times.append(frame.time)
            for row in frame.faces:
                assert row.face is not None
                assert row.box is not None
                when, where = seen.setdefault(row.face, (array("d"), array("i")))
                when.append(row.time)
                where.extend((row.box.x, row.box.y, row.box.width, row.box.height))
        faces = {
            face: Sightings(np.array(when), np.array(where).reshape(-1, 4))
            for face, (when, where) in sorted(seen.items())
        }
        steps = np.diff(np.array(times))
        return cls(float(np.median(steps)) if len(steps) else 0.0, faces)


class Current:
    """Finds what is shown at each frame of the source, which are asked for in their order.

    A frame that was not judged shows what the last judged one does, for no longer than there
    usually is between two of them.

    Args:
        rows: Of one clip.
        interval: Usual seconds between judged frames.
    """

    def __init__(self, rows: Iterable[TimelineRow], interval: float) -> None:
        self._frames = judged_frames(rows)
        self._interval = interval
        self._current: Judged | None = None
        self._next = next(self._frames, None)

    def at(self, index: int, time: float) -> Judged | None:
        """Return what is shown at a frame; None if nothing is known about it."""
        while self._next is not None and self._next.index <= index:
            self._current, self._next = self._next, next(self._frames, None)
        shown = self._current
        if shown is None or shown.index == index:
            return shown
        recent = time - shown.time < self._interval + _TOLERANCE
        return shown if recent and shown.decoded else None

    def is_near(self, time: float) -> bool:
        """Tell whether the frame last asked for is near one that was judged, before or after it.

        Args:
            time: Of the frame.
        """
        around = (frame for frame in (self._current, self._next) if frame and frame.decoded)
        nearest = min((abs(frame.time - time) for frame in around), default=math.inf)
        return nearest <= _NEAR * self._interval + _TOLERANCE

    def left(self) -> Judged | None:
        """Return a frame that decoded and was not yet asked for; None if there is none."""
        coming = self._frames if self._next is None else chain((self._next,), self._frames)
        return next((frame for frame in coming if frame.decoded), None)
