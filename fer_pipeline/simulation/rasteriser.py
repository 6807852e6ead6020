"""Triangles → the pixels that show them: a z-buffer without a loop over triangles.

Every triangle's bounding box is tested pixel by pixel (J. Pineda, "A Parallel Algorithm for Polygon
Rasterization", SIGGRAPH 1988), for all triangles at once; the nearest one keeps the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.mesh import IntArray, Mask
from fer_pipeline.simulation.numeric import single


@dataclass(frozen=True, eq=False)
class Fragments:
    """The pixels that show something, and what.

    Attributes:
        pixels: Their numbers, row by row, shape (n,).
        triangles: The nearest triangle's number.
        weights: Barycentric, shape (n, 3).
        depth: Distance from the camera.
    """

    pixels: IntArray
    triangles: IntArray
    weights: FloatArray
    depth: FloatArray

    def __len__(self) -> int:
        return len(self.pixels)

    def interpolated(self, triangles: IntArray, attributes: FloatArray) -> FloatArray:
        """Return attributes of vertices, shape (v, k), at each pixel, shape (n, k)."""
        corners = triangles[self.triangles]
        weights = self.weights
        return single(
            attributes[corners[:, 0]] * weights[:, 0:1]
            + attributes[corners[:, 1]] * weights[:, 1:2]
            + attributes[corners[:, 2]] * weights[:, 2:3]
        )

    def where(self, kept: Mask) -> Fragments:
        """Return some of them."""
        return Fragments(
            self.pixels[kept], self.triangles[kept], self.weights[kept], self.depth[kept]
        )


def rasterise(
    points: FloatArray, triangles: IntArray, size: tuple[int, int], *, both_sides: bool = False
) -> Fragments:
    """Find out what each pixel shows.

    Args:
        points: Columns, rows and depth of the vertices, shape (v, 3); pixel centres are at halves.
        triangles: Indices, shape (t, 3).
        size: Width and height of the picture.
        both_sides: Whether triangles that show their back are seen.
    """
    width, height = size
    a, b, c = (points[triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.ceil(np.minimum(np.minimum(a, b), c)[:, :2] - 0.5).astype(np.int32)
    high = np.floor(np.maximum(np.maximum(a, b), c)[:, :2] - 0.5).astype(np.int32)
    low = np.maximum(low, 0)
    extent = np.minimum(high, np.array([width - 1, height - 1], np.int32)) - low + 1
    (shown,) = np.nonzero((extent > 0).all(1) & ((area != 0) if both_sides else (area < 0)))
    low, extent = low[shown], extent[shown]
    a, b, c = a[shown], b[shown], c[shown]
    count = extent[:, 0] * extent[:, 1]
    which = np.repeat(np.arange(len(shown), dtype=np.int32), count)
    offset = np.arange(len(which), dtype=np.int32)
    offset -= np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    row = offset // extent[which, 0]
    x = low[which, 0] + offset - row * extent[which, 0]
    y = low[which, 1] + row
    planes = _planes(a, b, c, single(1 / area[shown]))[which]
    column, line = x + np.float32(0.5), y + np.float32(0.5)
    second = planes[:, 0] + planes[:, 1] * column + planes[:, 2] * line
    third = planes[:, 3] + planes[:, 4] * column + planes[:, 5] * line
    first = 1 - second - third
    (inside,) = np.nonzero((first >= 0) & (second >= 0) & (third >= 0))
    which = which[inside]
    weights = np.stack([first[inside], second[inside], third[inside]], 1)
    depth = weights[:, 0] * a[which, 2] + weights[:, 1] * b[which, 2] + weights[:, 2] * c[which, 2]
    return _nearest(y[inside] * width + x[inside], shown[which], weights, depth, width * height)


def _planes(a: FloatArray, b: FloatArray, c: FloatArray, inverse: FloatArray) -> FloatArray:
    """Return the second and third barycentric weight as ``k + kx x + ky y``, shape (t, 6)."""
    x2, y2 = (c[:, 1] - a[:, 1]) * inverse, -(c[:, 0] - a[:, 0]) * inverse
    x3, y3 = -(b[:, 1] - a[:, 1]) * inverse, (b[:, 0] - a[:, 0]) * inverse
    k2 = -(x2 * a[:, 0] + y2 * a[:, 1])
    k3 = -(x3 * a[:, 0] + y3 * a[:, 1])
    return single(np.stack([k2, x2, y2, k3, x3, y3], 1))


def _nearest(
    pixels: IntArray, triangles: NDArray[np.intp], weights: FloatArray, depth: FloatArray, size: int
) -> Fragments:
    """Keep the nearest of what falls onto the same pixel."""
    order = np.argsort(-depth, kind="stable")
    owner = np.full(size, -1, np.int64)
    owner[pixels[order]] = order
    (seen,) = np.nonzero(owner >= 0)
    kept = owner[seen]
    return Fragments(
        seen.astype(np.int32),
        triangles[kept].astype(np.int32),
        single(weights[kept]),
        single(depth[kept]),
    )
