"""Segments as tables: our own, BORIS's tabular events, and events of BIDS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from fer_pipeline import __version__
from fer_pipeline.exports.tables import table_line
from fer_pipeline.exports.writing import Writing, as_text, face_names, participant_of
from fer_pipeline.files import replacing
from fer_pipeline.json_values import parse_json
from fer_pipeline.timeline import (
    ClipSegments,
    Segment,
    TimelineRow,
    guarded,
    segment_clips,
)

Row = Mapping[str, str | int | float | None]

SEGMENT_COLUMNS = (
    "video",
    "participant",
    "face",
    "emotion",
    "onset",
    "apex",
    "offset",
    "duration",
    "peak",
    "mean",
    "frames",
)

BORIS_COLUMNS = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation duration",
    "Observation type",
    "Source",
    "Media duration (s)",
    "FPS",
    "Subject",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Time",
    "Media file name",
    "Image index",
    "Image file path",
    "Comment",
)
"""Of the table that BORIS 8 writes with Observations, Export events, Tabular events."""

_EVENTS = {
    "onset": ("Onset", "First frame that shows the emotion, from the beginning of the clip.", "s"),
    "duration": ("Duration", "From the first frame to the end of the last.", "s"),
    "trial_type": ("Emotion", "The emotion that the face showed, as a model tells it.", None),
    "participant": ("Participant", "Whose face it is; n/a where nobody said.", None),
    "face": ("Face", "Number of the face within the clip.", None),
    "apex": ("Apex", "The frame with the greatest value, from the beginning of the clip.", "s"),
    "peak": ("Peak", "The greatest value of the emotion.", None),
    "mean": ("Mean", "The mean value of the emotion over the time of its frames.", None),
    "frames": ("Frames", "How many frames show it.", None),
    "stim_file": ("Clip", "Path of the clip below the folder that was annotated.", None),
}

_BIDS_EMPTY = "n/a"
_GENERATED_BY = "GeneratedBy"
_MAKER = "fer-pipeline"


def _write_table(
    file: IO[str], names: Iterable[str], rows: Iterable[Row], delimiter: str, empty: str = ""
) -> None:
    file.write(table_line(names, delimiter))
    for row in rows:
        file.write(table_line((_cell(value, empty) for value in row.values()), delimiter))


def _cell(value: str | float | None, empty: str) -> str:
    """Write a value; a microsecond is enough for a time, and more than enough for a share."""
    if value is None or value == "":
        return empty
    if isinstance(value, str):
        return guarded(value)
    return f"{value:.6f}" if isinstance(value, float) else str(value)


# Ours


def write_segments(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write a row for each segment."""
    clips = segment_clips(rows, about.emotions, about.details.segments)
    found = (_told(clip, one, about) for clip in clips for one in clip.segments)
    _write_table(file, SEGMENT_COLUMNS, found, ",")


def _told(clip: ClipSegments, one: Segment, about: Writing) -> Row:
    return {
        "video": one.video,
        "participant": participant_of(clip, one.face, about.details.people),
        "face": one.face,
        "emotion": one.emotion,
        "onset": one.onset,
        "apex": one.apex,
        "offset": one.offset,
        "duration": one.duration,
        "peak": one.peak,
        "mean": one.mean,
        "frames": one.frames,
    }


def is_segments(beginning: str) -> bool:
    """Tell our table by its header."""
    return beginning.startswith(table_line(SEGMENT_COLUMNS, ","))


# BORIS


def write_boris(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write two rows for each segment: one where it starts and one where it stops."""
    clips = segment_clips(rows, about.emotions, about.details.segments)
    found = (row for clip in clips for row in _boris_events(clip, about))
    _write_table(file, BORIS_COLUMNS, found, "\t")


def _boris_events(clip: ClipSegments, about: Writing) -> Iterator[Row]:
    names = face_names(clip, about.details.people)
    events = [(one.onset, 1, one) for one in clip.segments]
    events += [(one.offset, 0, one) for one in clip.segments]  # a stop before the next start
    for time, starts, one in sorted(events, key=lambda event: event[:2]):
        values: tuple[str | float | None, ...] = (
            clip.video,
            None,
            None,
            clip.end,
            "Media file",
            f"player #1:{clip.video}",
            clip.end,
            None,
            names[one.face],
            one.emotion,
            "emotion",
            "START" if starts else "STOP",
            time,
            clip.video,
            None,
            None,
            f"apex {one.apex:.3f} s, peak {one.peak:.3f}, mean {one.mean:.3f}" if starts else None,
        )
        yield dict(zip(BORIS_COLUMNS, values, strict=True))


def is_boris(beginning: str) -> bool:
    """Tell the table by its header, which BORIS itself would write with columns of its own."""
    return beginning.startswith(table_line(BORIS_COLUMNS, "\t"))


# BIDS


def data_dictionary(path: Path) -> Path:
    """Return where the columns of an events table are explained."""
    return path.with_suffix(".json")


def write_bids(file: Path, rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write a table of events, and beside it a file that explains its columns."""
    as_text(_write_events)(file, rows, about)
    with (
        replacing(data_dictionary(about.path)) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as text,
    ):
        text.write(json.dumps(_dictionary(about), ensure_ascii=False, indent=2) + "\n")


def _write_events(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    clips = segment_clips(rows, about.emotions, about.details.segments)
    found = (_event(clip, one, about) for clip in clips for one in clip.segments)
    _write_table(file, _EVENTS, found, "\t", empty=_BIDS_EMPTY)


def _event(clip: ClipSegments, one: Segment, about: Writing) -> Row:
    return {
        "onset": one.onset,
        "duration": one.duration,
        "trial_type": one.emotion,
        "participant": participant_of(clip, one.face, about.details.people),
        "face": one.face,
        "apex": one.apex,
        "peak": one.peak,
        "mean": one.mean,
        "frames": one.frames,
        "stim_file": one.video,
    }


def _dictionary(about: Writing) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for column, (name, meaning, unit) in _EVENTS.items():
        told[column] = {"LongName": name, "Description": meaning} | (
            {"Units": unit} if unit else {}
        )
    told["trial_type"]["Levels"] = {name: f"The face shows {name}." for name in about.emotions}
    limits = about.details.segments
    step = about.details.derived[-1] if about.details.derived else "raw"
    told[_GENERATED_BY] = {
        "Name": _MAKER,
        "Version": __version__,
        "Description": f"By the {step} values: begins at {limits.enter:g}, ends below "
        f"{limits.leave:g}, lasts at least {limits.shortest:g} s, gaps up to {limits.gap:g} s "
        "are bridged.",
    }
    return told


def is_bids(path: Path) -> bool:
    """Tell a table of events by its header, and a dictionary by who made it."""
    if path.suffix.lower() != ".json":
        with path.open(encoding="utf-8", newline="") as file:
            return file.readline() == table_line(_EVENTS, "\t")
    try:
        told = parse_json(path.read_text("utf-8"))
        return bool(told[_GENERATED_BY]["Name"] == _MAKER)
    except (ValueError, KeyError, TypeError):
        return False
