"""What a container claims about its video, and what came out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

# Matroska and others round their timestamps to the millisecond.
_ROUNDING_SECONDS = 0.0021


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a container claims about its video, before anything is decoded.

    Attributes:
        path: The file.
        container: Name of the container format, as FFmpeg calls it.
        codec: Name of the video codec.
        width: Width of the picture as coded, before any rotation, in pixels.
        height: Height of the picture as coded, before any rotation, in pixels.
        rate: Nominal frames per second; 25 where nothing is claimed.
        frames: Claimed number of frames, 0 if nothing is claimed.
        duration: Claimed duration in seconds, or None.
        start: Time stamp, in seconds, of the container's start: the earliest of all its streams.
        audio: Whether there is a sound track.
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    rate: float
    frames: int
    duration: float | None
    start: float
    audio: bool

    @property
    def expected_frames(self) -> int:
        """The claimed or, failing that, the estimated number of frames; 0 if unknown."""
        return self.frames or round((self.duration or 0) * self.rate)


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """What the packets of a video say, without being decoded.

    Attributes:
        times: Presentation times in seconds from the container's start, ascending.
        key_frames: Packets that can be decoded without others.
        unstamped: Packets without a time.
    """

    times: tuple[float, ...]
    key_frames: int
    unstamped: int

    @property
    def steps(self) -> tuple[float, ...]:
        """Seconds from each frame to the next, ascending."""
        return tuple(sorted(later - earlier for earlier, later in pairwise(self.times)))

    @property
    def constant_rate(self) -> bool:
        """Whether the frames are equally far apart, but for the rounding of their stamps."""
        return not self.steps or self.steps[-1] - self.steps[0] <= _ROUNDING_SECONDS


@dataclass
class ReadReport:
    """What came out of a video; it grows while the video is read.

    Attributes:
        decoded: Frames that decoded.
        passed: Frames that were not decoded, since nobody wanted to see them.
        lost: Frames that should have been there and did not decode.
        errors: Errors that the demuxer and the decoder reported.
        last_time: Time, in seconds, of the last frame that decoded or was passed over; None before
            the first.
        ended_early: Whether the video is clearly shorter than its container claims.
        warnings: What a user should know, one line each.
    """

    decoded: int = 0
    passed: int = 0
    lost: int = 0
    errors: int = 0
    last_time: float | None = None
    ended_early: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Frames that decoded or were passed over."""
        return self.decoded + self.passed

    @property
    def rows(self) -> int:
        """Frames that were read and frames that were lost."""
        return self.read + self.lost

    @property
    def damaged(self) -> bool:
        """Whether part of the video could not be read; a claim that was off is no damage."""
        return bool(self.lost or self.errors or self.ended_early)
