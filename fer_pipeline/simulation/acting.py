"""What a person does in a clip: neutral → apex → neutral, with blinks, gaze and a moving head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.expressions import BLINK, Actions
from fer_pipeline.simulation.numeric import single, smoothstep
from fer_pipeline.simulation.person import Person

NEUTRAL = "neutral"

FEWEST_FRAMES = 10
"""Of an expression; with fewer its apex would fall between two frames."""

_BLINKS_A_SECOND = 0.25
_BLINK_SECONDS = 0.055

# Radians by which a head is lowered at the apex. Sad people look down; see --no-pitch.
_PITCH: Mapping[str, float] = MappingProxyType(
    {"sadness": 0.10, "fear": -0.03, "surprise": -0.05, "disgust": 0.02, "anger": 0.05}
)

# Radians by which a head held askew leans to one side.
_ASKEW = (0.2, 0.32)


@dataclass(frozen=True, slots=True)
class Performance:
    """What is to be acted.

    Attributes:
        emotions: One after the other.
        frames: Of each of them.
        fps: Frames a second.
        pitch: Whether the head rises and falls with the emotion.
        tilted: Whether it is held askew.
    """

    emotions: tuple[str, ...]
    frames: int
    fps: float
    pitch: bool = True
    tilted: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """What a person does in one frame.

    Attributes:
        emotion: The one that is acted.
        intensity: 0 at rest to 1 at the apex; always 0 if neutral.
        actions: Of the face.
        turn: Yaw, pitch and roll of the head in radians.
        gaze: To the person's left and up, about -0.3 to 0.3.
    """

    emotion: str
    intensity: float
    actions: Actions
    turn: tuple[float, float, float]
    gaze: tuple[float, float]


def act(person: Person, performance: Performance, rng: np.random.Generator) -> list[Moment]:
    """Return every moment of a performance."""
    emotions, each = performance.emotions, performance.frames
    count = each * len(emotions)
    time = np.arange(count) / performance.fps
    head = [_swaying(rng, time, *spread) for spread in ((0.05, 0.05), (0.03, 0.03), (0.02, 0.025))]
    gaze = [_swaying(rng, time, *spread) for spread in ((0.08, 0.1), (0.05, 0.06))]
    lean = rng.uniform(*_ASKEW) * rng.choice([-1, 1])
    if performance.tilted:
        head[2] = single(head[2] + lean)
    blinks = _blinking(rng, count, performance.fps)
    moments: list[Moment] = []
    for number, emotion in enumerate(emotions):
        envelope = _envelope(each, rng)
        apex = person.muscles.apex(emotion, rng)
        strength = rng.uniform(0.85, 1.1)
        for index, share in enumerate(envelope.tolist(), start=number * each):
            actions = {unit: weight * strength * share for unit, weight in apex.items()}
            closing = float(blinks[index]) * (1 - 0.5 * share)
            actions[BLINK] = min(1.0, actions.get(BLINK, 0.0) + closing)
            lowered = _PITCH.get(emotion, 0.0) * share if performance.pitch else 0.0
            yaw, pitch, roll = (float(angle[index]) for angle in head)
            moments.append(
                Moment(
                    emotion=emotion,
                    intensity=share if emotion != NEUTRAL else 0.0,
                    actions=actions,
                    turn=(yaw, pitch + lowered, roll),
                    gaze=(float(gaze[0][index]), float(gaze[1][index])),
                )
            )
    return moments


def rotation(turn: Sequence[float]) -> FloatArray:
    """Return the matrix of yaw, then pitch, then roll, shape (3, 3)."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(turn), np.sin(turn)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return single(roll @ pitch @ yaw)


def _envelope(frames: int, rng: np.random.Generator) -> FloatArray:
    """Return the intensity of each frame: from 0 to 1, a while there, and back to 0."""
    place = np.arange(frames) / (frames - 1)
    onset, rise = rng.uniform(0.12, 0.2), rng.uniform(0.15, 0.25)
    offset, fall = rng.uniform(0.68, 0.78), rng.uniform(0.14, 0.2)
    rising, falling = smoothstep(onset, onset + rise, place), smoothstep(0, fall, place - offset)
    return single(rising * (1 - falling))


def _swaying(
    rng: np.random.Generator, time: NDArray[Any], spread: float, sway: float
) -> FloatArray:
    """Return a slow and a faster swing around a mean of some spread."""
    slow = np.sin(2 * np.pi * (rng.uniform(0.15, 0.4) * time + rng.random()))
    fast = np.sin(2 * np.pi * (rng.uniform(0.6, 1.2) * time + rng.random()))
    return single(rng.normal(0, spread) + sway * slow + 0.4 * sway * fast)


def _blinking(rng: np.random.Generator, count: int, fps: float) -> FloatArray:
    """Return how far the lids are closed in each frame, 0 to 1."""
    frames = np.arange(count)
    blinks = np.zeros(count)
    for middle in np.nonzero(rng.random(count) < _BLINKS_A_SECOND / fps)[0]:
        blinks += np.exp(-(((frames - middle) / (_BLINK_SECONDS * fps)) ** 2))
    return single(np.minimum(blinks, 1))
