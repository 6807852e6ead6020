"""The shape of one person's head: sex, age and origin, the kind of face, and its features.

Mixes the targets of MakeHuman (https://static.makehumancommunity.org) by drawing their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.mesh import HeadMesh
from fer_pipeline.simulation.numeric import single

Sex = Literal["female", "male"]

ORIGINS = ("caucasian", "asian", "african")
"""As MakeHuman calls its targets; they decide on skin and hair, too."""

SEXES: tuple[Sex, Sex] = ("female", "male")

_ORIGIN_SHARES = (0.5, 0.25, 0.25)

_AGES = ("young", "old")
_MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
_WEIGHTS = ("minweight", "averageweight", "maxweight")

_OUTLINES = (
    "oval", "round", "rectangular", "square", "triangular", "invertedtriangular", "diamond",
)  # fmt: skip

_MORE_LESS = ("incr", "decr")
_UP_DOWN = ("up", "down")

# Name with a place for one of two directions, the directions, and the spread of the weight; a
# question mark stands for the side.
_FEATURES = (
    ("head/head-fat-%s", _MORE_LESS, 0.25),
    ("head/head-scale-horiz-%s", _MORE_LESS, 0.25),
    ("head/head-scale-vert-%s", _MORE_LESS, 0.2),
    ("head/head-scale-depth-%s", _MORE_LESS, 0.2),
    ("forehead/forehead-scale-vert-%s", _MORE_LESS, 0.15),
    ("forehead/forehead-temple-%s", _MORE_LESS, 0.25),
    ("eyes/?-eye-scale-%s", _MORE_LESS, 0.25),
    ("eyes/?-eye-height2-%s", _MORE_LESS, 0.25),
    ("eyes/?-eye-bag-%s", _MORE_LESS, 0.3),
    ("eyes/?-eye-trans-%s", ("in", "out"), 0.3),
    ("eyes/?-eye-corner1-%s", _UP_DOWN, 0.3),
    ("eyes/?-eye-eyefold-%s", _UP_DOWN, 0.3),
    ("eyebrows/eyebrows-trans-%s", _UP_DOWN, 0.2),
    ("eyebrows/eyebrows-angle-%s", _UP_DOWN, 0.2),
    ("nose/nose-scale-horiz-%s", _MORE_LESS, 0.35),
    ("nose/nose-scale-vert-%s", _MORE_LESS, 0.3),
    ("nose/nose-scale-depth-%s", _MORE_LESS, 0.3),
    ("nose/nose-hump-%s", _MORE_LESS, 0.3),
    ("nose/nose-volume-%s", _MORE_LESS, 0.35),
    ("nose/nose-flaring-%s", _MORE_LESS, 0.3),
    ("nose/nose-width2-%s", _MORE_LESS, 0.3),
    ("nose/nose-point-width-%s", _MORE_LESS, 0.3),
    ("nose/nose-point-%s", _UP_DOWN, 0.3),
    ("nose/nose-base-%s", _UP_DOWN, 0.3),
    ("nose/nose-trans-%s", _UP_DOWN, 0.2),
    ("mouth/mouth-scale-horiz-%s", _MORE_LESS, 0.3),
    ("mouth/mouth-lowerlip-volume-%s", _MORE_LESS, 0.4),
    ("mouth/mouth-upperlip-volume-%s", _MORE_LESS, 0.4),
    ("mouth/mouth-cupidsbow-%s", _MORE_LESS, 0.4),
    ("mouth/mouth-upperlip-height-%s", _MORE_LESS, 0.3),
    ("mouth/mouth-lowerlip-height-%s", _MORE_LESS, 0.3),
    ("mouth/mouth-trans-%s", _UP_DOWN, 0.2),
    ("chin/chin-width-%s", _MORE_LESS, 0.35),
    ("chin/chin-height-%s", _MORE_LESS, 0.3),
    ("chin/chin-prominent-%s", _MORE_LESS, 0.3),
    ("chin/chin-bones-%s", _MORE_LESS, 0.3),
    ("chin/chin-cleft-%s", _MORE_LESS, 0.25),
    ("cheek/?-cheek-bones-%s", _MORE_LESS, 0.35),
    ("cheek/?-cheek-volume-%s", _MORE_LESS, 0.3),
    ("cheek/?-cheek-inner-%s", _MORE_LESS, 0.25),
    ("ears/?-ear-scale-%s", _MORE_LESS, 0.3),
    ("ears/?-ear-wing-%s", _MORE_LESS, 0.3),
)

# Real people differ more than the spreads above, of which each alone is moderate.
_EXAGGERATION = 1.4

# Faces are brought to one distance between the eyes, and the eyes to one place, so that paint, hair
# and camera fit everybody.
_EYE_DISTANCE = 0.62
_BETWEEN_THE_EYES = (0.0, 7.285, 1.245)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What a person's head is like, at rest.

    Attributes:
        sex: ``female`` or ``male``.
        origin: One of `ORIGINS`.
        age: 0 for a young adult, 1 for an old one.
        vertices: Of the mesh, shape (n, 3).
        scale: By how much the targets shrink or grow with it.
        eye_places: Place of each vertex of an eyeball in units of its radius from its centre, shape
            (n, 3); elsewhere 0.
    """

    sex: Sex
    origin: str
    age: float
    vertices: FloatArray
    scale: float
    eye_places: FloatArray


