"""Files of timelines, opened: their columns, and the cells of each row, whatever their format.

A spreadsheet adds a byte order mark, and writes semicolons and decimal commas. All that is read.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fer_pipeline.errors import TimelineError
from fer_pipeline.json_values import parse_json
from fer_pipeline.timeline.rows import LEADING_COLUMNS
from fer_pipeline.timeline.spreadsheet import unguarded

Record = Mapping[str, Any]
"""The cells of a row, by column: text, numbers, or None."""


@dataclass(frozen=True, slots=True)
class Opened:
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


def open_file(path: Path) -> Opened:
    """Read the header of a file in the format that the end of its name tells.

    Raises:
        TimelineError: It tells none, or the file cannot be read, or is no timeline.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        known = " ".join(_OPENERS)
        raise TimelineError(
            f"{path}: timelines are read from {known}", "give what fer annotate wrote"
        )
    with _reading(path):
        return opener(path)


def records_of(path: Path, opened: Opened) -> Iterator[tuple[int, Record]]:
    """Yield the line, or the number of the row, and the cells of each row, from the beginning.

    Raises:
        TimelineError: The file cannot be read to its end.
    """
    with _reading(path):
        yield from opened.records()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say within the block which file is at fault if it cannot be read.

    Raises:
        TimelineError: It cannot be read.
    """
    try:
        yield
    except OSError as error:
        problem = f"{path}: cannot be read ({error.strerror or error})"
        raise TimelineError(problem, "check the path") from error
    except UnicodeDecodeError as error:
        raise TimelineError(f"{path}: is not encoded as UTF-8", "save it as 'CSV UTF-8'") from error


def not_ours(path: Path, why: str) -> TimelineError:
    """Return the error for a file that is no timeline."""
    return TimelineError(
        f"{path}: is no timeline made by fer: {why}", "give what fer annotate wrote"
    )


def _open_csv(path: Path) -> Opened:
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

    return Opened(columns, records, comma=delimiter != ",")


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
            raise not_ours(path, f"its first line is no header ({error})") from error
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


def _open_json(path: Path) -> Opened:
    document = _loaded(path, path.read_text("utf-8-sig"), 1)
    if not isinstance(document, dict) or document.get("format") != "fer-timeline":
        raise not_ours(path, 'it lacks "format": "fer-timeline"')
    if document.get("version") != 1:
        raise TimelineError(
            f"{path}: has version {document.get('version')} of the format", "update fer-pipeline"
        )
    rows, emotions = document.get("rows"), document.get("emotions")
    if not isinstance(rows, list) or not isinstance(emotions, list):
        raise not_ours(path, "it lacks rows or emotions")
    first = _object(path, 1, rows[0], "row") if rows else {}
    columns = tuple(first) or (*LEADING_COLUMNS, *map(str, emotions))

    def records() -> Iterator[tuple[int, Record]]:
        for number, row in enumerate(rows, start=1):
            yield number, _object(path, number, row, "row")

    return Opened(columns, records, unit="row", text=False)


def _open_json_lines(path: Path) -> Opened:
    def records() -> Iterator[tuple[int, Record]]:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, _loaded(path, line, number), "line")

    _, first = next(records(), (0, None))
    if first is None:
        raise not_ours(path, "it is empty")
    return Opened(tuple(first), records, text=False)


def _loaded(path: Path, text: str, line: int) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        at = line + getattr(error, "lineno", 1) - 1
        raise TimelineError(f"{path}, line {at}: is no JSON ({error})", "write it again") from error


def _object(path: Path, number: int, value: object, unit: str) -> Record:
    if not isinstance(value, dict):
        raise not_ours(path, f"{unit} {number} is no object")
    return value


def _open_parquet(path: Path) -> Opened:
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
        raise not_ours(path, f"it cannot be read as Parquet ({error})") from error

    def records() -> Iterator[tuple[int, Record]]:
        number = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for record in batch.to_pylist():
                    number += 1
                    yield number, record

    return Opened(columns, records, unit="row", text=False)


_OPENERS: dict[str, Callable[[Path], Opened]] = {
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".json": _open_json,
    ".jsonl": _open_json_lines,
    ".parquet": _open_parquet,
}

READABLE_SUFFIXES = tuple(_OPENERS)
"""Of files that `open_timeline` reads."""
