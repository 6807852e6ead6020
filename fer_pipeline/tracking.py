"""Joins the faces of successive frames to tracks: one number a person through a video.

A track needs a tenth of a second or so of evidence before it counts, which removes isolated false
positives, and it survives a short loss, over which its box is interpolated. Both need a look ahead,
so frames are held back until nothing about their faces can change any more: at most the longest
bridged gap. While every known face is in sight, only frames that were not searched are held.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from fer_pipeline.domain import Box, Detection, Face, Frame, LostFrame

Row = Frame | LostFrame


@dataclass(frozen=True, slots=True)
class TrackingOptions:
    """When detections are the same person, and when they are a person at all.

    Attributes:
        longest_gap: Seconds without a detection over which a face is carried.
        detections: Detections that a face needs to count, where frames follow each other closely.
        overlap: Least intersection over union of two boxes of the same face.
    """

    longest_gap: float = 0.5
    detections: int = 3
    overlap: float = 0.3


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame with its faces, in the order of their numbers; no face is an empty tuple."""

    frame: Row
    faces: tuple[Face, ...] = ()


# Frames further apart than this lend a detection no support: each one stands for itself.
_SPARSE_SECONDS = 0.2

# A tentative face must be found again this soon, or it was none.
_TENTATIVE_SECONDS = 0.2

# Overlap of a face with itself up to which nobody need look where it was in between.
_HARDLY_MOVED = 0.5

# So long people are looked for who left and may come back, each in the size they had.
_REMEMBERED_SECONDS = 10.0

# How far, in widths of the face, a person may have moved while out of sight.
_REACH = 1.0

# Share of the newest step in the velocity of a face: boxes tremble.
_VELOCITY_SHARE = 0.3

# Frames that may be held, of any recording more than its longest gap has; but timestamps may be a
# millionth of a second apart. The pixels take 2 GiB.
_FEWEST_HELD, _MOST_HELD = 16, 1000
_MOST_PIXELS_HELD = 2**31 * 2 // 3

# Times come from rational timestamps by way of floating point.
_TOLERANCE = 1e-6


@dataclass(eq=False)
class _Track:
    """The sightings of one face so far, and whether it was missed in the latest frame."""

    first_time: float
    last_time: float
    box: Box
    needed: int
    sightings: int = 1
    missed: bool = False
    number: int | None = None
    velocity: tuple[float, float] = (0.0, 0.0)

    @property
    def confirmed(self) -> bool:
        return self.number is not None

    def expected(self, time: float) -> Box:
        """Return where the face should be if it moves on as it did: people cross each other."""
        since = time - self.last_time
        right, down = (round(speed * since) for speed in self.velocity)
        return replace(self.box, x=self.box.x + right, y=self.box.y + down)

    def sight(self, time: float, box: Box) -> None:
        """Take a further sighting."""
        since = time - self.last_time
        moved = (new - old for new, old in zip(box.center, self.box.center, strict=True))
        right, down = (
            speed + _VELOCITY_SHARE * (distance / since - speed)
            for speed, distance in zip(self.velocity, moved, strict=True)
        )
        self.velocity, self.box, self.last_time = (right, down), box, time
        self.sightings += 1


@dataclass(eq=False)
class _Held:
    """A frame that waits until its faces are certain."""

    frame: Row
    found: dict[_Track, tuple[Box, float | None]] = field(default_factory=dict)

    def release(self) -> TrackedFrame:
        faces = (
            Face(box, score, track.number)
            for track, (box, score) in self.found.items()
            if track.number is not None
        )
        return TrackedFrame(self.frame, tuple(sorted(faces, key=lambda face: face.track)))


