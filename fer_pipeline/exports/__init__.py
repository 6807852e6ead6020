"""Timelines as files: one writer for each format, chosen by the end of the file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.exports.elan import is_elan, write_elan
from fer_pipeline.exports.json_text import (
    is_json_lines_timeline,
    is_json_timeline,
    write_json,
    write_json_lines,
)
from fer_pipeline.exports.parquet import is_parquet_timeline, write_parquet
from fer_pipeline.exports.praat import is_praat, write_praat
from fer_pipeline.exports.segment_tables import (
    data_dictionary,
    is_bids,
    is_boris,
    is_segments,
    write_bids,
    write_boris,
    write_segments,
)
from fer_pipeline.exports.subtitles import is_srt, is_vtt, write_srt, write_vtt
from fer_pipeline.exports.tables import (
    is_csv_timeline,
    is_tsv_timeline,
    write_csv,
    write_tsv,
)
from fer_pipeline.exports.writing import Details, Writer, Writing, as_text, known_by_text
from fer_pipeline.files import replacing
from fer_pipeline.timeline import TimelineRow

__all__ = [
    "FORMATS",
    "Details",
    "Format",
    "companion_of",
    "format_of",
    "is_timeline",
    "require_library",
    "write_timeline",
]


@dataclass(frozen=True, slots=True)
class Format:
    """How timelines are written, and how one written by us is known again.

    Attributes:
        suffix: How the names of its files end.
        write: Writes rows.
        is_ours: Tells a file that we wrote.
        segments: Whether it holds segments and no rows.
        one_clip: Whether a file holds one clip only.
        library: Module that it needs and that not every installation has.
        companion: Where a second file is that belongs to the first.
    """

    suffix: str
    write: Writer
    is_ours: Callable[[Path], bool]
    segments: bool = False
    one_clip: bool = False
    library: str | None = None
    companion: Callable[[Path], Path] | None = None


FORMATS: dict[str, Format] = {
    "csv": Format(".csv", as_text(write_csv), known_by_text(is_csv_timeline)),
    "tsv": Format(".tsv", as_text(write_tsv), known_by_text(is_tsv_timeline)),
    "json": Format(".json", as_text(write_json), known_by_text(is_json_timeline)),
    "jsonl": Format(".jsonl", as_text(write_json_lines), known_by_text(is_json_lines_timeline)),
    "parquet": Format(".parquet", write_parquet, is_parquet_timeline, library="pyarrow"),
    "segments": Format(
        ".segments.csv", as_text(write_segments), known_by_text(is_segments), segments=True
    ),
    "boris": Format(".boris.tsv", as_text(write_boris), known_by_text(is_boris), segments=True),
    "bids": Format(
        "_events.tsv", write_bids, is_bids, segments=True, one_clip=True, companion=data_dictionary
    ),
    "eaf": Format(".eaf", write_elan, is_elan, segments=True, one_clip=True, library="pympi"),
    "textgrid": Format(
        ".TextGrid", write_praat, is_praat, segments=True, one_clip=True, library="praatio"
    ),
    "vtt": Format(".vtt", as_text(write_vtt), is_vtt, segments=True, one_clip=True),
    "srt": Format(".srt", as_text(write_srt), is_srt, segments=True, one_clip=True),
}


def format_of(path: Path) -> str:
    """Return the name of the format that the end of a file's name stands for.

    Raises:
        UsageError: It stands for none.
    """
    name = path.name.lower()
    fitting = [
        key
        for key, one in FORMATS.items()
        if name.endswith(one.suffix.lower()) and len(name) > len(one.suffix)
    ]
    if not fitting:
        known = " ".join(one.suffix for one in FORMATS.values())
        raise UsageError(
            f"{path}: the suffix tells the format, one of {known}; "
            "--format tells it otherwise, and a / at the end makes a folder"
        )
    return max(fitting, key=lambda key: len(FORMATS[key].suffix))


def require_library(path: Path, format_name: str) -> None:
    """Make sure that a format can be written here, before hours are spent on what goes into it.

    Raises:
        OutputError: A library is missing.
    """
    library = FORMATS[format_name].library
    if library is not None and find_spec(library) is None:
        raise OutputError(
            f"{path}: the format {format_name} needs {library}",
            "pip install 'fer-pipeline[timeline]'",
        )


def companion_of(path: Path, format_name: str) -> Path | None:
    """Return the second file that is written with a first, if any."""
    companion = FORMATS[format_name].companion
    return None if companion is None else companion(path)


def is_timeline(path: Path, format_name: str) -> bool:
    """Return whether an existing file is one that we wrote, or the companion of one."""
    try:
        return FORMATS[format_name].is_ours(path)
    except (OSError, UnicodeDecodeError):
        return False


def write_timeline(
    path: Path,
    format_name: str,
    rows: Iterable[TimelineRow],
    emotions: Sequence[str],
    details: Details | None = None,
) -> None:
    """Write a timeline, which appears under its name when it is complete.

    Args:
        path: The file.
        format_name: One of `FORMATS`.
        rows: Clip by clip, each in order of its frames.
        emotions: The model's emotions.
        details: What else there is to tell.

    Raises:
        OutputError: The file cannot be written.
    """
    about = Writing(path, emotions, details or Details())
    format_ = FORMATS[format_name]
    with replacing(path) as unfinished:
        format_.write(unfinished, _of_one_clip(path, rows) if format_.one_clip else rows, about)


def _of_one_clip(path: Path, rows: Iterable[TimelineRow]) -> Iterator[TimelineRow]:
    """Pass rows on, and refuse those of a second clip."""
    video = None
    for row in rows:
        if video not in (None, row.video):
            raise OutputError(f"{path}: such a file holds one clip", "give a folder, with a /")
        video = row.video
        yield row
