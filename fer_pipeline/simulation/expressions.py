"""Emotions as muscle actions, after the Facial Action Coding System.

P. Ekman, W. V. Friesen, J. C. Hager: *Facial Action Coding System* (2002), whose action units (AU)
have numbers, and the combinations of EMFACS for basic emotions. Each unit is made of ARKit's face
units; intensities go beyond 1 where those are timid. The weights were tuned by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fer_pipeline.domain import FloatArray, order_emotions
from fer_pipeline.simulation.mesh import FACE_UNIT, HeadMesh
from fer_pipeline.simulation.numeric import single

Actions = dict[int, float]
"""Intensity by the number of the action unit."""

BLINK, LOOK_DOWN, DIMPLER = 43, 61, 14

# A star stands for both sides.
ACTION_UNITS = MappingProxyType(
    {
        1: {"browInnerUp": 1.0},
        2: {"browOuterUp*": 1.0},
        4: {"browDown*": 1.0},
        5: {"eyeWide*": 1.0},
        6: {"cheekSquint*": 1.0, "eyeSquint*": 0.4},
        7: {"eyeSquint*": 1.0},
        9: {"noseSneer*": 1.0},
        10: {"mouthUpperUp*": 1.0},
        12: {"mouthSmile*": 1.0},
        DIMPLER: {"mouthDimple*": 1.0, "mouthSmile*": 0.55, "cheekSquint*": 0.3},
        15: {"mouthFrown*": 1.0},
        16: {"mouthLowerDown*": 1.0},
        17: {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.4},
        20: {"mouthStretch*": 1.0},
        23: {"mouthPress*": 0.6, "mouthRollUpper": 0.5, "mouthRollLower": 0.5},
        25: {"mouthUpperUp*": 0.5, "mouthLowerDown*": 0.8, "jawOpen": 0.06},
        26: {"jawOpen": 1.0},
        BLINK: {"eyeBlink*": 1.0},
        LOOK_DOWN: {"eyeLookDown*": 1.0},
    }
)
"""What each action unit moves, at intensity 1."""

EXPRESSIONS = MappingProxyType(
    {
        "neutral": {12: 0.04},
        "happiness": {6: 1.1, 10: 0.5, 12: 1.35, 25: 1.1, 26: 0.06},
        "sadness": {1: 2.0, 4: 0.5, 15: 1.6, 17: 0.4, BLINK: 0.15, LOOK_DOWN: 0.25},
        "surprise": {1: 1.6, 2: 1.7, 5: 1.3, 25: 0.1, 26: 0.9},
        "fear": {1: 1.8, 2: 0.7, 4: 1.1, 5: 1.7, 7: 0.3, 20: 1.9, 25: 1.1, 26: 0.2},
        "disgust": {4: 0.2, 6: 0.8, 7: 0.9, 9: 2.0, 10: 1.5, 15: 0.6, 16: 0.7, 17: 0.5},
        "anger": {4: 2.0, 5: 0.9, 7: 0.7, 9: 0.15, 17: 0.3, 23: 1.1},
        "contempt": {7: 0.25, DIMPLER: 0.75, 17: 0.2},
    }
)
"""Action units of each emotion at its apex."""

SEVEN = order_emotions(set(EXPRESSIONS) - {"contempt"})
"""What participants show unless asked otherwise: six basic emotions, and none."""


@dataclass(frozen=True, eq=False)
class Muscles:
    """How one person's face moves.

    Attributes:
        strength: Of each action unit, about 1.
        movements: Displacement of all vertices by each unit at intensity 1, asymmetric as the
            person is.
        gaze: Displacement by looking one unit to the person's left, right, up and down.
    """

    strength: dict[int, float]
    movements: dict[int, FloatArray]
    gaze: tuple[FloatArray, FloatArray, FloatArray, FloatArray]

    def apex(self, emotion: str, rng: np.random.Generator) -> Actions:
        """Return what the person does at the apex of one take."""
        return {
            unit: weight * rng.uniform(0.85, 1.15) * self.strength[unit]
            for unit, weight in EXPRESSIONS[emotion].items()
        }

    def moved(
        self, vertices: FloatArray, actions: Actions, gaze: tuple[float, float]
    ) -> FloatArray:
        """Return the vertices under some actions, with the eyes turned."""
        moved = vertices.copy()
        for unit, intensity in actions.items():
            if abs(intensity) > 1e-4:
                moved += np.float32(intensity) * self.movements[unit]
        right, up = gaze
        left_way, right_way, up_way, down_way = self.gaze
        moved += np.float32(abs(right)) * (left_way if right > 0 else right_way)
        moved += np.float32(abs(up)) * (up_way if up > 0 else down_way)
        return moved


def draw_muscles(mesh: HeadMesh, rng: np.random.Generator, scale: float) -> Muscles:
    """Draw how a person's face moves.

    Args:
        mesh: Has the face units.
        rng: Draws.
        scale: Of the person's head.
    """
    strength = {unit: float(rng.uniform(0.8, 1.2)) for unit in ACTION_UNITS}
    lean = {unit: float(rng.normal(0, 0.08)) for unit in ACTION_UNITS}
    # Contempt is shown on one side.
    lean[DIMPLER] = float(rng.choice([-0.9, 0.9]))
    movements = {
        unit: _movement(mesh, shapes, lean[unit], scale) for unit, shapes in ACTION_UNITS.items()
    }
    looks = (
        {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
        {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
        {"eyeLookUp*": 1.0},
        {"eyeLookDown*": 1.0},
    )
    left, right, up, down = (_movement(mesh, shapes, 0.0, 1.0) for shapes in looks)
    return Muscles(strength, movements, (left, right, up, down))


def _movement(mesh: HeadMesh, shapes: dict[str, float], lean: float, scale: float) -> FloatArray:
    moved = np.zeros_like(mesh.vertices)
    for name, weight in shapes.items():
        stem = FACE_UNIT + name.removesuffix("*")
        if name.endswith("*"):
            mesh.add(moved, f"{stem}Left", scale * weight * (1 + lean))
            mesh.add(moved, f"{stem}Right", scale * weight * (1 - lean))
        else:
            mesh.add(moved, stem, scale * weight)
    return single(moved)
