"""One person's hair: a cap that grows out of the scalp, a curtain around the head, and strands."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.anatomy import Anatomy
from fer_pipeline.simulation.mesh import HeadMesh, IntArray, Material
from fer_pipeline.simulation.numeric import clouds, single, smoothstep

# Style: its share, and how thick it lies on the scalp in decimetres.
_STYLES = MappingProxyType(
    {
        "male": {
            "buzz": (0.2, 0.03),
            "short": (0.5, 0.16),
            "medium": (0.22, 0.26),
            "bald": (0.08, 0.0),
        },
        "female": {
            "tied": (0.3, 0.09),
            "bob": (0.28, 0.18),
            "long": (0.3, 0.16),
            "short": (0.12, 0.16),
        },
    }
)
_CURTAIN_ENDS = MappingProxyType({"bob": (6.15, 6.5), "long": (4.6, 5.4)})

_STRANDS = (64, 1024)

_NO_HAIR = -3.0


@dataclass(frozen=True, eq=False)
class Curtain:
    """A sheet of hair that hangs around the head.

    Attributes:
        vertices: Shape (k, 3).
        triangles: Each twice, once for either side.
        places: On the map of strands, shape (k, 2).
        growth: As in `Hair`.
    """

    vertices: FloatArray
    triangles: IntArray
    places: FloatArray
    growth: FloatArray


@dataclass(frozen=True, eq=False)
class Hair:
    """What grows on a head.

    Attributes:
        style: Its name.
        growth: Of each vertex of the mesh: how far it is behind the hairline, in units of its
            softness; negative before it.
        thickness: How far hair stands off there, in decimetres.
        places: On the map of strands, shape (n, 2).
        triangles: Those of the mesh that may bear hair.
        strands: Lighter and darker strands, -1 to 1.
        curtain: What hangs down; None for short hair.
    """

    style: str
    growth: FloatArray
    thickness: FloatArray
    places: FloatArray
    triangles: IntArray
    strands: FloatArray
    curtain: Curtain | None


def draw_hair(mesh: HeadMesh, anatomy: Anatomy, rng: np.random.Generator) -> Hair:
    """Draw a person's hair."""
    x, y, z = mesh.vertices.T
    styles = _STYLES[anatomy.sex]
    growth = _growth(mesh, anatomy, rng)
    style = str(rng.choice(list(styles), p=[share for share, _ in styles.values()]))
    if style == "bald":
        growth[:] = _NO_HAIR
    bearing = (growth[mesh.triangles] > -0.9).any(1) & (mesh.material == Material.SKIN)
    around = np.arctan2(x, z - 0.1)
    above = np.arctan2(y - 7.3, np.hypot(x, z - 0.1))
    clumps = clouds(rng, (64, 64), 5, 2)
    row = np.clip((above + 1.6) / 3.2 * 63, 0, 63).astype(int)
    column = np.clip((around + np.pi) / (2 * np.pi) * 63, 0, 63).astype(int)
    depth = styles[style][1] * smoothstep(-0.3, 2.2, growth) + 0.012
    return Hair(
        style=style,
        growth=growth,
        thickness=single(depth * (1 + 0.35 * clumps[row, column])),
        places=single(np.stack([around * 1.3, above], 1)),
        triangles=mesh.triangles[bearing],
        curtain=_curtain(rng, *_CURTAIN_ENDS[style]) if style in _CURTAIN_ENDS else None,
        strands=_strands(rng),
    )


def _growth(mesh: HeadMesh, anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    x, y, z = mesh.vertices.T
    front = 8.0 + rng.normal(0, 0.05)
    depths, heights = [-1.0, -0.2, 0.15, 0.5, 0.85, 1.15], [6.35, 6.5, 7.05, 7.3, 7.8, front]
    line = np.interp(z, depths, heights)
    if anatomy.sex == "male":  # temples recede with age
        temples = np.exp(-(((np.abs(x) - 0.45) / 0.25) ** 2))
        line += (anatomy.age * 0.35 * temples + rng.uniform(0, 0.1)) * (z > 0.5)
    growth = single(np.where(mesh.ears > 0.3, -1.5, (y - line) / 0.25))
    growth[~mesh.skin_vertices] = _NO_HAIR
    return single(np.clip(growth, _NO_HAIR, 4))


def _curtain(rng: np.random.Generator, lowest: float, highest: float) -> Curtain:
    end = rng.uniform(lowest, highest)
    angles, heights = np.meshgrid(
        np.linspace(np.deg2rad(58), np.deg2rad(302), 40), np.linspace(8.0, end, 16)
    )
    levels, spread = [5.0, 6.2, 7.2, 7.7, 8.0], rng.uniform(0.95, 1.08)
    side = np.interp(heights, levels, [1.12, 1.02, 0.97, 0.93, 0.75]) * spread
    back = np.interp(heights, levels, [1.0, 1.0, 1.08, 1.0, 0.8])
    back = np.where(np.cos(angles) > 0, back * 0.62, back)
    phase, hanging = rng.random() * 6, smoothstep(7.4, 6.4, heights)
    wave = 0.04 * np.sin(angles * 9 + heights * 2.2 + phase) * hanging
    wave = wave + 0.02 * np.sin(angles * 23 + heights * 5)
    points = np.stack(
        [np.sin(angles) * (side + wave), heights, 0.12 + np.cos(angles) * (back + wave)], -1
    )
    number = np.arange(angles.size, dtype=np.int32).reshape(angles.shape)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    triangles = np.concatenate(
        [np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))]
    )
    # Its end is ragged.
    ends = end + 0.08 * np.sin(angles * 31) * np.sin(angles * 13 + 1)
    return Curtain(
        vertices=single(points.reshape(-1, 3)),
        triangles=np.concatenate([triangles, triangles[:, ::-1]]),
        places=single(np.stack([angles * 1.3, (heights - 7.3) * 0.6], -1).reshape(-1, 2)),
        growth=single(np.minimum(2.0, (heights - ends) / 0.12 + 0.1).reshape(-1)),
    )


def _strands(rng: np.random.Generator) -> FloatArray:
    import cv2

    fine = _drawn_out(single(rng.normal(size=_STRANDS)))
    coarse = cv2.resize(
        single(rng.normal(size=(4, 90))), _STRANDS[::-1], interpolation=cv2.INTER_CUBIC
    )
    strands = fine / fine.std() * 0.6 + coarse * 0.6
    return single(strands / np.abs(strands).max())


def _drawn_out(noise: FloatArray) -> FloatArray:
    """Return noise drawn out along the strands."""
    import cv2

    return single(cv2.GaussianBlur(noise, (0, 0), 0.8, sigmaY=6, borderType=cv2.BORDER_REFLECT))
