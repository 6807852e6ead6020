"""What the camera sees of a head, pixel by pixel, and of which colour it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.face_map import LEFT, SCALE, TOP
from fer_pipeline.simulation.mesh import HeadMesh, IntArray, Mask, Material, Materials
from fer_pipeline.simulation.numeric import looked_up, single, smoothstep, unit
from fer_pipeline.simulation.person import Person, Shirt
from fer_pipeline.simulation.rasteriser import Fragments

_EARS = (0.02, 0.14, 0.12)
_MOUTH = (0.22, 0.045, 0.04)
_TONGUE = (0.42, 0.12, 0.11)
_TEETH = (1.0, 0.89, 0.74)
_TOOTH_WIDTH = 0.088
_WHITE_OF_EYES = (0.68, 0.64, 0.61)


@dataclass(frozen=True, eq=False)
class Surface:
    """The visible points of a head; all arrays have one row for each.

    Attributes:
        pixels: Where they are seen.
        material: A `Material` each.
        cloth: Which of them are clothes.
        rest: Their place on the mesh at rest, shape (n, 3).
        point: Their place in the room.
        normal: Length 1, with the skin's relief.
        colour: Linear RGB.
        lips: How much they belong to them, 0 to 1.
        mouth: How much they are inside the mouth.
        fur: How much hair covers them.
    """

    pixels: IntArray
    material: Materials
    cloth: Mask
    rest: FloatArray
    point: FloatArray
    normal: FloatArray
    colour: FloatArray
    lips: FloatArray
    mouth: FloatArray
    fur: FloatArray

    @property
    def skin(self) -> Mask:
        """Which of them are bare skin."""
        return np.asarray((self.material == Material.SKIN) & ~self.cloth)

    def of(self, material: Material) -> Mask:
        """Return which of them are of a material."""
        return np.asarray(self.material == material)


def resting_attributes(mesh: HeadMesh, person: Person) -> FloatArray:
    """Return what `seen_surface` interpolates and no movement changes, shape (n, 9)."""
    masks = np.stack([mesh.lips, mesh.ears, mesh.mouth], 1)
    return np.concatenate([mesh.vertices, masks, person.anatomy.eye_places], 1)


def seen_surface(
    person: Person,
    fragments: Fragments,
    triangles: IntArray,
    material: Materials,
    attributes: FloatArray,
    relief: FloatArray,
    rotation: FloatArray,
) -> Surface:
    """Return what is seen of a head.

    Args:
        person: Whose it is.
        fragments: Which triangle each pixel shows.
        triangles: Indices, shape (m, 3).
        material: Of each triangle.
        attributes: Of each vertex: those at rest, its normal and its place in the room.
        relief: Of the skin, as `Skin.relief` tells.
        rotation: Of the head.
    """
    values = fragments.interpolated(triangles, attributes)
    rest, (lips, ears, mouth), eye = values[:, :3], values[:, 3:6].T, values[:, 6:9]
    normal, point = unit(values[:, 9:12]), values[:, 12:15]
    kind = material[fragments.triangles]
    cloth = _cloth(person.shirt, rest) & (kind == Material.SKIN)
    column, row = (rest[:, 0] - LEFT) * SCALE, (TOP - rest[:, 1]) * SCALE
    # The map shows the front; it fades out towards the sides, where it would be smeared.
    front = smoothstep(0.0, 0.5, rest[:, 2])[:, None]
    paint = looked_up(person.skin.paint, column, row)
    slope = looked_up(relief, column, row) * front
    colour = paint[:, :3] * front + person.skin.base * (1 - front)
    colour *= 1 - np.clip(slope[:, 2:], 0, 0.5) * 0.55
    colour = _mixed(colour, person.skin.lips, np.clip(lips * 1.1, 0, 1))
    colour *= 1 - ears[:, None] * single(_EARS)
    colour = _mixed(colour, single(_MOUTH), np.clip(mouth * 1.2, 0, 1))
    colour[cloth] = _cloth_colour(person.shirt, rest[cloth])
    eyes = kind == Material.EYE
    colour[eyes] = _eye_colour(eye[eyes], person.skin.iris)
    teeth = kind == Material.TEETH
    gap = np.abs(np.sin(rest[teeth, 0] * np.pi / _TOOTH_WIDTH))
    colour[teeth] = single(_TEETH) * (0.8 + 0.2 * smoothstep(0, 0.25, gap))[:, None]
    colour[kind == Material.TONGUE] = single(_TONGUE)
    rough = (kind == Material.SKIN) & ~cloth & (lips < 0.5)
    tilt = slope[:, 0:1] * rotation[:, 0] + slope[:, 1:2] * rotation[:, 1]
    normal = unit(normal - tilt * rough[:, None])
    return Surface(
        pixels=fragments.pixels,
        material=kind,
        cloth=cloth,
        rest=rest,
        point=point,
        normal=normal,
        colour=single(colour),
        lips=lips,
        mouth=mouth,
        fur=single(paint[:, 3] * front[:, 0]),
    )


def _mixed(colour: FloatArray, other: FloatArray, share: FloatArray) -> FloatArray:
    return single(colour * (1 - share[:, None]) + other * share[:, None])


def _cloth(shirt: Shirt, rest: FloatArray) -> Mask:
    x, y, z = rest.T
    depth, width = (0.35, 0.3) if shirt.v_neck else (0.12, 0.5)
    cut = depth * np.exp(-((x / width) ** 2)) * (z > 0)
    edge = shirt.neck - cut + 0.22 * np.clip(np.abs(x) / 1.2, 0, 1)
    return np.asarray(y < edge)


def _cloth_colour(shirt: Shirt, rest: FloatArray) -> FloatArray:
    x, y, _ = rest.T
    folds = 0.12 * np.sin(x * 9 + 3 * np.sin(y * 2.3 + shirt.folds)) * np.sin(y * 6.1)
    return single(shirt.colour * (1 + folds[:, None]))


def _eye_colour(place: FloatArray, iris: FloatArray) -> FloatArray:
    """Return the colour of an eyeball at places in units of its radius."""
    x, y, z = place.T
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    vessels = (1 - 0.22 * smoothstep(0.55, 1.0, radius))[:, None]
    white = single(_WHITE_OF_EYES) * vessels * single([1, 0.97, 0.96])
    fibres = 1 + 0.15 * np.sin(angle * 17 + 3 * np.sin(angle * 5)) + 0.3 * (y < 0)
    ring = (0.75 + 0.6 * smoothstep(0.2, 0.42, radius)) * (
        1 - 0.75 * smoothstep(0.38, 0.47, radius)
    )
    pupil = smoothstep(0.16, 0.22, radius)
    coloured = iris * (fibres * ring * pupil)[:, None]
    share = smoothstep(0.5, 0.45, radius)[:, None]
    front = np.where(z > 0, 1, 0.5)[:, None]
    return single((white * (1 - share) + coloured * share) * front)