def target_names() -> tuple[str, ...]:
    """Return the names of all targets that heads are made of."""
    names = {f"head/head-{outline}" for outline in _OUTLINES}
    for sex in SEXES:
        for age in _AGES:
            names.update(f"macrodetails/{origin}-{sex}-{age}" for origin in ORIGINS)
            names.update(
                f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}"
                for muscle in _MUSCLES
                for weight in _WEIGHTS
            )
    for pattern, directions, _ in _FEATURES:
        for name in _sides(pattern):
            names.update(name % direction for direction in directions)
    return tuple(sorted(names))


def draw_anatomy(mesh: HeadMesh, rng: np.random.Generator, sex: Sex) -> Anatomy:
    """Draw a person's head."""
    origin = str(rng.choice(ORIGINS, p=_ORIGIN_SHARES))
    age = float(np.clip(rng.beta(1.1, 3.0), 0, 0.75))
    vertices = mesh.vertices.copy()
    _add_frame(mesh, vertices, rng, sex, origin, age)
    for outline in rng.choice(_OUTLINES, 2, replace=False):
        mesh.add(vertices, f"head/head-{outline}", rng.uniform(0, 0.4))
    for pattern, (more, less), spread in _FEATURES:
        weight = float(np.clip(rng.normal(0, _EXAGGERATION * spread), -1, 1))
        for name in _sides(pattern):
            own = weight + (rng.normal(0, 0.05) if "?" in pattern else 0)
            mesh.add(vertices, name % (more if own > 0 else less), abs(own))
    left, right = (vertices[eye].mean(0) for eye in mesh.eyes)
    scale = _EYE_DISTANCE / float(np.linalg.norm(left - right))
    vertices = single((vertices - (left + right) / 2) * scale + single(_BETWEEN_THE_EYES))
    return Anatomy(sex, origin, age, vertices, scale, _eye_places(mesh, vertices))


def _sides(pattern: str) -> tuple[str, ...]:
    if "?" not in pattern:
        return (pattern,)
    return tuple(pattern.replace("?", side) for side in "lr")


def _add_frame(
    mesh: HeadMesh,
    vertices: FloatArray,
    rng: np.random.Generator,
    sex: Sex,
    origin: str,
    age: float,
) -> None:
    """Move the vertices by what MakeHuman calls macro details."""
    shares = {one: 0.15 * rng.random() + (one == origin) for one in ORIGINS}
    total = sum(shares.values())
    weight = float(np.clip(rng.normal(0.5, 0.2), 0, 1))
    muscle = float(np.clip(rng.normal(0.5, 0.15), 0, 1))
    for name, share in zip(_AGES, (1 - age, age), strict=True):
        for one, part in shares.items():
            mesh.add(vertices, f"macrodetails/{one}-{sex}-{name}", share * part / total)
        for muscles, of_muscles in zip(_MUSCLES, _three(muscle), strict=True):
            for weights, of_weights in zip(_WEIGHTS, _three(weight), strict=True):
                target = f"macrodetails/universal-{sex}-{name}-{muscles}-{weights}"
                mesh.add(vertices, target, share * of_muscles * of_weights)


def _three(value: float) -> tuple[float, float, float]:
    """Return how much of the least, the middle and the most a value from 0 to 1 is."""
    return max(0.0, 1 - 2 * value), 1 - abs(2 * value - 1), max(0.0, 2 * value - 1)


def _eye_places(mesh: HeadMesh, vertices: FloatArray) -> FloatArray:
    places = np.zeros_like(vertices)
    for eye in mesh.eyes:
        ball = vertices[eye]
        low, high = ball.min(0), ball.max(0)
        places[eye] = (ball - (low + high) / 2) / ((high[1] - low[1]) / 2)
    return places
