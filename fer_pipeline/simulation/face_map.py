"""The map that a face is painted on: a front view of the mesh at rest, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.numeric import blurred, single

SCALE = 220
"""Pixels a decimetre."""

LEFT, RIGHT, BOTTOM, TOP = -1.1, 1.1, 5.6, 8.6
"""What the map shows, in decimetres."""

WIDTH, HEIGHT = round((RIGHT - LEFT) * SCALE), round((TOP - BOTTOM) * SCALE)

# OpenCV draws at fractions of a pixel, in units of 2 to the power of -4.
SUBPIXEL_BITS = 4
_SUBPIXELS = 1 << SUBPIXEL_BITS

Line = tuple[FloatArray, FloatArray]
"""Horizontal and vertical positions along a line on the person's left half, in decimetres."""


def grid() -> tuple[FloatArray, FloatArray]:
    """Return the horizontal and the vertical position of each pixel, shape (HEIGHT, WIDTH)."""
    columns = np.arange(WIDTH) / SCALE + LEFT
    rows = TOP - np.arange(HEIGHT) / SCALE
    across, up = np.meshgrid(columns, rows)
    return single(across), single(up)


def pixels(x: ArrayLike, y: ArrayLike) -> FloatArray:
    """Return where positions are on the map, shape (..., 2)."""
    return single(np.stack([(single(x) - LEFT) * SCALE, (TOP - single(y)) * SCALE], -1))


def fine_pixels(x: ArrayLike, y: ArrayLike) -> list[int]:
    """Return one position in the units of OpenCV's drawing."""
    return [int(value * _SUBPIXELS) for value in pixels(x, y).ravel()]


def spot(x: float, y: float, width: float, height: float) -> FloatArray:
    """Return a soft spot of value 1, on both sides of the face unless it is in the middle."""
    across, up = grid()
    beside = (np.abs(across) if x else across) - x
    return single(np.exp(-((beside / width) ** 2) - ((up - y) / height) ** 2))


def grooves(lines: Sequence[Line], width: float) -> FloatArray:
    """Return soft grooves of depth 1 along lines, on both sides of the face."""
    import cv2

    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    thickness = max(1, int(width * SCALE))
    for x, y in lines:
        for side in (1, -1):
            points = np.round(pixels(x * side, y) * _SUBPIXELS).astype(np.int32)
            cv2.polylines(drawn, [points], False, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    soft = blurred(single(drawn) / 255, width * SCALE * 0.8)
    return single(soft / max(float(soft.max()), 1e-6))
