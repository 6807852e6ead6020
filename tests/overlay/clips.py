"""Clips and rows for videos with their timeline drawn in, and how such videos are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fer_pipeline.domain import Box, Status
from fer_pipeline.overlay import (
    OverlayOptions,
    OverlayReport,
    write_overlay,
)
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video

FACE = Box(40, 30, 40, 40)

EMOTIONS = ("neutral", "happiness", "anger")

SHOWN = OverlayOptions()
COVERED = OverlayOptions(picture="covered")
BLANK = OverlayOptions(picture="blank")


def face_row(frame: int, time: float, face: int, box: Box) -> TimelineRow:
    shares = (0.2, 0.7, 0.1) if face == 0 else (0.1, 0.3, 0.6)
    return TimelineRow("clip.mp4", frame, time, Status.OK, face, box, 1.0, shares)


def no_face(frame: int, time: float) -> TimelineRow:
    return TimelineRow("clip.mp4", frame, time, Status.NO_FACE)


def rows_at(times: Sequence[float], box: Box = FACE) -> list[TimelineRow]:
    return [face_row(number, time, 0, box) for number, time in enumerate(times)]


def written(
    path: Path,
    clip: Path,
    rows: Sequence[TimelineRow],
    options: OverlayOptions = SHOWN,
    progress: Callable[[int], None] = lambda _: None,
) -> OverlayReport:
    return write_overlay(path, clip, lambda: rows, EMOTIONS, options, progress)


def times_of(path: Path) -> list[float]:
    """Return the times of all frames, from the container's start."""
    with open_video(path) as video:
        return [frame.time for frame in video.frames()]


def codecs_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.codec_context.name for stream in container.streams]


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [
            (round(float(packet.pts * packet.time_base), 3), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def with_sound(path: Path, clip: Path, *, late: float = 0.0, codec: str = "aac") -> Path:
    """Put a tone to a clip, whose picture then begins later than the sound."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        picture = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream(codec, rate=48000, layout="mono")
        sound.codec_context.format = "fltp"
        shift = round(late / source.streams.video[0].time_base)
        packets = [one for one in source.demux(source.streams.video[0]) if one.size]
        for packet in packets:
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = picture
            container.mux(packet)
        length = float(source.duration / 1_000_000) + late
        for number in range(round(length * 48000 / 1024)):
            angles = (np.arange(1024) + 1024 * number) * (2 * np.pi * 440 / 48000)
            samples = (0.3 * np.sin(angles)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 1024 * number
            frame.time_base = Fraction(1, 48000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def without_sound_between(path: Path, clip: Path, start: float, end: float) -> Path:
    """Copy a clip without the packets of its sound between two times."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        copies = [container.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            missing = packet.stream.type == "audio" and packet.size
            if packet.size and not (missing and start <= packet.pts * packet.time_base < end):
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    return path
