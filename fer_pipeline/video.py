"""The only decoder: from a path to frames with true media time.

Packets are decoded one by one, because that goes on after a damaged packet, and times come from the
presentation timestamps, because ``index / rate`` is wrong on every clip of variable rate.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import Frame, LostFrame, UInt8Array
from fer_pipeline.errors import VideoError

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"}
    | {".ts", ".mts", ".m2ts", ".3gp", ".ogv"}
)

MOST_LOST_IN_A_GAP = 1000
"""Beyond this a single row stands for the gap: a broken timestamp must not fill a disk."""

EARLY_END_SECONDS = 1.0
"""A video may end this much before its claimed duration without a warning."""

# Broken files can make the demuxer fail again and again without moving on.
_MOST_DEMUXER_ERRORS = 100

# Decoders put pictures out in order, but for the few around a damaged place.
_PICTURES_HELD = 6

# A jump back by less is a late picture, by more a recording joined to another.
_TIME_RESET_SECONDS = 1.0

# Planes whose first plane is 8-bit brightness: no conversion is needed to see a face.
_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}
)

# A sample table lists every frame, so that a frame which does not decode is known to be missing.
_FORMATS_WITH_SAMPLE_TABLE = frozenset({"mov", "mp4"})

# In these, packets follow each other closely: but for heads of up to some 80 bytes.
_FORMATS_WITHOUT_SPACE = frozenset({"matroska", "webm", "flv"})
_MOST_BYTES_BETWEEN_PACKETS = 256

_AVI_CHUNK_HEAD = 8

# The smallest step that tables show, for pictures that share a timestamp.
_SMALLEST_STEP = 1e-6

# Demuxers of still pictures; what they open is no video.
_STILL_FORMATS = ("image2", "_pipe")

# Demuxers that draw a text, of whatever kind, as the picture of an old terminal.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})


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


@dataclass
class ReadReport:
    """What came out of a video; it grows while the video is read.

    Attributes:
        decoded: Frames that decoded.
        lost: Frames that should have been there and did not decode.
        errors: Errors that the demuxer and the decoder reported.
        last_time: Time, in seconds, of the last frame that decoded; None before the first.
        ended_early: Whether the video is clearly shorter than its container claims.
        warnings: What a user should know, one line each.
    """

    decoded: int = 0
    lost: int = 0
    errors: int = 0
    last_time: float | None = None
    ended_early: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Frames that decoded and frames that were lost."""
        return self.decoded + self.lost

    @property
    def damaged(self) -> bool:
        """Whether part of the video could not be read; a claim that was off is no damage."""
        return bool(self.lost or self.errors or self.ended_early)


@dataclass(frozen=True, eq=False)
class _DecodedPixels:
    """A decoder's picture, turned upright when it is converted."""

    picture: VideoFrame

    def luma(self) -> UInt8Array:
        if self.picture.format.name in _LUMA_FIRST:
            plane = self.picture.planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            return self._upright(rows[: self.picture.height, : self.picture.width])
        return self._upright(self.picture.to_ndarray(format="gray"))

    def rgb(self) -> UInt8Array:
        return self._upright(self.picture.to_ndarray(format="rgb24"))

    def _upright(self, pixels: NDArray[Any]) -> UInt8Array:
        quarter_turns = round(self.picture.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, quarter_turns))


