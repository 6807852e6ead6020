"""The sound of a source, carried over at its own time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from fer_pipeline.overlay.encoding import Format
from fer_pipeline.video.reading import only_this_file

if TYPE_CHECKING:
    from av import Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

# Containers that tell with their sound all that another one needs to hold the same packets.
_COPIED_FROM = frozenset({"mov", "mp4", "matroska", "webm"})

_BITS_A_SECOND = 160_000

# Rates that the encoder of Opus takes; it has no other.
_OPUS_RATE = 48_000


@contextmanager
def open_beside(path: Path) -> Iterator[InputContainer]:
    """Open a video, which is being decoded, once more, for what it has beside its pictures."""
    import av

    container = av.open(f"file:{path}", options=only_this_file(), metadata_errors="replace")
    with container:
        yield container


def pixel_shape(container: InputContainer) -> Fraction:
    """Return how much wider than high the pixels of a video are, as coded."""
    shapes = [stream.sample_aspect_ratio for stream in container.streams.video]
    return Fraction(shapes[0]) if shapes and shapes[0] else Fraction(1)


class Sound:
    """All sound tracks of a source on their way into another file.

    Args:
        source: Where they come from.
        container: Where they go, before anything was written to it.
        kind: What it takes.
        start: Of the source, in seconds: what counts as 0.
        copy: Whether packets may be copied as they are; else all are decoded and encoded anew.
    """

    def __init__(
        self,
        source: InputContainer,
        container: OutputContainer,
        kind: Format,
        start: float,
        *,
        copy: bool,
    ) -> None:
        known = not _COPIED_FROM.isdisjoint(source.format.name.split(","))
        self._tracks: dict[int, _Track] = {}
        for stream in cast("Sequence[Any]", source.streams.audio):
            if stream.codec_context is None:
                continue  # nothing can be made of it
            as_it_is = copy and known and stream.codec_context.name in kind.copied
            track = _Copied if as_it_is else _Encoded
            self._tracks[stream.index] = track(stream, container, kind, start)
        self._packets = self._read(source) if self._tracks else iter(())
        self._time = float("-inf")

    @property
    def tracks(self) -> int:
        """How many there are."""
        return len(self._tracks)

    def write_until(self, time: float) -> None:
        """Write what is heard before ``time``, in seconds from the container's start."""
        while self._time < time:
            packet = next(self._packets, None)
            if packet is None:
                self._time = float("inf")
                return
            track = self._tracks[packet.stream_index]
            self._time = max(self._time, track.write(packet))

    def finish(self) -> None:
        """Write the rest."""
        self.write_until(float("inf"))
        for track in self._tracks.values():
            track.finish()

    def _read(self, source: InputContainer) -> Iterator[Packet[Any]]:
        """Yield the packets of all tracks; damage ends or thins them out."""
        from av.error import FFmpegError

        failures = 0
        while failures < 100:
            try:
                for packet in source.demux(source.streams.audio):
                    if packet.stream_index in self._tracks and packet.size:
                        yield packet
                return
            except IndexError:
                return
            except FFmpegError:
                failures += 1


class _Track(Protocol):
    """One sound track."""

    def write(self, packet: Packet[Any]) -> float:
        """Write a packet of the source; return its time in seconds."""
        ...

    def finish(self) -> None:
        """Write what is left."""
        ...


class _Copied:
    """A track whose packets are taken over as they are."""

    def __init__(
        self, stream: AudioStream, container: OutputContainer, _: Format, start: float
    ) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(stream)
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        self._shift = round(Fraction(start) / self._unit)
        self._last: int | None = None

    def write(self, packet: Packet[Any]) -> float:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.pts is None:
            return float("-inf")
        stamp -= self._shift
        if self._last is None or stamp > self._last:  # muxers take no packet out of order
            packet.pts, packet.dts = packet.pts - self._shift, stamp
            packet.stream = self._stream
            self._container.mux(packet)
            self._last = stamp
        return float(stamp * self._unit)

    def finish(self) -> None:
        pass


class _Encoded:
    """A track that is decoded and encoded anew; of the source's bytes none is left."""

    def __init__(
        self, stream: AudioStream, container: OutputContainer, kind: Format, start: float
    ) -> None:
        from av import AudioResampler

        self._container = container
        rate = _OPUS_RATE if kind.sound == "libopus" else stream.codec_context.sample_rate
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._stream: Any = container.add_stream(kind.sound, rate=rate, layout=layout)
        self._stream.codec_context.bit_rate = _BITS_A_SECOND
        self._resampler = AudioResampler("flt" if kind.sound == "libopus" else "fltp", layout, rate)
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        self._start = start
        self._rate = rate
        self._next: int | None = None

    def write(self, packet: Packet[Any]) -> float:
        from av.error import FFmpegError

        try:
            frames: Sequence[Any] = packet.decode()
        except FFmpegError:
            frames = ()
        for frame in frames:
            time = None if frame.pts is None else float(frame.pts * frame.time_base) - self._start
            frame.pts = None
            for part in self._resampler.resample(frame):
                self._encode(part, time)
        stamp = packet.pts if packet.pts is not None else packet.dts
        return float("-inf") if stamp is None else float(stamp * self._unit) - self._start

    def finish(self) -> None:
        for part in self._resampler.resample(None):
            self._encode(part, None)
        self._container.mux(self._stream.encode(None))

    def _encode(self, frame: Any, time: float | None) -> None:
        """Encode samples, after silence where the source has none."""
        if self._next is None:
            self._next = round((time or 0.0) * self._rate)
        elif time is not None:
            self._be_silent_until(round(time * self._rate))
        frame.pts, frame.time_base = self._next, Fraction(1, self._rate)
        self._next += frame.samples
        self._container.mux(self._stream.encode(frame))

    def _be_silent_until(self, stamp: int) -> None:
        from av import AudioFrame

        assert self._next is not None
        # Less is the rounding of timestamps, which a listener does not hear.
        while stamp - self._next > self._rate // 20:
            samples = min(stamp - self._next, self._rate)
            codec = self._stream.codec_context
            silence = AudioFrame(codec.format.name, codec.layout.name, samples)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate = self._rate
            silence.pts, silence.time_base = self._next, Fraction(1, self._rate)
            self._next += samples
            self._container.mux(self._stream.encode(silence))
