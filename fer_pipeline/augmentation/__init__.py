"""Faces varied while a network learns from them, so that it does not learn them by heart.

A plain registry, one way to a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from fer_pipeline.augmentation.light_variation import light
from fer_pipeline.augmentation.paper_chain import papers
from fer_pipeline.augmentation.strong_variation import strong
from fer_pipeline.domain import UInt8Array

Augmentation = Literal["light", "strong", "papers", "none"]

AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)

Augment = Callable[[UInt8Array, np.random.Generator], UInt8Array]
"""From faces, shape (N, height, width, channels), and a source of randomness to varied faces.

The same randomness gives the same faces, in whatever thread. The given faces stay as they are.
"""

AUGMENTERS: dict[Augmentation, Augment | None] = {
    "light": light,
    "strong": strong,
    "papers": papers,
    "none": None,
}
