"""From an open video to frames with tracked faces: the way that extraction and annotation share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Literal

from fer_pipeline.ahead import ahead
from fer_pipeline.domain import Face, Frame, LostFrame
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import Aside, DetectionMode, FaceFollower, later
from fer_pipeline.sampling import SamplingOptions, sample
from fer_pipeline.tracking import Row, TrackedFrame, TrackingOptions
from fer_pipeline.video import Video
from fer_pipeline.workers import Progress

# Decoded frames that may wait: of the largest films so many take a hundred megabytes.
_FRAMES_AHEAD = 8

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
        detect: Which of the frames looked at are searched, and for which faces.
    """

    sampling: SamplingOptions = SamplingOptions()
    tracking: TrackingOptions = TrackingOptions()
    faces: WhichFaces = "all"
    profile: bool = False
    detect: DetectionMode = "sparse"


def search_faces(
    video: Video,
    detector: FaceDetector,
    options: SearchOptions,
    progress: Progress,
    wanted: Callable[[Frame | LostFrame], bool] = lambda _: True,
    *,
    overlap: bool = False,
) -> Iterator[TrackedFrame]:
    """Look for the faces in a video.

    Args:
        video: The open video; it is read to its end.
        detector: What finds faces in one frame.
        options: Which frames are looked at, and which faces count.
        progress: Called for every frame read.
        wanted: Frames that are not are left out before anything is looked for in them.
        overlap: Use threads, so that decoding and searching overlap; the result is the same.

    Yields:
        The frames looked at, in order, with their faces.
    """
    with ExitStack() as stack:
        read: Iterator[Row] = video.frames()
        aside: Aside = later
        if overlap:
            read = stack.enter_context(closing(ahead(read, _FRAMES_AHEAD)))
            aside = _in_a_thread(stack.enter_context(ThreadPoolExecutor(1)))
        looked_at = filter(wanted, sample(_counted(read, progress), options.sampling))
        interval = options.sampling.interval(video.info.rate)
        follower = FaceFollower(detector, interval, options.tracking, options.detect, aside)
        for tracked in follower.follow(looked_at):
            faces = tracked.faces if options.faces == "all" else largest(tracked.faces)
            yield replace(tracked, faces=faces)


def _counted(frames: Iterable[Row], progress: Progress) -> Iterator[Row]:
    for frame in frames:
        progress(1)
        yield frame


def _in_a_thread(pool: ThreadPoolExecutor) -> Aside:
    return lambda search: pool.submit(search).result


def largest(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """Return the face with the largest box, alone; of equal ones the one with the lower number."""
    return tuple(sorted(faces, key=lambda face: (-face.box.area, face.track))[:1])
