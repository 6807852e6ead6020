"""From an open video to frames with tracked faces: the way that extraction and annotation share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from fer_pipeline.domain import Face, Frame, LostFrame
from fer_pipeline.faces import FaceDetector
from fer_pipeline.sampling import SamplingOptions, sample
from fer_pipeline.tracking import TrackedFrame, TrackingOptions, find_faces
from fer_pipeline.video import Video
from fer_pipeline.workers import Progress

WhichFaces = Literal["largest", "all"]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Which frames are looked at, and which faces count.

    Attributes:
        sampling: Which frames are looked at.
        tracking: When faces of successive frames are the same person.
        faces: Whether only the largest face of a frame counts, or all.
        profile: Whether faces turned aside are followed, which takes three times as long; they only
            continue a face that was seen from the front.
    """

    sampling: SamplingOptions = SamplingOptions()
    tracking: TrackingOptions = TrackingOptions()
    faces: WhichFaces = "all"
    profile: bool = False


def search_faces(
    video: Video,
    detector: FaceDetector,
    options: SearchOptions,
    progress: Progress,
    wanted: Callable[[Frame | LostFrame], bool] = lambda _: True,
) -> Iterator[TrackedFrame]:
    """Look for the faces in a video.

    Args:
        video: The open video; it is read to its end.
        detector: What finds faces in one frame.
        options: Which frames are looked at, and which faces count.
        progress: Called for every frame read.
        wanted: Frames that are not are left out before anything is looked for in them.

    Yields:
        The frames looked at, in order, with their faces.
    """

    def frames() -> Iterator[Frame | LostFrame]:
        for frame in video.frames():
            progress(1)
            yield frame

    looked_at = (frame for frame in sample(frames(), options.sampling) if wanted(frame))
    interval = options.sampling.interval(video.info.rate)
    for tracked in find_faces(looked_at, detector, interval, options.tracking):
        faces = tracked.faces if options.faces == "all" else largest(tracked.faces)
        yield replace(tracked, faces=faces)


def largest(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """Return the face with the largest box, alone; of equal ones the one with the lower number."""
    return tuple(sorted(faces, key=lambda face: (-face.box.area, face.track))[:1])
