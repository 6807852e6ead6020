"""How far onsets, apexes and offsets of segments are from the rendered truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from fer_pipeline.simulation.acting import NEUTRAL
from study.records import Figures
from study.truth import Shown, stretches, truth_of, write_table


@dataclass(frozen=True, slots=True)
class Found:
    """A segment of a timeline; times in seconds."""

    video: str
    emotion: str
    onset: float
    apex: float
    offset: float


@dataclass(frozen=True, slots=True)
class Met:
    """An expression and the segment that found it.

    Attributes:
        shown: What was acted.
        found: The segment of the same expression that overlaps it most; None if there is none.
    """

    shown: Shown
    found: Found | None

    @property
    def errors(self) -> tuple[float, float, float] | None:
        """Seconds that onset, apex and offset come too late; of the apex, beyond the true one's."""
        if self.found is None:
            return None
        first, last = self.shown.apex
        apex = self.found.apex - min(max(self.found.apex, first), last)
        return (
            self.found.onset - self.shown.onset,
            apex,
            self.found.offset - self.shown.offset,
        )


def read_segments(path: Path) -> list[Found]:
    """Read a table of segments that ``fer annotate`` wrote, without neutral ones."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Found(
                video=row["video"].replace("\\", "/"),
                emotion=row["emotion"],
                onset=float(row["onset"]),
                apex=float(row["apex"]),
                offset=float(row["offset"]),
            )
            for row in csv.DictReader(file)
            if row["emotion"] != NEUTRAL
        ]


def met(shown: Iterable[Shown], found: Sequence[Found]) -> tuple[list[Met], int]:
    """Match expressions and segments; return also how many segments meet no expression."""
    pairs: list[Met] = []
    used: set[int] = set()
    for one in shown:
        overlaps = {
            index: min(segment.offset, one.offset) - max(segment.onset, one.onset)
            for index, segment in enumerate(found)
            if (segment.video, segment.emotion) == (one.video, one.emotion)
        }
        touching = {index: seconds for index, seconds in overlaps.items() if seconds > 0}
        used.update(touching)
        best = max(touching, key=touching.__getitem__, default=None)
        pairs.append(Met(one, None if best is None else found[best]))
    return pairs, len(found) - len(used)


def compared(folder: Path, tables: dict[str, Path], results: Path) -> Figures:
    """Compare tables of segments with the truth of a study; write a table of all errors.

    Args:
        folder: The study, of clips with one face.
        tables: Segments, by how they were made.
        results: Folder for the table.
    """
    truth = [one for rows in truth_of(folder).values() for one in stretches(rows)]
    figures: Figures = {}
    lines = []
    for name, table in tables.items():
        pairs, meet_nothing = met(truth, read_segments(table))
        errors = [pair.errors for pair in pairs if pair.errors is not None]
        figures[name] = {
            "expressions": len(pairs),
            "met": len(errors),
            "meet nothing": meet_nothing,
            **{
                point: _spread([error[place] for error in errors])
                for place, point in enumerate(("onset", "apex", "offset"))
            },
        }
        lines += [
            (name, pair.shown.video, pair.shown.emotion, *_cells(pair.errors)) for pair in pairs
        ]
    header = ("timeline", "video", "emotion", "onset late by", "apex late by", "offset late by")
    write_table(results / "timeline-errors.csv", header, lines)
    return figures


def _cells(errors: Sequence[float] | None) -> tuple[str, ...]:
    return tuple(f"{error:.3f}" for error in errors) if errors else ("", "", "")


def _spread(errors: Sequence[float]) -> Figures | None:
    """Return median of the distance, its ninth decile, and the median with its sign; in seconds."""
    if not errors:
        return None
    distances = [abs(error) for error in errors]
    last = quantiles(distances, n=10)[-1] if len(distances) > 1 else distances[0]
    return {"median": median(distances), "ninth decile": last, "late by": median(errors)}
