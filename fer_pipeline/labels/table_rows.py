"""The CSV file in which a study lists its labelled stretches.

Columns ``video, participant, emotion`` and optionally ``start, end`` in seconds, and ``face`` where
a video shows several people. Spreadsheets write such files in several ways, all of which are read:
with a byte order mark, with semicolons and decimal commas, with any line ends. An apostrophe that
keeps a name from becoming a formula, as in the tables that we write, does not belong to the name.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.errors import LabelError
from fer_pipeline.labels.paths import emotion_name
from fer_pipeline.timeline import TIME_DECIMALS, unguarded


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file.

    Attributes:
        line: Its number in the file, from 1.
        video: As written.
        participant: As written; None for an empty cell.
        emotion: Canonical where the word is known, else the study's own; None for an empty cell.
        start: Seconds; None for an empty cell.
        end: Seconds, after the start; None for an empty cell.
        face: ``left``, ``right`` or a face's number as digits; None for an empty cell.
    """

    line: int
    video: str
    participant: str | None
    emotion: str | None
    start: float | None
    end: float | None
    face: str | None = None


_REQUIRED = ("video", "participant", "emotion")
_TIMES = ("start", "end")
_OPTIONAL = (*_TIMES, "face")


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file with a header, in UTF-8.

    Commas, semicolons or tabs separate the cells; other columns, blank lines and blanks around a
    cell are passed over.

    Raises:
        LabelError: The file cannot be read, or a row makes no sense.
    """
    text = _read_text(file)
    delimiter = _delimiter(text)
    table = _cells(file, text, delimiter)
    line, header = next(table, (1, []))
    columns = _columns(file, line, header)
    for line, cells in table:
        # Cells without a column come of decimal commas: guessing on would shift every number.
        if len(cells) <= max(columns[name] for name in _REQUIRED) or any(cells[len(header) :]):
            problem = f"it has {len(cells)} cells and the header {len(header)}"
            advice = "fill every column, and put a cell that has a comma in it in double quotes"
            raise row_error(file, line, problem, advice)
        row = {name: cells[i] for name, i in columns.items() if i < len(cells)}
        if not row["video"]:
            raise row_error(file, line, "the cell 'video' is empty", "name the video")
        start, end = (_seconds(file, line, name, row.get(name, ""), delimiter) for name in _TIMES)
        if end is not None and end <= (start or 0.0):
            problem = f"the end {end:g} is not after the start {start or 0.0:g}"
            raise row_error(file, line, problem, "give an end that is, or none")
        emotion, participant = emotion_name(row["emotion"]), row["participant"] or None
        face = _face(file, line, row.get("face", ""))
        yield Row(line, row["video"], participant, emotion, start, end, face)


def _read_text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LabelError(f"{file}: cannot be read: {error.strerror}; check --labels") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = "the text is not encoded as UTF-8"
        raise row_error(file, line, problem, "save it as 'CSV UTF-8'") from error


def _delimiter(text: str) -> str:
    header = next(iter(text.strip().splitlines()), "")
    return max(",;\t", key=header.count)


def _cells(file: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and stripped cells of each row that is not blank."""
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = [unguarded(cell.strip()) for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        problem = f"it cannot be read as CSV: {error}"
        raise row_error(file, reader.line_num, problem, "check its quotes") from error


def _columns(file: Path, line: int, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column that is known, from the header."""
    names = [name.lower() for name in header]
    advice = "the columns are video, participant, emotion and optionally start, end, face"
    for name in (*_REQUIRED, *_OPTIONAL):
        if names.count(name) > 1:
            raise row_error(file, line, f"the column '{name}' occurs twice", advice)
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise row_error(file, line, f"the header lacks {', '.join(missing)}", advice)
    return {name: names.index(name) for name in (*_REQUIRED, *_OPTIONAL) if name in names}


def _seconds(file: Path, line: int, column: str, cell: str, delimiter: str) -> float | None:
    """Return the time in a cell; None for an empty one."""
    if not cell:
        return None
    try:
        # Where semicolons separate cells, the comma is the spreadsheet's decimal point.
        seconds = float(cell if delimiter == "," else cell.replace(",", "."))
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        problem = f"the {column} '{cell}' is no time"
        raise row_error(file, line, problem, "give seconds from the beginning, such as 1.25")
    return round(seconds, TIME_DECIMALS)


def _face(file: Path, line: int, cell: str) -> str | None:
    """Return which face of a frame is meant; None for an empty cell."""
    face = cell.lower()
    if face in ("left", "right") or (face.isascii() and face.isdecimal()):
        return str(int(face)) if face.isdecimal() else face
    if face:
        advice = "write left, right, or the number that fer annotate gives the face"
        raise row_error(file, line, f"the face '{cell}' is none", advice)
    return None


def row_error(file: Path, line: int, problem: str, advice: str) -> LabelError:
    """Return the error for a line of the file: what is wrong, and what to do about it."""
    return LabelError(f"{file}, line {line}: {problem}; {advice}")
