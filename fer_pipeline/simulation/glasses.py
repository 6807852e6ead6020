"""Glasses: two rims, a bridge and temples as thin tubes, which move with the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.anatomy import Anatomy
from fer_pipeline.simulation.mesh import HeadMesh, IntArray
from fer_pipeline.simulation.numeric import linear, single, unit

_AROUND, _SIDES = 28, 5
_LEVEL = 7.25


@dataclass(frozen=True, eq=False)
class Glasses:
    """A frame.

    Attributes:
        vertices: Shape (k, 3).
        normals: Likewise.
        triangles: Indices, shape (m, 3).
        colour: Linear RGB.
    """

    vertices: FloatArray
    normals: FloatArray
    triangles: IntArray
    colour: FloatArray


def draw_glasses(mesh: HeadMesh, anatomy: Anatomy, rng: np.random.Generator) -> Glasses | None:
    """Draw a person's glasses; most, and most of the young, have none."""
    worn = rng.random() < 0.15 + 0.3 * anatomy.age
    width, height = rng.uniform(0.235, 0.265), rng.uniform(0.165, 0.215)
    squareness, thickness = rng.uniform(2.0, 3.4), rng.uniform(0.010, 0.022)
    colour = linear(rng.integers(15, 110) * single([1, 1, 1]) * rng.uniform(0.8, 1.2, 3))
    if not worn:
        return None
    x, y, z = anatomy.vertices[mesh.face_vertices].T
    near_eyes = (np.abs(y - _LEVEL) < 0.2) & (np.abs(x) > 0.1) & (np.abs(x) < 0.45)
    plane = float(z[near_eyes].max()) + 0.09
    temple_width = float(np.abs(x[np.abs(y - _LEVEL) < 0.1]).max()) + 0.01
    middle = 0.32
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    power = 2 / squareness
    across = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power * width
    up = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power * height
    paths: list[tuple[NDArray[Any], bool]] = []
    for side in (1, -1):
        rim = np.stack(
            [side * middle + across, _LEVEL + up, _bent(side * middle + across, plane)], 1
        )
        paths.append((rim, True))
        outer = middle + width
        ends = [(outer, _LEVEL + 0.06, plane - 0.06), (temple_width, _LEVEL + 0.06, plane - 0.3)]
        ends.append((temple_width + 0.04, _LEVEL + 0.02, 0.1))
        paths.append((np.array(ends) * [side, 1, 1], False))
    inner = middle - width
    bridge = [(-inner, _LEVEL + 0.05, plane), (0, _LEVEL + 0.08, plane + 0.02)]
    paths.append((np.array([*bridge, (inner, _LEVEL + 0.05, plane)]), False))
    return _joined(
        [_tube(single(path), thickness, closed=closed) for path, closed in paths], colour
    )


def _bent(x: NDArray[Any], plane: float) -> FloatArray:
    """Glasses follow the curve of the face a little."""
    return single(plane - 0.12 * x**2)


def _tube(
    path: FloatArray, radius: float, *, closed: bool
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return vertices, normals and triangles of a tube along a path."""
    count = len(path)
    if closed:
        along = unit(np.roll(path, -1, 0) - np.roll(path, 1, 0))
    else:
        along = unit(np.gradient(path, axis=0))
    reference = np.where(np.abs(along[:, 1:2]) > 0.9, single([[0, 0, 1]]), single([[0, 1, 0]]))
    first = unit(np.cross(along, reference))
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)[:, None, None]
    normals = single(np.cos(angle) * first + np.sin(angle) * second).transpose(1, 0, 2)
    vertices = path[:, None] + radius * normals
    ring = np.arange(count if closed else count - 1)
    triangles = []
    for side in range(_SIDES):
        a, b = ring * _SIDES + side, ring * _SIDES + (side + 1) % _SIDES
        c, d = (ring + 1) % count * _SIDES + side, (ring + 1) % count * _SIDES + (side + 1) % _SIDES
        triangles += [np.stack([a, b, d], 1), np.stack([a, d, c], 1)]
    flat = np.concatenate(triangles).astype(np.int32)
    return single(vertices.reshape(-1, 3)), single(normals.reshape(-1, 3)), flat


def _joined(tubes: list[tuple[FloatArray, FloatArray, IntArray]], colour: FloatArray) -> Glasses:
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in tubes[:-1])])
    return Glasses(
        vertices=np.concatenate([vertices for vertices, _, _ in tubes]),
        normals=np.concatenate([normals for _, normals, _ in tubes]),
        triangles=np.concatenate(
            [triangles + start for start, (_, _, triangles) in zip(starts, tubes, strict=True)]
        ).astype(np.int32),
        colour=colour,
    )