class Video:
    """An open video. `frames` reads it once, from its beginning to its end."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._start = _earliest_start(container)
        self._time_base = stream.time_base or Fraction(1, 1000)
        self.info = _describe(path, container, stream, self._start)
        self.report = ReadReport()

    def frames(self) -> Iterator[Frame | LostFrame]:
        """Yield every frame in the order of presentation, lost ones in their places.

        Yields:
            `Frame` for a picture; `LostFrame` where the source should have held one, as told by
            its sample table or by a gap in the timestamps that follows a decoding error.
        """
        self.report = ReadReport()
        for row in self._rows():
            if isinstance(row, LostFrame):
                self.report.lost += 1
            else:
                self.report.decoded += 1
                self.report.last_time = row.time
            yield row
        self._compare_with_claims()

    def _rows(self) -> Iterator[Frame | LostFrame]:
        listed = _SampleTable(self._stream, self._container.format.name)
        timeline = _Timeline(1 / self.info.rate, self.report, all_listed=listed.complete)
        reset = round(_TIME_RESET_SECONDS / self._time_base)
        for stamp, picture in _in_order(self._pictures(timeline, listed), reset):
            if stamp is None:
                yield from timeline.show(None, _DecodedPixels(picture))
                continue
            lost = listed.passed_by(stamp)
            yield from timeline.lose([self._seconds(earlier) for earlier in lost])
            yield from timeline.show(self._seconds(stamp), _DecodedPixels(picture))
        yield from timeline.lose([self._seconds(stamp) for stamp in listed.rest()])

    def _pictures(
        self, timeline: _Timeline, listed: _SampleTable
    ) -> Iterator[tuple[int | None, VideoFrame]]:
        """Yield pictures with their stamps as the decoder puts them out."""
        errors_before = 0
        for packet in self._packets():
            listed.add(packet)
            for picture in self._decode(packet):
                yield (picture.pts if picture.pts is not None else picture.dts), picture
            if self.report.errors > errors_before:
                errors_before = self.report.errors
                timeline.damaged_until(None if packet.pts is None else self._seconds(packet.pts))

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield packets, going on after errors of the demuxer; the last one, empty, flushes."""
        from av.error import FFmpegError

        holes = _Holes(self._stream, self._container.format.name)
        for _ in range(_MOST_DEMUXER_ERRORS):
            try:
                for packet in self._container.demux():
                    if holes.before(packet):
                        self.report.errors += 1
                    if packet.stream_index == self._stream.index:
                        yield cast("Packet[VideoStream]", packet)
                return
            except IndexError:
                return  # a stream that appeared midway cannot be flushed by PyAV; ours has been
            except FFmpegError as error:
                self.report.errors += 1
                self._warn_once(f"the container is damaged: {_reason(error)}")
        self._warn_once("gave up reading after too many errors of the container")

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        from av.error import FFmpegError

        try:
            return list(packet.decode())
        except FFmpegError:
            self.report.errors += 1
            return []

    def _warn_once(self, warning: str) -> None:
        if warning not in self.report.warnings:
            self.report.warnings.append(warning)

    def _seconds(self, stamp: int) -> float:
        return float(stamp * self._time_base - self._start)

    def _compare_with_claims(self) -> None:
        """Say in words what a user should know about the difference between claim and outcome."""
        info, report = self.info, self.report
        if report.errors:
            errors = _counted(report.errors, "decoding error")
            self._warn_once(f"{errors}, {_counted(report.lost, 'frame')} lost")
        elif report.lost:
            self._warn_once(f"{_counted(report.lost, 'frame')} listed by the file did not decode")
        end = 0.0 if report.last_time is None else report.last_time + 1 / info.rate
        if not report.rows:
            report.ended_early = True
            self._warn_once("holds no frame that can be read")
        elif info.duration is not None and info.duration - end > EARLY_END_SECONDS:
            report.ended_early = True
            self._warn_once(f"ends at {end:.2f} s although {info.duration:.2f} s are claimed")
        elif 0 < report.rows < info.frames:
            held = _counted(report.rows, "frame")
            self._warn_once(f"holds {held} although {info.frames} are claimed")


def _in_order(
    pictures: Iterator[tuple[int | None, VideoFrame]], reset: int
) -> Iterator[tuple[int | None, VideoFrame]]:
    """Sort pictures by their stamps: after damage, decoders put some out too late.

    Args:
        pictures: With their stamps, or None where the file has none.
        reset: A jump back by more stamps than this begins another recording.
    """
    waiting: list[tuple[int, int, VideoFrame]] = []
    for order, (stamp, picture) in enumerate(pictures):
        if stamp is None or (waiting and waiting[0][0] - stamp > reset):
            yield from ((earlier, held) for earlier, _, held in sorted(waiting, key=_stamp_order))
            waiting.clear()
        if stamp is None:
            yield None, picture
            continue
        heapq.heappush(waiting, (stamp, order, picture))
        if len(waiting) > _PICTURES_HELD:
            earliest, _, held = heapq.heappop(waiting)
            yield earliest, held
    yield from ((stamp, picture) for stamp, _, picture in sorted(waiting, key=_stamp_order))


def _stamp_order(waiting: tuple[int, int, VideoFrame]) -> tuple[int, int]:
    return waiting[:2]


