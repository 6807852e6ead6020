"""Praat: one interval tier for each person."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fer_pipeline.exports.signature import BLANK, is_signed_file, signed
from fer_pipeline.exports.writing import Writing, face_names, one_line
from fer_pipeline.timeline import ClipSegments, TimelineRow, segment_clips

_HEAD = 'File type = "ooTextFile"'

_DECIMALS = 6

# Praat knows no empty stretch of time.
_SHORTEST = 0.001


def write_praat(file: Path, rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write the segments of one clip, in the long text format."""
    from praatio.textgrid import Textgrid

    clips = list(segment_clips(rows, about.emotions, about.details.segments))
    end = max([_SHORTEST, *(round(clip.end, _DECIMALS) for clip in clips)])
    grid = Textgrid(0.0, end)
    for clip in clips:
        _add_tiers(grid, clip, end, about)
    if not grid.tierNames:
        _add_tier(grid, "no face", [], end)
    grid.save(str(file), "long_textgrid", includeBlankSpaces=True, reportingMode="error")
    # What comes behind the last interval is not read; a ! begins what people write beside.
    text = file.read_text("utf-8") + f"! {BLANK}\n"
    file.write_text(signed(text), "utf-8", newline="")


def _add_tiers(grid: object, clip: ClipSegments, end: float, about: Writing) -> None:
    for face, name in face_names(clip, about.details.people).items():
        found = [
            (
                round(one.onset, _DECIMALS),
                round(max(one.offset, min(one.onset + _SHORTEST, end)), _DECIMALS),
                one_line(one.emotion),
            )
            for one in clip.of_face(face)
        ]
        _add_tier(grid, name, [one for one in found if one[0] < one[1]], end)


def _add_tier(grid: object, name: str, found: list[tuple[float, float, str]], end: float) -> None:
    from praatio.textgrid import IntervalTier

    grid.addTier(IntervalTier(name, found, 0.0, end))  # type: ignore[attr-defined]


def is_praat(path: Path) -> bool:
    """Tell a file that we wrote, and that nobody changed since."""
    return is_signed_file(path, _HEAD)
