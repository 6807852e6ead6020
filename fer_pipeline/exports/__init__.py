"""Timelines as files: one writer for each format, chosen by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from fer_pipeline.errors import UsageError
from fer_pipeline.exports.json_text import (
    is_json_lines_timeline,
    is_json_timeline,
    write_json,
    write_json_lines,
)
from fer_pipeline.exports.tables import (
    is_csv_timeline,
    is_tsv_timeline,
    write_csv,
    write_tsv,
)
from fer_pipeline.files import replacing
from fer_pipeline.timeline import TimelineRow


class Format(NamedTuple):
    """How timelines are written, and how one written by us is known again.

    Attributes:
        write: Writes rows, as they come, with the model's emotions.
        is_ours: Tells from the beginning of a file whether we wrote it.
    """

    write: Callable[[IO[str], Iterable[TimelineRow], Sequence[str]], None]
    is_ours: Callable[[str], bool]


FORMATS: dict[str, Format] = {
    "csv": Format(write_csv, is_csv_timeline),
    "tsv": Format(write_tsv, is_tsv_timeline),
    "json": Format(write_json, is_json_timeline),
    "jsonl": Format(write_json_lines, is_json_lines_timeline),
}

# A first line of JSON may hold a long path and many emotions.
_CHARACTERS_LOOKED_AT = 65536


def format_of(path: Path) -> str:
    """Return the name of the format that a file's suffix stands for.

    Raises:
        UsageError: The suffix is missing or stands for none.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        known = " ".join(f".{suffix}" for suffix in FORMATS)
        raise UsageError(
            f"{path}: the suffix tells the format, one of {known}; "
            "--format tells it otherwise, and a / at the end makes a folder"
        )
    return name


def is_timeline(path: Path, format_name: str) -> bool:
    """Return whether an existing file is a timeline that we wrote."""
    try:
        with path.open(encoding="utf-8") as file:
            return FORMATS[format_name].is_ours(file.read(_CHARACTERS_LOOKED_AT))
    except (OSError, UnicodeDecodeError):
        return False


def write_timeline(
    path: Path, format_name: str, rows: Iterable[TimelineRow], emotions: Sequence[str]
) -> None:
    """Write a timeline, which appears under its name when it is complete.

    Raises:
        OutputError: The file cannot be written.
    """
    with (
        replacing(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        FORMATS[format_name].write(file, rows, emotions)
