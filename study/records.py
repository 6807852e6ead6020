"""What each step found out, on disk: it is what makes a study resume, and the document."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_pipeline.provenance import machine, provenance
from fer_pipeline.workers import available_cores
from study.sizes import Places, Study

Figures = dict[str, Any]
"""Plain values, as they are written."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a step found out.

    Attributes:
        step: Its name.
        sizes: What it depends on of the sizes of the study.
        seconds: Wall time, over all runs that it took.
        commands: What was typed.
        figures: What came of it.
        made: Time, versions, machine and how many of its cores could be used.
    """

    step: str
    sizes: Figures
    seconds: float
    commands: list[str]
    figures: Figures
    made: Figures


def keep(study: Study, step: str, sizes: Figures, commands: list[str], figures: Figures) -> None:
    """Write down what a step found out, for the document and as a sign that it is done."""
    record = Record(
        step=step,
        sizes=sizes,
        seconds=round(times(study.places).get(step, 0.0), 1),
        commands=commands,
        figures=figures,
        made=provenance("make study") | {"machine": machine() | {"cores": available_cores()}},
    )
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n"
    for path in (_kept(study, step), study.places.done(step)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def records(study: Study, sizes: Mapping[str, Figures]) -> dict[str, Record]:
    """Return the records of the steps that are done.

    Args:
        study: Whose.
        sizes: What each step depends on; a record of other sizes is of another study.
    """
    there = {step: _read(_kept(study, step)) for step in sizes}
    return {step: one for step, one in there.items() if one and one.sizes == sizes[step]}


def is_done(study: Study, step: str, sizes: Figures) -> bool:
    """Tell whether a step is done with these sizes, so that its files are there."""
    record = _read(study.places.done(step))
    return record is not None and record.sizes == sizes


def _kept(study: Study, step: str) -> Path:
    return study.places.figures / f"{step}.json"


def _read(path: Path) -> Record | None:
    return Record(**json.loads(path.read_text("utf-8"))) if path.exists() else None


def times(places: Places) -> dict[str, float]:
    """Return the seconds that each step has taken so far."""
    return json.loads(places.times.read_text("utf-8")) if places.times.exists() else {}


def add_time(places: Places, step: str, seconds: float) -> None:
    """Count the seconds of a run to those that a step has taken before."""
    taken = times(places)
    taken[step] = taken.get(step, 0.0) + seconds
    places.times.parent.mkdir(parents=True, exist_ok=True)
    places.times.write_text(json.dumps(taken, indent=1) + "\n", "utf-8")


def hand_over(source: Path, target: Path, names: Iterable[str]) -> None:
    """Copy files of a folder to what is kept with the document."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / name, target / name)
