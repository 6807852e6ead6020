"""A dataset's faces as a network takes them, read in any order without filling the memory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import Dataset
from fer_pipeline.domain import UInt8Array
from fer_pipeline.faces import CHANNEL_COUNT, Channels, network_inputs
from fer_pipeline.files import replacing, require_room
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

    Raises:
        OutputError: There is no room for it.
    """
    shape = (len(dataset), size, size, CHANNEL_COUNT[channels])
    if not path.exists():
        with replacing(path) as unfinished:
            require_room(path.parent, math.prod(shape))  # else it would be known only at the end
            _write_inputs(unfinished, dataset, shape, channels)
    mapped: UInt8Array = np.load(path, mmap_mode="r")
    return mapped


def _write_inputs(path: Path, dataset: Dataset, shape: tuple[int, ...], channels: Channels) -> None:
    """Write the inputs as numpy would.

    Not by way of a mapping: where the disk gets full under one, the system kills the process.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(dataset), _ROWS_AT_A_TIME):
            images = dataset.images(slice(start, start + _ROWS_AT_A_TIME))
            file.write(network_inputs(images, shape[1], channels).tobytes())


def class_weights(labels: NDArray[np.integer], classes: int) -> NDArray[np.float32]:
    """Return a weight for each class so that all of them count alike, 1 on average over faces."""
    faces = np.bincount(labels, minlength=classes)
    weights: NDArray[np.float32] = (len(labels) / (classes * faces)).astype(np.float32)
    return weights


def shares(
    labels: NDArray[np.integer], classes: int, votes: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return what share of each emotion is in each face.

    Args:
        labels: Index of each face's emotion, shape (N,); −1 for none.
        classes: Number of emotions.
        votes: How annotators voted, shape (N, classes); NaN for a face that none of them saw. None
            if there are none.

    Returns:
        Shape (N, classes): each row adds up to 1, but that of a face without votes or label is 0.
    """
    wanted = np.zeros((len(labels), classes), np.float32)
    labelled = np.flatnonzero(labels >= 0)
    wanted[labelled, labels[labelled]] = 1
    if votes is not None:
        sums = votes.sum(axis=1, keepdims=True)
        voted = np.flatnonzero(sums[:, 0] > 0)  # which NaN is not
        wanted[voted] = votes[voted] / sums[voted]
    return wanted


def balanced(rows: Rows, labels: NDArray[np.integer], faces: int, seed: int) -> Rows:
    """Over- and under-sample so that every class has the same number of rows.

    The balanced training sample of Yudin, Dolzhenko and Kapustina (NEUROINFORMATICS-2019): 10,000
    faces of each class. Of a class with more, so many are drawn; of one with fewer, each is taken
    equally often, and the rest is drawn.

    Args:
        rows: Rows to draw from.
        labels: Label of each of these rows.
        faces: Number of rows of each class in the result.
        seed: Decides who is drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(labels):
        of_class = rows[labels == label]
        drawn.append(np.repeat(of_class, faces // len(of_class)))
        drawn.append(rng.permutation(of_class)[: faces % len(of_class)])
    return np.sort(np.concatenate(drawn))


def shuffled(rows: Rows, seed: int, epoch: int) -> Rows:
    """Return the rows in the order of an epoch, which depends on nothing but the arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows)
