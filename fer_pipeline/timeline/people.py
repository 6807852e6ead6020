"""Whose faces a timeline shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class People:
    """Participants by clip, and by face where a clip shows several people.

    Attributes:
        by_clip: Participant of a clip.
        by_face: Participant of a face of a clip, by the clip's name and the face's number.
    """

    by_clip: Mapping[str, str] = field(default_factory=dict)
    by_face: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def named(self, video: str, face: int) -> str | None:
        """Return the participant whom a face was said to be; None if nobody said."""
        return self.by_face.get((video, face)) or self.by_clip.get(video)

    def person(self, video: str, face: int, faces: int) -> str:
        """Return who a face is, the same for the same person in all clips.

        Args:
            video: Name of the clip.
            face: Number of the face.
            faces: How many faces the clip has. The participant of a clip with several is only one
                of them, and nobody says which: each is then a person of its own.
        """
        own = self.by_face.get((video, face))
        if own is not None:
            return own
        participant = self.by_clip.get(video)
        if participant is not None and faces == 1:
            return participant
        return f"{video}, face {face}"
