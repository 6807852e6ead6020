"""Pixels as cameras give them to OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_pipeline.domain import Box, Pixels, UInt8Array


@dataclass(frozen=True, eq=False)
class CameraPixels(Pixels):
    """A picture of a camera.

    Attributes:
        bgr: Shape (height, width, 3), in the order blue, green, red.
    """

    bgr: Any

    def luma(self) -> UInt8Array:
        """Return brightness by ITU-R BT.601."""
        import cv2

        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY))

    def rgb(self) -> UInt8Array:
        """Return colour."""
        return _turned(self.bgr)

    def rgb_within(self, part: Box) -> UInt8Array:
        """Return the colour of a part."""
        return _turned(self.bgr[part.slices])


def _turned(bgr: Any) -> UInt8Array:
    return np.ascontiguousarray(bgr[:, :, ::-1])
