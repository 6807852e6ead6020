"""Pictures → a video file, each at its own time, without a word about where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fer_pipeline import __version__
from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.files import replacing
from fer_pipeline.overlay.canvas import Canvas
from fer_pipeline.overlay.pictures import PictureShape, as_picture

if TYPE_CHECKING:
    from av.container import OutputContainer

# Times of frames are kept at least as exactly as this, in seconds.
_FINEST_STEP = Fraction(1, 10_000)

_KEY_FRAME_SECONDS = 2

_TITLE = "emotion timeline in a video, by fer"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of video file.

    Attributes:
        muxer: What writes it, as FFmpeg calls it.
        video: Encoders, the best first; the first one that the installed FFmpeg has is used.
        sound: Encoder of sound that cannot be copied.
        copied: Codecs of sound that it takes as they are and that browsers play.
    """

    muxer: str
    video: tuple[str, ...]
    sound: str
    copied: frozenset[str]


_H264 = ("libx264", "libopenh264", "libvpx-vp9")
_IN_MP4 = frozenset({"aac", "mp3", "opus", "flac"})

FORMATS = MappingProxyType(
    {
        ".mp4": Format("mp4", _H264, "aac", _IN_MP4),
        ".m4v": Format("mp4", _H264, "aac", _IN_MP4),
        ".mov": Format("mov", _H264, "aac", frozenset({"aac", "mp3"})),
        ".mkv": Format("matroska", _H264, "aac", _IN_MP4 | {"vorbis"}),
        ".webm": Format("webm", ("libvpx-vp9",), "libopus", frozenset({"opus", "vorbis"})),
    }
)
"""By suffix."""

# Fast enough for two cores, in a quality in which text stays sharp.
_ENCODER_OPTIONS = MappingProxyType(
    {
        # With its macroblock tree, the same pictures give other bytes in every run.
        "libx264": {"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0"},
        "libopenh264": {"rc_mode": "quality"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "7", "row-mt": "1", "crf": "30"},
    }
)


def format_of(path: Path) -> Format:
    """Tell the kind of video file from a suffix.

    Raises:
        UsageError: It is none that is written.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        known = " ".join(FORMATS)
        raise UsageError(f"{path}: videos are written as {known}") from None


def is_overlay(path: Path) -> bool:
    """Return whether an existing file is a video that we wrote."""
    import av

    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            return _TITLE in container.metadata.values()
    except (av.error.FFmpegError, OSError):
        return False


class VideoWriter:
    """Writes the pictures of one video.

    Args:
        container: Where they go; streams may be added until the first picture is written.
        encoder: What encodes them.
        shape: What the pictures are.
    """

    def __init__(
        self,
        container: OutputContainer,
        encoder: str,
        shape: PictureShape,
    ) -> None:
        self._container = container
        self._step = _step(shape.unit)
        self._last = -1
        self._duration = max(1, round(1 / shape.rate / self._step))
        stream: Any = container.add_stream(
            encoder,
            rate=Fraction(shape.rate).limit_denominator(1001),
            options=_options(encoder, shape.rate),
        )
        context = stream.codec_context
        context.width, context.height = shape.size
        context.pix_fmt = "yuv420p"
        context.time_base = stream.time_base = self._step
        context.sample_aspect_ratio = shape.pixel
        context.colorspace, context.color_range = shape.matrix, 2 if shape.full else 1
        context.color_primaries, context.color_trc = shape.primaries, shape.transfer
        self._colours = context.colorspace, context.color_range
        self._stream = stream

    def write(self, canvas: Canvas, time: float) -> None:
        """Write a picture that is shown from ``time`` on, in seconds from the container's start."""
        picture = as_picture(canvas)
        # Two frames may share a time; a file has one each.
        self._last = max(self._last + 1, round(time / self._step))
        picture.pts, picture.time_base = self._last, self._step
        picture.duration = self._duration
        picture.colorspace, picture.color_range = self._colours
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode())


@contextmanager
def writing_video(path: Path) -> Iterator[OutputContainer]:
    """Open a video file for writing, which takes its name when it is complete.

    Raises:
        UsageError: It is no kind of video that is written.
        OutputError: It cannot be written.
    """
    import av

    kind = format_of(path)
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with replacing(path) as unfinished:
        try:
            container: Any = av.open(
                f"file:{unfinished}", "w", format=kind.muxer, container_options=options
            )
            with closing(container):
                container.metadata["comment"] = _TITLE
                container.metadata["encoder"] = f"fer-pipeline {__version__}"
                yield container
        except av.error.FFmpegError as error:
            problem = f"{path}: cannot be written ({error.strerror})"
            raise OutputError(problem, "see whether there is room on the disk") from error


def encoder_for(path: Path) -> str:
    """Return the best encoder that there is for the kind of a file.

    Raises:
        OutputError: There is none.
    """
    from av.codec import codecs_available

    wanted = format_of(path).video
    for name in wanted:
        if name in codecs_available:
            return name
    problem = f"{path}: this PyAV has no encoder for it ({', '.join(wanted)})"
    raise OutputError(problem, "give a name with .webm, or install PyAV's own wheel")


def _options(encoder: str, rate: float) -> dict[str, str]:
    return {**_ENCODER_OPTIONS[encoder], "g": str(max(1, round(rate * _KEY_FRAME_SECONDS)))}


def _step(unit: Fraction) -> Fraction:
    """Return the source's unit of time, or a part of it: so all its times can be told exactly."""
    return unit / max(1, -(-unit // _FINEST_STEP))
