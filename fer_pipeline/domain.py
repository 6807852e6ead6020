"""The values that travel through the pipeline: frames, boxes, faces, and the names of emotions.

Frozen, and free of every library but numpy, so that any other module may depend on them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

EMOTIONS = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
"""Canonical names in canonical order: AffectNet's ids 0 to 7."""

_EVERYDAY_WORDS = {
    "neutral": "neutral neutrality calmness expressionless",
    "happiness": "happiness happy happily joy joyful joyous smile smiling",
    "sadness": "sadness sad sadly sorrow sorrowful unhappy",
    "surprise": "surprise surprised surprising surprisingly astonished astonishment",
    "fear": "fear feared fearful scared afraid frightened fright scare",
    "disgust": "disgust disgusted disgusting disgustedly",
    "anger": "anger angry angrily mad furious rage",
    "contempt": "contempt contemptuous scorn scornful",
}

EMOTION_WORDS = MappingProxyType(
    {word: emotion for emotion, words in _EVERYDAY_WORDS.items() for word in words.split()}
)
"""Every word understood on input, in lower case, with the canonical name it stands for."""


def canonical_emotion(word: str) -> str | None:
    """Return the canonical name that ``word`` stands for in any case, or None."""
    return EMOTION_WORDS.get(word.strip().lower())


def order_emotions(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct ``names``: canonical ones in their order, then others alphabetically."""
    present = set(names)
    canonical = tuple(name for name in EMOTIONS if name in present)
    return canonical + tuple(sorted(present.difference(EMOTIONS)))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a source frame, in whole pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Square pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array of pixels."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def center(self) -> tuple[float, float]:
        """Horizontal and vertical position of the middle, in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: Box) -> float:
        """Return intersection over union with ``other``, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)

    def towards(self, other: Box, share: float) -> Box:
        """Return the box ``share`` (0 to 1) of the way from this one to ``other``."""

        def between(start: int, end: int) -> int:
            return round(start + (end - start) * share)

        return Box(
            between(self.x, other.x),
            between(self.y, other.y),
            between(self.width, other.width),
            between(self.height, other.height),
        )


class Pixels(ABC):
    """A decoded picture that converts itself when asked, so that nothing is converted in vain."""

    @abstractmethod
    def luma(self) -> UInt8Array:
        """Return brightness, shape (height, width)."""

    @abstractmethod
    def rgb(self) -> UInt8Array:
        """Return colour, shape (height, width, 3), in the order red, green, blue."""

    def rgb_within(self, part: Box) -> UInt8Array:
        """Return the colour of a part, which lies inside: just what `rgb` has there."""
        rows, columns = part.slices
        return self.rgb()[rows, columns]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame of a source.

    Attributes:
        index: Number of the frame in its source, from 0, counting lost frames too.
        time: Presentation time in seconds from the container's start.
        pixels: The picture, upright.
    """

    index: int
    time: float
    pixels: Pixels

    @cached_property
    def luma(self) -> UInt8Array:
        """Brightness, shape (height, width): what the detector looks at."""
        return self.pixels.luma()

    @cached_property
    def rgb(self) -> UInt8Array:
        """Colour, shape (height, width, 3), red first."""
        return self.pixels.rgb()

    def rgb_within(self, part: Box) -> UInt8Array:
        """Return the colour of a part, which lies inside: what crops are cut from."""
        if "rgb" in self.__dict__:  # it was made already
            return self.rgb[part.slices]
        return self.pixels.rgb_within(part)


@dataclass(frozen=True, slots=True)
class LostFrame:
    """A frame that the source should have held at this time and that did not decode."""

    index: int
    time: float


@dataclass(frozen=True, slots=True)
class PassedFrame:
    """A frame of the source that was not decoded, since nobody wanted to see it."""

    index: int
    time: float


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in one frame.

    Attributes:
        box: Where, in pixels of the source frame.
        score: OpenCV's weight of the last cascade stage: unbounded, no probability.
        frontal: Whether it was seen from the front.
    """

    box: Box
    score: float
    frontal: bool = True


@dataclass(frozen=True, slots=True)
class Face:
    """A face in one frame, joined to the others of the same person.

    Attributes:
        box: Where, in pixels of the source frame.
        score: As in `Detection`; None where the box was carried over a gap, or where its frame was
            not searched.
        track: Number of the face within its video, from 0.
    """

    box: Box
    score: float | None
    track: int


class Status(StrEnum):
    """What a row of a timeline says about its frame."""

    OK = "ok"
    TRACKED = "tracked"
    NO_FACE = "no_face"
    DECODE_ERROR = "decode_error"
