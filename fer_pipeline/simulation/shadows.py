"""Where less light comes to: corners, from the depth of the picture, and cast shadows.

Ambient occlusion by unsharp masking of the depth buffer: T. Luft, C. Colditz, O. Deussen, "Image
Enhancement by Unsharp Masking the Depth Buffer", SIGGRAPH 2006. Cast shadows by a shadow map:
L. Williams, "Casting Curved Shadows on Curved Surfaces", SIGGRAPH 1978.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.mesh import IntArray
from fer_pipeline.simulation.numeric import blurred, looked_up, rotated, single, unit
from fer_pipeline.simulation.rasteriser import rasterise

# Radius in decimetres, and how much darker.
_CORNERS = ((0.035, 5.0), (0.09, 2.4), (0.28, 0.8))
_WIDEST_BLUR = 5

_MAP_PIXELS, _MAP_WIDTH = 150, 4.4
_MAP_MIDDLE = (0.0, 7.1, 0.4)
_BIAS = 0.09
_FAR_AWAY = 99.0


def openness(depth: FloatArray, cover: FloatArray, scale: float) -> FloatArray:
    """Return how much of the light from all around comes to each pixel, 0 to 1.

    Args:
        depth: Distances, shape (height, width).
        cover: 1 where there is anything, 0 elsewhere.
        scale: Pixels a decimetre.
    """
    import cv2

    height, width = depth.shape
    there = depth * cover
    open_to = np.ones_like(depth)
    for radius, strength in _CORNERS:
        sigma = max(0.8, radius * scale)
        if sigma < _WIDEST_BLUR:
            around = _mean_around(there, cover, sigma)
        else:  # what is blurred so much needs no fine picture
            small = max(1, width // 4), max(1, height // 4)
            less_there, less_cover = (
                cv2.resize(one, small, interpolation=cv2.INTER_AREA) for one in (there, cover)
            )
            less = _mean_around(single(less_there), single(less_cover), sigma / 4)
            around = single(cv2.resize(less, (width, height), interpolation=cv2.INTER_LINEAR))
        open_to *= np.exp(-strength * np.clip(depth - around, 0, 0.35) / 0.1 * 0.35)
    return single(open_to)


def _mean_around(values: FloatArray, cover: FloatArray, sigma: float) -> FloatArray:
    """Return the mean of the values around each pixel, of those that are there."""
    return single(blurred(values, sigma) / np.maximum(blurred(cover, sigma), 1e-3))


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """The scene as the lamp sees it.

    Attributes:
        axes: Of the lamp's view, shape (3, 3); the last one leads away from it.
        depth: The nearest thing's, shape (pixels, pixels).
    """

    axes: FloatArray
    depth: FloatArray

    @classmethod
    def of(cls, vertices: FloatArray, triangles: IntArray, towards: FloatArray) -> ShadowMap:
        """Look from a lamp, which is in a direction of length 1, at what casts shadows."""
        across = unit(np.cross(single([0, 1, 0]), towards))
        axes = single(np.stack([across, np.cross(towards, across), -towards]))
        size = _MAP_PIXELS, _MAP_PIXELS
        seen = rasterise(_on_map(vertices, axes), triangles, size)
        depth = np.full(_MAP_PIXELS * _MAP_PIXELS, _FAR_AWAY, np.float32)
        depth[seen.pixels] = seen.depth
        return cls(axes, depth.reshape(size))

    def light_on(
        self, points: FloatArray, pixels: IntArray, size: tuple[int, int], blur: float
    ) -> FloatArray:
        """Return how much of the lamp's light comes to points, 0 to 1.

        Args:
            points: Shape (n, 3).
            pixels: In which they are seen.
            size: Width and height of the picture.
            blur: Of the shadows' edges, in pixels.
        """
        width, height = size
        places = _on_map(points, self.axes)
        column, row = places[:, 0] - np.float32(0.5), places[:, 1] - np.float32(0.5)
        nearest = looked_up(self.depth, column, row, outside=_FAR_AWAY)
        lit, cover = np.zeros((2, width * height), np.float32)
        lit[pixels] = places[:, 2] - nearest < _BIAS
        cover[pixels] = 1
        shape = height, width
        return _mean_around(lit.reshape(shape), cover.reshape(shape), blur).ravel()[pixels]


def _on_map(points: FloatArray, axes: FloatArray) -> FloatArray:
    seen = rotated(single(points - single(_MAP_MIDDLE)), axes)
    scale = np.float32(_MAP_PIXELS / _MAP_WIDTH)
    half = np.float32(_MAP_PIXELS / 2)
    return single(np.stack([half + seen[:, 0] * scale, half - seen[:, 1] * scale, seen[:, 2]], 1))
