"""Faces varied while a network learns from them, so that it does not learn them by heart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from fer_pipeline.domain import UInt8Array

Augmentation = Literal["light", "none"]

AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)

ROTATION_DEGREES = 10.0
SHIFT_SHARE = 0.08
ZOOM_SHARE = 0.10
GAIN_SHARE = 0.20
OFFSET = 20.0

Augment = Callable[[UInt8Array, np.random.Generator], UInt8Array]
"""From faces, shape (N, size, size, channels), and a source of randomness to varied faces."""


def light(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Vary faces as little as a camera and a head do between two takes.

    Each face on its own is mirrored or not, and turned, moved and enlarged a little in one step,
    with its edge pixels repeated outside; its brightness and contrast vary too.
    """
    return np.stack([_vary(face, rng) for face in faces])


def _vary(face: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    import cv2

    size = face.shape[0]
    turn, zoom, right, down, gain, offset = rng.uniform(-1, 1, 6)
    mirrored = face[:, ::-1] if rng.random() < 0.5 else face
    middle = ((size - 1) / 2, (size - 1) / 2)
    motion = cv2.getRotationMatrix2D(middle, turn * ROTATION_DEGREES, 1 + zoom * ZOOM_SHARE)
    motion[:, 2] += np.array([right, down]) * SHIFT_SHARE * size
    moved: Any = cv2.warpAffine(
        np.ascontiguousarray(mirrored), motion, (size, size), borderMode=cv2.BORDER_REPLICATE
    )
    lit = moved.reshape(face.shape) * (1 + gain * GAIN_SHARE) + offset * OFFSET
    varied: UInt8Array = lit.clip(0, 255).astype(np.uint8)
    return varied


AUGMENTERS: dict[Augmentation, Augment | None] = {"light": light, "none": None}
