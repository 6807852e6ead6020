"""What a human coder wrote about one clip: from when to when which code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_pipeline.errors import CoderError
from fer_pipeline.listing import few

Unit = Literal["second", "frame"]

_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Code:
    """A code, and the time that it is about; a moment at ``end`` is no part of it.

    Attributes:
        start: In the unit of its coding.
        end: In the same.
        text: As written, without blanks around it.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Coding:
    """The codes of one tier, one column or one subject.

    Attributes:
        path: The file.
        tier: What the tier is called there.
        codes: In order of their start.
        unit: What ``start`` and ``end`` count: seconds, or frames of the clip from 0.
        origin: Seconds of the clip at which the file's own clock begins.
        media: Names of the clips that the file says it is about; none if it does not say.
    """

    path: Path
    tier: str
    codes: tuple[Code, ...]
    unit: Unit = "second"
    origin: float = 0.0
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which codes of a file are read.

    Attributes:
        video: Name of the clip, for files that hold several.
        tier: Tier, column or subject; None: the only one there is.
    """

    video: str
    tier: str | None = None


def choose_tier(path: Path, kind: str, names: Sequence[str], wanted: Wanted) -> str:
    """Return the tier that is meant.

    Args:
        path: The file.
        kind: What tiers are called in such a file.
        names: Those that hold codes.
        wanted: What is asked for.

    Raises:
        CoderError: There is none, or nobody can tell which.
    """
    there = f"there is {quoted(names)}" if names else "none holds a code"
    if wanted.tier is not None:
        if wanted.tier in names:
            return wanted.tier
        raise CoderError(f"{path}: has no {kind} '{wanted.tier}' with codes; {there}", _NAME_IT)
    if not names:
        raise CoderError(f"{path}: has no {kind} with codes", "give the file of a coder")
    if len(names) > 1:
        raise CoderError(f"{path}: which {kind} is meant? {there}", _NAME_IT)
    return names[0]


_NAME_IT = "name it with --tier"


def quoted(names: Iterable[str]) -> str:
    """Return the first of some names, in quotes, and how many more there are."""
    return few((f"'{name}'" for name in names), _MOST_LISTED)


def in_order(codes: Iterable[Code]) -> tuple[Code, ...]:
    """Return codes in order of their start; those without text or without duration are none."""
    kept = (code for code in codes if code.text and code.end > code.start)
    return tuple(sorted(kept, key=lambda code: (code.start, code.end)))
