"""From an open video to frames with tracked faces: the way that extraction and annotation share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Literal

from fer_pipeline.ahead import ahead
from fer_pipeline.domain import Face, Frame, LostFrame, PassedFrame
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import Aside, DetectionMode, FaceFollower, later
from fer_pipeline.sampling import Sampler, SamplingOptions, sample
from fer_pipeline.tracking import TrackedFrame, TrackingOptions
from fer_pipeline.video import Choice, Video
from fer_pipeline.workers import Progress

# Decoded frames that may wait: of the largest films so many take a hundred megabytes.
_FRAMES_AHEAD = 8

# Stages overlap only where a video has two cores at least.
_SEARCHING_THREADS = 2

# Searches that are begun before their turn, so that no thread waits for another one.
_SEARCHES_AHEAD = 2 * _SEARCHING_THREADS

_Read = Frame | LostFrame | PassedFrame

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
    wanted: Choice | None = None,
    *,
    overlap: bool = False,
) -> Iterator[TrackedFrame]:
    """Look for the faces in a video.

    Args:
        video: The open video; it is read to its end.
        detector: What finds faces in one frame.
        options: Which frames are looked at, and which faces count.
        progress: Called for every frame read.
        wanted: Tells it of a frame by its number and its time; others are left out before anything
            is looked for in them. None if all are.
        overlap: Use threads, so that decoding and searching overlap; the result is the same.

    Yields:
        The frames looked at, in order, with their faces.
    """
    with ExitStack() as stack:
        read: Iterator[_Read] = video.frames(_choices(options.sampling, wanted))
        aside: Aside = later
        if overlap:
            read = stack.enter_context(closing(ahead(read, _FRAMES_AHEAD)))
            aside = _in_threads(stack.enter_context(ThreadPoolExecutor(_SEARCHING_THREADS)))
        sampled = sample(_counted(read, progress), options.sampling)
        looked_at = (row for row in sampled if wanted is None or wanted(row.index, row.time))
        interval = options.sampling.interval(video.info.rate)
        follower = FaceFollower(
            detector,
            interval,
            options.tracking,
            options.detect,
            aside,
            searches_ahead=_SEARCHES_AHEAD if overlap else 0,
        )
        for tracked in follower.follow(looked_at):
            faces = tracked.faces if options.faces == "all" else largest(tracked.faces)
            yield replace(tracked, faces=faces)


def _choices(sampling: SamplingOptions, wanted: Choice | None) -> Callable[[], Choice] | None:
    """Return what makes the choice of the frames to decode; None if that is all."""
    if wanted is None:
        return None if sampling.takes_all else lambda: Sampler(sampling).takes

    def both() -> Choice:
        sampler = Sampler(sampling)
        return lambda index, time: sampler.takes(index, time) and wanted(index, time)

    return both


def _counted(frames: Iterable[_Read], progress: Progress) -> Iterator[_Read]:
    for frame in frames:
        progress(1)
        yield frame


def _in_threads(pool: ThreadPoolExecutor) -> Aside:
    return lambda search: pool.submit(search).result


def largest(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """Return the face with the largest box, alone; of equal ones the one with the lower number."""
    return tuple(sorted(faces, key=lambda face: (-face.box.area, face.track))[:1])
