"""Tables with a header, as corpora bring them: read line by line, and without trust.

A line that makes no sense is listed with its number; it never moves another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TypeVar

from fer_pipeline.corpora.corpus import Unusable
from fer_pipeline.errors import CorpusError

LONGEST_LINE = 2**16
"""Bytes; a row of FER2013, the longest there are, with four digits a pixel has 9,230."""

Row = TypeVar("Row")

Parse = Callable[[str, Sequence[bytes]], Row]
"""Makes a row of what it is called in messages, and of its cells; raises `RowError`."""


class RowError(ValueError):
    """What is wrong with a row."""


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the columns of a table are.

    Attributes:
        places: Index of each needed column, in the order in which they are handed on.
        width: Number of all columns.
    """

    places: tuple[int, ...]
    width: int


def table_rows(
    place: str, file: IO[bytes], columns: Sequence[str], remedy: str, parse: Parse[Row]
) -> Iterator[tuple[int, Row | Unusable]]:
    """Yield the rows of a table with commas, each with the number of its line; blank ones are none.

    Args:
        place: What the table is called in messages.
        file: Its bytes.
        columns: Names of the columns that are needed, in any case and order, beside others.
        remedy: What to do where they are not there.
        parse: Makes a row of the cells of these columns.

    Raises:
        CorpusError: The first line lacks a column.
    """
    lines = _lines(file)
    _, first = next(lines, (1, b""))
    header = _read_header(place, first, columns, remedy)
    for number, line in lines:
        if line is None or line.strip():
            where = f"{place}, line {number}"
            try:
                yield number, parse(where, _needed(line, header))
            except RowError as problem:
                yield number, Unusable(where, str(problem))


def text_lines(
    place: str, file: IO[bytes], parse: Parse[Row]
) -> Iterator[tuple[int, Row | Unusable]]:
    """Yield the lines of a list without a header, whose cells blanks separate.

    Args:
        place: What the list is called in messages.
        file: Its bytes.
        parse: Makes a row of the cells of a line.
    """
    for number, line in _lines(file):
        if line is None or line.strip():
            where = f"{place}, line {number}"
            try:
                yield number, parse(where, _whole(line).removeprefix(_MARK).split())
            except RowError as problem:
                yield number, Unusable(where, str(problem))


def column_names(line: bytes) -> list[str]:
    """Return the names of a header's columns, in lower case."""
    cells = _cells(line.removeprefix(_MARK))
    return [cell.decode("utf-8", "replace").lower() for cell in cells]


def code_of(cell: bytes, codes: Mapping[bytes, Row], what: str, known: str) -> Row:
    """Return what a code stands for.

    Raises:
        RowError: There is no such code; says that ``what`` is not ``known``.
    """
    try:
        return codes[cell]
    except KeyError:
        raise RowError(f"the {what} is {shown(cell)}, {known}") from None


def shown(cell: bytes) -> str:
    """Quote a cell of any content so that it fits into a line."""
    return ascii(cell[:20].decode("utf-8", "replace"))


_MARK = b"\xef\xbb\xbf"


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, None for one too long to be held."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        whole = len(line) < LONGEST_LINE or line.endswith(b"\n")
        yield number, line if whole else None
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def _read_header(place: str, line: bytes | None, columns: Sequence[str], remedy: str) -> _Header:
    names = column_names(line or b"")
    missing = [column for column in columns if column not in names]
    if missing:
        raise CorpusError(f"{place}: the first line lacks {', '.join(missing)}", remedy)
    return _Header(tuple(map(names.index, columns)), len(names))


def _needed(line: bytes | None, header: _Header) -> list[bytes]:
    cells = _cells(_whole(line))
    if len(cells) != header.width:
        raise RowError(f"columns: {len(cells)} instead of {header.width}")
    return [cells[place] for place in header.places]


def _whole(line: bytes | None) -> bytes:
    if line is None:
        raise RowError(f"longer than {LONGEST_LINE} characters")
    return line


def _cells(line: bytes) -> list[bytes]:
    # No cell has a comma in it, so the quotes that some programs add mean nothing.
    return [cell.strip().strip(b'"').strip() for cell in line.split(b",")]
