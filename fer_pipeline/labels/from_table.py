"""From the rows of a CSV file to the labels of each video that it names."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import get_args

from fer_pipeline.errors import LabelError
from fer_pipeline.labels.paths import emotion_name, path_parts
from fer_pipeline.labels.stretches import Side, Stretch, VideoLabels, only_one
from fer_pipeline.labels.table_rows import Row, read_rows, row_error
from fer_pipeline.listing import few

Finder = Callable[[str], VideoLabels]
"""Finds the labels of a relative path; raises `LabelError` with the reason where there are none."""

MOST_LISTED = 20
"""Names told in one message."""


def table_finder(
    file: Path, paths: Sequence[str], outside: str | None
) -> tuple[Finder, tuple[str, ...]]:
    """Read a table; return what finds the labels of a path in it, and warnings.

    Args:
        file: A CSV file, one row for each labelled stretch.
        paths: Of the videos, relative to the folder given.
        outside: What frames outside all stretches get: ``unlabelled`` or a class name; or None.

    Raises:
        LabelError: It cannot be read, or rows make no sense or contradict each other.
    """
    rows_of: dict[str, list[Row]] = defaultdict(list)
    strangers: dict[str, int] = {}
    match = _path_matcher(file, paths)
    for row in read_rows(file):
        path = match(row)
        if path is None:
            strangers.setdefault(row.video, row.line)
        rows_of[row.video if path is None else path].append(row)
    found = {path: _join(file, rows, outside) for path, rows in rows_of.items()}

    def find(path: str) -> VideoLabels:
        if path not in found:
            raise LabelError(f"{file} does not name it")
        return found[path]

    listed = few([f"{video} (line {line})" for video, line in strangers.items()], MOST_LISTED)
    warning = f"{file}: not among the videos given: {listed}"
    return find, (warning,) if strangers else ()


def _join(file: Path, rows: Iterable[Row], outside: str | None) -> VideoLabels:
    """Join the rows of one video."""
    rows = sorted(rows, key=lambda row: row.start or 0.0)
    _refuse_sides_beside_numbers(file, rows)
    for face in {row.face for row in rows}:
        _refuse_overlaps(file, [row for row in rows if row.face in (None, face)])
    stretches = tuple(
        Stretch(row.emotion, row.participant, row.start, row.end, row.face) for row in rows
    )
    return VideoLabels(stretches, "labels", _outside(stretches, outside))


def _refuse_sides_beside_numbers(file: Path, rows: Sequence[Row]) -> None:
    """Refuse two ways of telling faces in one video: nobody can say whether they overlap."""
    sides = [row for row in rows if row.face in get_args(Side)]
    numbers = [row for row in rows if row.face is not None and row.face not in get_args(Side)]
    if sides and numbers:
        problem = f"{numbers[0].video} has faces by number, and by side in line {sides[0].line}"
        raise row_error(file, numbers[0].line, problem, "tell them all in one way")


def _refuse_overlaps(file: Path, rows: Sequence[Row]) -> None:
    """Refuse two labels for one face at the same time; the rows are in order of time."""
    for one, following in pairwise(rows):
        if one.end is None or one.end > (following.start or 0.0):
            first, second = sorted((one.line, following.line))
            raise row_error(
                file,
                second,
                f"the stretch of {following.video} overlaps that of line {first}",
                "change their start or end, remove one, or tell their faces apart",
            )


def _outside(stretches: Iterable[Stretch], outside: str | None) -> Stretch | None:
    if outside is None:
        return None
    # Between stretches of two people nobody can say whose face it is.
    participant = only_one({stretch.participant for stretch in stretches})
    if outside.strip().lower() == "unlabelled":
        return Stretch(None, participant)
    return Stretch(emotion_name(outside), participant)


def _path_matcher(file: Path, paths: Sequence[str]) -> Callable[[Row], str | None]:
    """Return what finds the path that a row means: an equal path, else an equal file name."""
    alike: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        alike[_comparable(path)].add(path)
        by_name[_comparable(path).rpartition("/")[2]].add(path)

    def match(row: Row) -> str | None:
        key = _comparable(row.video)
        meant = alike.get(key) or by_name.get(key) or set()
        if len(meant) > 1:
            raise row_error(
                file,
                row.line,
                f"'{row.video}' may be any of {few(sorted(meant), MOST_LISTED)}",
                "write the whole path below the folder given",
            )
        return next(iter(meant), None)

    return match


def _comparable(path: str) -> str:
    # macOS takes accents apart in file names, and spreadsheets do not.
    return unicodedata.normalize("NFC", "/".join(path_parts(path)))
