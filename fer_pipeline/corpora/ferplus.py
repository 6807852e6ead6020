"""FER+: the faces of FER2013, each judged anew by ten people, in eight classes.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training Deep Networks for Facial Expression Recognition
with Crowd-Sourced Label Distribution", ICMI 2016; what becomes of votes follows the authors' code,
``src/ferplus.py`` of https://github.com/microsoft/FERPlus: a face's emotion as for their mode
"majority", its distribution as for their modes "probability" and "crossentropy".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path

from fer_pipeline.corpora.corpus import (
    Corpus,
    Entry,
    Progress,
    ReadOptions,
    Skipped,
    Still,
    Unusable,
)
from fer_pipeline.corpora.fer2013 import COLUMNS as FACE_COLUMNS
from fer_pipeline.corpora.fer2013 import CROP, complete_table, read_table, read_usage
from fer_pipeline.corpora.members import may_be_table, read_ahead, read_members, telling
from fer_pipeline.corpora.tables import (
    LONGEST_LINE,
    RowError,
    column_names,
    shown,
    table_rows,
)
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.errors import CorpusError

_EMOTIONS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
_UNKNOWN, _NO_FACE = "unknown", "nf"
_VOTED = (*_EMOTIONS, _UNKNOWN, _NO_FACE)
"""What annotators could vote for, in the order of the authors' columns."""

_COLUMNS = ("usage", *_VOTED)

_REASONS = {
    None: "no emotion has more than half of the votes",
    _UNKNOWN: "most votes are for an unknown emotion",
    _NO_FACE: "most votes are that it is no face",
}

_ENOUGH, _MOST = 0.75, 3
"""A distribution takes in emotions, most voted first, up to this share of all votes, and number."""

_ALIKE, _COMPARED = 0.5, 100
"""Share of faces that keep the emotion of FER2013 at least, where so many can be compared.

It is 0.68 in the true tables, and 0.25 where rows belong to other rows.
"""

_IN_ORDER = "give both tables whole and in the order in which their authors distribute them"


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes on one face.

    Attributes:
        place: Table and line.
        split: Side of the face, as FER2013 has it.
        counts: Number of votes for each of the eight emotions, for unknown, and for no face.
    """

    place: str
    split: int
    counts: tuple[int, ...]

    @property
    def majority(self) -> str | None:
        """What has more than half of the votes, single votes apart; None if nothing has."""
        counts = _without_single(self.counts)
        most = max(counts)
        return _VOTED[counts.index(most)] if most > sum(counts) / 2 else None

    @property
    def most_voted(self) -> str | None:
        """What has most votes, single votes apart, the first of equals; None if nothing has any."""
        counts = _without_single(self.counts)
        most = max(counts)
        return _VOTED[counts.index(most)] if most else None

    @property
    def distribution(self) -> dict[str, float]:
        """Share of each emotion, of a face whose majority is an emotion.

        Single votes count for nothing. Emotions are taken in, most voted first, until they have
        three quarters of the votes or are three, or none comes before unknown and no face.
        """
        left = _without_single(self.counts)
        enough, taken = _ENOUGH * sum(left), dict.fromkeys(_EMOTIONS, 0)
        while sum(taken.values()) < enough and sum(map(bool, taken.values())) < _MOST:
            most = max(left)
            for place, emotion in enumerate(_EMOTIONS):
                if left[place] == most:
                    taken[emotion], left[place] = most, 0
            if most in left:  # unknown or no face
                break
        return {emotion: number / sum(taken.values()) for emotion, number in taken.items()}


def _without_single(counts: Sequence[int]) -> list[int]:
    return [count if count > 1 else 0 for count in counts]


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read FER+ from its table of votes and FER2013's of pixels; as `corpus.Reader`."""
    tables = _find_tables(sources)
    votes = _read_votes(tables.votes, progress)
    judge = attrgetter("most_voted" if options.most_voted else "majority")
    yield from _joined(votes, judge, _read_faces(tables.faces, progress), tables)


