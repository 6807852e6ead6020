"""Pictures of which names tell everything: choosing them by name, then reading those chosen.

What stands in a name differs from corpus to corpus, and is the matter of the corpus's own module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.corpora.corpus import Entry, Progress, Skipped, Still, Unusable
from fer_pipeline.corpora.members import (
    PICTURE_SUFFIXES,
    member_names,
    read_members,
    suffix,
    telling,
)
from fer_pipeline.dataset import UNKNOWN
from fer_pipeline.errors import CorpusError

GIVEN_TWICE = "another copy of a picture, by its name"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a picture before it is read.

    Attributes:
        emotion: As in `Still`.
        participant: As in `Still`.
        split: As in `Still`.
        picture: What the corpus calls it, the same for every copy; None where it has no such name.
    """

    emotion: str
    participant: str | None = None
    split: int = UNKNOWN
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Misnamed:
    """A picture of which the name does not tell what it shows.

    Attributes:
        problem: What is wrong with the name.
    """

    problem: str


NameReader = Callable[[str], Shown | Skipped | Misnamed]
"""Reads the file name of a picture, without folders."""


def list_sources(sources: Sequence[Path]) -> list[tuple[Path, list[str]]]:
    """Return sources with the names of their members, in an order that only these names decide.

    Raises:
        CorpusError: A source does not exist, or cannot be read.
    """
    listed = [(source, member_names(source)) for source in sources]
    return sorted(listed, key=lambda one: one[1])


def is_picture(name: str) -> bool:
    """Return whether a member is a picture, by its suffix."""
    return suffix(name) in PICTURE_SUFFIXES


def file_stem(name: str) -> str:
    """Return a member's file name without folders and without its suffix."""
    return PurePosixPath(name).stem


def no_pictures(sources: Sequence[Path], expected: str) -> CorpusError:
    """Return the error for sources without a single picture."""
    return CorpusError(f"{', '.join(map(str, sources))}: holds no pictures", f"expected {expected}")


def read_named(
    sources: Sequence[Path], read_name: NameReader, expected: str, progress: Progress
) -> Iterator[Entry]:
    """Read a corpus of portraits in which file names tell everything.

    Args:
        sources: Folders, archives and pictures.
        read_name: Reads a file name.
        expected: What the pictures are called, for messages.
        progress: Called with the bytes read.

    Raises:
        CorpusError: A source cannot be read, or there is no picture.
    """
    listed = list_sources(sources)
    if not any(is_picture(name) for _, names in listed for name in names):
        raise no_pictures(sources, expected)
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    for source, names in listed:
        chosen: dict[str, Shown | Misnamed] = {}
        for name in filter(is_picture, names):
            told = read_name(PurePosixPath(name).name)
            if isinstance(told, Skipped):
                skipped[told.reason] += told.number
            elif isinstance(told, Shown) and told.picture in seen:
                skipped[GIVEN_TWICE] += 1
            else:
                chosen[name] = told
            if isinstance(told, Shown) and told.picture is not None:
                seen.add(told.picture)
        yield from read_chosen(source, chosen, progress)
    yield from counted_skips(skipped)


def read_chosen(
    source: Path,
    chosen: Mapping[str, Shown | Misnamed],
    progress: Progress,
    *,
    cropped: bool = False,
) -> Iterator[Still | Unusable]:
    """Read the chosen pictures of one source, in the source's order.

    Args:
        source: A folder, an archive, or a file.
        chosen: What is known of each member that is to be read.
        progress: Called with the bytes read.
        cropped: As in `Still`.
    """
    with telling(source):
        for member in read_members(source, chosen.__contains__, progress):
            told = chosen[member.name]
            if isinstance(told, Misnamed):
                yield Unusable(member.place, told.problem)
                continue
            yield Still(
                member.place,
                member.file.read(),
                told.emotion,
                cropped=cropped,
                participant=told.participant,
                split=told.split,
            )


def counted_skips(skipped: Mapping[str, int]) -> Iterator[Skipped]:
    """Yield what was skipped, in the order of the reasons."""
    for reason, number in sorted(skipped.items()):
        yield Skipped(reason, number)
