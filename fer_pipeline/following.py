"""Which frames are searched for faces, and for faces of which size.

To search a frame for faces of any size takes longer than all other work on it. But faces that are
known hardly change their size from one frame to the next, and large ones are found quickly; frames
are searched for all sizes once in a while, for people who come. And as long as nothing changes, two
of three frames need no search: the boxes before and after tell those between.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal

from fer_pipeline.cuts import CutFinder
from fer_pipeline.domain import Box, Detection, Face, Frame
from fer_pipeline.faces import FaceDetector
from fer_pipeline.tracking import FaceTracker, Row, TrackedFrame, TrackingOptions

DetectionMode = Literal["sparse", "dense", "every-frame"]
"""``sparse``: every third frame for faces of the sizes known; ``dense``: every frame so;
``every-frame``: every frame for faces of any size."""

# While nothing changes, one frame in this many is searched, and one in this many seconds.
_STRIDE = 3
_STRIDE_SECONDS = 0.126

# Once in so many seconds it is found out whether there are faces of other sizes, which are looked
# for so many later and so long; in between another thread may find it out. So a person who is much
# nearer or farther than those in sight is seen after all three at the latest.
_OTHER_SIZES_SECONDS = 1.0
_DELAY_SECONDS = 0.4
_OFFERED_SECONDS = 0.2

Search = Callable[[], tuple[Detection, ...]]
"""Searches a picture, or has done so, and gives what was found."""

Aside = Callable[[Search], Search]
"""Begins a search, now or when its result is asked for."""


def later(search: Search) -> Search:
    """Search only when the result is asked for."""
    return search


class FaceFollower:
    """Finds the faces of a video and who is who among them.

    Args:
        detector: What finds faces in a picture.
        interval: Nominal seconds between the frames.
        tracking: When detections belong together.
        mode: Which frames are searched, and for which faces.
        aside: Begins searches that can wait, such as in a thread; the result is the same.
        searches_ahead: How many frames wait while those after them are begun to be searched, if
            each is searched for faces of any size: such a search depends on no other one.
    """

    def __init__(
        self,
        detector: FaceDetector,
        interval: float,
        tracking: TrackingOptions = TrackingOptions(),
        mode: DetectionMode = "sparse",
        aside: Aside = later,
        *,
        searches_ahead: int = 0,
    ) -> None:
        self._detector = detector
        self._coarse = detector.coarse()
        self._aside = aside
        self._interval = interval
        # Frames that lie far apart are few, and tell little about each other.
        self._mode: DetectionMode = mode if interval < _STRIDE_SECONDS else "every-frame"
        self._searches_ahead = searches_ahead if self._mode == "every-frame" else 0
        self._begun: dict[Frame, Search] = {}
        self._tracker = FaceTracker(interval, tracking)
        self._cuts = CutFinder()
        self._waiting: list[Frame] = []
        self._searched: float | None = None  # when a frame was searched last
        self._looked_for_others = -math.inf
        self._found_others: Search | None = None
        self._others_found: tuple[Box, ...] = ()

    def follow(self, frames: Iterable[Row]) -> Iterator[TrackedFrame]:
        """Yield the frames, given in order of time, with their faces."""
        for frame in self._begin_searches(frames):
            self._take(frame)
            yield from self._tracker.certain()
        yield from self.finish()

    def take(self, frame: Row) -> tuple[Face, ...]:
        """Take one frame, for who cannot wait; in the mode ``sparse`` most are not searched yet.

        Returns:
            The known faces found in it. Those that `certain` gives later may be more.
        """
        self._take(frame)
        return self._tracker.latest()

    def certain(self) -> Iterator[TrackedFrame]:
        """Yield the frames taken about which nothing can change any more."""
        return self._tracker.certain()

    def interrupt(self) -> Iterator[TrackedFrame]:
        """Yield all that were taken: the next one comes after a break, with the same people."""
        self._settle()
        self._tracker.interrupt()
        return self._tracker.certain()

    def finish(self) -> Iterator[TrackedFrame]:
        """Yield the rest of the frames taken: there are no more."""
        self._settle()
        self._tracker.finish()
        return self._tracker.certain()

    def _begin_searches(self, frames: Iterable[Row]) -> Iterator[Row]:
        """Yield the frames, and begin searches before their turn that need not wait for it."""
        if not self._searches_ahead:
            yield from frames
            return
        waiting: deque[Row] = deque()
        for frame in frames:
            if isinstance(frame, Frame):
                self._begun[frame] = self._aside(partial(self._detector.detect, frame.luma))
            waiting.append(frame)
            if len(waiting) > self._searches_ahead:
                yield waiting.popleft()
        yield from waiting

    def _take(self, frame: Row) -> None:
        if not isinstance(frame, Frame):
            self._settle()
            self._tracker.add(frame, ())
            return
        if self._cuts.begins_shot(frame):
            self._settle()
            self._tracker.cut()
            self._searched = None
            self._forget_others(frame.time)
        self._waiting.append(frame)
        if self._is_due(frame):
            self._settle()

    def _is_due(self, frame: Frame) -> bool:
        """Tell whether a frame is searched; if not, one of the next two is."""
        if self._mode != "sparse" or self._searched is None or len(self._waiting) >= _STRIDE:
            return True
        return frame.time + self._interval > self._searched + _STRIDE_SECONDS

    def _settle(self) -> None:
        """Search the last of the waiting frames, and the others if anything changed since."""
        if not self._waiting:
            return
        *before, last = self._waiting
        self._waiting.clear()
        self._searched = last.time
        found = self._search(last)
        if self._tracker.goes_on(last.time, found):
            for frame in before:
                self._tracker.pass_over(frame)
        else:
            for frame in before:
                like = (*self._tracker.sizes(frame.time), *(face.box for face in found))
                self._tracker.add(frame, self._detector.detect(frame.luma, like))
        self._tracker.add(last, found)

    def _search(self, frame: Frame) -> tuple[Detection, ...]:
        if frame in self._begun:
            return self._begun.pop(frame)()
        if self._mode == "every-frame" or not self._tracker.expected(frame.time):
            self._forget_others(frame.time)
            return self._detector.detect(frame.luma)
        if frame.time >= self._looked_for_others + _OTHER_SIZES_SECONDS:
            luma = frame.luma
            self._forget_others(frame.time)
            self._found_others = self._aside(lambda: self._coarse.detect(luma))
        like = (*self._tracker.sizes(frame.time), *self._others(frame.time))
        return self._detector.detect(frame.luma, like)

    def _forget_others(self, time: float) -> None:
        self._looked_for_others, self._found_others, self._others_found = time, None, ()

    def _others(self, time: float) -> tuple[Box, ...]:
        """Return the faces of any size that the last look around found, when it is time."""
        begin = self._looked_for_others + _DELAY_SECONDS
        if self._found_others is not None and time >= begin:
            self._others_found = tuple(face.box for face in self._found_others())
            self._found_others = None
        return self._others_found if begin <= time < begin + _OFFERED_SECONDS else ()
