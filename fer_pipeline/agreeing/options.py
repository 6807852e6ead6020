"""What is asked of a comparison with a coder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fer_pipeline.domain import canonical_emotion
from fer_pipeline.errors import UsageError
from fer_pipeline.timeline import AnalysisOptions

NONE = "none"
"""The class of time in which nothing is shown or coded."""

SKIP = "skip"

Judged = Literal["segments", "frames"]


@dataclass(frozen=True, slots=True)
class Intensity:
    """That codes are numbers: how strong one emotion is.

    Attributes:
        emotion: Which, as typed.
        most: The number that stands for 1.
    """

    emotion: str
    most: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Intensity:
        """Understand ``EMOTION`` or ``EMOTION:MOST``.

        Raises:
            UsageError: The greatest number is none, or not above 0.
        """
        emotion, colon, number = text.rpartition(":")
        if not colon:
            return cls(text)
        try:
            most = float(number)
        except ValueError:
            most = 0.0
        if not 0 < most < float("inf"):
            raise UsageError(
                f"--intensity {text}: '{number}' is no greatest number",
                "write EMOTION:MOST such as happiness:5",
            )
        return cls(emotion, most)


def parse_meanings(texts: Sequence[str]) -> dict[str, str]:
    """Understand ``CODE=EMOTION``, as often as given; nothing behind the sign leaves a code out.

    Raises:
        UsageError: One has no sign, or a code has two meanings.
    """
    meanings: dict[str, str] = {}
    for text in texts:
        code, equals, emotion = text.rpartition("=")
        code, emotion = code.strip(), emotion.strip()
        if not equals or not code:
            raise UsageError(f"--map {text}: names no code", "write CODE=EMOTION, or CODE=")
        if meanings.setdefault(code, emotion) != emotion:
            raise UsageError(f"--map {text}: the code has another meaning, too", "give it one")
    return meanings


@dataclass(frozen=True, slots=True)
class AgreeOptions:
    """What is compared, and how.

    Attributes:
        analysis: What is made of the timeline before.
        participants: A table of who is who.
        video: Which clip; None: the only one.
        face: Whose face: a number or a participant; None: the only one.
        tier: Which tier, column or subject of the coder's file; None: the only one.
        meanings: Emotions by code, beside what is understood anyway; empty to leave a code out.
        uncoded: What time without a code means: ``none``, ``skip`` or an emotion; None: ``skip``
            for intensities, else ``none``.
        judged: Whether the timeline's segments are compared or the strongest emotion of each frame.
        intensity: That codes are numbers; None: they are names.
        offset: Seconds by which the coder's times are too early.
    """

    analysis: AnalysisOptions = field(default_factory=AnalysisOptions)
    participants: Path | None = None
    video: str | None = None
    face: str | None = None
    tier: str | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)
    uncoded: str | None = None
    judged: Judged = "segments"
    intensity: Intensity | None = None
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.intensity is not None and self.meanings:
            raise UsageError("--map is for names, --intensity for numbers", "leave one out")
        if self.intensity is not None and self.uncoded not in (None, SKIP):
            raise UsageError("--intensity compares coded time only", "leave --uncoded out")


def class_of(text: str, emotions: Sequence[str]) -> str | None:
    """Return the class that a word stands for; None if it is not understood.

    Args:
        text: The word, in any case.
        emotions: The model's own names, which come before everyday words.
    """
    word = text.strip()
    if word in emotions:
        return word
    meant = canonical_emotion(word)
    for name in emotions:
        if name.casefold() == word.casefold() or (meant and canonical_emotion(name) == meant):
            return name
    return NONE if word.casefold() == NONE else meant
