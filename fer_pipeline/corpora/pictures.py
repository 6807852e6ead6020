"""Pictures as files, decoded with care: what is cut short is not half a picture but none."""

from __future__ import annotations

from typing import Any

import numpy as np

from fer_pipeline.domain import UInt8Array
from fer_pipeline.quiet import quiet

# OpenCV may make a picture of a file that is cut short, and say so only on the terminal.
_ENDS = {b"\x89PNG": b"IEND", b"\xff\xd8": b"\xff\xd9"}
_END_WITHIN = 64


def decode_gray(content: bytes) -> UInt8Array | None:
    """Decode a PNG or JPEG file.

    Args:
        content: All of the file.

    Returns:
        Brightness, shape (height, width); None if it is no picture, or not a whole one.
    """
    import cv2

    end = next((end for begin, end in _ENDS.items() if content.startswith(begin)), None)
    if end is None or end not in content[-_END_WITHIN:]:
        return None
    try:
        with quiet():
            decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if decoded is None else np.asarray(decoded)
