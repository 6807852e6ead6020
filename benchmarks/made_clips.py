"""Clips to measure with: the sample session, in other sizes and lengths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

SAMPLES = Path(__file__).resolve().parent.parent / "sample_videos"
CLIP = SAMPLES / "sessions" / "session.mp4"
PARTICIPANTS = SAMPLES / "participants"

# Not every build of FFmpeg has x264.
ENCODER = "libx264" if "libx264" in av.codecs_available else "mpeg4"


@dataclass(frozen=True, slots=True)
class Size:
    """A picture size in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


def size_of(clip: Path) -> Size:
    """Return the size of a clip's pictures, rounded down to what encoders take: even numbers."""
    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        return Size(video.width // 2 * 2, video.height // 2 * 2)


def resized(clip: Path, target: Path, size: Size, seconds: float) -> Path:
    """Encode the beginning of a clip again, enlarged to fill a size; what sticks out is cut off.

    Args:
        clip: A clip.
        target: Where the new one goes, with the suffix of its container.
        size: Its size.
        seconds: So much of the beginning.
    """
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        encoded = out.add_stream(ENCODER, rate=video.average_rate)
        encoded.width, encoded.height, encoded.pix_fmt = size.width, size.height, "yuv420p"
        encoded.time_base = video.time_base
        fill = _filling(video, size)
        for frame in source.decode(video):
            if frame.time - (video.start_time or 0) * video.time_base >= seconds:
                break
            fill.push(frame)
            enlarged = fill.pull()
            enlarged.pict_type = av.video.frame.PictureType.NONE
            out.mux(encoded.encode(enlarged))
        out.mux(encoded.encode(None))
    return target


def _filling(video: av.VideoStream, size: Size) -> av.filter.Graph:
    graph = av.filter.Graph()
    box = f"{size.width}:{size.height}"
    graph.link_nodes(
        graph.add_buffer(template=video, time_base=video.time_base),
        graph.add("scale", f"{box}:force_original_aspect_ratio=increase"),
        graph.add("crop", box),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ).configure()
    return graph


def repeated(clip: Path, target: Path, seconds: float) -> Path:
    """Write a clip over and over into one file, so many seconds, without encoding it again."""
    with av.open(str(target), "w") as out:
        stream = None
        shift = 0
        while True:
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += video.duration
                if shift * video.time_base >= seconds:
                    return target
