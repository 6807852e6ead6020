"""Whose faces timelines show: from a table, from a column, or from the names of the clips."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.errors import LabelError
from fer_pipeline.labels import guess, nearest_folder
from fer_pipeline.timeline import People, unguarded

_COLUMNS = ("video", "participant")


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """Who is who, and how that is known.

    Attributes:
        people: Participants by clip and face.
        guessed: Participants by clip, where nothing but its name tells.
        untold: Clips of which nothing tells.
        strangers: Clips of the table that are not among the timelines.
    """

    people: People
    guessed: Mapping[str, str]
    untold: tuple[str, ...]
    strangers: tuple[str, ...]


def find_people(clips: Sequence[str], written: People, table: Path | None) -> FoundPeople:
    """Find whose faces clips show.

    A table comes before a column of the timeline, and that before the names of the clips.

    Args:
        clips: Names of the clips.
        written: What a column of the timelines tells.
        table: CSV file with the columns video, participant and optionally face.

    Raises:
        LabelError: The table cannot be read, or makes no sense.
    """
    by_clip, by_face = dict(written.by_clip), dict(written.by_face)
    strangers = []
    for row in () if table is None else _read(table):
        video = _meant(row, clips, table)
        if video is None:
            strangers.append(row.video)
        elif row.face is None:
            by_clip[video] = row.participant
        else:
            by_face[video, row.face] = row.participant
    told = set(by_clip) | {video for video, _ in by_face}
    guesses = {video: _guessed(video) for video in clips if video not in told}
    guessed = {video: name for video, name in guesses.items() if name is not None}
    return FoundPeople(
        people=People(by_clip | guessed, by_face),
        guessed=guessed,
        untold=tuple(video for video, name in guesses.items() if name is None),
        strangers=tuple(dict.fromkeys(strangers)),
    )


def _guessed(video: str) -> str | None:
    """Return the participant whom a clip's name tells, as for training; no mere guesses."""
    try:
        told = guess(video)
    except LabelError:
        return nearest_folder(video)
    return None if told.doubtful else told.participant


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    video: str
    participant: str
    face: int | None


def _read(table: Path) -> Iterator[_Row]:
    try:
        text = table.read_text("utf-8-sig")
    except OSError as error:
        problem = f"{table}: cannot be read ({error.strerror})"
        raise LabelError(problem, "check --participants") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{table}: is not encoded as UTF-8", "save it as 'CSV UTF-8'") from error
    header = next(iter(text.strip().splitlines()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    rows = (
        (reader.line_num, [unguarded(cell.strip()) for cell in cells])
        for cells in reader
        if any(cells)
    )
    _, names = next(rows, (1, []))
    columns = [name.lower() for name in names]
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        problem = f"{table}: the header lacks {', '.join(missing)}"
        raise LabelError(problem, "the columns are video, participant and optionally face")
    for line, cells in rows:
        row = dict(zip(columns, cells, strict=False))
        if not row.get("video") or not row.get("participant"):
            problem = f"{table}, line {line}: a cell is empty"
            raise LabelError(problem, "fill video and participant")
        yield _Row(line, row["video"], row["participant"], _face(table, line, row.get("face", "")))


def _face(table: Path, line: int, cell: str) -> int | None:
    if not cell:
        return None
    if not (cell.isascii() and cell.isdecimal()):
        problem = f"{table}, line {line}: the face '{cell}' is none"
        raise LabelError(problem, "write the number that the timeline gives the face")
    return int(cell)


def _meant(row: _Row, clips: Iterable[str], table: Path | None) -> str | None:
    """Return the clip that a row means: an equal path, else an equal file name."""
    wanted = row.video.replace("\\", "/")
    clips = tuple(clips)
    if wanted in clips:
        return wanted
    name = PurePosixPath(wanted).name
    alike = [video for video in clips if PurePosixPath(video).name == name]
    if len(alike) > 1:
        problem = f"{table}, line {row.line}: '{row.video}' may be {' or '.join(sorted(alike))}"
        raise LabelError(problem, "write the whole path, as the timeline does")
    return alike[0] if alike else None
