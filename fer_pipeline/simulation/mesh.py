"""The head's mesh, and the targets that change its shape.

MakeHuman's base mesh, its shape targets, and ARKit's face units as targets of the same mesh, all
CC0; see HEADPACK.txt beside the data. Lengths are decimetres; x goes to the person's left (the
picture's right), y up, z out of the face.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import FerError
from fer_pipeline.simulation.numeric import single, unit

PACK = Path(__file__).with_name("headpack.npz")
"""The mesh and its targets; ``scripts/rebuild_headpack.py`` makes it."""

DELTAS_PER_DECIMETRE = 1000
"""Targets are whole numbers of these."""

FACE_UNIT = "face/"
"""What the names of ARKit's units begin with."""

_KEYS = ("vertices", "triangles", "material", "lips", "ears", "mouth")
_TARGET_KEYS = ("names", "counts", "indices", "deltas")

_CHIN, _HAIRLINE, _FRONT = 6.25, 7.9, 0.55

IntArray = NDArray[np.int32]
Mask = NDArray[np.bool_]
Materials = NDArray[np.int8]


class Material(IntEnum):
    """What a triangle is made of."""

    SKIN = 0
    EYE = 1
    TEETH = 2
    TONGUE = 3
    LASH = 4


@dataclass(frozen=True, eq=False)
class Target:
    """A change of shape at weight 1.

    Attributes:
        indices: Of the vertices that it moves.
        deltas: By how much, shape (len(indices), 3).
    """

    indices: IntArray
    deltas: FloatArray


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """The base mesh: head and shoulders, eyes, teeth, tongue and lashes.

    Attributes:
        vertices: Shape (n, 3).
        triangles: Indices, shape (m, 3).
        material: A `Material` for each triangle.
        lips: How much a vertex belongs to them, 0 to 1; likewise the next two.
        ears: The ears.
        mouth: What is inside the mouth.
        targets: By name.
    """

    vertices: FloatArray
    triangles: IntArray
    material: Materials
    lips: FloatArray
    ears: FloatArray
    mouth: FloatArray
    targets: Mapping[str, Target]

    def add(self, vertices: FloatArray, name: str, weight: float) -> None:
        """Move vertices, in place, by a target."""
        if abs(weight) > 1e-4:
            target = self.targets[name]
            vertices[target.indices] += np.float32(weight) * target.deltas

    @cached_property
    def skin_vertices(self) -> Mask:
        """Which vertices are skin, or what will be clothes."""
        return self._of(Material.SKIN)

    @cached_property
    def solid(self) -> Mask:
        """Which triangles are opaque: all but the lashes."""
        return np.asarray(self.material != Material.LASH)

    @cached_property
    def eyes(self) -> tuple[IntArray, IntArray]:
        """Indices of the vertices of the left and the right eyeball."""
        (eyeballs,) = np.nonzero(self._of(Material.EYE))
        left = self.vertices[eyeballs, 0] > 0
        return eyeballs[left].astype(np.int32), eyeballs[~left].astype(np.int32)

    @cached_property
    def face_vertices(self) -> IntArray:
        """Indices of the vertices of the face: from chin to hairline, without the ears."""
        _, y, z = self.vertices.T
        within = (y > _CHIN) & (y < _HAIRLINE) & (z > _FRONT)
        (face,) = np.nonzero(within & self.skin_vertices & (self.ears < 0.1))
        return face.astype(np.int32)

    def normals(self, vertices: FloatArray) -> FloatArray:
        """Return the outward unit normals of moved vertices, shape (n, 3)."""
        first, second, third = (vertices[self.triangles[:, i]] for i in range(3))
        a, b = second - first, third - first
        across = np.empty_like(a)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            across[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
        triangles, vertex, starts = self._corners
        sums = np.zeros_like(vertices)
        sums[vertex] = np.add.reduceat(across[triangles], starts)
        return unit(sums)

    @cached_property
    def _corners(self) -> tuple[IntArray, IntArray, IntArray]:
        """The triangles around each vertex: triangles, vertices, and where each vertex begins."""
        corners = self.triangles.ravel()
        order = np.argsort(corners, kind="stable")
        vertex, starts = np.unique(corners[order], return_index=True)
        triangles = order // 3
        return triangles.astype(np.int32), vertex.astype(np.int32), starts.astype(np.int32)

    def _of(self, material: Material) -> Mask:
        chosen = np.zeros(len(self.vertices), bool)
        chosen[self.triangles[self.material == material]] = True
        return chosen


@cache
def head_mesh() -> HeadMesh:
    """Return the mesh that is installed with the package.

    Raises:
        FerError: Its file is missing or broken.
    """
    return read_mesh(PACK)


def read_mesh(path: Path) -> HeadMesh:
    """Read a mesh from its file.

    Raises:
        FerError: The file is missing, broken or another one.
    """
    try:
        with np.load(path, allow_pickle=False) as pack:
            arrays = {key: pack[key] for key in (*_KEYS, *_TARGET_KEYS)}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        problem = f"{path}: the mesh of the simulated people is missing or broken"
        raise FerError(problem, "install fer-pipeline again") from error
    ends = np.cumsum(arrays["counts"])[:-1]
    indices = np.split(arrays["indices"].astype(np.int32), ends)
    deltas = np.split(single(arrays["deltas"]) / DELTAS_PER_DECIMETRE, ends)
    names = [str(name) for name in arrays["names"]]
    return HeadMesh(
        vertices=single(arrays["vertices"]),
        triangles=arrays["triangles"].astype(np.int32),
        material=arrays["material"],
        lips=single(arrays["lips"] / 255),
        ears=single(arrays["ears"] / 255),
        mouth=single(arrays["mouth"] / 255),
        targets={
            name: Target(where, single(by))
            for name, where, by in zip(names, indices, deltas, strict=True)
        },
    )
