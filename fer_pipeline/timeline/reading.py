"""Timelines read back: those that we wrote, and what spreadsheets and other programs make of them.

A spreadsheet adds a byte order mark, writes semicolons and decimal commas, or drops zeros; a data
frame turns whole numbers into ``0.0``. All that is read. What could mean two things is refused,
with the line.
"""

from __future__ import annotations

import codecs
import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import TimelineError
from fer_pipeline.json_values import parse_json
from fer_pipeline.timeline.rows import DERIVED, LEADING_COLUMNS, Derived, TimelineRow
from fer_pipeline.timeline.spreadsheet import unguarded

PARTICIPANT_COLUMN = "participant"
"""A column that a study may add: whose face, or whose clip, a row shows."""

_TIME_ROUNDING = 1e-6
# Printed shares of six digits may be above 1 by rounding of somebody's.
_SHARE_ROUNDING = 1e-6

_SUM_ROUNDING = 0.01

Record = Mapping[str, Any]
"""The cells of a row, by column: text, numbers, or None."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file with its header read.

    Attributes:
        columns: Their names.
        records: Begins anew; yields the line, or the number of the row, and its cells.
        unit: What is counted: lines or rows.
        text: Whether cells are text.
        comma: Whether numbers may have decimal commas.
    """

    columns: tuple[str, ...]
    records: Callable[[], Iterator[tuple[int, Record]]]
    unit: str = "line"
    text: bool = True
    comma: bool = False


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row, where it stands, and the participant whom the table names."""

    line: int
    row: TimelineRow
    participant: str | None


@dataclass(frozen=True)
class ReadTimeline:
    """A timeline in a file.

    Attributes:
        path: The file.
        emotions: The model's emotions.
        derived: The steps that it holds beside the probabilities.
        names_people: Whether it has the column ``participant``.
    """

    path: Path
    emotions: tuple[str, ...]
    derived: tuple[Derived, ...]
    names_people: bool
    _opened: _Opened

    def rows(self) -> Iterator[TimelineRow]:
        """Yield the rows, from the beginning each time.

        Raises:
            TimelineError: A row makes no sense, or stands in the wrong place.
        """
        for read in self.read():
            yield read.row

    def read(self) -> Iterator[ReadRow]:
        """Yield the rows with their lines and participants.

        Raises:
            TimelineError: A row makes no sense, or stands in the wrong place.
        """
        order = _Order()
        for line, record in self._records():
            parser = _RowParser(self.path, line, record, self._opened)
            row = parser.row(self.emotions, self.derived)
            self._check_sum(parser, row)
            problem = order.fault(row)
            if problem:
                parser.fail(problem, "sort the rows by video, frame and face")
            participant = parser.text(PARTICIPANT_COLUMN) if self.names_people else ""
            yield ReadRow(line, row, participant or None)

    def _check_sum(self, parser: _RowParser, row: TimelineRow) -> None:
        """Notice a column of numbers that somebody added: it would pass for an emotion."""
        total = sum(row.probabilities or (1.0,))
        if abs(total - 1) > _SUM_ROUNDING:
            problem = f"{', '.join(self.emotions)} add up to {total:.4g}"
            parser.fail(problem, "remove the columns that are no emotion")

    def _records(self) -> Iterator[tuple[int, Record]]:
        try:
            yield from self._opened.records()
        except OSError as error:
            raise _unreadable(self.path, error) from error
        except UnicodeDecodeError as error:
            raise _not_utf8(self.path) from error


def open_timeline(path: Path) -> ReadTimeline:
    """Read the header of a timeline.

    Raises:
        TimelineError: The file cannot be read, or is no timeline.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        known = " ".join(_OPENERS)
        raise TimelineError(
            f"{path}: timelines are read from {known}", "give what fer annotate wrote"
        )
    try:
        opened = opener(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    emotions, derived = _layout(path, opened.columns)
    return ReadTimeline(path, emotions, derived, PARTICIPANT_COLUMN in opened.columns, opened)


def read_rows(path: Path) -> Iterator[TimelineRow]:
    """Read back the rows of a timeline without derived columns that was just written as CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or ()
        # Whatever stands behind the leading columns is an emotion, however it is called.
        emotions = names[len(LEADING_COLUMNS) :]
        opened = _Opened(tuple(names), lambda: iter(()))
        for values in reader:
            yield _RowParser(path, reader.line_num, values, opened).row(emotions, ())


def _unreadable(path: Path, error: OSError) -> TimelineError:
    return TimelineError(f"{path}: cannot be read ({error.strerror or error})", "check the path")


def _not_utf8(path: Path) -> TimelineError:
    return TimelineError(f"{path}: is not encoded as UTF-8", "save it as 'CSV UTF-8'")


def _not_ours(path: Path, why: str) -> TimelineError:
    return TimelineError(
        f"{path}: is no timeline made by fer: {why}", "give what fer annotate wrote"
    )


# Columns


def _layout(path: Path, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[Derived, ...]]:
    """Return the emotions and the derived steps that the columns stand for."""
    missing = [name for name in LEADING_COLUMNS if name not in names]
    if missing:
        raise _not_ours(path, f"it lacks the columns {', '.join(missing)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TimelineError(f"{path}: the column '{twice[0]}' occurs twice", "remove one")
    others = [n for n in names if n not in LEADING_COLUMNS and n != PARTICIPANT_COLUMN]
    steps = {name: _step_of(name, others) for name in others}
    emotions = tuple(name for name, step in steps.items() if step is None)
    if not emotions or "" in emotions:
        why = "a column has no name" if "" in emotions else "it has no column of an emotion"
        raise _not_ours(path, why)
    derived = tuple(step for step in DERIVED if step in steps.values())
    for step in derived:
        for emotion in emotions:
            if f"{step}_{emotion}" not in steps:
                raise _not_ours(path, f"it lacks the column {step}_{emotion}")
    return emotions, derived


def _step_of(name: str, names: Sequence[str]) -> Derived | None:
    """Return the step that a column belongs to; None for an emotion itself."""
    for step in DERIVED:
        if name.startswith(f"{step}_") and name.removeprefix(f"{step}_") in names:
            return step
    return None


# Rows


class _RowParser:
    """Makes sense of the cells of one row."""

    def __init__(self, path: Path, line: int, record: Record, opened: _Opened) -> None:
        self._place = f"{path}, {opened.unit} {line}"
        self._record = record
        self._opened = opened

    def fail(self, problem: str, advice: str) -> NoReturn:
        """Say what is wrong with the row."""
        raise TimelineError(f"{self._place}: {problem}", advice)

    def row(self, emotions: Sequence[str], derived: Sequence[Derived]) -> TimelineRow:
        """Return the row."""
        video, frame = self.text("video"), self._whole("frame")
        time, status = self._time(), self._status()
        if not video or frame is None:
            self.fail(f"the cell '{'frame' if video else 'video'}' is empty", "fill it")
        if status in (Status.NO_FACE, Status.DECODE_ERROR):
            return TimelineRow(video, frame, time, status)
        face = self._needed("face")
        box = self._box()
        steps = {step: self._shares([f"{step}_{e}" for e in emotions], -1) for step in derived}
        return TimelineRow(
            video=video,
            frame=frame,
            time=time,
            status=status,
            face=face,
            box=box,
            score=self._number("score"),
            probabilities=self._shares(emotions, 0),
            **steps,
        )

    def _box(self) -> Box:
        box = Box(*(self._needed(name) for name in ("x", "y", "width", "height")))
        for name, side in (("width", box.width), ("height", box.height)):
            if side < 1:
                self.fail(f"the {name} '{self._record[name]}' is none", "it is 1 or more")
        return box

    def text(self, column: str) -> str:
        """Return a cell as the text that was meant."""
        value = self._record.get(column)
        if value is None:
            return ""
        return unguarded(value) if self._opened.text else str(value)

    def _status(self) -> Status:
        text = self.text("status").strip()
        try:
            return Status(text)
        except ValueError:
            self.fail(f"the status '{text}' is none", f"it is one of {', '.join(Status)}")

    def _time(self) -> float:
        time = self._number("time")
        if time is None:
            self.fail("the cell 'time' is empty", "fill it with seconds")
        return time

    def _needed(self, column: str) -> int:
        number = self._whole(column)
        if number is None:
            self.fail(f"the cell '{column}' is empty", "a row with a face has it")
        return number

    def _whole(self, column: str) -> int | None:
        number = self._number(column)
        if number is not None and (not number.is_integer()):
            self.fail(f"the {column} '{self._record[column]}' is no whole number", "correct it")
        return None if number is None else int(number)

    def _shares(self, names: Sequence[str], least: int) -> tuple[float, ...]:
        shares = []
        for name in names:
            share = self._number(name)
            # What was smoothed with a parabola may be a little beyond.
            beyond = _SHARE_ROUNDING if least == 0 else 1.0
            if share is None or not least - beyond <= share <= 1 + beyond:
                shown = self._record.get(name)
                problem = f"the {name} '{'' if shown is None else shown}' is no probability"
                self.fail(problem, f"it is a number from {least} to 1; remove other columns")
            shares.append(share)
        return tuple(shares)

    def _number(self, column: str) -> float | None:
        value = self._record.get(column)
        if isinstance(value, bool):
            self._no_number(column)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            value = self._point(column, value.strip())
        try:
            number = float(value)
        except (TypeError, ValueError):
            self._no_number(column)
        if math.isnan(number) and not self._opened.text:
            return None  # a data frame's empty cell
        if not math.isfinite(number):
            self._no_number(column)
        return number

    def _point(self, column: str, text: str) -> str:
        """Return a number's text with a decimal point."""
        if "," not in text:
            return text
        if not self._opened.comma or "." in text or text.count(",") > 1:
            self._no_number(column)
        return text.replace(",", ".")

    def _no_number(self, column: str) -> NoReturn:
        self.fail(f"the {column} '{self._record[column]}' is no number", "write it such as 0.25")


class _Order:
    """Sees to it that rows stand as we wrote them: clip by clip, frame by frame."""

    def __init__(self) -> None:
        self._clips: set[str] = set()
        self._before: TimelineRow | None = None
        self._faces: set[int | None] = set()

    def fault(self, row: TimelineRow) -> str | None:
        """Return what is wrong with the place of the next row; None if nothing is."""
        before, self._before = self._before, row
        if before is None or before.video != row.video:
            if row.video in self._clips:
                return f"the rows of {row.video} do not stand together"
            self._clips.add(row.video)
            self._faces = {row.face}
            return None
        if row.frame < before.frame or row.time < before.time - _TIME_ROUNDING:
            return f"frame {row.frame} comes behind frame {before.frame}, or earlier in time"
        if row.frame > before.frame:
            self._faces = {row.face}
            return None
        if row.face in self._faces or None in (row.face, *self._faces):
            return f"frame {row.frame} has the face twice, or none beside one"
        self._faces.add(row.face)
        return None


# Formats


def _open_csv(path: Path) -> _Opened:
    delimiter = _delimiter(path)
    columns = _header(path, delimiter)

    def records() -> Iterator[tuple[int, Record]]:
        with _text_of(path) as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            began = False
            try:
                for cells in reader:
                    if not any(cells):
                        continue
                    if began:
                        yield reader.line_num, _record(path, reader.line_num, columns, cells)
                    began = True
            except csv.Error as error:
                place = f"{path}, line {reader.line_num}"
                raise TimelineError(
                    f"{place}: it cannot be read as a table: {error}", "check its quotes"
                ) from error

    return _Opened(columns, records, comma=delimiter != ",")


def _delimiter(path: Path) -> str:
    """Return what divides the header into the most of our columns."""
    with _text_of(path) as file:
        start = next((line for line in file if line.strip()), "")

    def ours(delimiter: str) -> int:
        names = (name.strip(' \r\n"') for name in start.split(delimiter))
        return len(set(names).intersection(LEADING_COLUMNS))

    return max(",;\t", key=ours)


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    with _text_of(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            cells = next(filter(any, reader), [])
        except csv.Error as error:
            raise _not_ours(path, f"its first line is no header ({error})") from error
    while cells and not cells[-1]:
        cells.pop()  # columns that a spreadsheet adds behind the last
    return tuple(map(unguarded, cells))


def _record(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Record:
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        raise TimelineError(
            f"{path}, line {line}: it has {len(cells)} cells and the header {len(columns)}",
            "fill every column, and put a cell that has a separator in it in double quotes",
        )
    return dict(zip(columns, cells, strict=False))


def _text_of(path: Path) -> IO[str]:
    """Open a table as UTF-8, or as UTF-16 where a mark at its beginning says so."""
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return path.open(newline="", encoding="utf-16" if wide else "utf-8-sig")


def _open_json(path: Path) -> _Opened:
    document = _loaded(path, path.read_text("utf-8-sig"), 1)
    if not isinstance(document, dict) or document.get("format") != "fer-timeline":
        raise _not_ours(path, 'it lacks "format": "fer-timeline"')
    if document.get("version") != 1:
        raise TimelineError(
            f"{path}: has version {document.get('version')} of the format", "update fer-pipeline"
        )
    rows, emotions = document.get("rows"), document.get("emotions")
    if not isinstance(rows, list) or not isinstance(emotions, list):
        raise _not_ours(path, "it lacks rows or emotions")
    first = _object(path, 1, rows[0], "row") if rows else {}
    columns = tuple(first) or (*LEADING_COLUMNS, *map(str, emotions))

    def records() -> Iterator[tuple[int, Record]]:
        for number, row in enumerate(rows, start=1):
            yield number, _object(path, number, row, "row")

    return _Opened(columns, records, unit="row", text=False)


def _open_json_lines(path: Path) -> _Opened:
    def records() -> Iterator[tuple[int, Record]]:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, _loaded(path, line, number), "line")

    _, first = next(records(), (0, None))
    if first is None:
        raise _not_ours(path, "it is empty")
    return _Opened(tuple(first), records, text=False)


def _loaded(path: Path, text: str, line: int) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        at = line + getattr(error, "lineno", 1) - 1
        raise TimelineError(f"{path}, line {at}: is no JSON ({error})", "write it again") from error


def _object(path: Path, number: int, value: object, unit: str) -> Record:
    if not isinstance(value, dict):
        raise _not_ours(path, f"{unit} {number} is no object")
    return value


def _open_parquet(path: Path) -> _Opened:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise TimelineError(
            f"{path}: Parquet needs pyarrow", "pip install 'fer-pipeline[timeline]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise _not_ours(path, f"it cannot be read as Parquet ({error})") from error

    def records() -> Iterator[tuple[int, Record]]:
        number = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for record in batch.to_pylist():
                    number += 1
                    yield number, record

    return _Opened(columns, records, unit="row", text=False)


_OPENERS: dict[str, Callable[[Path], _Opened]] = {
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".json": _open_json,
    ".jsonl": _open_json_lines,
    ".parquet": _open_parquet,
}

READABLE_SUFFIXES = tuple(_OPENERS)
"""Of files that `open_timeline` reads."""
