"""The five steps of Yudin, Dolzhenko and Kapustina, each a function of its own.

*The Usage of Grayscale or Color Images for Facial Expression Recognition with Deep Neural
Networks*, NEUROINFORMATICS-2019. Every step takes faces, uint8, shape (N, height, width, channels),
with a source of randomness, draws for each face on its own, and returns new faces of the same shape
and type, rounded and cut to 0 to 255.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray, UInt8Array

DROPOUT_SHARE = 0.02
GRID_SHARES = (0.02, 0.25)
SMALLEST_GRID = 4
ROTATION_DEGREES = 15.0
MIRROR_SHARE = 0.9
NOISE_SD = 15.0
CROP_SHARE = 0.10

_QUANTILES = 2**16

_PIXELS_AT_ONCE = 2**16


def papers(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Vary faces as in the paper: the five steps, in its order."""
    for step in STEPS:
        faces = step(faces, rng)
    return faces


def coarse_dropout(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Black out rectangles.

    The cells of a coarse grid are dropped with one probability for each face, uniform in 0 to 2 %.
    The grid's height and width are independently 2 to 25 % of the face's, rounded down to whole
    cells, at least 4; it is enlarged by nearest neighbour. All channels are dropped together.
    """
    count, (height, width) = len(faces), faces.shape[1:3]
    probability = rng.uniform(0, DROPOUT_SHARE, count)
    rows, columns = _grid_sides(height, count, rng), _grid_sides(width, count, rng)
    dropped = rng.random((count, rows.max(), columns.max()), np.float32) < _by_face(probability)
    # Of the largest grid, each face has only its own part; beyond, cells would show no pixel.
    dropped &= np.arange(rows.max())[:, np.newaxis] < _by_face(rows)
    dropped &= np.arange(columns.max()) < _by_face(columns)
    varied = faces.copy()
    for face, row, column in np.argwhere(dropped).tolist():
        down = _pixels_of(row, int(rows[face]), height)
        across = _pixels_of(column, int(columns[face]), width)
        varied[face, down, across] = 0
    return varied


def _grid_sides(pixels: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    shares = rng.uniform(*GRID_SHARES, count)
    return np.maximum((shares * pixels).astype(np.int64), SMALLEST_GRID)


def _pixels_of(cell: int, cells: int, pixels: int) -> slice:
    """Return the pixels that show a cell: pixel i shows the cell at i · cells / pixels."""
    return slice(-(-cell * pixels // cells), -(-(cell + 1) * pixels // cells))


def rotate(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Turn about the middle, uniform in −15° to 15°; bilinear, outside black."""
    import cv2

    height, width = faces.shape[1:3]
    middle = ((width - 1) / 2, (height - 1) / 2)
    angles = rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES, len(faces))
    turned = [
        cv2.warpAffine(face, cv2.getRotationMatrix2D(middle, angle, 1), (width, height))
        for face, angle in zip(faces, angles, strict=True)
    ]
    return np.stack(turned).reshape(faces.shape)


def mirror(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Exchange left and right with probability 0.9."""
    import cv2

    varied = faces.copy()
    for face in np.flatnonzero(rng.random(len(faces)) < MIRROR_SHARE):
        varied[face] = cv2.flip(faces[face], 1).reshape(faces.shape[1:])
    return varied


def add_noise(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Add Gaussian noise, one standard deviation for each face, uniform in 0 to 15.

    All channels of a pixel get the same.
    """
    deviations = rng.uniform(0, NOISE_SD, len(faces)).astype(np.float32)
    noisy = np.empty_like(faces)
    # A whole batch of noise would not stay in the processor's cache.
    step = max(1, _PIXELS_AT_ONCE // math.prod(faces.shape[1:3]))
    for start in range(0, len(faces), step):
        part = slice(start, start + step)
        noisy[part] = _with_noise(faces[part], deviations[part], rng)
    return noisy


def _with_noise(faces: UInt8Array, deviations: FloatArray, rng: np.random.Generator) -> UInt8Array:
    import cv2

    count, height, width, channels = faces.shape
    drawn = rng.integers(_QUANTILES, size=(count, height, width), dtype=np.uint16)
    noise = _normal_quantiles()[drawn]
    noise *= _by_face(deviations)
    tall = (count * height, width, channels)  # the faces below each other: one call for all
    in_channels = cv2.merge([noise.reshape(tall[:2])] * channels).reshape(tall)
    noisy: Any = cv2.add(faces.reshape(tall), in_channels, dtype=cv2.CV_8U)
    return np.reshape(noisy, faces.shape)


@cache
def _normal_quantiles() -> FloatArray:
    """Return equally probable values of the standard normal distribution, shape (65536,).

    A draw from them takes a quarter of the time of numpy's normal draw. They lack what lies beyond
    4.3 standard deviations, 1 of 65,536 draws; the rest is lost in rounding to whole values anyway.
    """
    normal = NormalDist()
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return np.array([normal.inv_cdf(share) for share in shares], np.float32)


def crop_and_resize(faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Cut each side off independently by 0 to 10 % of the height or width, and resize back.

    Not by whole pixels, which would be steps of 2 % for a face of 48: the edges lie where they are
    drawn, and the faces are resized bilinearly from there.
    """
    import cv2

    count, (height, width) = len(faces), faces.shape[1:3]
    left, right, top, bottom = rng.uniform(0, CROP_SHARE, (4, count))
    across, down = 1 - left - right, 1 - top - bottom
    motions = np.zeros((count, 2, 3))  # from a pixel's middle in the result to one in the face
    motions[:, 0, 0], motions[:, 0, 2] = across, left * width + across / 2 - 0.5
    motions[:, 1, 1], motions[:, 1, 2] = down, top * height + down / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    resized = [
        cv2.warpAffine(face, motion, (width, height), None, flags, cv2.BORDER_REPLICATE)
        for face, motion in zip(faces, motions, strict=True)
    ]
    return np.stack(resized).reshape(faces.shape)


def _by_face(values: NDArray[Any]) -> NDArray[Any]:
    """Shape one value for each face so that it goes with (N, height, width)."""
    return values[:, np.newaxis, np.newaxis]


STEPS = (coarse_dropout, rotate, mirror, add_noise, crop_and_resize)
"""What `papers` does, in order."""
