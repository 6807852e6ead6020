"""A picture as video holds it, brightness and quartered colour, and what is drawn into it.

Drawing into these planes leaves every other pixel as the source has it, and spares two conversions
of each frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from fer_pipeline.domain import Box, UInt8Array
from fer_pipeline.palette import red_green_blue

_OPAQUE = 256


@dataclass(frozen=True, slots=True)
class Colouring:
    """How a video writes colours.

    Attributes:
        hd: Whether by BT.709; else by BT.601.
        full: Whether values go from 0 to 255; else brightness from 16 to 235, colour to 240.
    """

    hd: bool = False
    full: bool = False

    def planes_of(self, colour: str) -> tuple[int, int, int]:
        """Return brightness and the two parts of colour of ``#RRGGBB``, each from 0 to 255."""
        return _planes_of(colour, hd=self.hd, full=self.full)


@lru_cache(maxsize=256)
def _planes_of(colour: str, *, hd: bool, full: bool) -> tuple[int, int, int]:
    red, green, blue = (part / 255 for part in red_green_blue(colour))
    of_red, of_blue = (0.2126, 0.0722) if hd else (0.299, 0.114)
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    towards_blue, towards_red = (blue - luma) / 2 / (1 - of_blue), (red - luma) / 2 / (1 - of_red)
    if full:
        return round(255 * luma), round(128 + 255 * towards_blue), round(128 + 255 * towards_red)
    return round(16 + 219 * luma), round(128 + 224 * towards_blue), round(128 + 224 * towards_red)


@dataclass(frozen=True, eq=False)
class Mask:
    """How much a shape covers each pixel, 0 to 255: what is anti-aliased.

    Attributes:
        luma: Shape (height, width), both even.
        chroma: The same in half the width and height.
    """

    luma: UInt8Array
    chroma: UInt8Array = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.luma.shape
        blocks = self.luma.reshape(height // 2, 2, width // 2, 2)
        object.__setattr__(self, "chroma", blocks.mean((1, 3)).round().astype(np.uint8))

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.luma.shape[0])


@dataclass(frozen=True, eq=False)
class Canvas:
    """The planes of one picture.

    Attributes:
        luma: Brightness, shape (height, width), both even.
        chroma: The two planes of colour, each in half the width and height.
        colouring: What their values mean.
    """

    luma: UInt8Array
    chroma: tuple[UInt8Array, UInt8Array]
    colouring: Colouring

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.luma.shape[0])

    def fill(self, area: Box, colour: str, opacity: float = 1.0) -> None:
        """Paint a rectangle; what lies outside the picture is left out.

        At odd edges the colour, not the brightness, reaches a pixel further: pixels share colour in
        blocks of two.
        """
        left, right = max(0, area.x), min(self.width, area.x + area.width)
        top, bottom = max(0, area.y), min(self.height, area.y + area.height)
        if left >= right or top >= bottom:
            return
        brightness, *parts = self.colouring.planes_of(colour)
        _paint(self.luma[top:bottom, left:right], brightness, opacity)
        for plane, part in zip(self.chroma, parts, strict=True):
            within = plane[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
            _paint(within, part, opacity)

    def outline(self, box: Box, thickness: int, colour: str, opacity: float = 1.0) -> None:
        """Paint the inner border of a box."""
        x, y, width, height = box.x, box.y, box.width, box.height
        inner = max(0, height - 2 * thickness)
        for part in (
            Box(x, y, width, thickness),
            Box(x, y + height - thickness, width, thickness),
            Box(x, y + thickness, thickness, inner),
            Box(x + width - thickness, y + thickness, thickness, inner),
        ):
            self.fill(part, colour, opacity)

    def stamp(self, mask: Mask, x: int, y: int, colour: str, opacity: float = 1.0) -> None:
        """Paint a shape with its top left corner at an even place; it is clipped at the edges."""
        x, y = x // 2 * 2, y // 2 * 2
        brightness, *parts = self.colouring.planes_of(colour)
        _blend(self.luma, mask.luma, x, y, brightness, opacity)
        for plane, part in zip(self.chroma, parts, strict=True):
            _blend(plane, mask.chroma, x // 2, y // 2, part, opacity)


def blank_canvas(width: int, height: int, colour: str, colouring: Colouring) -> Canvas:
    """Return a picture of one colour.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        colour: As ``#RRGGBB``.
        colouring: What its values mean.
    """
    brightness, *parts = colouring.planes_of(colour)
    small = height // 2, width // 2
    blue, red = (np.full(small, part, np.uint8) for part in parts)
    return Canvas(np.full((height, width), brightness, np.uint8), (blue, red), colouring)


def _paint(pixels: UInt8Array, value: int, opacity: float) -> None:
    if opacity >= 1:
        pixels[:] = value
        return
    weight = round(_OPAQUE * opacity)
    mixed = pixels.astype(np.uint16) * (_OPAQUE - weight) + np.uint16(value * weight + 128)
    pixels[:] = mixed >> 8


def _blend(
    pixels: UInt8Array, mask: UInt8Array, x: int, y: int, value: int, opacity: float
) -> None:
    height, width = pixels.shape
    left, right = max(0, x), min(width, x + mask.shape[1])
    top, bottom = max(0, y), min(height, y + mask.shape[0])
    if left >= right or top >= bottom:
        return
    weights = mask[top - y : bottom - y, left - x : right - x].astype(np.int32)
    weights = weights * round(_OPAQUE * opacity)  # up to 255 × 256
    within = pixels[top:bottom, left:right]
    within[:] = within + ((value - within.astype(np.int32)) * weights + 32640) // 65280
