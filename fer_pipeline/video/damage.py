"""Damage that shows in the container: frames that it lists and lacks, and holes between packets."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import Packet
    from av.video.stream import VideoStream


# A sample table lists every frame, so that a frame which does not decode is known to be missing.
_FORMATS_WITH_SAMPLE_TABLE = frozenset({"mov", "mp4"})

# In these, packets follow each other closely: but for heads of up to some 80 bytes.
_FORMATS_WITHOUT_SPACE = frozenset({"matroska", "webm", "flv"})
_MOST_BYTES_BETWEEN_PACKETS = 256

_AVI_CHUNK_HEAD = 8


class SampleTable:
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


class Holes:
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
