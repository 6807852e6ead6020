"""Parquet: columns with types, for data frames."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from fer_pipeline.exports.writing import Writing
from fer_pipeline.timeline import LEADING_COLUMNS, TimelineRow, columns

_MARK = b"fer-timeline"
"""Key in the file's metadata: version and emotions."""

_ROWS_AT_ONCE = 65536

_TEXT, _WHOLE = ("video", "status", "emotion"), ("frame", "face", "x", "y", "width", "height")


def write_parquet(file: Path, rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write a column of its own type for each column; an empty cell is null."""
    from pyarrow import RecordBatch, parquet

    schema = _schema(about)
    remaining = iter(rows)
    with parquet.ParquetWriter(file, schema) as writer:
        while part := list(islice(remaining, _ROWS_AT_ONCE)):
            values = [row.values(about.emotions, about.details.derived) for row in part]
            writer.write_batch(RecordBatch.from_pylist(values, schema=schema))


def _schema(about: Writing) -> Any:
    import pyarrow

    def kind(column: str) -> Any:
        if column in _TEXT:
            return pyarrow.string()
        return pyarrow.int64() if column in _WHOLE else pyarrow.float64()

    names = columns(about.emotions, about.details.derived)
    fields = [
        # An emotion may be called as it likes, also as a kind of column is.
        (name, kind(name) if index < len(LEADING_COLUMNS) else pyarrow.float64())
        for index, name in enumerate(names)
    ]
    mark = {"version": 1, "emotions": list(about.emotions)}
    return pyarrow.schema(fields, metadata={_MARK: json.dumps(mark).encode()})


def is_parquet_timeline(path: Path) -> bool:
    """Tell a timeline by the file's metadata."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return False
    try:
        return _MARK in (parquet.read_schema(path).metadata or {})
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return False
