"""Delimited tables of any program: commas, semicolons or tabs, UTF-8 or UTF-16, decimal commas."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.errors import CoderError
from fer_pipeline.timeline import unguarded

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table.

    Attributes:
        number: Of its line in the file, from 1.
        cells: Without blanks around them.
    """

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text.

    Attributes:
        path: The file.
        lines: All that are not blank.
        comma: Whether numbers may have decimal commas.
    """

    path: Path
    lines: tuple[Line, ...]
    comma: bool

    def records(self, header: int) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield line and cells by lower-case column, of what is below the header.

        Raises:
            CoderError: A row has more cells than the header.
        """
        names = [cell.lower() for cell in self.lines[header].cells]
        for line in self.lines[header + 1 :]:
            if any(line.cells[len(names) :]):
                problem = f"it has {len(line.cells)} cells and the header {len(names)}"
                raise self.error(line.number, problem, "put cells with a separator in quotes")
            filled = (*line.cells, *[""] * len(names))
            yield line.number, dict(zip(names, filled, strict=False))

    def number(self, line: int, column: str, cell: str) -> float:
        """Return the number in a cell.

        Raises:
            CoderError: There is none.
        """
        try:
            number = float(cell.replace(",", ".") if self.comma else cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(line, f"the {column} '{cell}' is no number", "write it such as 1.25")
        return number

    def error(self, line: int, problem: str, remedy: str) -> CoderError:
        """Return an error about a line."""
        return CoderError(f"{self.path}, line {line}: {problem}", remedy)


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        CoderError: It cannot be read, or holds nothing.
    """
    text = _text(path)
    first = next(iter(text.strip().splitlines()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    if not any(one in first for one in _DELIMITERS):  # a title above the table
        delimiter = max(_DELIMITERS, key=text.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            kept = tuple(unguarded(cell.strip()) for cell in cells)
            if any(kept):
                lines.append(Line(reader.line_num, kept))
    except csv.Error as error:
        raise CoderError(
            f"{path}, line {reader.line_num}: cannot be read as a table ({error})",
            "check its quotes",
        ) from error
    if not lines:
        raise CoderError(f"{path}: is empty", "give the file of a coder")
    return Table(path, tuple(lines), delimiter != ",")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CoderError(
            f"{path}: cannot be read ({error.strerror or error})", "check the path"
        ) from error
    wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise CoderError(f"{path}: is not encoded as UTF-8", "save it as 'CSV UTF-8'") from error


def is_about(cell: str, video: str) -> bool:
    """Return whether a cell names a clip, by its path or its file name."""
    named = PurePosixPath(cell.replace("\\", "/"))
    return str(named) == video or named.name == PurePosixPath(video).name
