"""A dataset's faces as a network takes them, read in any order without filling the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import Dataset
from fer_pipeline.domain import UInt8Array
from fer_pipeline.faces import CHANNEL_COUNT, Channels, network_inputs
from fer_pipeline.splits import Rows

_ROWS_AT_A_TIME = 256


def prepare_inputs(dataset: Dataset, size: int, channels: Channels, path: Path) -> UInt8Array:
    """Make every network input once, in a file that is mapped and not loaded.

    Decompressing and resizing in every epoch would cost more than a small network's training, and
    holding all inputs in memory would limit the size of a study.

    Args:
        dataset: The dataset.
        size: Side of the inputs in pixels.
        channels: Their representation.
        path: Where the file goes; an existing complete one is used again.

    Returns:
        Shape (N, size, size, channels), read-only, backed by the file.
    """
    shape = (len(dataset), size, size, CHANNEL_COUNT[channels])
    if not path.exists():
        unfinished = path.with_name(path.name + ".unfinished")
        inputs: Any = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        for start in range(0, len(dataset), _ROWS_AT_A_TIME):
            rows = slice(start, start + _ROWS_AT_A_TIME)
            inputs[rows] = network_inputs(dataset.images(rows), size, channels)
        inputs.flush()
        del inputs  # Windows renames no file that is still mapped
        unfinished.replace(path)
    mapped: UInt8Array = np.load(path, mmap_mode="r")
    return mapped


def class_weights(labels: NDArray[np.integer], classes: int) -> NDArray[np.float32]:
    """Return a weight for each class so that all of them count alike, 1 on average over faces."""
    faces = np.bincount(labels, minlength=classes)
    weights: NDArray[np.float32] = (len(labels) / (classes * faces)).astype(np.float32)
    return weights


def shuffled(rows: Rows, seed: int, epoch: int) -> Rows:
    """Return the rows in the order of an epoch, which depends on nothing but the arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows)
