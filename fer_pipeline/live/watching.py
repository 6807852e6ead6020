"""Faces and emotions of frames as they come: at once for the window, for good in the timeline.

A row of the timeline may need to know what comes next: whether a face that was just lost is found
again, whether a new one is a face at all. So the window shows what is known of its frame now, and
the row is written when nothing about it can change any more, at most the longest bridged gap later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Box, Face, FloatArray, Frame
from fer_pipeline.face_search import WhichFaces, largest
from fer_pipeline.following import FaceFollower
from fer_pipeline.telling import Tell, detector_of, rows_of, telling
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.tracking import Row, TrackedFrame


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """Which faces count.

    Attributes:
        faces: The largest face of each frame, or all.
        profile: Whether faces turned aside are followed.
    """

    faces: WhichFaces = "all"
    profile: bool = False


class Watcher:
    """Turns frames into rows.

    Args:
        name: What their source is called.
        rate: Its nominal frames a second.
        classifier: Tells emotions.
        options: Which faces count.

    Attributes:
        emotions: The model's.

    Raises:
        DetectorError: The detector that the model needs cannot be had.
    """

    def __init__(
        self,
        name: str,
        rate: float,
        classifier: Classifier,
        options: WatchOptions = WatchOptions(),
    ) -> None:
        self._name = name
        self._options = options
        self.emotions = classifier.spec.emotions
        self._told = _ToldOnce(telling(classifier))
        detector = detector_of(classifier.spec, profile=options.profile)
        # Sparse searching would tell of a frame only when the two after it have come.
        self._follower = FaceFollower(detector, 1 / rate, mode="dense")

    def take(self, frame: Row) -> tuple[TimelineRow, ...]:
        """Take the next frame, and return what is known of it at once."""
        faces = self._follower.take(frame)
        return self._rows_of(TrackedFrame(frame, faces))

    def certain(self) -> Iterator[TimelineRow]:
        """Yield the rows of frames about which nothing can change any more."""
        return self._rows(self._follower.certain())

    def interrupt(self) -> Iterator[TimelineRow]:
        """Yield the rows of all frames taken: there is a break before the next one."""
        return self._rows(self._follower.interrupt())

    def finish(self) -> Iterator[TimelineRow]:
        """Yield the rows of the rest: no frame comes any more."""
        return self._rows(self._follower.finish())

    def _rows(self, frames: Iterable[TrackedFrame]) -> Iterator[TimelineRow]:
        for tracked in frames:
            yield from self._rows_of(tracked)
            self._told.forget(tracked.frame)

    def _rows_of(self, tracked: TrackedFrame) -> tuple[TimelineRow, ...]:
        chosen = replace(tracked, faces=self._chosen(tracked.faces))
        return tuple(rows_of(chosen, self._name, self._told))

    def _chosen(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        return faces if self._options.faces == "all" else largest(faces)


class _ToldOnce:
    """Remembers what was told of a frame that waits, so that no face is told twice."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._known: dict[Frame, dict[Box, FloatArray]] = {}

    def __call__(self, frame: Frame, boxes: Sequence[Box]) -> FloatArray:
        known = self._known.setdefault(frame, {})
        new = [box for box in boxes if box not in known]
        if new:
            known.update(zip(new, self._tell(frame, new), strict=True))
        return np.stack([known[box] for box in boxes])

    def forget(self, frame: Row) -> None:
        if isinstance(frame, Frame):
            self._known.pop(frame, None)
