"""The labels of one video: which emotion, and whose, in which part of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from fer_pipeline.labels.emotion_choice import EmotionChoice
from fer_pipeline.timeline import TIME_DECIMALS

Origin = Literal["labels", "pattern", "layout", "guess", "none"]
"""Where labels came from; ``none``: kept without, because nothing told them."""

Side = Literal["left", "right"]
"""Half of the picture, as it is seen."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A labelled part of a video.

    A stretch is half-open: a frame exactly at ``start`` belongs to it, one exactly at ``end`` does
    not. So of two adjacent stretches the later one gets the frame on the boundary.

    Attributes:
        emotion: Canonical where the word is known, else the study's own; None for unlabelled.
        participant: Code as written; None for unknown.
        start: Seconds; None for the beginning of the video.
        end: Seconds; None for the end of the video.
        face: Whose it is where several people are in the picture: ``left`` or ``right`` of its
            middle, or the number of a face as digits; None for whoever is there.
        kept: Whether its faces are stored; those of an emotion that was not chosen are not.
    """

    emotion: str | None
    participant: str | None
    start: float | None = None
    end: float | None = None
    face: str | None = None
    kept: bool = True

    def is_of(self, number: int, side: Side) -> bool:
        """Return whether it is about a face, by its number and the side of the picture it is on."""
        return self.face in (None, str(number), side)

    def touches(self, begin: float, end: float) -> bool:
        """Return whether it holds any moment from ``begin`` to ``end`` seconds."""
        return (self.start is None or self.start <= end) and (self.end is None or begin < self.end)

    def holds(self, time: float) -> bool:
        """Return whether a frame at ``time`` seconds is in it, to the microsecond."""
        time = round(time, TIME_DECIMALS)
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)

    def to_json(self) -> dict[str, Any]:
        """Return the stretch as plain values, as far as they matter to what is stored."""
        plain = asdict(self)
        if plain.pop("kept"):
            return plain
        return plain | {"emotion": None, "kept": False}


@dataclass(frozen=True, slots=True)
class VideoLabels:
    """The labels of one video.

    Attributes:
        stretches: In order of time, without overlap.
        origin: Where the labels came from.
        outside: What a frame outside all stretches gets; None: such a frame is not stored.
        doubtful: Whether the participant is a mere guess from a word behind the emotion.
    """

    stretches: tuple[Stretch, ...]
    origin: Origin
    outside: Stretch | None = None
    doubtful: bool = False

    def at(self, time: float) -> Stretch | None:
        """Return the label of a frame at ``time`` seconds; None: the frame is not stored.

        Of several faces that are told apart, the label of one of them.
        """
        holding = [stretch for stretch in self.stretches if stretch.holds(time)]
        told = next((stretch for stretch in holding if stretch.kept), None)
        if told is None and (not holding or self.tells_faces_apart):
            return self.outside
        return told

    def of_face(
        self, time: float, number: int, side_in: Callable[[Stretch], Side]
    ) -> Stretch | None:
        """Return the label of one face of a frame; None: the face is not stored.

        Args:
            time: Of the frame, in seconds.
            number: Of the face within the video.
            side_in: The side of the picture on which the face is, or was when the stretch began.
        """
        own = [stretch for stretch in self.stretches if stretch.is_of(number, side_in(stretch))]
        told = next((stretch for stretch in own if stretch.holds(time)), None)
        if told is not None:
            return told if told.kept else None
        if self.outside is None or not self.tells_faces_apart:
            return self.outside
        # A face that no stretch is about is a bystander's, whom nobody asked to keep.
        people = {stretch.participant for stretch in own}
        return replace(self.outside, participant=only_one(people)) if own else None

    def concerns(self, begin: float, end: float) -> bool:
        """Return whether frames from ``begin`` to ``end`` seconds matter to what is stored.

        Where faces are told by number, all do: numbers count from the beginning of the video.
        """
        if self.outside is not None or self.tells_faces_apart:
            return True
        return any(stretch.kept and stretch.touches(begin, end) for stretch in self.stretches)

    @property
    def tells_faces_apart(self) -> bool:
        """Whether several people are in the picture, each with labels of their own."""
        return any(stretch.face is not None for stretch in self.stretches)

    @property
    def all_stretches(self) -> tuple[Stretch, ...]:
        """Whatever `at` may return but None."""
        kept = tuple(stretch for stretch in self.stretches if stretch.kept)
        return kept if self.outside is None else (*kept, self.outside)

    @property
    def participants(self) -> frozenset[str]:
        """Codes of the people whom the labels name, also where nothing of them is stored."""
        named = self.stretches if self.outside is None else (*self.stretches, self.outside)
        return frozenset(s.participant for s in named if s.participant is not None)

    def without(self, people: Collection[str]) -> VideoLabels | None:
        """Return the labels without those of some people; None if no others are left.

        What is outside all stretches is not stored any more: it could show the people left out.
        """
        if not self.participants.intersection(people):
            return self
        stretches = tuple(s for s in self.stretches if s.participant not in people)
        return replace(self, stretches=stretches, outside=None)._or_nothing()

    def chosen(self, choice: EmotionChoice) -> VideoLabels | None:
        """Return the labels with the classes that were chosen; None if nothing else is left.

        What has no label stays so. Frames that show an emotion which was not chosen are not stored,
        also where frames outside all stretches are: they are inside one.
        """

        def become(stretch: Stretch) -> Stretch:
            if stretch.emotion is None:
                return stretch
            kept = stretch.emotion in choice.classes
            emotion = choice.classes.get(stretch.emotion, stretch.emotion)
            return replace(stretch, emotion=emotion, kept=kept)

        outside = None if self.outside is None else become(self.outside)
        return replace(
            self,
            stretches=tuple(map(become, self.stretches)),
            outside=outside if outside is not None and outside.kept else None,
        )._or_nothing()

    def _or_nothing(self) -> VideoLabels | None:
        return self if self.all_stretches else None

    def to_json(self) -> dict[str, Any]:
        """Return the labels as plain values, which equal themselves after a way through JSON.

        Without the origin: the same labels found in another way are the same labels.
        """
        return {
            "stretches": [stretch.to_json() for stretch in self.stretches],
            "outside": None if self.outside is None else self.outside.to_json(),
        }


def only_one(people: set[str | None]) -> str | None:
    """Return the one person of a set; None for nobody, or for several."""
    return next(iter(people)) if len(people) == 1 else None