class _Timeline:
    """Numbers the frames, and finds those that went missing between two timestamps.

    All times are seconds from the container's start. Where the file lists all its frames, nothing
    is left to be found.
    """

    def __init__(self, interval: float, report: ReadReport, *, all_listed: bool) -> None:
        self._interval = interval
        self._all_listed = all_listed
        self._report = report
        self._index = 0
        self._last: float | None = None
        self._last_stamp: float | None = None
        self._damage_end: float | None = None
        self._shift = 0.0

    def damaged_until(self, time: float | None) -> None:
        """Note an error in what was read up to ``time``; the decoder is yet to put that out."""
        self._damage_end = math.inf if time is None else max(time, self._damage_end or 0.0)

    def show(self, time: float | None, pixels: _DecodedPixels) -> Iterator[Frame | LostFrame]:
        time = self._after_last() if time is None else time + self._shift
        if self._last is not None and time <= self._last:
            if time == self._last_stamp and self._damage_end is None:
                time = self._last + _SMALLEST_STEP
                yield Frame(self._step(time), time, pixels)
                return
            if self._last - time < _TIME_RESET_SECONDS:
                self._report.errors += 1  # too late for its place, which has been told as lost
                return
            self._count_on_after_reset(time)
            time = self._after_last()
        yield from self.lose(self._missing_before(time))
        self._last_stamp = time
        yield Frame(self._step(time), time, pixels)

    def lose(self, times: list[float]) -> Iterator[LostFrame]:
        for time in (time + self._shift for time in times):
            if self._last is None or time > self._last:  # broken tables list frames twice
                yield LostFrame(self._step(time), time)

    def _after_last(self) -> float:
        return 0.0 if self._last is None else self._last + self._interval

    def _step(self, time: float) -> int:
        self._index, self._last = self._index + 1, time
        return self._index - 1

    def _count_on_after_reset(self, time: float) -> None:
        self._report.warnings.append(
            f"timestamps jump back by {self._last_time - time:.2f} s at {self._last_time:.2f} s; "
            "times count on from there"
        )
        self._shift += self._after_last() - time

    @property
    def _last_time(self) -> float:
        return self._last or 0.0

    def _missing_before(self, time: float) -> list[float]:
        """Times, at the nominal interval, of frames lost to an error before ``time``."""
        if self._damage_end is None:
            return []  # a gap without an error is a variable rate
        if time > self._damage_end:
            self._damage_end = None
        if self._all_listed:
            return []
        begin = -self._interval if self._last is None else self._last
        count = round((time - begin) / self._interval) - 1
        if count > MOST_LOST_IN_A_GAP:
            self._report.warnings.append(
                f"one row stands for about {count} frames lost before {time:.3f} s"
            )
            count = 1
        return [begin + step * self._interval - self._shift for step in range(1, count + 1)]


class _SampleTable:
    """The frames that an mp4 or mov file lists, and which of them came out of the decoder."""

    def __init__(self, stream: VideoStream, container: str) -> None:
        self._in_use = bool(_FORMATS_WITH_SAMPLE_TABLE.intersection(container.split(",")))
        self.complete = self._in_use and stream.frames > 0  # a file in fragments claims none
        self._stream = stream
        self._awaited: list[int] = []
        self._last_read: int | None = None
        self._last_told: int | None = None
        self._delay: int | None = None

    def add(self, packet: Packet[VideoStream]) -> None:
        """Note a frame that the demuxer has read and the decoder is about to get."""
        if not self._in_use:
            return
        if packet.dts is None:  # the last packet
            self._add_unread()
        if packet.pts is None or not packet.size:
            return
        if packet.dts is not None:
            self._last_read = packet.dts
            if self._delay is None:
                self._delay = packet.pts - packet.dts
        if not packet.is_discard:
            heapq.heappush(self._awaited, packet.pts)

    def passed_by(self, stamp: int) -> list[int]:
        """Return the listed frames before ``stamp``: decoders put out frames in order."""
        passed = []
        while self._awaited and self._awaited[0] <= stamp:
            passed.append(heapq.heappop(self._awaited))
        self._last_told = stamp
        return [earlier for earlier in passed if earlier != stamp]

    def rest(self) -> list[int]:
        """Return the listed frames that never came, those behind the end of the data included."""
        return sorted(self._awaited)

    def _add_unread(self) -> None:
        """Note the frames that the demuxer could not read, before the decoder gives its last."""
        if self._last_read is None or self._delay is None:
            return
        # The index holds decoding stamps. Shifted by the delay of the first frame they are, as a
        # set, the presentation stamps of a stream of constant rate.
        entries: Any = self._stream.index_entries
        decoding = [entry.timestamp for entry in entries]
        unread = sum(stamp > self._last_read for stamp in decoding)
        listed = {stamp + self._delay for stamp in decoding}.difference(self._awaited)
        untold = sorted(s for s in listed if self._last_told is None or s > self._last_told)
        self._awaited.extend(untold[len(untold) - min(unread, len(untold)) :])
        heapq.heapify(self._awaited)


