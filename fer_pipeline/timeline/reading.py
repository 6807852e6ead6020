"""Timelines read back: those that we wrote, and what spreadsheets and other programs make of them.

A spreadsheet adds a byte order mark, writes semicolons and decimal commas, or drops zeros; a data
frame turns whole numbers into ``0.0``. All that is read. What could mean two things is refused,
with the line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.errors import TimelineError
from fer_pipeline.timeline.opening import Opened, not_ours, open_file, records_of
from fer_pipeline.timeline.row_parsing import Order, RowParser
from fer_pipeline.timeline.rows import DERIVED, LEADING_COLUMNS, Derived, TimelineRow

PARTICIPANT_COLUMN = "participant"
"""A column that a study may add: whose face, or whose clip, a row shows."""

_SUM_ROUNDING = 0.01


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
    _opened: Opened

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
        order = Order()
        for line, record in records_of(self.path, self._opened):
            parser = RowParser(self.path, line, record, self._opened)
            row = parser.row(self.emotions, self.derived)
            self._check_sum(parser, row)
            problem = order.fault(row)
            if problem:
                parser.fail(problem, "sort the rows by video, frame and face")
            participant = parser.text(PARTICIPANT_COLUMN) if self.names_people else ""
            yield ReadRow(line, row, participant or None)

    def _check_sum(self, parser: RowParser, row: TimelineRow) -> None:
        """Notice a column of numbers that somebody added: it would pass for an emotion."""
        total = sum(row.probabilities or (1.0,))
        if abs(total - 1) > _SUM_ROUNDING:
            problem = f"{', '.join(self.emotions)} add up to {total:.4g}"
            parser.fail(problem, "remove the columns that are no emotion")


def open_timeline(path: Path) -> ReadTimeline:
    """Read the header of a timeline.

    Raises:
        TimelineError: The file cannot be read, or is no timeline.
    """
    opened = open_file(path)
    emotions, derived = _layout(path, opened.columns)
    return ReadTimeline(path, emotions, derived, PARTICIPANT_COLUMN in opened.columns, opened)


def read_rows(path: Path) -> Iterator[TimelineRow]:
    """Read back the rows of a timeline without derived columns that was just written as CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or ()
        # Whatever stands behind the leading columns is an emotion, however it is called.
        emotions = names[len(LEADING_COLUMNS) :]
        opened = Opened(tuple(names), lambda: iter(()))
        for values in reader:
            yield RowParser(path, reader.line_num, values, opened).row(emotions, ())


# Columns


def _layout(path: Path, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[Derived, ...]]:
    """Return the emotions and the derived steps that the columns stand for."""
    missing = [name for name in LEADING_COLUMNS if name not in names]
    if missing:
        raise not_ours(path, f"it lacks the columns {', '.join(missing)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TimelineError(f"{path}: the column '{twice[0]}' occurs twice", "remove one")
    others = [n for n in names if n not in LEADING_COLUMNS and n != PARTICIPANT_COLUMN]
    steps = {name: _step_of(name, others) for name in others}
    emotions = tuple(name for name, step in steps.items() if step is None)
    if not emotions or "" in emotions:
        why = "a column has no name" if "" in emotions else "it has no column of an emotion"
        raise not_ours(path, why)
    derived = tuple(step for step in DERIVED if step in steps.values())
    for step in derived:
        for emotion in emotions:
            if f"{step}_{emotion}" not in steps:
                raise not_ours(path, f"it lacks the column {step}_{emotion}")
    return emotions, derived


def _step_of(name: str, names: Sequence[str]) -> Derived | None:
    """Return the step that a column belongs to; None for an emotion itself."""
    for step in DERIVED:
        if name.startswith(f"{step}_") and name.removeprefix(f"{step}_") in names:
            return step
    return None
