"""What commands do and say while pictures of timelines are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fer_pipeline.cli.console import Console
from fer_pipeline.errors import FerError
from fer_pipeline.outputs import Picture, PictureKind
from fer_pipeline.overlay import OverlayReport
from fer_pipeline.presenting import PictureTask, make_pictures
from fer_pipeline.report.tables import counted

_PICTURES: dict[PictureKind, str] = {
    "video": "the clip with its timeline drawn into it",
    "plot": "its values over time",
    "report": "the clip and its timeline as a page",
}


def draw(
    console: Console,
    tasks: Sequence[PictureTask],
    frames: int,
    workers: int,
    timeout: float | None,
    done: Callable[[str], None] = lambda _: None,
) -> dict[str, FerError]:
    """Make pictures under a progress bar, and tell what was covered.

    Args:
        console: Where it is told.
        tasks: What is made.
        frames: How many frames their rows tell of.
        workers: Clips side by side.
        timeout: Seconds that a clip may take.
        done: Called with the name of each clip whose pictures are all made.

    Returns:
        Why a clip lacks its pictures, by its name.
    """
    failures: dict[str, FerError] = {}
    drawn = any(picture.kind == "video" for task in tasks for picture in task.targets)
    with console.frames(frames if drawn else 0) as progress:
        for outcome in make_pictures(tasks, workers, progress, timeout):
            name = outcome.task.source.name
            if outcome.error is not None:
                failures[name] = outcome.error
                continue
            done(name)
            if outcome.result is not None:
                _tell_covered(console, name, outcome.result)
    return failures


def list_pictures(console: Console, pictures: Sequence[Picture]) -> None:
    """Tell where pictures are, and what each shows."""
    for picture in pictures:
        console.result(f"\n{picture.path}: {_PICTURES[picture.kind]}")


def _tell_covered(console: Console, name: str, report: OverlayReport) -> None:
    if report.wholly_covered:
        whole = counted(report.wholly_covered, "frame")
        console.say(f"{name}: {whole} covered as a whole, since no face is known there")
    if report.uncovered:
        console.warn(f"{name}: {counted(report.uncovered, 'frame')} without a face left uncovered")
