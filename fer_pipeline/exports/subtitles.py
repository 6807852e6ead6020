"""Subtitles, to watch a clip with what was told of it: WebVTT and SubRip."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from fer_pipeline.exports.signature import BLANK, is_signed_file, signed
from fer_pipeline.exports.writing import Writing, face_names, one_line
from fer_pipeline.timeline import TimelineRow, segment_clips

_HEAD = "WEBVTT"


class _Cue(NamedTuple):
    start: int
    end: int
    name: str
    text: str


def write_vtt(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write a cue for each segment, with the person as its voice."""
    parts = [_HEAD, f"NOTE {BLANK}"]
    for cue in _cues(rows, about):
        line = f"<v {_escaped(cue.name)}>{_escaped(cue.text)}"
        parts.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{line}")
    file.write(signed("\n\n".join(parts) + "\n"))


def write_srt(file: IO[str], rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write a numbered subtitle for each segment."""
    for number, cue in enumerate(_cues(rows, about), start=1):
        file.write(f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n")
        file.write(f"{cue.name}: {cue.text}\n\n")


def is_vtt(path: Path) -> bool:
    """Tell a file that we wrote, and that nobody changed since."""
    return is_signed_file(path, _HEAD)


def is_srt(path: Path) -> bool:  # noqa: ARG001
    """Return False: a SubRip file has no place in which to say who wrote it."""
    return False


def _cues(rows: Iterable[TimelineRow], about: Writing) -> Iterator[_Cue]:
    """Yield start and end in milliseconds, the person and the text, in order of time."""
    for clip in segment_clips(rows, about.emotions, about.details.segments):
        names = face_names(clip, about.details.people)
        for one in clip.segments:
            start = round(1000 * one.onset)
            end = max(round(1000 * one.offset), start + 1)
            yield _Cue(start, end, names[one.face], f"{one_line(one.emotion)} ({one.peak:.2f})")


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"
