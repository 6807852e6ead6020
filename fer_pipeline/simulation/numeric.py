"""The few pieces of arithmetic that all of the renderer needs, in single precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_pipeline.domain import FloatArray

# `cv2.remap` takes no more columns than a 16-bit number counts.
_COLUMNS = 1024

_GAMMA = 2.2


def single(values: ArrayLike) -> FloatArray:
    """Return an array in single precision."""
    return np.asarray(values, np.float32)


def smoothstep(start: float, end: float, values: ArrayLike) -> FloatArray:
    """Return 0 before ``start``, 1 after ``end``, and a cubic without corners between them.

    ``start`` may be the larger one: then it falls.
    """
    share = np.clip((single(values) - start) / (end - start), 0, 1)
    return single(share * share * (3 - 2 * share))


def unit(vectors: ArrayLike) -> FloatArray:
    """Return vectors, shape (..., n), with length 1."""
    given = single(vectors)
    length = np.sqrt((given * given).sum(-1, keepdims=True))
    return single(given / np.maximum(length, 1e-9))


def rotated(points: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return points, shape (n, 3), under a rotation, shape (3, 3).

    Not a matrix product: those of BLAS round otherwise with another number of threads.
    """
    x, y, z = points[:, 0:1], points[:, 1:2], points[:, 2:3]
    return single(x * rotation[:, 0] + y * rotation[:, 1] + z * rotation[:, 2])


def dot(vectors: FloatArray, other: FloatArray) -> FloatArray:
    """Return scalar products, shape (n,), of vectors (n, 3) with others, or with one."""
    product = vectors * other
    return single(product[:, 0] + product[:, 1] + product[:, 2])


def linear(colour: ArrayLike | Sequence[Any]) -> FloatArray:
    """Return the light, 0 to 1, of a colour given in the 8-bit values of a screen."""
    return single((np.asarray(colour, np.float32) / 255) ** _GAMMA)


def looked_up(
    texture: NDArray[Any], x: FloatArray, y: FloatArray, *, outside: float | None = None
) -> FloatArray:
    """Return a texture's values at some places.

    Args:
        texture: Shape (height, width) or (height, width, channels).
        x: Columns, shape (n,), 0 for the middle of the first.
        y: Rows, likewise.
        outside: The value beyond the border, in which case the nearest texel counts; None to
            interpolate, and to go on with what is at the border.

    Returns:
        Shape (n,) or (n, channels).
    """
    import cv2

    count = len(x)
    padded = -(-count // _COLUMNS) * _COLUMNS
    places = np.zeros((2, padded), np.float32)
    places[0, :count], places[1, :count] = x, y
    columns, rows = places.reshape(2, -1, _COLUMNS)
    values = cv2.remap(
        texture,
        columns,
        rows,
        cv2.INTER_LINEAR if outside is None else cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
        borderValue=outside or 0.0,
    )
    return single(values.reshape(padded, *values.shape[2:])[:count])


def blurred(picture: NDArray[Any], sigma: float) -> FloatArray:
    """Return a picture under a Gaussian blur of ``sigma`` pixels."""
    import cv2

    return single(cv2.GaussianBlur(single(picture), (0, 0), sigma))


def clouds(
    rng: np.random.Generator, size: tuple[int, int], cells: int, octaves: int = 4
) -> FloatArray:
    """Return smooth noise, -1 to 1, shape (height, width).

    Args:
        rng: Draws it.
        size: Width and height.
        cells: Across the width, in the coarsest octave; each further one has twice as many, and
            half the strength.
        octaves: How many.
    """
    import cv2

    width, height = size
    noise = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = max(2, cells * 2**octave)
        down = max(2, int(across * height / width))
        grid = single(rng.normal(size=(down, across)))
        noise += 0.5**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return single(noise / np.abs(noise).max())
