"""Which packets need decoding where only some frames are wanted.

All packets are read, because they tell the numbers and the times of the frames; but the decoder
gets only those from an entry point to the last wanted frame before the next. Anything out of the
ordinary in the packets, and any damage, ends that: from there on all packets are decoded.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING

from fer_pipeline.video.entry_points import EntryPoints

if TYPE_CHECKING:
    from av import Packet
    from av.video.stream import VideoStream

Choice = Callable[[int, float], bool]
"""Tells of each frame, asked in order by its number and its time, whether it is wanted."""

# In these a packet is a frame and has its time; from others packets are cut by guess.
_FORMATS_OF_FRAMES = frozenset({"mov", "mp4", "matroska", "webm", "avi", "flv"})

# Bounds of what is held back to be decided on: two stretches between entry points.
_MOST_PACKETS = 1000
_MOST_BYTES = 32 << 20

# What a broken disk or an unfinished copy leaves. Where a packet means them, that costs but time.
_EMPTY = bytes(32)


class Handling(Enum):
    """What is done with a packet.

    ``DECODE``; ``REFERENCE``: decode it if others need it; ``PASS``: the decoder does not get it.
    """

    DECODE = auto()
    REFERENCE = auto()
    PASS = auto()


@dataclass(frozen=True, slots=True)
class ReadPacket:
    """A packet as the demuxer gave it.

    Attributes:
        packet: The packet.
        damaged: Whether there was an error or a hole in or before it.
    """

    packet: Packet[VideoStream]
    damaged: bool = False

    @property
    def stamp(self) -> int:
        """Presentation stamp, of a packet that is known to have one."""
        return self.packet.pts or 0


@dataclass(frozen=True, slots=True)
class Step:
    """A packet and what is done with it.

    Attributes:
        read: The packet.
        handling: What is done with it.
        anew: Whether the decoder begins anew with it, since packets before were passed over.
    """

    read: ReadPacket
    handling: Handling = Handling.DECODE
    anew: bool = False


class SparsePlan:
    """Decides on the packets of a video, one stretch from entry point to entry point at a time.

    A stretch is decided on when the next is known, because that one's leading pictures, shown
    before its entry point, need both.

    Args:
        packets: All packets of the video stream, in the order of the file.
        stream: The video stream.
        container: Name of the container's format.
        choice: Which frames are wanted.
        seconds: Turns a stamp into the time that `choice` is asked with.
    """

    def __init__(
        self,
        packets: Iterator[ReadPacket],
        stream: VideoStream,
        container: str,
        choice: Choice,
        seconds: Callable[[int], float],
    ) -> None:
        self._packets = packets
        self._entries = EntryPoints(stream)
        self._choice = choice
        self._seconds = seconds
        self._all = not _FORMATS_OF_FRAMES.intersection(container.split(","))
        self._frames = 0  # counted so far
        self._last_stamp: int | None = None
        self._wanted: set[int] = set()
        self._in_step = True  # the decoder has got all that the next stretch may need

    def decode_all(self) -> None:
        """Pass over nothing more, since something is not as foreseen."""
        self._all = True

    def steps(self) -> Iterator[Step]:
        """Yield all packets, in order."""
        stretch: list[ReadPacket] = []
        following: list[ReadPacket] = []
        held = 0  # bytes of the latter
        for read in self._packets:
            if _is_last(read.packet):
                yield from self._decided(stretch, following)
                yield from self._decided(following, [])
                yield Step(read)
                stretch, following, self._all = [], [], True
                continue
            begins = not self._all and self._entries.begins(read.packet)
            in_bounds = len(following) < _MOST_PACKETS and held < _MOST_BYTES
            if not in_bounds or not (begins or following) or self._is_odd(read):
                self._all = True
                yield from self._whole(stretch)
                yield from self._whole(following)
                yield from self._whole([read])
                stretch, following = [], []
                continue
            if begins:
                yield from self._decided(stretch, following)
                stretch, following, held = following, [], 0
            following.append(read)
            held += read.packet.size

    def _is_odd(self, read: ReadPacket) -> bool:
        """Tell whether a packet may be something else than one frame, or not all may be well."""
        packet = read.packet
        return (
            self._all
            or read.damaged
            or packet.pts is None
            or not packet.size
            or packet.is_corrupt
            or _EMPTY in bytes(packet)
            or packet.has_sidedata("new_extradata")
            or self._entries.may_hold_no_picture(packet)
        )

    def _decided(self, stretch: list[ReadPacket], following: list[ReadPacket]) -> Iterator[Step]:
        """Yield the packets of a stretch, of which the next one is known."""
        shown = self._shown(stretch, following)
        if self._all or shown is None:
            self._all = True
            yield from self._whole(stretch)
            return
        wanted = self._chosen(shown)
        yield from self._needed(stretch, self._wanted | wanted, _leading(following) & wanted)
        self._wanted = wanted

    def _shown(self, stretch: list[ReadPacket], following: list[ReadPacket]) -> list[int] | None:
        """Return the stamps from one entry point to the next; None if they are out of order."""
        leading, next_leading = _leading(stretch), _leading(following)
        trailing = [read for read in stretch if read.stamp not in leading]
        inner = [read for read in following if read.stamp in next_leading]
        if not stretch:
            return None if inner else []  # they need what is not in the file
        shown = sorted(read.stamp for read in (*trailing, *inner) if not read.packet.is_discard)
        stamps = [*([] if self._last_stamp is None else [self._last_stamp]), *shown]
        if any(later <= earlier for earlier, later in pairwise(stamps)):
            return None
        if following and max(read.stamp for read in trailing) >= following[0].stamp:
            return None
        self._last_stamp = stamps[-1] if stamps else None
        return shown

    def _chosen(self, stamps: list[int]) -> set[int]:
        chosen = set()
        for stamp in stamps:
            if self._choice(self._frames, self._seconds(stamp)):
                chosen.add(stamp)
            self._frames += 1
        return chosen

    def _needed(
        self, stretch: list[ReadPacket], wanted: set[int], wanted_behind: set[int]
    ) -> Iterator[Step]:
        """Yield the packets of a stretch, those to be passed over marked.

        Args:
            stretch: From an entry point to the next.
            wanted: Stamps of the wanted frames.
            wanted_behind: Those of them that come behind the next entry point, and need all.
        """
        leading = _leading(stretch)
        needed = [
            place
            for place, read in enumerate(stretch)
            if read.stamp in wanted or (wanted_behind and read.stamp not in leading)
        ]
        last_leading = max((i for i in needed if stretch[i].stamp in leading), default=-1)
        # Leading pictures need the entry point, too.
        last_trailing = max(
            (i for i in needed if stretch[i].stamp not in leading),
            default=-1 if last_leading < 0 else 0,
        )
        begun, in_step = False, True
        for place, read in enumerate(stretch):
            is_leading = read.stamp in leading
            if place > (last_leading if is_leading else last_trailing):
                in_step &= is_leading
                yield Step(read, Handling.PASS)
                continue
            handling = Handling.DECODE if read.stamp in wanted else Handling.REFERENCE
            yield Step(read, handling, anew=not (begun or self._in_step))
            begun = True
        self._in_step = in_step

    def _whole(self, stretch: list[ReadPacket]) -> Iterator[Step]:
        """Yield the packets of a stretch, but for those that needed what was passed over."""
        leading = set() if self._in_step else _leading(stretch)
        for place, read in enumerate(stretch):
            if read.stamp in leading:
                yield Step(read, Handling.PASS)
            else:
                yield Step(read, anew=not place and not self._in_step)
        self._in_step |= bool(stretch)


class PassedOver:
    """Stamps of frames that may have been passed over, until their place in the order comes."""

    def __init__(self) -> None:
        self._stamps: list[int] = []

    def add(self, packet: Packet[VideoStream]) -> None:
        """Note the frame of a packet that the decoder did not get, or that it may leave out."""
        if packet.pts is not None and packet.size and not packet.is_discard:
            heapq.heappush(self._stamps, packet.pts)

    def before(self, stamp: int) -> set[int]:
        """Return those before a picture that came out, and forget them."""
        passed = set()
        while self._stamps and self._stamps[0] <= stamp:
            passed.add(heapq.heappop(self._stamps))
        return passed - {stamp}

    def rest(self) -> set[int]:
        """Return those behind the last picture."""
        return set(self._stamps)


def _is_last(packet: Packet[VideoStream]) -> bool:
    """Tell the empty packet, with which the decoder gives its last pictures."""
    return packet.dts is None and not packet.size


def _leading(stretch: list[ReadPacket]) -> set[int]:
    """Return the stamps of pictures that come behind an entry point and are shown before it."""
    return {read.stamp for read in stretch if read.stamp < stretch[0].stamp}
