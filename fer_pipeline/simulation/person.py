"""A rendered person: anatomy, skin, hair, clothes, and how the face moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.anatomy import SEXES, Anatomy, Sex, draw_anatomy
from fer_pipeline.simulation.expressions import Muscles, draw_muscles
from fer_pipeline.simulation.glasses import Glasses, draw_glasses
from fer_pipeline.simulation.hair import Hair, draw_hair
from fer_pipeline.simulation.mesh import HeadMesh
from fer_pipeline.simulation.numeric import linear, single
from fer_pipeline.simulation.skin import Skin, draw_skin


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is drawn: equal identities are equal people.

    Attributes:
        seed: Of the study.
        number: Of the participant, from 1.
    """

    seed: int
    number: int

    @property
    def code(self) -> str:
        """The participant's code."""
        return f"P{self.number:02d}"

    @property
    def sex(self) -> Sex:
        """Female and male take turns."""
        return SEXES[(self.number - 1) % 2]

    def generator(self, *purpose: int) -> np.random.Generator:
        """Return random numbers for one purpose, which no other purpose disturbs."""
        return np.random.default_rng([self.seed, self.number, *purpose])


@dataclass(frozen=True, slots=True)
class Shirt:
    """What is worn.

    Attributes:
        colour: Linear RGB.
        neck: Height of its edge in decimetres.
        v_neck: Whether it is cut deep.
        folds: Where its folds are, in radians.
    """

    colour: FloatArray
    neck: float
    v_neck: bool
    folds: float


@dataclass(frozen=True, eq=False)
class Person:
    """All that is drawn of a participant."""

    anatomy: Anatomy
    skin: Skin
    hair: Hair
    shirt: Shirt
    glasses: Glasses | None
    muscles: Muscles


# Purposes of random numbers; a new one changes nothing of the others.
_ANATOMY, _SKIN, _HAIR, _SHIRT, _GLASSES, _MUSCLES = range(6)


def draw_person(mesh: HeadMesh, identity: Identity) -> Person:
    """Draw a participant; the same identity gives the same person."""
    anatomy = draw_anatomy(mesh, identity.generator(_ANATOMY), identity.sex)
    return Person(
        anatomy=anatomy,
        skin=draw_skin(anatomy, identity.generator(_SKIN)),
        hair=draw_hair(mesh, anatomy, identity.generator(_HAIR)),
        shirt=_draw_shirt(identity.generator(_SHIRT)),
        glasses=draw_glasses(mesh, anatomy, identity.generator(_GLASSES)),
        muscles=draw_muscles(mesh, identity.generator(_MUSCLES), anatomy.scale),
    )


def _draw_shirt(rng: np.random.Generator) -> Shirt:
    colour = rng.integers(20, 200) * 0.65 + rng.integers(20, 200, 3) * 0.35
    neck, v_neck = float(rng.uniform(5.55, 5.85)), bool(rng.random() < 0.4)
    return Shirt(single(linear(colour) * 0.8), neck, v_neck, float(rng.uniform(0, 2 * np.pi)))
