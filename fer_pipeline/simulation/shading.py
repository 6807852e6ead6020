"""Light on skin, eyes, teeth, clothes, hair and glasses.

Skin: diffuse light that wraps around, red farthest, stands for the light that goes through it
(S. Green, "Real-Time Approximations to Subsurface Scattering", GPU Gems, 2004), with a Blinn-Phong
sheen and Schlick's Fresnel term. Hair: J. T. Kajiya, T. L. Kay, "Rendering Fur with Three
Dimensional Textures", SIGGRAPH 1989.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.mesh import Material
from fer_pipeline.simulation.numeric import dot, single, unit
from fer_pipeline.simulation.studio import Light
from fer_pipeline.simulation.surface import Surface

_WRAP = (0.30, 0.16, 0.10)
_SHADOW_POWER = (0.75, 1.0, 1.1)
_CORNER_POWER = (0.8, 1.05, 1.15)


def lit_surface(
    surface: Surface,
    light: Light,
    eye: FloatArray,
    lit: FloatArray,
    openness: FloatArray,
    shine: float,
) -> FloatArray:
    """Return the light that comes from a head to the camera, linear RGB, shape (n, 3).

    Args:
        surface: What is seen of it.
        light: What lights it.
        eye: Place of the camera, shape (3,).
        lit: How much of the lamp's light comes to each point.
        openness: How much of the light from all around does.
        shine: Of the skin.
    """
    skin, teeth = surface.skin[:, None], surface.of(Material.TEETH)
    normal = surface.normal
    facing = dot(normal, light.direction)[:, None]
    wrap = np.where(skin, single(_WRAP), np.float32(0.05))
    diffuse = np.clip((facing + wrap) / (1 + wrap), 0, 1)
    # Light goes through lips and teeth, so that a mouth is no black hole.
    lamp = np.where(teeth, 0.35 + 0.65 * lit, lit)[:, None]
    lamp = lamp ** np.where(skin, single(_SHADOW_POWER), np.float32(1))
    around = np.where(teeth, 0.4 + 0.6 * openness, openness)[:, None]
    corner = around ** np.where(skin, single(_CORNER_POWER), np.float32(1))
    above = 0.5 + 0.5 * normal[:, 1:2]
    ambient = light.sky * above + light.ground * (1 - above)
    fill = np.clip(dot(normal, light.fill_direction)[:, None] * 0.7 + 0.3, 0, 1) * light.fill
    shown = diffuse * lamp * light.key + (ambient + fill) * corner
    shown = surface.colour * shown * (0.55 + 0.45 * around)
    shown += _sheen(surface, light, eye, lit, shine)
    return single(shown * _depth_of_mouth(surface)[:, None])


def _sheen(
    surface: Surface, light: Light, eye: FloatArray, lit: FloatArray, shine: float
) -> FloatArray:
    view = unit(eye - surface.point)
    half = unit(view + light.direction)
    across = np.clip(dot(surface.normal, half), 0, 1)
    fresnel = 0.028 + 0.5 * (1 - np.clip(dot(surface.normal, view), 0, 1)) ** 5
    eyes, teeth, skin = (
        surface.of(Material.EYE), surface.of(Material.TEETH), surface.skin,
    )  # fmt: skip
    gloss = np.where(skin, 0.30, np.where(teeth, 0.5, 0.02))
    gloss = np.where(eyes, 0, np.where(surface.lips > 0.4, 0.8, gloss))
    sheen = (across**22 * 1.6 + across**70 * 2.2) * fresnel * gloss * 6 * lit
    sheen *= (1 - 0.9 * surface.fur) * np.where(skin, shine, 1)
    coloured = sheen[:, None] * light.key * 0.55
    coloured[eyes] += (across[eyes] ** 260 * 1.1 * lit[eyes])[:, None] * light.key
    return single(coloured)


def _depth_of_mouth(surface: Surface) -> FloatArray:
    """Return how much darker the inside of the mouth is, the deeper the more."""
    inside = np.clip(surface.mouth * 1.3, 0, 1) * surface.of(Material.SKIN)
    others = 0.35 * surface.of(Material.TEETH) + 0.9 * surface.of(Material.TONGUE)
    deep = np.maximum(inside, others)
    return single(1 - deep * (1 - np.clip((surface.rest[:, 2] - 0.75) / 0.75, 0.06, 1)))


@dataclass(frozen=True, eq=False)
class SeenHair:
    """The visible points of hair; all arrays have one row for each.

    Attributes:
        strand: How light the strand is, -1 to 1.
        normal: Of the sheet that it lies on, length 1.
        point: Its place in the room.
        lit: How much of the lamp's light comes to it.
        openness: How much of the light from all around does.
    """

    strand: FloatArray
    normal: FloatArray
    point: FloatArray
    lit: FloatArray
    openness: FloatArray


def lit_hair(hair: SeenHair, colour: FloatArray, light: Light, eye: FloatArray) -> FloatArray:
    """Return the light that comes from hair to the camera, linear RGB, shape (n, 3).

    Args:
        hair: What is seen of it.
        colour: Linear RGB, shape (3,).
        light: What lights it.
        eye: Place of the camera.
    """
    normal, strand, lit = hair.normal, hair.strand, hair.lit
    view = unit(eye - hair.point)
    inner = dot(normal, view) < 0
    normal = single(np.where(inner[:, None], -normal, normal))
    down = single([0.001, -0.999, 0.001])
    along = unit(down - dot(normal, down)[:, None] * normal)
    facing = dot(normal, light.direction)
    sine = np.sqrt(np.clip(1 - dot(along, light.direction) ** 2, 0, 1))
    half = unit(view + light.direction)
    gloss = np.sqrt(np.clip(1 - (dot(along, half) + 0.12 * strand) ** 2, 0, 1)) ** 40
    diffuse = np.clip(facing * 0.6 + 0.4, 0, 1) * sine * (0.25 + 0.75 * lit)
    tinted = colour * np.clip(1 + 0.55 * strand, 0.3, 2)[:, None]
    above = 0.5 + 0.5 * normal[:, 1:2]
    ambient = (light.sky * above + light.ground * (1 - above)) * hair.openness[:, None]
    shown = tinted * 1.1 * (diffuse[:, None] * light.key + ambient)
    shine = gloss * 0.16 * lit * np.clip(facing + 0.3, 0, 1)
    shown += shine[:, None] * light.key * (colour * 1.5 + 0.06)
    return single(shown * np.where(inner, 0.35, 1)[:, None])


def lit_plastic(
    colour: FloatArray, normal: FloatArray, point: FloatArray, light: Light, eye: FloatArray
) -> FloatArray:
    """Return the light that comes from something smooth, linear RGB, shape (n, 3)."""
    facing = np.clip(dot(normal, light.direction), 0, 1)[:, None]
    above = 0.5 + 0.5 * normal[:, 1:2]
    ambient = light.sky * above + light.ground * (1 - above)
    half = unit(unit(eye - point) + light.direction)
    gloss = np.clip(dot(normal, half), 0, 1)[:, None] ** 40 * 0.35
    return single(colour * (facing * light.key + ambient) + gloss * light.key)
