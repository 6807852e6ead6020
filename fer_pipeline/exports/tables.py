"""CSV and tab-separated tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import IO

from fer_pipeline.timeline import LEADING_COLUMNS, TimelineRow, cell, columns


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
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns(emotions))
    for row in rows:
        writer.writerow([cell(column, value) for column, value in row.values(emotions).items()])
