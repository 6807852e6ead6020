"""Images that look alike: a number for each that small changes leave nearly the same.

The hash is the pHash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions" (2010), with 64 bits as in the library ImageHash: luma at 32×32 pixels, its discrete
cosine transform, and for each of the 8×8 lowest frequencies whether it is above their median.
A mirrored or a turned picture has another hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import UInt8Array
from fer_pipeline.faces import network_inputs

Hashes = NDArray[np.uint64]

MOST_BITS = 10
"""Beyond that, hashes of faces that have nothing in common are as near."""

_SIDE, _FREQUENCIES = 32, 8
_BANDS, _BAND_BITS = 4, 16

_CANDIDATES_AT_ONCE = 2**21
"""Pairs that are compared at a time, which bounds the memory."""


def perceptual_hashes(images: UInt8Array) -> Hashes:
    """Return the hash of each image, shape (n,).

    Args:
        images: Shape (n, height, width, 1 or 3), red first.
    """
    luma = network_inputs(images, _SIDE, "gray")[..., 0].astype(np.float32)
    waves = _cosines()
    lowest = (waves @ luma @ waves.T).reshape(len(images), _FREQUENCIES**2)
    above = lowest > np.median(lowest, axis=1, keepdims=True)
    hashes: Hashes = np.packbits(above, axis=1).view(np.uint64)[:, 0]
    return hashes


def _cosines() -> NDArray[np.float32]:
    """Return the lowest frequencies of the orthonormal DCT-II, shape (8, 32)."""
    position, frequency = np.arange(_SIDE) + 0.5, np.arange(_FREQUENCIES)[:, np.newaxis]
    waves = np.sqrt(2 / _SIDE) * np.cos(np.pi / _SIDE * frequency * position)
    waves[0] /= np.sqrt(2)
    found: NDArray[np.float32] = waves.astype(np.float32)
    return found


def near_pairs(hashes: Hashes, bits: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Find the hashes that differ in few bits, without comparing each with each.

    Two that differ in at most ``bits`` differ in at most a fourth of them in one of four bands of
    16 bits; only such pairs are compared (multi-index hashing: Norouzi, Punjani, Fleet, 2012).

    Args:
        hashes: Shape (n,).
        bits: In how many bits a pair may differ.

    Yields:
        Numbers of later ones, ascending, and of one before each that is as near. Those of a pair
        are told together, and no pair twice.
    """
    # Hashes that must be equal are equal in any one band.
    bands = hashes.view(np.uint16).reshape(-1, _BANDS)[:, : _BANDS if bits else 1].astype(np.int64)
    flips = _flips(bits // _BANDS)
    orders = [np.argsort(band, kind="stable") for band in bands.T]
    bounds = [
        np.concatenate([[0], np.cumsum(np.bincount(band, minlength=2**_BAND_BITS))])
        for band in bands.T
    ]
    work = np.zeros(len(hashes), np.int64)
    for band, bound in zip(bands.T, bounds, strict=True):
        sizes = np.diff(bound)
        for flip in flips:
            work += sizes[band ^ flip]
    for rows in _chunks(work):
        found = [
            _candidates(rows, bands[rows, index] ^ flip, orders[index], bounds[index])
            for index in range(bands.shape[1])
            for flip in flips
        ]
        near = np.concatenate([_near(hashes, *pair, bits) for pair in found], axis=1)
        later, earlier = np.unique(near, axis=1)
        if len(later):
            yield later, earlier


def _flips(most: int) -> list[int]:
    """Return all patterns of a band with at most so many bits."""
    return [
        sum(1 << place for place in places)
        for number in range(most + 1)
        for places in combinations(range(_BAND_BITS), number)
    ]


def _chunks(work: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, so many at a time as make about the same work."""
    chunk = np.cumsum(work) // _CANDIDATES_AT_ONCE
    starts = np.flatnonzero(np.diff(chunk, prepend=-1))
    yield from (rows for rows in np.split(np.arange(len(work)), starts[1:]) if len(rows))


def _candidates(
    rows: NDArray[np.int64],
    values: NDArray[np.int64],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of rows with others whose band has the value looked for."""
    starts, sizes = bounds[values], bounds[values + 1] - bounds[values]
    ends = np.cumsum(sizes)
    total = int(ends[-1])
    places = np.arange(total) + np.repeat(starts - (ends - sizes), sizes)
    return np.repeat(rows, sizes), order[places]


def _near(
    hashes: Hashes, later: NDArray[np.int64], earlier: NDArray[np.int64], bits: int
) -> NDArray[np.int64]:
    """Return the pairs in their order that are near, shape (2, pairs)."""
    ordered = earlier < later
    later, earlier = later[ordered], earlier[ordered]
    near = _different_bits(hashes[later] ^ hashes[earlier]) <= bits
    return np.stack([later[near], earlier[near]])


def _different_bits(differences: Hashes) -> NDArray[np.uint8]:
    """Count the bits of each number; numpy counts them itself from version 2 on only."""
    pairs = differences - ((differences >> 1) & 0x5555555555555555)
    fours = (pairs & 0x3333333333333333) + ((pairs >> 2) & 0x3333333333333333)
    bytes_ = (fours + (fours >> 4)) & 0x0F0F0F0F0F0F0F0F
    counted: NDArray[np.uint8] = (bytes_ * 0x0101010101010101 >> 56).astype(np.uint8)
    return counted
