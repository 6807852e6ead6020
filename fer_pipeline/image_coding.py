"""Images → the content of picture files."""

from __future__ import annotations

from typing import Any

import numpy as np

from fer_pipeline.domain import UInt8Array


def as_png(image: UInt8Array) -> bytes:
    """Encode an image without loss.

    Args:
        image: Shape (height, width, 1 or 3), red first.
    """
    return _encoded(image, ".png", [])


def as_jpeg(image: UInt8Array, quality: int) -> bytes:
    """Encode an image in few bytes, to be looked at.

    Args:
        image: Shape (height, width, 1 or 3), red first.
        quality: 1 to 100.
    """
    import cv2

    return _encoded(image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encoded(image: UInt8Array, suffix: str, parameters: list[int]) -> bytes:
    import cv2

    pixels: Any = np.ascontiguousarray(image[..., ::-1])  # OpenCV has blue first
    # Not cv2.imwrite: it knows no names beyond the code page on Windows, and no errors.
    return cv2.imencode(suffix, pixels, parameters)[1].tobytes()