class FaceTracker:
    """Gives each face the number of its person, drops false positives and bridges short losses.

    Frames go in, in order of time, and come out of `certain` once and in the same order.

    Args:
        interval: Nominal seconds between the frames.
        options: When detections belong together.
    """

    def __init__(self, interval: float, options: TrackingOptions = TrackingOptions()) -> None:
        self._options = options
        self._spacing = interval
        self._last_time: float | None = None
        self._held: deque[_Held] = deque()
        self._alive: list[_Track] = []
        self._gone: list[_Track] = []  # confirmed, out of sight; the latest last
        self._seen = 0
        self._numbers = 0

    def expected(self, time: float) -> tuple[Box, ...]:
        """Return where the faces should be that were seen lately, false positives among them."""
        return tuple(
            track.expected(time) for track in self._alive if not self._is_over(track, time)
        )

    def sizes(self, time: float) -> tuple[Box, ...]:
        """Return faces as large as those that may be in sight, also of people just lost."""
        since = time - _REMEMBERED_SECONDS
        lost = (track.box for track in self._gone if track.last_time >= since)
        return (*self.expected(time), *lost)

    def goes_on(self, time: float, detections: Sequence[Detection]) -> bool:
        """Tell whether what was detected is just the known faces, and hardly moved."""
        return len(detections) == len(self._alive) and all(
            track.confirmed
            and not track.missed
            and not self._is_over(track, time)
            and max(track.box.overlap(one.box) for one in detections) >= _HARDLY_MOVED
            for track in self._alive
        )

    def pass_over(self, frame: Frame) -> None:
        """Take a frame that was not searched: its faces are where those around it put them."""
        self._hold(frame)

    def add(self, frame: Row, detections: Sequence[Detection]) -> None:
        """Take a frame and what was detected in it."""
        held = self._hold(frame)
        self._let_go(frame.time)
        unmatched = self._match(held, detections)
        for detection in (one for one in unmatched if one.frontal):
            track = _Track(frame.time, frame.time, detection.box, self._evidence())
            held.found[track] = detection.box, detection.score
            self._alive.append(track)
            self._confirm(track)

    def _hold(self, frame: Row) -> _Held:
        held = _Held(frame)
        self._held.append(held)
        if isinstance(frame, Frame):
            self._seen += 1
        if self._last_time is not None:
            self._spacing = frame.time - self._last_time
        self._last_time = frame.time
        return held

    def _evidence(self) -> int:
        """Return how many detections a face needs that begins in this frame.

        The true distance to the frame before decides: a camera slows down when it gets dark.
        """
        return self._options.detections if self._spacing < _SPARSE_SECONDS else 1

    def cut(self) -> None:
        """End every track for good: in another shot a place says nothing about who is there."""
        self._alive.clear()
        self._gone.clear()

    def latest(self) -> tuple[Face, ...]:
        """Return the known faces of the frame that came last, as far as they are found by now."""
        return self._held[-1].release().faces if self._held else ()

    def interrupt(self) -> None:
        """Decide about all that is open; who was known may come back, however much later."""
        self._gone += [track for track in self._alive if track.confirmed]
        self._alive.clear()

    def certain(self) -> Iterator[TrackedFrame]:
        """Release the frames about which nothing can change."""
        open_since = min(map(self._open_since, self._alive), default=float("inf"))
        while self._held and self._held[0].frame.time < open_since - _TOLERANCE:
            yield self._held.popleft().release()

    def finish(self) -> None:
        """Decide about all that is open: a video shorter than the evidence asked for may stand."""
        for track in self._alive:
            track.needed = min(track.needed, self._seen)
            self._confirm(track)
        self._alive.clear()

    def _open_since(self, track: _Track) -> float:
        """Time from which the frames may still change on account of a track."""
        if not track.confirmed:
            return track.first_time
        newest = self._held[-1].frame.time if self._held else track.last_time
        return float("inf") if track.last_time >= newest else track.last_time + 2 * _TOLERANCE

    def _let_go(self, time: float) -> None:
        """End the tracks that were out of sight for too long."""
        full = self._is_full()
        for track in [one for one in self._alive if self._is_over(one, time, full=full)]:
            self._alive.remove(track)
            if track.confirmed:
                self._gone.append(track)

    def _is_full(self) -> bool:
        """Tell whether as many frames are held as may be; all are taken to be of one size."""
        if len(self._held) <= _FEWEST_HELD:
            return False
        first = next((held.frame for held in self._held if isinstance(held.frame, Frame)), None)
        pixels = 1 if first is None else max(1, first.luma.size)
        return len(self._held) > max(_FEWEST_HELD, min(_MOST_HELD, _MOST_PIXELS_HELD // pixels))

    def _is_over(self, track: _Track, time: float, *, full: bool = False) -> bool:
        if full and (track.missed or not track.confirmed):
            return True
        patience = self._options.longest_gap if track.confirmed else _TENTATIVE_SECONDS
        # However far the frames are apart, a tentative face may be found again in the next.
        waited = track.confirmed or track.missed
        return waited and time - track.last_time > patience + _TOLERANCE

    def _match(self, held: _Held, detections: Sequence[Detection]) -> list[Detection]:
        """Continue tracks, the likeliest first; return the detections that continue none."""
        pairs = sorted(
            (
                (track.expected(held.frame.time).overlap(detection.box), track, detection)
                for track in self._alive
                for detection in detections
            ),
            key=lambda pair: -pair[0],
        )
        matches: dict[_Track, Detection] = {}
        free = set(detections)
        for overlap, track, detection in pairs:
            if (
                track not in matches
                and detection in free
                and self._same(track, held, detection, overlap)
            ):
                matches[track] = detection
                free.remove(detection)
        for track in self._alive:  # in their order, so that faces are numbered from left to right
            track.missed = track not in matches
            if track in matches:
                self._continue(track, held, matches[track])
        return [detection for detection in detections if detection in free]

    def _same(self, track: _Track, held: _Held, detection: Detection, overlap: float) -> bool:
        """Tell whether a detection continues a track; known people may also move fast."""
        if overlap >= self._options.overlap:
            return True
        expected = track.expected(held.frame.time)
        return track.confirmed and _within_reach(expected, detection.box)

    def _continue(self, track: _Track, held: _Held, detection: Detection) -> None:
        self._bridge(track, held.frame.time, detection.box)
        held.found[track] = detection.box, detection.score
        track.sight(held.frame.time, detection.box)
        self._confirm(track)

    def _bridge(self, track: _Track, time: float, box: Box) -> None:
        """Interpolate a track's box over the decoded frames since it was last seen."""
        span = time - track.last_time
        for held in self._held:
            since = held.frame.time - track.last_time
            if isinstance(held.frame, Frame) and _TOLERANCE < since < span - _TOLERANCE:
                held.found[track] = track.box.towards(box, since / span), None

    def _confirm(self, track: _Track) -> None:
        if not track.confirmed and track.sightings >= track.needed:
            track.number = self._number_for(track)

    def _number_for(self, track: _Track) -> int:
        """Return the number of the person who was last seen nearest to here, or a new one.

        Whoever was in sight beside this face is somebody else.
        """
        latest_first = (one for one in reversed(self._gone) if one.last_time < track.first_time)
        near = [person for person in latest_first if _within_reach(person.box, track.box)]
        if near:
            person = min(near, key=lambda person: _distance(person.box, track.box))
            self._gone.remove(person)
            assert person.number is not None
            return person.number
        self._numbers += 1
        return self._numbers - 1


def _within_reach(earlier: Box, later: Box) -> bool:
    """Tell whether a person could have gone from one box to the other while out of sight."""
    size = max(earlier.width, later.width)
    if size > 2 * min(earlier.width, later.width):
        return False
    (x0, y0), (x1, y1) = earlier.center, later.center
    return abs(x0 - x1) <= _REACH * size and abs(y0 - y1) <= _REACH * size


def _distance(one: Box, other: Box) -> float:
    return math.dist(one.center, other.center)
