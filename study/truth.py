"""What is known of the rendered clips: frames, expressions, apexes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fer_pipeline.simulation.acting import NEUTRAL
from fer_pipeline.simulation.truth import LABELLED_FROM, TruthRow, read_truth

SEVEN = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
"""Of the first paper, and of FER2013."""

EIGHT = (*SEVEN, "contempt")
"""Of the second paper."""

FOUR = ("neutral", "happiness", "sadness", "surprise")
"""Of the third paper."""

_AT_APEX = 0.99
"""Share of the greatest intensity from which on a face is at its apex."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An expression, from where it has half of its intensity to where it falls below that.

    Attributes:
        video: Clip, below the study's folder.
        emotion: Never neutral.
        onset: Seconds: the first of its frames.
        apex: Seconds: the first and the last frame at the apex.
        offset: Seconds: the end of its last frame.
    """

    video: str
    emotion: str
    onset: float
    apex: tuple[float, float]
    offset: float


def truth_of(folder: Path) -> dict[str, list[TruthRow]]:
    """Return the rows of a study's truth, by clip."""
    return read_truth(folder / "truth.csv")


def is_labelled(row: TruthRow) -> bool:
    """Tell whether the face of a row is in the labelled stretches."""
    return row.emotion == NEUTRAL or float(row.intensity) >= LABELLED_FROM


def labelled_frames(folder: Path, emotions: Sequence[str]) -> Counter[str]:
    """Return how many frames of a study are labelled with each expression."""
    return Counter(
        row.emotion
        for rows in truth_of(folder).values()
        for row in rows
        if row.emotion in emotions and is_labelled(row)
    )


def sexes(folder: Path) -> dict[str, str]:
    """Return the sex of each participant."""
    return {row.participant: row.sex for rows in truth_of(folder).values() for row in rows}


def apex_frame(rows: Sequence[TruthRow]) -> int:
    """Return the frame in the middle of the apex; of a neutral clip, in the middle of the clip."""
    held = _at_apex(rows)
    return held[len(held) // 2].frame


def stretches(rows: Sequence[TruthRow]) -> list[Shown]:
    """Return the expressions of a clip with one face; its frames follow each other."""
    found = []
    times = [float(row.time) for row in rows]
    ends = dict(
        zip((row.frame for row in rows), [*times[1:], 2 * times[-1] - times[-2]], strict=True)
    )
    labelled = groupby(rows, lambda row: (row.emotion, is_labelled(row)))
    for (emotion, shown), stretch in labelled:
        if shown and emotion != NEUTRAL:
            held = list(stretch)
            apex = _at_apex(held)
            found.append(
                Shown(
                    video=held[0].video,
                    emotion=emotion,
                    onset=float(held[0].time),
                    apex=(float(apex[0].time), float(apex[-1].time)),
                    offset=ends[held[-1].frame],
                )
            )
    return found


def _at_apex(rows: Sequence[TruthRow]) -> list[TruthRow]:
    greatest = max(float(row.intensity) for row in rows)
    return [row for row in rows if float(row.intensity) >= _AT_APEX * greatest]


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
