"""Summaries that several commands print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from fer_pipeline.cli.console import Console
from fer_pipeline.dataset import Dataset, counts
from fer_pipeline.errors import FerError
from fer_pipeline.report.tables import Cell, text_table
from fer_pipeline.sources import Source
from fer_pipeline.video import expected_frames
from fer_pipeline.workers import Outcome, Progress

_MOST_LINES, _FEW_LINES = 200, 20
"""Longer lists are cut to a few lines."""


def participants_by_emotion(dataset: Dataset) -> str:
    """Return the table of faces by participant and emotion, with sums and unknown ones."""
    table = counts(dataset)
    people = [*dataset.participants, "(unknown)"]
    emotions = [*dataset.emotions, "(unlabelled)"]
    shown = [i for i in range(len(emotions)) if i < len(dataset.emotions) or table[:, i].any()]
    order = sorted(range(len(dataset.participants)), key=people.__getitem__)
    if table[-1].any():
        order.append(len(dataset.participants))
    rows: list[list[Cell]] = [
        [people[i], *(int(table[i, j]) for j in shown), int(table[i].sum())] for i in order
    ]
    rows.append(["all", *(int(table[:, j].sum()) for j in shown), int(table.sum())])
    return text_table(["participant", *(emotions[j] for j in shown), "all"], rows)


class VideoTask(Protocol):
    """A task about one video."""

    @property
    def source(self) -> Source:
        """The video."""


AnyVideoTask = TypeVar("AnyVideoTask", bound=VideoTask)
Record = TypeVar("Record")


def collect(
    console: Console,
    tasks: Sequence[VideoTask],
    run: Callable[[Progress], Iterable[Outcome[AnyVideoTask, Record]]],
) -> tuple[dict[str, Record], dict[str, FerError]]:
    """Run tasks under a progress bar; return their results and their errors by video."""
    records: dict[str, Record] = {}
    failures: dict[str, FerError] = {}
    paths = [task.source.path for task in tasks]
    total = sum(map(expected_frames, paths)) if console.shows_progress else 0
    with console.frames(total) as progress:
        for outcome in run(progress):
            if outcome.result is not None:
                records[outcome.task.source.name] = outcome.result
            elif outcome.error is not None:
                failures[outcome.task.source.name] = outcome.error
    return records, failures


Item = TypeVar("Item")


def readable(
    console: Console, items: Sequence[Item], urgency: Callable[[Item], Any] | None = None
) -> tuple[list[Item], str]:
    """Return as many items of a list as somebody reads; -v shows all.

    Args:
        console: Knows whether all are wanted.
        items: The list.
        urgency: What decides which are shown of many, the least first; None for the first ones.

    Returns:
        The items, and a line that says what was left out; empty if nothing was.
    """
    if console.verbose or len(items) <= _MOST_LINES:
        return list(items), ""
    few = list(items) if urgency is None else sorted(items, key=urgency)
    which = "first" if urgency is None else "most in need of a look"
    left = f"(the {_FEW_LINES} {which} of {len(items)}; -v lists all)"
    return few[:_FEW_LINES], left


def warn_each(console: Console, warnings: Sequence[str]) -> None:
    """Give warnings, a line each; of very many the first ones."""
    shown, left = readable(console, warnings)
    for warning in shown:
        console.warn(warning)
    if left:
        console.alert(left)


def list_failures(console: Console, failures: Mapping[str, FerError]) -> None:
    """Tell in full, at the end, what could not be done and why."""
    if not failures:
        return
    console.warn(f"{len(failures)} could not be done; they are tried again on the next run:")
    rows = [
        # Most problems begin with the whole path, which the first column tells already.
        (name, error.problem.partition(f"{name}: ")[2] or error.problem, error.remedy)
        for name, error in sorted(failures.items())
    ]
    console.alert(text_table(("file", "problem", "what to do"), rows))
    for error in failures.values() if console.traceback else ():
        for note in getattr(error, "__notes__", ()):
            console.alert(note)


def all_failed(console: Console, failures: Mapping[str, FerError], message: str) -> FerError:
    """Return the error that ends a command which could do nothing: one line for one failure."""
    if len(failures) == 1:
        return next(iter(failures.values()))
    list_failures(console, failures)
    return FerError(message)
