"""What is known of every frame of a study, because it was made so."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from fer_pipeline.errors import OutputError
from fer_pipeline.files import replacing
from fer_pipeline.simulation.acting import NEUTRAL

LABELLED_FROM = 0.5
"""Least intensity of the frames that segments hold; neutral faces have none."""

SEGMENT_COLUMNS = ("video", "participant", "emotion", "start", "end", "face")

COLUMNS = MappingProxyType(
    {
        "video": "clip, below this folder",
        "participant": "code of the rendered person",
        "sex": "female or male",
        "face": "only, or left or right of two people, as the picture is seen",
        "take": "number of the clip among those of its kind, from 1",
        "frame": "from 0",
        "time": "seconds from the beginning of the clip",
        "emotion": "what is acted at this time",
        "intensity": "0 at rest to 1 at the apex; always 0 for neutral",
        "x": "left edge of the face, from chin to hairline without the ears, in pixels",
        "y": "upper edge",
        "width": "of the face, as far as it is in the picture",
        "height": "likewise",
    }
)
"""The columns of ``truth.csv`` and what they mean."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One face in one frame; see `COLUMNS`."""

    video: str
    participant: str
    sex: str
    face: str
    take: int
    frame: int
    time: str
    emotion: str
    intensity: str
    x: int
    y: int
    width: int
    height: int


assert tuple(COLUMNS) == tuple(field.name for field in fields(TruthRow))


def write_truth(path: Path, rows: Iterable[TruthRow]) -> None:
    """Write rows as CSV.

    Raises:
        OutputError: They cannot be written.
    """
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)


def read_truth(path: Path) -> dict[str, list[TruthRow]]:
    """Return the rows of a file that `write_truth` wrote, by video; nothing if there is none.

    Raises:
        OutputError: It is another file, or broken.
    """
    by_video: dict[str, list[TruthRow]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                by_video.setdefault(row["video"], []).append(_row(row))
    except FileNotFoundError:
        return {}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise OutputError(f"{path}: is broken", "--overwrite begins the study anew") from error
    return by_video


def _row(cells: dict[str, str]) -> TruthRow:
    numbers = {name: int(cells[name]) for name in ("take", "frame", "x", "y", "width", "height")}
    float(cells["time"]), float(cells["intensity"])
    texts = ("video", "participant", "sex", "face", "time", "emotion", "intensity")
    return TruthRow(**{name: cells[name] for name in texts}, **numbers)  # type: ignore[arg-type]


def write_segments(path: Path, rows: Iterable[TruthRow], rate: Fraction) -> None:
    """Write the labelled stretches of clips, as ``fer extract --labels`` reads them.

    Raises:
        OutputError: They cannot be written.
    """
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SEGMENT_COLUMNS)
        writer.writerows(segments(rows, rate))


def segments(rows: Iterable[TruthRow], rate: Fraction) -> Iterator[tuple[str, ...]]:
    """Yield the stretches in which an emotion is clearly shown, and those of neutral faces.

    Args:
        rows: Those of a face in a clip come in the order of its frames.
        rate: Frames a second.
    """
    faces: dict[tuple[str, str], list[TruthRow]] = {}
    for row in rows:
        faces.setdefault((row.video, row.participant), []).append(row)
    for own in faces.values():
        for (emotion, shown), stretch in groupby(own, lambda row: (row.emotion, _is_shown(row))):
            if shown:
                held = list(stretch)
                first, last = held[0], held[-1]
                face = "" if first.face == "only" else first.face
                end = seconds(last.frame + 1, rate)
                start = seconds(first.frame, rate)
                yield first.video, first.participant, emotion, start, end, face


def seconds(frame: int, rate: Fraction) -> str:
    """Return when a frame is shown."""
    return f"{float(frame / rate):.6f}"


def _is_shown(row: TruthRow) -> bool:
    return row.emotion == NEUTRAL or float(row.intensity) >= LABELLED_FROM
