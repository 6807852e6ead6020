"""What commands do and say while pictures of timelines are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.cli.console import Console
from fer_pipeline.errors import FerError
from fer_pipeline.files import FileState
from fer_pipeline.outputs import Picture, PictureKind
from fer_pipeline.overlay import OverlayReport
from fer_pipeline.presenting import PictureTask, make_pictures
from fer_pipeline.report.tables import counted
from fer_pipeline.workers import Crew

_PICTURES: dict[PictureKind, str] = {
    "video": "the clip with its timeline drawn into it",
    "plot": "its values over time",
    "report": "the clip and its timeline as a page",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of pictures.

    Attributes:
        failures: Why a clip lacks its pictures, by its name.
        made: Those that at least one clip has got.
    """

    failures: dict[str, FerError]
    made: frozenset[Picture]


def draw(
    console: Console,
    tasks: Sequence[PictureTask],
    frames: int,
    crew: Crew,
    done: Callable[[str], None] = lambda _: None,
) -> Drawn:
    """Make pictures under a progress bar, and tell what was covered.

    Args:
        console: Where it is told.
        tasks: What is made.
        frames: How many frames their rows tell of.
        crew: Who makes them.
        done: Called with the name of each clip whose pictures are all made.
    """
    failures: dict[str, FerError] = {}
    made: set[Picture] = set()
    before = _states(path for task in tasks for path in task.targets.values())
    drawn = any(picture.kind == "video" for task in tasks for picture in task.targets)
    with console.frames(frames if drawn else 0) as progress:
        for outcome in make_pictures(tasks, crew, progress):
            name = outcome.task.source.name
            if outcome.error is not None:
                failures[name] = outcome.error
                tell_left(console, _untouched(outcome.task.targets.values(), before))
                continue
            done(name)
            made.update(outcome.task.targets)
            if outcome.result is not None:
                _tell_covered(console, name, outcome.result)
    return Drawn(failures, frozenset(made))


def tell_left(console: Console, paths: Iterable[Path]) -> None:
    """Warn of pictures that should have been made anew: nobody knows whether they are covered."""
    for path in paths:
        console.warn(f"{path}: is still what an earlier run made")


def list_pictures(console: Console, pictures: Sequence[Picture]) -> None:
    """Tell where pictures are, and what each shows."""
    for picture in pictures:
        console.result(f"\n{picture.path}: {_PICTURES[picture.kind]}")


def _states(paths: Iterable[Path]) -> dict[Path, FileState]:
    return {path: FileState.of(path) for path in paths if path.is_file()}


def _untouched(paths: Iterable[Path], before: dict[Path, FileState]) -> list[Path]:
    return [path for path, state in _states(paths).items() if before.get(path) == state]


def _tell_covered(console: Console, name: str, report: OverlayReport) -> None:
    if report.wholly_covered:
        whole = counted(report.wholly_covered, "frame")
        console.say(f"{name}: {whole} covered as a whole, since no face is known there")
    if report.uncovered:
        console.warn(f"{name}: {counted(report.uncovered, 'frame')} without a face left uncovered")
