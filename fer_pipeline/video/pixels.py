"""Pixels of a decoder's picture, upright: its brightness as it is, its colour where asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_pipeline.domain import Box, Pixels, UInt8Array

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.plane import VideoPlane
    from av.video.reformatter import VideoReformatter

# Formats whose first plane is 8-bit brightness: no conversion is needed to see a face.
_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}
)

# Formats with 8-bit planes of their own, the two of colour in half the width and height.
_QUARTERED_COLOUR = frozenset({"yuv420p", "yuvj420p"})

# A part begins at a multiple of the first and is a multiple of the second in size. So its colour is
# what it is in the whole picture, where pixels share it in blocks of two, and parts of successive
# pictures have the same size, for which the conversion need not be prepared anew.
_STEP, _SIZE_STEP = 2, 64

# To convert a part costs as much as to convert about so much of the whole.
_WORTH_A_PART = 0.6


@dataclass(frozen=True, eq=False)
class DecodedPixels(Pixels):
    """A decoder's picture, turned upright when it is converted.

    Attributes:
        picture: The picture.
        converter: What makes colour of it; one for all pictures of a video is faster. All colour
            must then be asked for in one thread.
    """

    picture: VideoFrame
    converter: VideoReformatter

    def luma(self) -> UInt8Array:
        """Return brightness, of the usual formats without copying it."""
        if self.picture.format.name not in _LUMA_FIRST:
            return self._upright(_as_array(self.picture.reformat(format="gray")))
        return self._upright(_plane(self.picture.planes[0]))

    def rgb(self) -> UInt8Array:
        """Return colour."""
        return self._upright(self._colour(self.picture))

    def rgb_within(self, part: Box) -> UInt8Array:
        """Return the colour of a part, without converting all of a large picture for it."""
        around = self._around(part)
        if around is None:
            return super().rgb_within(part)
        rows, columns = Box(part.x - around.x, part.y - around.y, part.width, part.height).slices
        return self._colour(_cut_out(self.picture, around))[rows, columns]

    def _around(self, part: Box) -> Box | None:
        """Return what is converted for the sake of a part; None for the whole picture."""
        width, height = self.picture.width, self.picture.height
        if self.picture.rotation or self.picture.format.name not in _QUARTERED_COLOUR:
            return None
        if width % _STEP or height % _STEP:  # FFmpeg converts those in another way, to the last bit
            return None
        left, right = _widened(part.x, part.x + part.width, width)
        top, bottom = _widened(part.y, part.y + part.height, height)
        around = Box(left, top, right - left, bottom - top)
        return around if around.area < _WORTH_A_PART * width * height else None

    def _colour(self, picture: VideoFrame) -> UInt8Array:
        return _as_array(self.converter.reformat(picture, format="rgb24"))

    def _upright(self, pixels: UInt8Array) -> UInt8Array:
        quarter_turns = round(self.picture.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, quarter_turns)) if quarter_turns else pixels


def colour_converter() -> VideoReformatter:
    """Return what makes colour of the pictures of one video."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def _as_array(picture: VideoFrame) -> UInt8Array:
    pixels: Any = picture.to_ndarray()
    return np.asarray(pixels)


def _plane(plane: VideoPlane) -> UInt8Array:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _widened(begin: int, end: int, size: int) -> tuple[int, int]:
    """Return a stretch of pixels around another, all within the size of the picture."""
    length = -(-(end - begin + _STEP) // _SIZE_STEP) * _SIZE_STEP
    begin = max(0, min(begin, size - length)) // _STEP * _STEP
    return begin, min(begin + length, size)


def _cut_out(picture: VideoFrame, part: Box) -> VideoFrame:
    """Return a part of a picture with colour in half the resolution, as a picture of its own."""
    from av import VideoFrame

    small = VideoFrame(part.width, part.height, picture.format.name)
    small.colorspace, small.color_range = picture.colorspace, picture.color_range
    for scale, plane, whole in zip((1, 2, 2), small.planes, picture.planes, strict=True):
        top, left = part.y // scale, part.x // scale
        into = _plane(plane)
        height, width = into.shape
        into[:] = _plane(whole)[top : top + height, left : left + width]
    return small
