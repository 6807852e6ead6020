"""The picture in the window: the newest frame with what is known of it drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fer_pipeline.domain import Box, Frame, UInt8Array
from fer_pipeline.overlay.canvas import Canvas, Colouring
from fer_pipeline.overlay.marks import Marker
from fer_pipeline.timeline import TimelineRow

# Longer side of what is drawn. Of a smaller picture bars and words would leave nothing to see; a
# larger one takes longer to draw than there is time for, and more than a laptop's screen.
_SMALLEST, _LARGEST = 960, 1280

# OpenCV converts to brightness from 16 to 235, by ITU-R BT.601.
_COLOURING = Colouring()


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written into the picture.

    Attributes:
        state: Behind time and frame number.
        lines: In the upper left corner.
    """

    state: str = ""
    lines: Sequence[str] = ()


class Artist:
    """Draws the pictures of one source, which come in their order.

    Args:
        emotions: The model's.
        mirror: Whether the picture is turned as in a mirror; words are not.
    """

    def __init__(self, emotions: Sequence[str], *, mirror: bool = False) -> None:
        self._emotions = emotions
        self._mirror = mirror
        self._marker: tuple[tuple[int, int], Marker] | None = None

    def draw(self, frame: Frame, rows: Sequence[TimelineRow], caption: Caption) -> UInt8Array:
        """Return the picture as windows take it, shape (height, width, 3), blue first."""
        import cv2

        height, width = frame.luma.shape
        size = shown_size(width, height)
        planes = self._planes(frame, size)
        canvas = _canvas(planes, size)
        marker = self._marker_of(size)
        factors = size[0] / width, size[1] / height
        placed = [self._placed(row, factors, size[0]) for row in rows if row.box is not None]
        marker.draw_faces(canvas, placed)
        marker.draw_footer(canvas, frame.index, frame.time, caption.state)
        marker.draw_lines(canvas, caption.lines)
        return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420))

    def _planes(self, frame: Frame, size: tuple[int, int]) -> Any:
        """Return brightness and quartered colour, one below the other, in one array."""
        import cv2

        rgb: Any = frame.rgb
        if rgb.shape[1::-1] != size:
            shrinks = rgb.shape[1] > size[0]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            rgb = cv2.resize(rgb, size, interpolation=method)
        if self._mirror:
            rgb = cv2.flip(rgb, 1)
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)

    def _marker_of(self, size: tuple[int, int]) -> Marker:
        if self._marker is None or self._marker[0] != size:
            self._marker = size, Marker(self._emotions, *size)
        return self._marker[1]

    def _placed(self, row: TimelineRow, factors: tuple[float, float], width: int) -> TimelineRow:
        """Return a row with its box where it is in the picture shown."""
        assert row.box is not None
        across, down = factors
        left, right = round(row.box.x * across), round((row.box.x + row.box.width) * across)
        top, bottom = round(row.box.y * down), round((row.box.y + row.box.height) * down)
        if self._mirror:
            left, right = width - right, width - left
        return replace(row, box=Box(left, top, right - left, bottom - top))


def shown_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height, even, in which a picture is drawn."""
    longer = max(width, height)
    scale = min(max(longer, _SMALLEST), _LARGEST) / longer
    across, down = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    return across, down


def _canvas(planes: Any, size: tuple[int, int]) -> Canvas:
    """Return planes that lie one below the other as a picture to draw into."""
    width, height = size
    values = planes.reshape(-1)
    whole, quarter = width * height, width * height // 4
    small = height // 2, width // 2
    blue = values[whole : whole + quarter].reshape(small)
    red = values[whole + quarter :].reshape(small)
    return Canvas(values[:whole].reshape(height, width), (blue, red), _COLOURING)
