"""The order, the numbers and the times of frames, lost ones included."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import TypeVar

from fer_pipeline.domain import Frame, LostFrame, PassedFrame, Pixels
from fer_pipeline.video.report import ReadReport

Picture = TypeVar("Picture")

MOST_LOST_IN_A_GAP = 1000
"""Beyond this a single row stands for the gap: a broken timestamp must not fill a disk."""

# Decoders put pictures out in order, but for the few around a damaged place.
_PICTURES_HELD = 6

# A jump back by less is a late picture, by more a recording joined to another.
TIME_RESET_SECONDS = 1.0

# The smallest step that tables show, for pictures that share a timestamp.
_SMALLEST_STEP = 1e-6


def in_order(
    pictures: Iterator[tuple[int | None, Picture]], reset: int
) -> Iterator[tuple[int | None, Picture]]:
    """Sort pictures by their stamps: after damage, decoders put some out too late.

    Args:
        pictures: With their stamps, or None where the file has none.
        reset: A jump back by more stamps than this begins another recording.
    """
    waiting: list[tuple[int, int, Picture]] = []
    for order, (stamp, picture) in enumerate(pictures):
        if stamp is None or (waiting and waiting[0][0] - stamp > reset):
            yield from ((earlier, held) for earlier, _, held in sorted(waiting, key=_stamp_order))
            waiting.clear()
        if stamp is None:
            yield None, picture
            continue
        heapq.heappush(waiting, (stamp, order, picture))
        if len(waiting) > _PICTURES_HELD:
            earliest, _, held = heapq.heappop(waiting)
            yield earliest, held
    yield from ((stamp, picture) for stamp, _, picture in sorted(waiting, key=_stamp_order))


def _stamp_order(waiting: tuple[int, int, Picture]) -> tuple[int, int]:
    return waiting[:2]


class FrameClock:
    """Numbers the frames, and finds those that went missing between two timestamps.

    All times are seconds from the container's start. Where the file lists all its frames, nothing
    is left to be found.

    Args:
        interval: Nominal seconds from one frame to the next.
        start: When the video stream begins, which may be later than the sound.
        report: Takes up what goes wrong.
        all_listed: Whether the file lists all its frames.
    """

    def __init__(
        self, interval: float, start: float, report: ReadReport, *, all_listed: bool
    ) -> None:
        self._interval = interval
        self._start = start
        self._all_listed = all_listed
        self._report = report
        self._index = 0
        self._last: float | None = None
        self._last_stamp: float | None = None
        self._damage_end: float | None = None
        self._shift = 0.0

    def damaged_until(self, time: float | None) -> None:
        """Note an error in what was read up to ``time``; the decoder is yet to put that out."""
        self._damage_end = math.inf if time is None else max(time, self._damage_end or 0.0)

    def show(self, time: float | None, pixels: Pixels) -> Iterator[Frame | LostFrame]:
        """Yield a decoded frame, after those lost before it; one without a time comes next."""
        time = self._after_last() if time is None else time + self._shift
        if self._last is not None and time <= self._last:
            if time == self._last_stamp and self._damage_end is None:
                time = self._last + _SMALLEST_STEP
                yield Frame(self._step(time), time, pixels)
                return
            if self._last - time < TIME_RESET_SECONDS:
                self._report.errors += 1  # too late for its place, which has been told as lost
                return
            self._count_on_after_reset(time)
            time = self._after_last()
        yield from self.lose(self._missing_before(time))
        self._last_stamp = time
        yield Frame(self._step(time), time, pixels)

    def pass_over(self, time: float) -> Iterator[LostFrame | PassedFrame]:
        """Yield a frame that was not decoded on purpose, after those lost before it."""
        time += self._shift
        if self._last is None or time > self._last:
            yield from self.lose(self._missing_before(time))
            yield PassedFrame(self._step(time), time)

    def lose(self, times: list[float]) -> Iterator[LostFrame]:
        """Yield frames that are known to be missing at these times."""
        for time in (time + self._shift for time in times):
            if self._last is None or time > self._last:  # broken tables list frames twice
                yield LostFrame(self._step(time), time)

    def _after_last(self) -> float:
        return self._start if self._last is None else self._last + self._interval

    def _step(self, time: float) -> int:
        self._index, self._last = self._index + 1, time
        return self._index - 1

    def _count_on_after_reset(self, time: float) -> None:
        self._report.warnings.append(
            f"timestamps jump back by {self._last_time - time:.2f} s at {self._last_time:.2f} s; "
            "times count on from there"
        )
        self._shift += self._after_last() - time

    @property
    def _last_time(self) -> float:
        return self._last or 0.0

    def _missing_before(self, time: float) -> list[float]:
        """Times, at the nominal interval, of frames lost to an error before ``time``."""
        if self._damage_end is None:
            return []  # a gap without an error is a variable rate
        if time > self._damage_end:
            self._damage_end = None
        if self._all_listed:
            return []
        begin = self._start - self._interval if self._last is None else self._last
        count = round((time - begin) / self._interval) - 1
        if count > MOST_LOST_IN_A_GAP:
            self._report.warnings.append(
                f"one row stands for about {count} frames lost before {time:.3f} s"
            )
            count = 1
        return [begin + step * self._interval - self._shift for step in range(1, count + 1)]
