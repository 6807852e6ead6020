"""Pictures as files, decoded with care: what is cut short is not half a picture but none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fer_pipeline.domain import UInt8Array

_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"  # with its checksum


def decode_picture(content: bytes) -> UInt8Array | None:
    """Decode a PNG, JPEG, BMP or TIFF file, upright.

    It may be called in several threads. What libraries say on the terminal is not kept from there,
    see `fer_pipeline.quiet`.

    Args:
        content: All of the file.

    Returns:
        Shape (height, width, 3), red first, or (height, width, 1) of a gray picture; 8 bits also of
        what has more. None if it is no such picture, or not a whole one.
    """
    import cv2

    whole = next((test for begin, test in _WHOLE.items() if content.startswith(begin)), None)
    if whole is None or not whole(content):
        return None
    try:
        decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_ANYCOLOR)
        if decoded is None:
            return None
        if decoded.ndim == 2:
            return np.asarray(decoded[..., None])
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))
    except cv2.error:
        return None


def brightness(picture: UInt8Array) -> UInt8Array:
    """Return the brightness of a picture, shape (height, width)."""
    import cv2

    if picture.shape[2] == 1:
        return np.ascontiguousarray(picture[..., 0])
    gray: Any = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(gray)


# Some versions of OpenCV make a picture of a PNG or JPEG file that is cut short, and say so only on
# the terminal.


def _whole_png(content: bytes) -> bool:
    return _PNG_END in content


def _whole_jpeg(content: bytes) -> bool:
    """Tell whether the last scan ends; a small preview further ahead has an end of its own."""
    return content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN)


def _told_by_decoder(_: bytes) -> bool:
    return True


_WHOLE: dict[bytes, Callable[[bytes], bool]] = {
    b"\x89PNG": _whole_png,
    b"\xff\xd8": _whole_jpeg,
    b"BM": _told_by_decoder,
    b"II*\x00": _told_by_decoder,
    b"MM\x00*": _told_by_decoder,
}