FERPLUS = Corpus(
    title="FER+ (Barsoum et al., 2016): fer2013new.csv and FER2013's fer2013.csv, in any order, "
    "each alone or in an archive, or a folder that holds both.",
    crop=lambda _: CROP,
    read=read,
    emotions=EMOTIONS,
    votes=True,
    heeds=frozenset({"most_voted"}),
)


_Table = tuple[Path, str]
"""A source, and the name of a member."""


@dataclass(frozen=True, slots=True)
class _Tables:
    """Where the two tables are."""

    votes: _Table
    faces: _Table


def _find_tables(sources: Sequence[Path]) -> _Tables:
    """Find the tables by their columns, whatever they are called."""
    votes, faces = list[_Table](), list[_Table]()
    for source in sources:
        with telling(source):
            for member in read_members(source, partial(may_be_table, source), lambda _: None):
                columns = set(column_names(member.file.readline(LONGEST_LINE)))
                if columns.issuperset(_COLUMNS):
                    votes.append((source, member.name))
                elif columns.issuperset(FACE_COLUMNS):
                    faces.append((source, member.name))
    given = ", ".join(map(str, sources))
    return _Tables(
        _only(votes, given, "FER+ votes", "fer2013new.csv of github.com/microsoft/FERPlus"),
        _only(faces, given, "FER2013 pixels", "FER2013's fer2013.csv (emotion,pixels,Usage)"),
    )


def _only(found: Sequence[_Table], given: str, what: str, usual: str) -> _Table:
    if not found:
        raise CorpusError(f"{given}: no table of {what} there", f"give {usual}, too")
    whole = complete_table([name for _, name in found])
    chosen = [table for table in found if len(found) == 1 or table[1] == whole]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(name for _, name in found[:3])
    raise CorpusError(f"{given}: several tables of {what} ({names})", "give one")


def _read_votes(table: _Table, progress: Progress) -> list[Votes | Unusable]:
    source, name = table
    with telling(source):
        return [
            row
            for member in read_ahead(source, name.__eq__, progress)
            for _, row in table_rows(member.place, member.file, _COLUMNS, _IN_ORDER, _parse)
        ]


def _parse(place: str, cells: Sequence[bytes]) -> Votes:
    usage, *votes = cells
    split = read_usage(usage)
    counts = tuple(map(_count, _VOTED, votes))
    return Votes(place, split, counts)


def _count(column: str, cell: bytes) -> int:
    if not cell.isdigit() or len(cell) > 4:
        raise RowError(f"the votes for {column} are {shown(cell)}, not a number from 0")
    return int(cell)


def _read_faces(table: _Table, progress: Progress) -> Iterator[Still | Unusable]:
    source, name = table
    with telling(source):
        for member in read_members(source, name.__eq__, progress):
            yield from read_table(member.place, member.file)


def _joined(
    votes: Sequence[Votes | Unusable],
    judge: Callable[[Votes], str | None],
    faces: Iterator[Still | Unusable],
    tables: _Tables,
) -> Iterator[Entry]:
    """Yield each face with the votes in the row of the same number.

    Raises:
        CorpusError: The rows of the tables are not of the same faces.
    """
    compared = alike = 0
    for voted, face in zip_longest(votes, faces):
        if voted is None or face is None:
            (first, _), (second, _) = tables.votes, tables.faces
            raise CorpusError(f"{first}: has not as many rows as {second}", _IN_ORDER)
        bad = [one for one in (voted, face) if isinstance(one, Unusable)]
        yield from bad
        if isinstance(voted, Unusable) or isinstance(face, Unusable):
            continue
        if voted.split != face.split:
            raise CorpusError(f"{voted.place}: another usage than in {face.place}", _IN_ORDER)
        emotion = judge(voted)
        if emotion not in EMOTIONS:
            yield Skipped(_REASONS[emotion])
            continue
        compared += 1
        alike += face.emotion == emotion
        yield replace(face, emotion=emotion, votes=voted.distribution)
    if compared >= _COMPARED and alike < _ALIKE * compared:
        raise CorpusError(
            f"{tables.votes[0]}: only {alike} of {compared} faces have the emotion that "
            f"{tables.faces[0]} gives them",
            _IN_ORDER,
        )
