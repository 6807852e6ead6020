"""CSV and tab-separated tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import IO

from fer_pipeline.exports.writing import Writing
from fer_pipeline.timeline import (
    LEADING_COLUMNS,
    Derived,
    TimelineRow,
    Value,
    cell,
    columns,
    guarded,
)

_NEEDS_QUOTES = re.compile(r'["\r\n]')


def write_csv(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write comma-separated values as of RFC 4180, with plain line feeds."""
    _write(file, rows, about, delimiter=",")


def write_tsv(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write tab-separated values."""
    _write(file, rows, about, delimiter="\t")


def is_csv_timeline(beginning: str) -> bool:
    """Tell a timeline by its header."""
    return beginning.startswith(",".join(LEADING_COLUMNS) + ",")


def is_tsv_timeline(beginning: str) -> bool:
    """Tell a timeline by its header."""
    return beginning.startswith("\t".join(LEADING_COLUMNS) + "\t")


def table_line(cells: Iterable[str], delimiter: str) -> str:
    """Write a line of a table, with quotes where they are needed."""
    return delimiter.join(_quoted(text, delimiter) for text in cells) + "\n"


def _write(file: IO[str], rows: Iterable[TimelineRow], about: Writing, delimiter: str) -> None:
    derived = about.details.derived
    file.write(timeline_header(about.emotions, derived, delimiter))
    for row in rows:
        file.write(timeline_line(row, about.emotions, derived, delimiter))


def timeline_header(
    emotions: Sequence[str], derived: Sequence[Derived] = (), delimiter: str = ","
) -> str:
    """Write the first line of a timeline."""
    return table_line(map(guarded, columns(emotions, derived)), delimiter)


def timeline_line(
    row: TimelineRow,
    emotions: Sequence[str],
    derived: Sequence[Derived] = (),
    delimiter: str = ",",
) -> str:
    """Write one row of a timeline."""
    values = row.values(emotions, derived)
    return table_line((_safe_cell(*one) for one in values.items()), delimiter)


def _safe_cell(column: str, value: Value) -> str:
    return guarded(value) if isinstance(value, str) else cell(column, value)


def _quoted(text: str, delimiter: str) -> str:
    """Quote a cell where needed; Python's own writer leaves a lone carriage return bare."""
    if delimiter in text or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text
