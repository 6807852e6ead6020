"""Decoded pictures, upright and of even size, as planes to draw into; and back for an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fer_pipeline.domain import Frame, UInt8Array
from fer_pipeline.overlay.canvas import Canvas, Colouring
from fer_pipeline.video.pixels import DecodedPixels

if TYPE_CHECKING:
    from av import VideoFrame

_MILLISECOND = Fraction(1, 1000)

_DIRECT = frozenset({"yuv420p", "yuvj420p"})

# FFmpeg's numbers (libavutil/pixfmt.h).
_FULL_RANGE = 2
_BT709, _BT601 = 1, 6
_NO_MATRIX = frozenset({0, 2, 3})  # of RGB, unspecified, reserved


@dataclass(frozen=True, slots=True)
class PictureShape:
    """What the pictures of a video are.

    Attributes:
        size: Width and height in pixels, even.
        rate: Nominal frames a second.
        unit: Seconds that the source's timestamps count.
        pixel: How much wider than high a pixel is.
        matrix: How colours are written, FFmpeg's number, as the next two.
        primaries: What red, green and blue are.
        transfer: How light becomes a value.
        full: Whether brightness goes from 0 to 255.
    """

    size: tuple[int, int]
    rate: float
    unit: Fraction
    pixel: Fraction
    matrix: int
    primaries: int
    transfer: int
    full: bool


class PictureReader:
    """Makes canvases of the frames of one video: all have the size and colouring of the first.

    Args:
        first: The first frame that decoded.
    """

    def __init__(self, first: Frame) -> None:
        from av.video.reformatter import VideoReformatter

        self._converter = VideoReformatter()
        picture = _picture_of(first)
        self._unit = Fraction(picture.time_base or _MILLISECOND)
        self._primaries, self._transfer = int(picture.color_primaries), int(picture.color_trc)
        self._turned = _quarter_turns(picture) % 2 == 1
        self._coded = picture.width, picture.height
        self.size = self._coded[::-1] if self._turned else self._coded
        full = picture.format.name.startswith("yuvj") or picture.color_range == _FULL_RANGE
        self._matrix = _BT601 if picture.colorspace in _NO_MATRIX else int(picture.colorspace)
        self.colouring = Colouring(hd=self._matrix == _BT709, full=full)

    @property
    def even_size(self) -> tuple[int, int]:
        """Width and height of the canvases: encoders want them even."""
        width, height = self.size
        return width + width % 2, height + height % 2

    def shape(self, rate: float, pixel: Fraction) -> PictureShape:
        """Return what the canvases are, for an encoder.

        Args:
            rate: Nominal frames a second.
            pixel: How much wider than high the source's pixels are, as coded.
        """
        return PictureShape(
            size=self.even_size,
            rate=rate,
            unit=self._unit,
            pixel=1 / pixel if self._turned else pixel,
            matrix=self._matrix,
            primaries=self._primaries,
            transfer=self._transfer,
            full=self.colouring.full,
        )

    def is_of_first_size(self, frame: Frame) -> bool:
        """Return whether a frame's boxes, in its own pixels, are those of its canvas."""
        picture = _picture_of(frame)
        same = (picture.width, picture.height) == self._coded
        return same and (_quarter_turns(picture) % 2 == 1) == self._turned

    def canvas(self, frame: Frame) -> Canvas:
        """Return a frame as planes of its own."""
        picture = _picture_of(frame)
        turns = _quarter_turns(picture)
        same = (picture.width, picture.height) == self._coded
        if not same or picture.format.name not in _DIRECT:
            picture = self._converted(picture)
        planes = [np.rot90(_plane(plane), turns) for plane in picture.planes]
        width, height = self.even_size
        luma = np.empty((height, width), np.uint8)
        rows, columns = planes[0].shape
        luma[:rows, :columns] = planes[0]
        luma[rows:] = luma[rows - 1 : rows]  # the last line again, where there is one too few
        luma[:, columns:] = luma[:, columns - 1 : columns]
        return Canvas(luma, (planes[1].copy(), planes[2].copy()), self.colouring)

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        width, height = self._coded
        if _quarter_turns(picture) % 2 != self._turned:  # turned midway; then it is squeezed
            width, height = height, width
        name = "yuvj420p" if self.colouring.full else "yuv420p"
        return self._converter.reformat(picture, width, height, name)


def _picture_of(frame: Frame) -> VideoFrame:
    return cast("DecodedPixels", frame.pixels).picture


def as_picture(canvas: Canvas) -> VideoFrame:
    """Return a canvas as an encoder takes it."""
    from av import VideoFrame

    picture = VideoFrame(canvas.width, canvas.height, "yuv420p")
    for plane, values in zip(picture.planes, (canvas.luma, *canvas.chroma), strict=True):
        _plane(plane)[:] = values
    return picture


def _quarter_turns(picture: VideoFrame) -> int:
    return round(picture.rotation / 90) % 4


def _plane(plane: Any) -> UInt8Array:
    """Return a plane as it lies in memory, without copying it."""
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]
