"""Tidy tables for statistics programs: a row for each case, values with units in their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.exports.tables import table_line
from fer_pipeline.files import PathKind, kind_of, replacing
from fer_pipeline.json_values import json_text
from fer_pipeline.timeline import guarded

Value = str | int | float | None
Row = Mapping[str, Value]

_DECIMALS = 6

RECORD_SUFFIX = ".analysis.json"
"""Of the file beside a table that tells how it was made."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        kind: What it is a table of, one word.
        columns: Type of each column, by name: ``str``, ``int`` or ``float``.
        rows: Every row has every column; None is an empty cell.
    """

    kind: str
    columns: Mapping[str, type]
    rows: Sequence[Row]


def check_tables(paths: Sequence[Path | None], *, overwrite: bool) -> None:
    """Make sure, before anything is done, that tables can be written.

    Args:
        paths: Where; None is none.
        overwrite: Replace what is there.

    Raises:
        UsageError: A suffix stands for no format.
        OutputError: Something is there, or two are the same, or a library is missing.
    """
    for path in paths:
        if path is not None:
            _writer(path)
            if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
                raise OutputError(
                    f"{path}: Parquet needs pyarrow", "pip install 'fer-pipeline[timeline]'"
                )
    refuse_existing(paths, overwrite=overwrite)


def refuse_existing(paths: Sequence[Path | None], *, overwrite: bool) -> None:
    """Make sure that nothing is lost, and that no two outputs are one file.

    Raises:
        OutputError: Something would be.
    """
    seen: set[Path] = set()
    for path in paths:
        if path is None:
            continue
        for one in (path, record_of(path)):
            kind = kind_of(one, OutputError)
            if kind not in (PathKind.MISSING, PathKind.FILE):
                raise OutputError(f"{one}: is no file", "give another name")
            if kind is PathKind.FILE and not overwrite:
                raise OutputError(f"{one}: exists", "give another name, or --overwrite")
        if path.resolve() in seen:
            raise OutputError(f"{path}: would be written twice", "give another name")
        seen.add(path.resolve())


def record_of(path: Path) -> Path:
    """Return where it stands how a table was made."""
    return path.with_name(path.name + RECORD_SUFFIX)


def write_tidy(path: Path, table: Table) -> None:
    """Write a table in the format that the end of the name tells.

    Raises:
        UsageError: It tells none.
        OutputError: It cannot be written.
    """
    write = _writer(path)
    with replacing(path) as unfinished:
        write(unfinished, table)


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write beside a table how it was made.

    Raises:
        OutputError: It cannot be written.
    """
    text = json_text(record, indent=2, allow_nan=False)
    with replacing(record_of(path)) as unfinished:
        unfinished.write_text(text + "\n", "utf-8", newline="")


def _writer(path: Path) -> Callable[[Path, Table], None]:
    try:
        return _WRITERS[path.suffix.lower()]
    except KeyError:
        known = " ".join(_WRITERS)
        raise UsageError(f"{path}: the suffix tells the format, one of {known}") from None


def _write_csv(file: Path, table: Table) -> None:
    _write_delimited(file, table, ",")


def _write_tsv(file: Path, table: Table) -> None:
    _write_delimited(file, table, "\t")


def _write_delimited(file: Path, table: Table, delimiter: str) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        text.write(table_line(map(guarded, table.columns), delimiter))
        for row in table.rows:
            text.write(table_line((_cell(row[name]) for name in table.columns), delimiter))


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    return f"{value:.{_DECIMALS}f}" if isinstance(value, float) else str(value)


def _write_json(file: Path, table: Table) -> None:
    rows = [{name: _rounded(row[name]) for name in table.columns} for row in table.rows]
    document = {"format": f"fer-{table.kind}", "version": 1, "rows": rows}
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    file.write_text(text + "\n", "utf-8", newline="")


def _rounded(value: Value) -> Value:
    return round(value, _DECIMALS) + 0.0 if isinstance(value, float) else value


def _write_parquet(file: Path, table: Table) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in table.columns.items()])
    rows = [{name: row[name] for name in table.columns} for row in table.rows]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), file)


_WRITERS: dict[str, Callable[[Path, Table], None]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
