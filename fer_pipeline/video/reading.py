"""Opening and reading a video with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

from fer_pipeline.domain import Frame, LostFrame, PassedFrame, Pixels
from fer_pipeline.errors import VideoError
from fer_pipeline.files import PathKind, kind_of
from fer_pipeline.video.clock import TIME_RESET_SECONDS, FrameClock, in_order
from fer_pipeline.video.damage import Holes, SampleTable
from fer_pipeline.video.pixels import DecodedPixels, colour_converter
from fer_pipeline.video.report import PacketTimes, ReadReport, VideoInfo
from fer_pipeline.video.sparse import (
    Choice,
    Handling,
    PassedOver,
    ReadPacket,
    SparsePlan,
    Step,
)

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"}
    | {".ts", ".mts", ".m2ts", ".3gp", ".ogv"}
)

EARLY_END_SECONDS = 1.0
"""A video may end this much before its claimed duration without a warning."""

MOST_PIXELS = 2**26
"""Of a picture, 8192 x 8192: twice as many as 8K has. A picture takes 100 to 400 MB at that."""

# Broken files can make the demuxer fail again and again without moving on.
_MOST_DEMUXER_ERRORS = 100

_LEAVE_OUT = "leave it out"

# Demuxers of still pictures; what they open is no video.
_STILL_FORMATS = ("image2", "_pipe")

# Demuxers that draw a text, of whatever kind, as the picture of an old terminal.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})

# Demuxers that open what a text names, other files or addresses, or run it as a script.
_PLAYLIST_FORMATS = frozenset(
    {"concat", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp", "webm_dash_manifest"}
    | {"avisynth", "lavfi", "vapoursynth", "vobsub"}
)

_PLAYLIST_HEADS = (b"ffconcat version", b"#EXTM3U", b"v=0", b"[playlist]", b"[Reference]")

_BYTES_LOOKED_AT = 1024

# Decoders that can leave out what no other picture needs. HEVC's goes by a mark that says so of a
# sublayer alone.
_LEAVES_OUT = frozenset({"h264"})

# In these, the claimed duration counts from time 0, wherever the first stream begins.
_FORMATS_WITH_DURATION_FROM_ZERO = frozenset({"matroska", "webm"})


class Video:
    """An open video. `frames` reads it once, from its beginning to its end."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._start = _earliest_start(container)
        self._time_base = stream.time_base or Fraction(1, 1000)
        self._converter = colour_converter()
        self._frames_listed = False
        self.info = _describe(path, container, stream, self._start)
        self.report = ReadReport()

    @overload
    def frames(self) -> Iterator[Frame | LostFrame]: ...

    @overload
    def frames(
        self, choices: Callable[[], Choice] | None
    ) -> Iterator[Frame | LostFrame | PassedFrame]: ...

    def frames(
        self, choices: Callable[[], Choice] | None = None
    ) -> Iterator[Frame | LostFrame | PassedFrame]:
        """Yield every frame in the order of presentation, lost ones in their places.

        Args:
            choices: Makes what tells which frames are wanted, afresh each time, since one is asked
                in advance and one in the end; None if all are. Others need not be decoded.

        Yields:
            `Frame` for a picture; `LostFrame` where the source should have held one, as told by
            its sample table or by a gap in the timestamps that follows a decoding error;
            `PassedFrame`, never a wanted one, for a frame that was not decoded.
        """
        self.report = ReadReport()
        for row in self._rows(None) if choices is None else self._chosen(choices):
            self._count(row)
            yield row
        self._compare_with_claims()

    def _chosen(self, choices: Callable[[], Choice]) -> Iterator[Frame | LostFrame | PassedFrame]:
        plan, wanted = self._plan(choices()), choices()
        for row in self._rows(plan):
            if wanted(row.index, row.time) and isinstance(row, PassedFrame):
                plan.decode_all()  # the file is not what its packets say
                yield LostFrame(row.index, row.time)
            else:
                yield row

    def _count(self, row: Frame | LostFrame | PassedFrame) -> None:
        if isinstance(row, LostFrame):
            self.report.lost += 1
            return
        self.report.passed += isinstance(row, PassedFrame)
        self.report.decoded += isinstance(row, Frame)
        self.report.last_time = row.time

    def _plan(self, choice: Choice) -> SparsePlan:
        container = self._container.format.name
        return SparsePlan(self._packets(), self._stream, container, choice, self._seconds)

    def packet_times(self) -> PacketTimes:
        """Read the timestamps of all packets, without decoding: as fast as the disk gives them."""
        times: list[float] = []
        key_frames = unstamped = 0
        for packet in (read.packet for read in self._packets()):
            if not packet.size or packet.is_discard:
                continue
            key_frames += packet.is_keyframe
            if packet.pts is None:
                unstamped += 1
            else:
                times.append(self._seconds(packet.pts))
        return PacketTimes(tuple(sorted(times)), key_frames, unstamped)

    def picture_at(self, time: float) -> Pixels | None:
        """Decode the picture at ``time`` seconds, or the first after it; None if that fails."""
        from av.error import FFmpegError

        wanted = round((Fraction(time) + self._start) / self._time_base)
        try:
            self._container.seek(wanted, stream=self._stream)
            for picture in self._container.decode(self._stream):
                if picture.pts is None or picture.pts >= wanted:
                    return self._pixels(picture)
        except FFmpegError:
            return None
        return None

    def _rows(self, plan: SparsePlan | None) -> Iterator[Frame | LostFrame | PassedFrame]:
        listed = SampleTable(self._stream, self._container.format.name)
        self._frames_listed = listed.complete
        start = self._stream.start_time
        timeline = FrameClock(
            1 / self.info.rate,
            0.0 if start is None else self._seconds(start),
            self.report,
            all_listed=listed.complete,
        )
        passed = PassedOver()
        reset = round(TIME_RESET_SECONDS / self._time_base)
        for stamp, picture in in_order(self._pictures(timeline, listed, passed, plan), reset):
            if stamp is None:
                yield from timeline.show(None, self._pixels(picture))
                continue
            yield from self._without_picture(
                timeline, listed.passed_by(stamp), passed.before(stamp)
            )
            yield from timeline.show(self._seconds(stamp), self._pixels(picture))
        yield from self._without_picture(timeline, listed.rest(), passed.rest())

    def _without_picture(
        self, timeline: FrameClock, listed: list[int], passed: set[int]
    ) -> Iterator[LostFrame | PassedFrame]:
        """Yield what the file lists and what was passed over, in order; listed alone it is lost."""
        for stamp in sorted(passed.union(listed)):
            if stamp in passed:
                yield from timeline.pass_over(self._seconds(stamp))
            else:
                yield from timeline.lose([self._seconds(stamp)])

    def _pictures(
        self,
        timeline: FrameClock,
        listed: SampleTable,
        passed: PassedOver,
        plan: SparsePlan | None,
    ) -> Iterator[tuple[int | None, VideoFrame]]:
        """Yield pictures with their stamps as the decoder puts them out."""
        unshown: list[int] = []  # stamps read before there is any picture
        shown = False
        for step in map(Step, self._packets()) if plan is None else plan.steps():
            packet = step.read.packet
            listed.add(packet)
            if step.handling is Handling.PASS:
                passed.add(packet)
                continue
            if not shown and packet.pts is not None and packet.size and not packet.is_discard:
                unshown.append(packet.pts)
            errors_before = self.report.errors
            for picture in self._decode(step):
                stamp = picture.pts if picture.pts is not None else picture.dts
                # Decoders pass over what comes before a key frame without a word.
                if not shown and unshown and stamp is not None and min(unshown) < stamp:
                    self.report.errors += 1
                    errors_before = self.report.errors
                    timeline.damaged_until(self._seconds(min(unshown)))
                shown = True
                yield stamp, picture
            if step.read.damaged or self.report.errors > errors_before:
                timeline.damaged_until(None if packet.pts is None else self._seconds(packet.pts))
            elif step.handling is Handling.REFERENCE:
                passed.add(packet)
            if plan is not None and self.report.errors:
                plan.decode_all()

    def _pixels(self, picture: VideoFrame) -> DecodedPixels:
        return DecodedPixels(picture, self._converter)

    def _packets(self) -> Iterator[ReadPacket]:
        """Yield packets, going on after errors of the demuxer; the last one, empty, flushes."""
        from av.error import FFmpegError

        holes = Holes(self._stream, self._container.format.name)
        damaged = False
        for _ in range(_MOST_DEMUXER_ERRORS):
            try:
                for packet in self._container.demux():
                    if holes.before(packet):
                        self.report.errors += 1
                        damaged = True
                    if packet.stream_index == self._stream.index:
                        yield ReadPacket(cast("Packet[VideoStream]", packet), damaged)
                        damaged = False
                return
            except IndexError:
                return  # a stream that appeared midway cannot be flushed by PyAV; ours has been
            except FFmpegError as error:
                self.report.errors += 1
                damaged = True
                self._warn_once(f"the container is damaged: {_reason(error)}")
        self._warn_once("gave up reading after too many errors of the container")

    def _decode(self, step: Step) -> list[VideoFrame]:
        """Return the pictures that the decoder gives for a packet: mostly those of earlier ones."""
        context = self._stream.codec_context
        held: list[VideoFrame] = []
        if step.anew:
            held = self._pictures_of(lambda: context.decode(None))
            context.flush_buffers()
        if context.name in _LEAVES_OUT:
            context.skip_frame = "NONREF" if step.handling is Handling.REFERENCE else "DEFAULT"
        return held + self._pictures_of(step.read.packet.decode)

    def _pictures_of(self, decode: Callable[[], list[VideoFrame]]) -> list[VideoFrame]:
        from av.error import FFmpegError

        try:
            return list(decode())
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
        elif report.rows < info.frames and not self._frames_listed:  # else an edit list cut them
            held = _counted(report.rows, "frame")
            self._warn_once(f"holds {held} although {info.frames} are claimed")


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
        # With the protocol named, a colon in the name of the file does not begin an address.
        container = av.open(f"file:{path}", options=only_this_file(), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        problem = f"{path}: not a video that can be read ({_reason(error)})"
        raise VideoError(problem, "see whether a player shows it, or copy it again") from error
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
    kind = kind_of(path, VideoError)
    if kind is PathKind.MISSING:
        raise VideoError(f"{path}: no such file")
    if kind is not PathKind.FILE:
        raise VideoError(f"{path}: not a file")
    try:
        with path.open("rb") as file:
            head = file.read(_BYTES_LOOKED_AT)
    except OSError as error:
        problem = f"{path}: cannot be read ({error.strerror})"
        raise VideoError(problem, "check its permissions and its drive") from error
    if not head:
        raise VideoError(f"{path}: the file is empty (0 bytes)", "copy it again")
    if _is_playlist(head):
        raise VideoError(f"{path}: a playlist, not a video", "give the videos that it names")


def _is_playlist(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(_PLAYLIST_HEADS) or (text.startswith(b"<") and b"<MPD" in text)


def only_this_file() -> dict[str, str]:
    """Return options under which FFmpeg opens no other file and no address."""
    from av import formats_available

    kinds = sorted(formats_available.difference(_PLAYLIST_FORMATS))
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(kinds)}


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name.endswith(_STILL_FORMATS):
        raise VideoError(f"{path}: a still picture, not a video", _LEAVE_OUT)
    if name in _TEXT_FORMATS:
        raise VideoError(f"{path}: a text, not a video", _LEAVE_OUT)
    moving = [s for s in container.streams.video if not _is_cover_picture(s)]
    if not moving:
        held = "only sound" if container.streams.audio else "no video stream"
        raise VideoError(f"{path}: holds {held}", _LEAVE_OUT)
    stream = moving[0]
    if stream.codec_context is None:
        raise VideoError(f"{path}: no decoder for its video stream", "convert it, say to H.264")
    _refuse_huge(path, stream.codec_context)
    _refuse_countless(path, stream)
    # With more threads, a damaged file gives other pictures on each machine, or FFmpeg waits for
    # ever. The search for faces takes far longer than decoding with one.
    stream.codec_context.thread_count = 1
    return stream


def _refuse_huge(path: Path, codec: VideoCodecContext) -> None:
    """Refuse pictures that would not fit into memory, those too that a stream turns to later."""
    if codec.width * codec.height > MOST_PIXELS:
        problem = f"{path}: pictures of {codec.width} x {codec.height} pixels"
        raise VideoError(problem, f"make it smaller, {MOST_PIXELS / 1e6:.0f} million at most")
    codec.options = {**codec.options, "max_pixels": str(MOST_PIXELS)}


def _refuse_countless(path: Path, stream: VideoStream) -> None:
    """Refuse a table of frames that is none: a file of a kilobyte may list hundreds of millions."""
    entries: Any = stream.index_entries
    if len(entries) > path.stat().st_size:
        problem = f"{path}: lists {len(entries)} frames, more than it has bytes"
        raise VideoError(problem, "copy it again")


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
    if container.duration is None or container.duration <= 0:
        return None
    from_zero = _FORMATS_WITH_DURATION_FROM_ZERO.intersection(container.format.name.split(","))
    return container.duration / 1_000_000 - (max(0.0, float(start)) if from_zero else 0.0)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
