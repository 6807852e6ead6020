"""How far the onsets and offsets of segments are from the truth, with and without smoothing.

    python benchmarks/timeline_error.py MODEL

A segment of the truth is a stretch of a rendered session in which an emotion has at least half of
its intensity; it is met by a segment of the same emotion and face that overlaps it. Errors are
medians over those that are met; what no segment meets, and segments that meet nothing, are counted.
The sessions are rendered: the figures compare settings, and say nothing about human faces.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

from commands import run_fer

from fer_pipeline.domain import canonical_emotion
from fer_pipeline.report.tables import text_table
from fer_pipeline.timeline import (
    AnalysisOptions,
    ReadTimeline,
    Segment,
    Smoothing,
    analysed,
    open_timeline,
    segment_clips,
)

SESSIONS = Path(__file__).resolve().parent.parent / "sample_videos" / "sessions"
SETTINGS = ("none", "mean:0.2", "median:0.2", "median:0.4", "gaussian:0.4", "savgol:0.4")
HALF = 0.5
SIDES = {"only": 0, "left": 0, "right": 1}


class Stretch(NamedTuple):
    """A stretch of the truth."""

    video: str
    side: int
    emotion: str
    onset: float
    offset: float


def stretches(file: Path) -> list[Stretch]:
    """Return where emotions have half of their intensity or more; neutral is their absence."""
    frames: dict[tuple[str, int], list[tuple[float, str]]] = defaultdict(list)
    with file.open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            emotion = canonical_emotion(row["emotion"]) or row["emotion"]
            shown = emotion if float(row["intensity"]) >= HALF else ""
            frames[row["file"], SIDES[row["face"]]].append((float(row["time"]), shown))
    found = []
    for (video, side), told in frames.items():
        told.sort()
        changes = [i for i in range(1, len(told)) if told[i][1] != told[i - 1][1]]
        ends = [told[i][0] for i in changes] + [told[-1][0] + told[-1][0] - told[-2][0]]
        for start, end in zip([0, *changes], ends, strict=True):
            if told[start][1] not in ("", "neutral"):
                found.append(Stretch(video, side, told[start][1], told[start][0], end))
    return found


def sides_of(timeline: ReadTimeline) -> dict[tuple[str, int], int]:
    """Return on which side of its clip each face is: they are told from left to right."""
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in timeline.rows():
        if row.face is not None and row.box is not None:
            places[row.video, row.face].append(row.box.x)
    faces: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (video, face), found in places.items():
        faces[video].append((median(found), face))
    return {
        (video, face): side
        for video, of_clip in faces.items()
        for side, (_, face) in enumerate(sorted(of_clip))
    }


def segments_of(timeline: ReadTimeline, setting: str) -> list[Segment]:
    """Return the segments of all clips but neutral ones, which the truth does not tell."""
    options = AnalysisOptions(smoothing=None if setting == "none" else Smoothing.parse(setting))
    clips = segment_clips(analysed(timeline.rows(), options), timeline.emotions, options.segments)
    return [one for clip in clips for one in clip.segments if one.emotion != "neutral"]


def compared(
    truth: list[Stretch], found: list[Segment], sides: dict[tuple[str, int], int]
) -> list[str]:
    """Return the cells of a row: what was met, what was not, and how far off it is."""
    onsets, offsets, used = [], [], set()
    for stretch in truth:
        overlaps = {
            i: min(one.offset, stretch.offset) - max(one.onset, stretch.onset)
            for i, one in enumerate(found)
            if (one.video, one.emotion) == (stretch.video, stretch.emotion)
            and sides[one.video, one.face] == stretch.side
        }
        met = [i for i, seconds in overlaps.items() if seconds > 0]
        if met:
            best = found[max(met, key=overlaps.__getitem__)]
            onsets.append(abs(best.onset - stretch.onset))
            offsets.append(abs(best.offset - stretch.offset))
            used.update(met)
    figures = [f"{median(errors):.3f}" if errors else "" for errors in (onsets, offsets)]
    return [*figures, f"{len(onsets)} of {len(truth)}", str(len(found) - len(used))]


def annotated(model: Path, folder: Path) -> ReadTimeline:
    """Annotate the sessions."""
    out = folder / "labels.csv"
    run_fer("annotate", SESSIONS, "--model", model, "--faces", "all", "--out", out, "-q")
    return open_timeline(out)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/timeline_error.py MODEL")
    truth = stretches(SESSIONS / "truth.csv")
    with tempfile.TemporaryDirectory() as folder:
        timeline = annotated(Path(sys.argv[1]), Path(folder))
        sides = sides_of(timeline)
        rows = [[one, *compared(truth, segments_of(timeline, one), sides)] for one in SETTINGS]
    print("median error in seconds, against rendered truth")
    print(text_table(["smoothing", "onset", "offset", "met", "meet nothing"], rows))


if __name__ == "__main__":
    main()