class _Holes:
    """Finds damage that a demuxer passes over without a word.

    Where packets follow each other closely, as in Matroska, a wide space between two of them was
    unreadable. In AVI the demuxer counts on as if nothing were missing, but the index tells each
    packet's number.
    """

    def __init__(self, stream: VideoStream, container: str) -> None:
        self._without_space = bool(_FORMATS_WITHOUT_SPACE.intersection(container.split(",")))
        entries: Any = stream.index_entries if container == "avi" else ()
        self._numbers = {entry.pos + _AVI_CHUNK_HEAD: entry.timestamp for entry in entries}
        self._block: int | None = None
        self._end = 0
        self._ahead = 0

    def before(self, packet: Packet[Any]) -> bool:
        """Tell whether there is a hole before or in a packet; in AVI, set its stamps right."""
        if packet.pos is None or not packet.size:
            return packet.is_corrupt
        if self._without_space:
            return self._skips_bytes(packet.pos, packet.size)
        number = self._numbers.get(packet.pos)
        if number is not None:
            return self._skips_numbers(packet, number)
        return packet.is_corrupt

    def _skips_bytes(self, position: int, size: int) -> bool:
        if position == self._block:  # several packets may share a block
            self._end += size
            return False
        skipped = 0 if self._block is None else position - self._end
        self._block, self._end = position, max(self._end, position + size)
        return skipped > _MOST_BYTES_BETWEEN_PACKETS

    def _skips_numbers(self, packet: Packet[Any], number: int) -> bool:
        if packet.pts is None or packet.dts is None:
            return False
        ahead = max(0, number - packet.dts)
        packet.pts, packet.dts = packet.pts + ahead, packet.dts + ahead
        before, self._ahead = self._ahead, ahead
        return ahead > before


@contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Open a video for reading.

    Args:
        path: A file in any container that FFmpeg reads.

    Raises:
        VideoError: The file is missing, unreadable, empty, or holds no video.
    """
    import av

    av.logging.set_level(None)  # damage is reported in our own words, by file
    _check_readable(path)
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: not a video that can be read ({_reason(error)})") from error
    with container:
        yield Video(path, container, _video_stream(path, container))


def expected_frames(path: Path) -> int:
    """Return how many frames a video claims or seems to have; 0 if that cannot be told."""
    try:
        with open_video(path) as video:
            return video.info.expected_frames
    except VideoError:
        return 0


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise VideoError(f"{path}: no such file")
    if not path.is_file():
        raise VideoError(f"{path}: not a file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise VideoError(f"{path}: the file is empty (0 bytes); copy it again")
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name.endswith(_STILL_FORMATS):
        raise VideoError(f"{path}: a still picture, not a video")
    if name in _TEXT_FORMATS:
        raise VideoError(f"{path}: a text, not a video")
    moving = [s for s in container.streams.video if not _is_cover_picture(s)]
    if not moving:
        held = "only sound" if container.streams.audio else "no video stream"
        raise VideoError(f"{path}: holds {held}")
    stream = moving[0]
    if stream.codec_context is None:
        raise VideoError(f"{path}: no decoder for its video stream")
    # With more threads, a damaged file gives other pictures on each machine, or FFmpeg waits for
    # ever. The search for faces takes far longer than decoding with one.
    stream.codec_context.thread_count = 1
    return stream


def _is_cover_picture(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _earliest_start(container: InputContainer) -> Fraction:
    starts = [
        stream.start_time * stream.time_base
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and stream.time_base is not None
    ]
    return min(starts, default=Fraction(0))


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, start: Fraction
) -> VideoInfo:
    codec = stream.codec_context
    rate = stream.guessed_rate or stream.average_rate
    return VideoInfo(
        path=path,
        container=container.format.name,
        codec=codec.name,
        width=codec.width,
        height=codec.height,
        rate=float(rate) if rate and 0 < rate <= 1000 else 25.0,
        frames=max(stream.frames, 0),
        duration=_claimed_duration(container, stream, start),
        start=float(start),
        audio=bool(container.streams.audio),
    )


def _claimed_duration(
    container: InputContainer, stream: VideoStream, start: Fraction
) -> float | None:
    """Seconds from the container's start to the claimed end of the video stream."""
    if stream.duration is not None and stream.time_base is not None:
        return float((stream.start_time or 0) * stream.time_base - start) + float(
            stream.duration * stream.time_base
        )
    if container.duration is not None and container.duration > 0:
        return container.duration / 1_000_000
    return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
