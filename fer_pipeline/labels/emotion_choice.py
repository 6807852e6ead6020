"""Which emotions of a corpus or a study become classes, and which of them become one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fer_pipeline.domain import canonical_emotion, order_emotions
from fer_pipeline.errors import UsageError

NOT_CHOSEN = "not among --emotions"

_EXAMPLE = "write it such as neutral,happiness,negative=anger+sadness+fear"


@dataclass(frozen=True, slots=True)
class EmotionChoice:
    """The emotions that are taken in.

    Attributes:
        classes: The class that each emotion becomes; others are left out.
    """

    classes: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> EmotionChoice:
        """Read a choice such as ``neutral,happy,negative=anger+sadness+fear``.

        Everyday words are understood; other words are the corpus's own.

        Raises:
            UsageError: A word is missing, or an emotion or a class is there twice.
        """
        classes: dict[str, str] = {}
        for part in text.split(","):
            written, _, merged = part.rpartition("=")
            members = [_name(word, text) for word in merged.split("+")]
            if "=" not in part and len(members) > 1:
                raise UsageError(f"--emotions {text}: '{part}' has no name", _EXAMPLE)
            name = _name(written, text) if "=" in part else members[0]
            if name in classes.values():
                raise UsageError(f"--emotions {text}: {name} is there twice", _EXAMPLE)
            for member in members:
                if member in classes:
                    raise UsageError(f"--emotions {text}: {member} is there twice", _EXAMPLE)
                classes[member] = name
        return cls(classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return order_emotions(self.classes.values())

    def to_json(self) -> dict[str, str]:
        """Return the choice as plain values."""
        return dict(self.classes)

    def check(self, emotions: Collection[str]) -> None:
        """Make sure that a corpus has all that was chosen.

        Args:
            emotions: All that it has; none if that is not known beforehand.

        Raises:
            UsageError: It has not.
        """
        missing = [name for name in self.classes if name not in emotions]
        if emotions and missing:
            problem = f"--emotions: the corpus has no {', '.join(missing)}"
            raise UsageError(problem, f"it has {', '.join(emotions)}")

    def votes(self, votes: Mapping[str, float]) -> dict[str, float]:
        """Return the votes for each class; those for what was not chosen are gone."""
        summed = dict.fromkeys(self.classes.values(), 0.0)
        for emotion, name in self.classes.items():
            summed[name] += votes.get(emotion, 0.0)
        return summed


def _name(word: str, text: str) -> str:
    name = canonical_emotion(word) or word.strip()
    if not name:
        raise UsageError(f"--emotions {text}: a name is missing", _EXAMPLE)
    return name
