"""Small real videos with known truth, made with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from fer_pipeline.domain import Pixels

SAMPLES = Path(__file__).parent.parent / "sample_videos"
PARTICIPANTS = SAMPLES / "participants"
SEGMENTS = PARTICIPANTS / "segments.csv"
SESSION = SAMPLES / "sessions" / "session.mp4"
TURNING_HEAD = Path(__file__).parent / "data" / "turning_head.mp4"
TWO_PEOPLE = SAMPLES / "sessions" / "two_people.mp4"

SAMPLE_FPS = 25
"""Frames a second of all sample videos."""

MILLISECOND = Fraction(1, 1000)


class Picture(Pixels):
    """A picture as a video frame would have it."""

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb

    def luma(self) -> np.ndarray:
        return cv2.cvtColor(self._rgb, cv2.COLOR_RGB2GRAY)

    def rgb(self) -> np.ndarray:
        return self._rgb


def pictures_of(path: Path, count: int) -> list[np.ndarray]:
    """Decode the first pictures of a video as RGB."""
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), count)
        return [frame.to_ndarray(format="rgb24") for frame in frames]


def noise(count: int, size: tuple[int, int] = (160, 120)) -> list[np.ndarray]:
    """Make pictures of noise, in which no face is found."""
    rng = np.random.default_rng(0)
    shape = (size[1], size[0], 3)
    return [rng.integers(0, 255, shape, dtype=np.uint8) for _ in range(count)]


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    times: Sequence[float] | None = None,
    *,
    codec: str = "libx264",
    rate: int = 25,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    pixels: str = "yuv420p",
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: Its suffix tells the container.
        pictures: RGB.
        times: Presentation times in seconds, to the millisecond; None for a constant rate.
        codec: An encoder of FFmpeg.
        rate: Nominal frames a second.
        options: Of the encoder, such as ``{"bf": "0", "g": "10"}``.
        rotation: Degrees written as rotation metadata, counterclockwise.
        pixels: Pixel format of the encoder.
        container_options: Of the muxer, such as ``{"movflags": "faststart"}``.
    """
    pictures = list(pictures)
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.options = options or {}
        if times is not None:
            stream.codec_context.time_base = MILLISECOND
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is None:
                frame.pts, frame.time_base = index, Fraction(1, rate)
            else:
                frame.pts, frame.time_base = round(times[index] * 1000), MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """Write a file that holds nothing but sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        samples = np.zeros((1, 1024), np.float32)
        for index in range(round(seconds * 48000 / 1024)):
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, index * 1024
            frame.time_base = Fraction(1, 48000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def punch_hole(path: Path, start: float, end: float) -> Path:
    """Zero the bytes of a file between two shares of its length, as a broken disk would."""
    data = bytearray(path.read_bytes())
    first, last = round(start * len(data)), round(end * len(data))
    data[first:last] = bytes(last - first)
    path.write_bytes(data)
    return path


def cut_short(path: Path, share: float) -> Path:
    """Keep only the first bytes of a file, as an interrupted copy would."""
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    return path
