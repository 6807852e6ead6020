"""For large corpora and long training: what differs between photographs of strangers."""

from __future__ import annotations

import numpy as np

from fer_pipeline.domain import UInt8Array

ROTATION_DEGREES = 20.0
SHIFT_SHARE = 0.12
ZOOM_SHARE = 0.15
STRETCH_SHARE = 0.06
GAIN_SHARE = 0.30
OFFSET = 30.0
GAMMA_OCTAVES = 0.5
BLURRED_SHARE = 0.2
COARSEST = 0.4
ERASED_SHARE = 0.5
ERASED_SIDES = (0.15, 0.45)

_VALUES = np.arange(256.0) / 255


def strong(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Vary faces as much as strangers' cameras, rooms and poses do.

    Each face on its own is mirrored or not; turned, moved, enlarged and stretched in one step, with
    its edge pixels repeated outside; its gamma, contrast and brightness vary; one in five is made
    coarser; and in every other one a rectangle is filled with noise (random erasing: Zhong et al.,
    AAAI 2020), as hair, hands and glasses hide parts of a face.

    Args:
        faces: Shape (N, size, size, channels).
        rng: Decides about everything.

    Returns:
        The same shape.
    """
    return np.stack([_vary(face, rng) for face in faces])


def _vary(face: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    import cv2

    mirrored = cv2.flip(face, 1) if rng.random() < 0.5 else face
    moved = _moved(mirrored.reshape(face.shape), rng)
    lit: UInt8Array = np.reshape(cv2.LUT(moved, _lighting(rng)), face.shape)
    if rng.random() < BLURRED_SHARE:
        lit = _coarser(lit, rng.uniform(COARSEST, 1))
    if rng.random() < ERASED_SHARE:
        _erase(lit, rng)
    return lit


def _moved(face: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    import cv2

    size = face.shape[0]
    turn, zoom, stretch, right, down = rng.uniform(-1, 1, 5)
    middle = ((size - 1) / 2, (size - 1) / 2)
    motion = cv2.getRotationMatrix2D(middle, turn * ROTATION_DEGREES, 1 + zoom * ZOOM_SHARE)
    wider = 1 + stretch * STRETCH_SHARE
    motion[0] *= wider
    motion[0, 2] += middle[0] * (1 - wider)
    motion[:, 2] += np.array([right, down]) * SHIFT_SHARE * size
    moved: UInt8Array = cv2.warpAffine(face, motion, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return moved


def _lighting(rng: np.random.Generator) -> UInt8Array:
    """Return what becomes of each value from 0 to 255."""
    gamma, gain, offset = rng.uniform(-1, 1, 3)
    curved = 255 * _VALUES ** (2 ** (gamma * GAMMA_OCTAVES))
    lit = (curved - 128) * (1 + gain * GAIN_SHARE) + 128 + offset * OFFSET
    table: UInt8Array = lit.clip(0, 255).astype(np.uint8)
    return table


def _coarser(face: UInt8Array, share: float) -> UInt8Array:
    """Return a face as it would look if it were smaller in its picture."""
    import cv2

    size = face.shape[0]
    fewer = max(1, round(size * share))
    small = cv2.resize(face, (fewer, fewer), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    coarse: UInt8Array = large.reshape(face.shape)
    return coarse


def _erase(face: UInt8Array, rng: np.random.Generator) -> None:
    """Fill a rectangle with noise."""
    size = face.shape[0]
    height, width = np.rint(rng.uniform(*ERASED_SIDES, 2) * size).astype(int)
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    hidden = face[top : top + height, left : left + width]
    hidden[:] = rng.integers(0, 256, hidden.shape, dtype=np.uint8)
