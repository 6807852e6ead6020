"""CSV and tab-separated tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import IO

from fer_pipeline.timeline import LEADING_COLUMNS, TimelineRow, cell, columns

_NEEDS_QUOTES = re.compile(r'["\r\n]')


def write_csv(file: IO[str], rows: Iterable[TimelineRow], emotions: Sequence[str]) -> None:
    """Write comma-separated values as of RFC 4180, with plain line feeds."""
    _write(file, rows, emotions, delimiter=",")


def write_tsv(file: IO[str], rows: Iterable[TimelineRow], emotions: Sequence[str]) -> None:
    """Write tab-separated values."""
    _write(file, rows, emotions, delimiter="\t")


def is_csv_timeline(beginning: str) -> bool:
    """Tell a timeline by its header."""
    return beginning.startswith(",".join(LEADING_COLUMNS) + ",")


def is_tsv_timeline(beginning: str) -> bool:
    """Tell a timeline by its header."""
    return beginning.startswith("\t".join(LEADING_COLUMNS) + "\t")


def _write(
    file: IO[str], rows: Iterable[TimelineRow], emotions: Sequence[str], delimiter: str
) -> None:
    def line(cells: Iterable[str]) -> str:
        return delimiter.join(_quoted(text, delimiter) for text in cells) + "\n"

    file.write(line(columns(emotions)))
    for row in rows:
        file.write(line(cell(column, value) for column, value in row.values(emotions).items()))


def _quoted(text: str, delimiter: str) -> str:
    """Quote a cell where needed; Python's own writer leaves a lone carriage return bare."""
    if delimiter in text or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text
