"""What every writer is told, and how text becomes a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fer_pipeline.timeline import ClipSegments, Derived, People, SegmentOptions, TimelineRow


@dataclass(frozen=True, slots=True)
class Details:
    """What writers may use beside the rows; without it they write what the rows tell.

    Attributes:
        derived: The steps that the rows hold beside the probabilities.
        segments: What makes a segment.
        people: Whose faces they are.
        media: Where each clip is, by its name, for formats that link to it.
    """

    derived: tuple[Derived, ...] = ()
    segments: SegmentOptions = field(default_factory=SegmentOptions)
    people: People = field(default_factory=People)
    media: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Writing:
    """One file that is being written.

    Attributes:
        path: The name under which it is going to appear.
        emotions: The model's emotions.
        details: The rest.
    """

    path: Path
    emotions: Sequence[str]
    details: Details


Writer = Callable[[Path, Iterable[TimelineRow], Writing], None]
"""Writes rows, as they come, to a path that is not yet the final one."""


def as_text(write: Callable[[IO[str], Iterable[TimelineRow], Writing], None]) -> Writer:
    """Make a writer of what writes UTF-8 text, with line ends as they are."""

    def writer(file: Path, rows: Iterable[TimelineRow], about: Writing) -> None:
        with file.open("w", newline="", encoding="utf-8") as text:
            write(text, rows, about)

    return writer


def known_by_text(is_ours: Callable[[str], bool]) -> Callable[[Path], bool]:
    """Make a check of a file out of a check of the text that it begins with."""

    def check(path: Path) -> bool:
        with path.open(encoding="utf-8", newline="") as file:
            return is_ours(file.read(_CHARACTERS_LOOKED_AT))

    return check


# A first line of JSON may hold a long path and many emotions.
_CHARACTERS_LOOKED_AT = 65536

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")

# What no XML may hold; lone halves of pairs cannot even be encoded.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def one_line(text: str) -> str:
    """Return text with blanks in the place of line breaks, for formats that end a text there."""
    return _BREAKS.sub(" ", text).strip()


def printable(text: str) -> str:
    """Return text with a replacement character in the place of what no XML may hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def participant_of(clip: ClipSegments, face: int, people: People) -> str | None:
    """Return whose face it is, if that is known; of several, a clip's participant is but one."""
    named = people.by_face.get((clip.video, face))
    return named or (people.by_clip.get(clip.video) if len(clip.faces) == 1 else None)


def face_names(clip: ClipSegments, people: People) -> dict[int, str]:
    """Return what each face of a clip is called: the participant, else its number; no two alike."""
    names: dict[int, str] = {}
    for face in clip.faces:
        number = f"face {face}"
        name = one_line(participant_of(clip, face, people) or "") or number
        names[face] = f"{name} ({number})" if name in names.values() else name
    return names
