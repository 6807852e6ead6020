"""What a simulated study is to be like."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import UsageError
from fer_pipeline.simulation.acting import FEWEST_FRAMES
from fer_pipeline.simulation.expressions import EXPRESSIONS, SEVEN

Condition = Literal["dim", "off-centre", "tilted", "far", "compressed"]

CONDITIONS: tuple[Condition, ...] = get_args(Condition)
"""What makes a recording difficult."""

RENDERER = 1
"""Counts up when the same options give other pictures."""

_FINEST_RATE = 1001


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """How clips are recorded.

    Attributes:
        width: Of the picture in pixels; one with two people is twice as wide.
        height: Of the picture.
        fps: Frames a second.
        seconds: Of each expression.
        light: Strength, 1 for a well lit room.
        noise: Of the camera: standard deviation in 8-bit values.
        conditions: What makes it difficult.
        pitch: Whether heads are lowered or raised with an emotion, as sad people look down.
        supersampling: Pixels are rendered this many times finer in each direction.
    """

    width: int = 320
    height: int = 240
    fps: float = 25.0
    seconds: float = 2.0
    light: float = 1.0
    noise: float = 1.2
    conditions: tuple[Condition, ...] = ()
    pitch: bool = True
    supersampling: float = 1.0

    @property
    def rate(self) -> Fraction:
        """Frames a second, exactly."""
        return Fraction(self.fps).limit_denominator(_FINEST_RATE)

    @property
    def frames(self) -> int:
        """Of each expression."""
        return round(self.seconds * self.rate)


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """A whole study.

    Attributes:
        participants: How many; the first is the same person in every study of a seed, and so on.
        takes: Clips of each person and emotion.
        sessions: Clips of each person with all emotions one after the other.
        pairs: Clips of two people beside each other, for each two in turn.
        seed: Another one gives other people.
        emotions: Canonical names.
        recording: How clips are recorded.
    """

    participants: int = 40
    takes: int = 3
    sessions: int = 0
    pairs: int = 0
    seed: int = 0
    emotions: tuple[str, ...] = SEVEN
    recording: RecordingOptions = RecordingOptions()

    @property
    def amount(self) -> dict[str, int]:
        """What a study may have more of later, without a change in what there is."""
        return {
            name: getattr(self, name) for name in ("participants", "takes", "sessions", "pairs")
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What makes every clip what it is, in plain values."""
        recording = asdict(self.recording)
        recording["conditions"] = sorted(self.recording.conditions)
        return {
            "renderer": RENDERER,
            "seed": self.seed,
            "emotions": list(self.emotions),
            "recording": recording,
        }


def checked(options: StudyOptions) -> StudyOptions:
    """Return the options, with the emotions in canonical order, if they make sense.

    Raises:
        UsageError: They do not.
    """
    from dataclasses import replace

    recording = options.recording
    unknown = [emotion for emotion in options.emotions if emotion not in EXPRESSIONS]
    if unknown or not options.emotions:
        known = ", ".join(order_emotions(EXPRESSIONS))
        raise UsageError(f"{', '.join(unknown) or 'no emotion'}: can be acted are {known}")
    if recording.width % 2 or recording.height % 2:
        size = f"{recording.width}x{recording.height}"
        raise UsageError(f"--size {size}: H.264 needs even numbers", "give even numbers")
    if recording.frames < FEWEST_FRAMES:
        raise UsageError(
            f"{recording.seconds:g} s at {recording.fps:g} frames a second are "
            f"{recording.frames} frames of an expression, fewer than {FEWEST_FRAMES}",
            "give more --seconds or --fps",
        )
    if options.pairs and options.participants < 2:
        raise UsageError("--pairs needs two participants", "give more --participants")
    if not (options.takes or options.sessions or options.pairs):
        raise UsageError("nothing is to be recorded", "give --takes, --sessions or --pairs")
    return replace(options, emotions=order_emotions(options.emotions))
