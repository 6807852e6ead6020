"""The clips of a study: what each shows, and of whom."""

from __future__ import annotations

from dataclasses import dataclass

from fer_pipeline.simulation.options import StudyOptions
from fer_pipeline.simulation.person import Identity

# Purposes of random numbers, after those of `draw_person`.
_STUDIO, _ACTING, _ORDER, _NOISE = range(10, 14)

# Kinds of clips, as random numbers tell them apart; emotions begin at the next.
_SESSION, _PAIR, _FIRST_EMOTION = range(3)

# An order of its own, so that a new emotion changes no other's clips.
_NUMBERED = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
)  # fmt: skip

_SHOWN_IN_A_PAIR = 3


@dataclass(frozen=True, slots=True)
class Role:
    """One person in a clip.

    Attributes:
        identity: Who.
        emotions: What is shown, one after the other.
        face: ``only``, ``left`` or ``right``, as the picture is seen.
    """

    identity: Identity
    emotions: tuple[str, ...]
    face: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of a study.

    Attributes:
        name: Path below the study's folder, with ``/``.
        roles: The people in it, from left to right.
        take: Its number among those of its kind, from 1.
        kind: What random numbers call it.
    """

    name: str
    roles: tuple[Role, ...]
    take: int
    kind: int

    @property
    def studio_key(self) -> tuple[int, ...]:
        """Purpose of the random numbers of its studio: one for all expressions of a take."""
        return (_STUDIO, min(self.kind, _FIRST_EMOTION), self.take)

    @property
    def acting_key(self) -> tuple[int, ...]:
        """Purpose of the random numbers of what people do."""
        return (_ACTING, self.kind, self.take)

    @property
    def noise_key(self) -> tuple[int, ...]:
        """Purpose of the random numbers of the camera's noise."""
        return (_NOISE, self.kind, self.take)

    @property
    def expressions(self) -> int:
        """How many follow each other."""
        return len(self.roles[0].emotions)


def clips_of(options: StudyOptions, number: int) -> tuple[Clip, ...]:
    """Return the clips that begin with one participant, by number from 1."""
    identity = Identity(options.seed, number)
    takes = [
        _take(identity, emotion, take)
        for take in range(1, options.takes + 1)
        for emotion in options.emotions
    ]
    sessions = [
        _session(identity, options.emotions, take) for take in range(1, options.sessions + 1)
    ]
    pairs: list[Clip] = []
    if number % 2 and number < options.participants:
        other = Identity(options.seed, number + 1)
        pairs = [
            _pair(identity, other, options.emotions, take) for take in range(1, options.pairs + 1)
        ]
    return (*takes, *sessions, *pairs)


def _take(identity: Identity, emotion: str, take: int) -> Clip:
    name = f"{identity.code}/{identity.code}_{emotion}_{take}.mp4"
    kind = _FIRST_EMOTION + _NUMBERED.index(emotion)
    return Clip(name, (Role(identity, (emotion,), "only"),), take, kind)


def _session(identity: Identity, emotions: tuple[str, ...], take: int) -> Clip:
    name = f"{identity.code}/{identity.code}_session_{take}.mp4"
    role = Role(identity, _shuffled(identity, emotions, _SESSION, take), "only")
    return Clip(name, (role,), take, _SESSION)


def _pair(one: Identity, other: Identity, emotions: tuple[str, ...], take: int) -> Clip:
    """Let two people show a few emotions each, not the same ones at the same time if avoidable."""
    name = f"{one.code}/{one.code}_{other.code}_pair_{take}.mp4"
    shown = _shuffled(one, emotions, _PAIR, take)
    turned = shown[1:] + shown[:1]
    roles = (
        Role(one, shown[:_SHOWN_IN_A_PAIR], "left"),
        Role(other, turned[:_SHOWN_IN_A_PAIR], "right"),
    )
    return Clip(name, roles, take, _PAIR)


def _shuffled(
    identity: Identity, emotions: tuple[str, ...], kind: int, take: int
) -> tuple[str, ...]:
    order = identity.generator(_ORDER, kind, take).permutation(len(emotions))
    return tuple(emotions[place] for place in order)
