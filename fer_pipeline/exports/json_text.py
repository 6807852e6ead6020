"""JSON documents and JSON lines; an empty cell is ``null``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO

from fer_pipeline.exports.writing import Writing
from fer_pipeline.json_values import parse_json
from fer_pipeline.timeline import LEADING_COLUMNS, TimelineRow

_HEAD = '{"format": "fer-timeline", "version": 1, '


def write_json(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write one document, row by row, so that its length does not matter."""
    file.write(f'{_HEAD}"emotions": {_plain(list(about.emotions))}, "rows": [')
    separator = "\n"
    for row in rows:
        file.write(separator + _plain(row.values(about.emotions, about.details.derived)))
        separator = ",\n"
    file.write("\n]}\n")


def write_json_lines(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write one object a line."""
    for row in rows:
        file.write(_plain(row.values(about.emotions, about.details.derived)) + "\n")


def is_json_timeline(beginning: str) -> bool:
    """Tell a timeline by how it begins."""
    return beginning.startswith(_HEAD)


def is_json_lines_timeline(beginning: str) -> bool:
    """Tell a timeline by the keys of its first line."""
    try:
        first = parse_json(beginning.partition("\n")[0])
    except ValueError:
        return False
    return isinstance(first, dict) and tuple(first)[: len(LEADING_COLUMNS)] == LEADING_COLUMNS


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
