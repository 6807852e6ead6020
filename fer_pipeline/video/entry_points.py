"""Packets from which decoding can begin: all that is shown from there on needs nothing before.

A container marks key frames, but some mark what cannot stand alone, such as the first of a gradual
refresh. So where a codec tells it in the first bytes of a packet, the packet itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Head:
    """What the first bytes of a key packet tell.

    Attributes:
        alone: Whether it needs nothing before it, but for what describes the stream.
        described: Whether it holds what describes the stream, such as parameter sets.
    """

    alone: bool
    described: bool = False


HeadReader = Callable[[memoryview, bytes], Head]
"""Reads the head of a packet; the second is the description that the container holds."""

# H.264, 7.4.1 (table 7-1), and H.265, 7.4.2.2 (table 7-1): types of units.
_H264_IDR, _H264_PARAMETERS, _H264_PICTURES = 5, (7, 8), range(1, 6)
_HEVC_RANDOM_ACCESS, _HEVC_PARAMETERS, _HEVC_PICTURES = range(16, 22), (32, 33, 34), range(32)

# AV1, 6.2.2: types of units. A frame follows its header in one unit or in another.
_AV1_SEQUENCE, _AV1_FRAMES = 1, (3, 6)

_MPEG4_PICTURE, _MPEG4_LAYERS = 0xB6, range(0x20, 0x30)
_START_CODE = b"\0\0\1"

# A picture of MPEG-4 that says no more than that it is left out is shorter.
_LEAST_MPEG4_PICTURE = 24


def _h264(data: memoryview, description: bytes) -> Head:
    length = (description[4] & 3) + 1 if description[:1] == b"\1" and len(description) > 4 else 0
    types = _unit_types(data, length, lambda first: first & 31)
    return _head_of_units(types, _H264_PICTURES, (_H264_IDR,), _H264_PARAMETERS)


def _hevc(data: memoryview, description: bytes) -> Head:
    length = (description[21] & 3) + 1 if description[:1] == b"\1" and len(description) > 21 else 0
    types = _unit_types(data, length, lambda first: first >> 1 & 63)
    return _head_of_units(types, _HEVC_PICTURES, _HEVC_RANDOM_ACCESS, _HEVC_PARAMETERS)


def _head_of_units(
    types: Iterator[int],
    pictures: range,
    alone: range | tuple[int, ...],
    parameters: tuple[int, ...],
) -> Head:
    described = False
    for kind in types:
        if kind in pictures:
            return Head(kind in alone, described)
        described |= kind in parameters
    return Head(alone=False)


def _unit_types(data: memoryview, length: int, kind: Callable[[int], int]) -> Iterator[int]:
    """Yield the types of the units of a packet, which begin with their length or a start code."""
    place = 0
    if not length:
        whole = bytes(data)
        while (place := whole.find(_START_CODE, place) + 3) > 2 and place < len(whole):
            yield kind(whole[place])
        return
    while place + length < len(data):
        size = int.from_bytes(data[place : place + length], "big")
        if place + length + size > len(data):
            return
        if size:
            yield kind(data[place + length])
        place += length + size


def _mpeg4(data: memoryview, _description: bytes) -> Head:
    whole = bytes(data)
    described = False
    place = 0
    while (place := whole.find(_START_CODE, place) + 3) > 2 and place + 1 < len(whole):
        if whole[place] == _MPEG4_PICTURE:
            return Head(whole[place + 1] >> 6 == 0, described)
        described |= whole[place] in _MPEG4_LAYERS
    return Head(alone=False)


def _vp8(data: memoryview, _description: bytes) -> Head:
    return Head(data[0] & 1 == 0)


def _vp9(data: memoryview, _description: bytes) -> Head:
    marker, profile = data[0] >> 6, data[0] >> 4 & 3
    # Profile 3 has a bit more in front; it is not worth the trouble.
    return Head(marker == 2 and profile != 3 and data[0] >> 2 & 3 == 0)


def _av1(data: memoryview, _description: bytes) -> Head:
    described = False
    for kind, payload in _av1_units(bytes(data)):
        if kind in _AV1_FRAMES:
            # show_existing_frame, two bits for a key frame, show_frame
            return Head(payload[:1] != b"" and payload[0] >> 4 == 1, described)
        described |= kind == _AV1_SEQUENCE
    return Head(alone=False)


def _av1_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        head = data[place]
        place += 2 if head & 4 else 1
        size = len(data) - place
        if head & 2:
            size, place = _leb128(data, place)
        yield head >> 3 & 15, data[place : place + size]
        place += size


def _leb128(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for step, byte in enumerate(data[place : place + 8]):
        value |= (byte & 127) << 7 * step
        if byte < 128:
            return value, place + step + 1
    return len(data), len(data)


# By the name of the decoder.
HEAD_READERS: dict[str, HeadReader] = {
    "h264": _h264,
    "hevc": _hevc,
    "mpeg4": _mpeg4,
    "vp8": _vp8,
    "vp9": _vp9,
    "libdav1d": _av1,
}


class EntryPoints:
    """Tells which packets of a stream decoding can begin with.

    Where packets hold what describes the stream, one without that is no entry: it may rely on one
    that was passed over.
    """

    def __init__(self, stream: VideoStream) -> None:
        context: VideoCodecContext = stream.codec_context
        self._name = context.name
        self._intra_only = context.codec.intra_only
        self._description = bytes(context.extradata or b"")
        self._described = False

    def begins(self, packet: Packet[VideoStream]) -> bool:
        """Tell whether nothing from this packet on, in order of presentation, needs one before."""
        if not packet.is_keyframe or not packet.size:
            return False
        if self._intra_only:
            return True
        reader = HEAD_READERS.get(self._name)
        if reader is None:
            return False
        head = reader(memoryview(packet), self._description)
        if head.described:
            self._described = True
        return head.alone and head.described == self._described

    def may_hold_no_picture(self, packet: Packet[VideoStream]) -> bool:
        """Tell whether a packet seems to have no picture to show, so that it is not counted."""
        if self._name == "vp8":
            return not memoryview(packet)[0] & 16
        return self._name == "mpeg4" and packet.size < _LEAST_MPEG4_PICTURE
