"""Videos to write, and all that comes out of them when they are read."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fer_pipeline.domain import Frame, LostFrame
from fer_pipeline.video import ReadReport, VideoInfo, open_video
from tests.media import noise

RATE = 25
MILLISECOND = 1e-3
SMALL = (66, 50)  # no multiple of 16: planes are padded
H264 = {"bf": "3", "g": "10", "x264-params": "b-adapt=0:scenecut=0"}
H265 = {"x265-params": "log-level=none:keyint=10:bframes=3:b-adapt=0"}
VP9 = {"deadline": "realtime", "cpu-used": "8", "g": "10"}

# Each container of the promise; but for avi and webm, with frames not decoded in their order.
KINDS = [
    ("clip.mp4", "libx264", H264),
    ("clip.mp4", "libx265", H265),
    ("clip.mp4", "mpeg4", {"g": "10", "bf": "2"}),
    ("clip.mov", "libx264", H264),
    ("clip.avi", "mpeg4", {"g": "10"}),
    ("clip.mkv", "libx264", H264),
    ("clip.webm", "libvpx-vp9", VP9),
]
kinds = pytest.mark.parametrize(
    ("name", "codec", "options"), KINDS, ids=[f"{codec} in {name[5:]}" for name, codec, _ in KINDS]
)


class Reading(NamedTuple):
    """All that came out of a file."""

    rows: list[Frame | LostFrame]
    report: ReadReport
    info: VideoInfo

    @property
    def times(self) -> list[float]:
        return [row.time for row in self.rows]

    @property
    def lost(self) -> list[int]:
        return [row.index for row in self.rows if isinstance(row, LostFrame)]


def read(path: Path) -> Reading:
    """Read a video to its end; its rows must be numbered from 0 and go on in time."""
    with open_video(path) as video:
        rows = list(video.frames())
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(a.time < b.time for a, b in itertools.pairwise(rows))
    assert video.report.rows == len(rows)
    return Reading(rows, video.report, video.info)


def constant(frames: int, start: float = 0.0) -> list[float]:
    """Times of frames at the nominal rate."""
    return [start + index / RATE for index in range(frames)]


def marked(frames: int) -> list[np.ndarray]:
    """Pictures that can be told apart, by a bright column that moves, and cost some bytes."""
    pictures = [picture // 2 for picture in noise(frames, SMALL)]
    for index, picture in enumerate(pictures):
        picture[:, index % SMALL[0]] = 255
    return pictures
