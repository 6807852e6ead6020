"""The default: what differs between two takes of one face."""

from __future__ import annotations

import numpy as np

from fer_pipeline.domain import UInt8Array

ROTATION_DEGREES = 10.0
SHIFT_SHARE = 0.08
ZOOM_SHARE = 0.10
GAIN_SHARE = 0.20
OFFSET = 20.0

_VALUES = np.arange(256.0)


def light(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Vary faces as little as a camera and a head do between two takes.

    Each face on its own is mirrored or not, and turned, moved and enlarged a little in one step,
    with its edge pixels repeated outside; its brightness and contrast vary too.

    Args:
        faces: Shape (N, size, size, channels).
        rng: Decides about everything.

    Returns:
        The same shape.
    """
    return np.stack([_vary(face, rng) for face in faces])


def _vary(face: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    import cv2

    size = face.shape[0]
    turn, zoom, right, down, gain, offset = rng.uniform(-1, 1, 6)
    mirrored = cv2.flip(face, 1) if rng.random() < 0.5 else face
    middle = ((size - 1) / 2, (size - 1) / 2)
    motion = cv2.getRotationMatrix2D(middle, turn * ROTATION_DEGREES, 1 + zoom * ZOOM_SHARE)
    motion[:, 2] += np.array([right, down]) * SHIFT_SHARE * size
    moved = cv2.warpAffine(mirrored, motion, (size, size), borderMode=cv2.BORDER_REPLICATE)
    # A table of what becomes of each value takes a tenth of the time of computing every pixel.
    lit = _VALUES * (1 + gain * GAIN_SHARE) + offset * OFFSET
    varied: UInt8Array = np.reshape(cv2.LUT(moved, lit.clip(0, 255).astype(np.uint8)), face.shape)
    return varied
