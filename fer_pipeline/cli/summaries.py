"""Summaries that several commands print."""

from __future__ import annotations

from collections.abc import Mapping

from fer_pipeline.cli.console import Console
from fer_pipeline.dataset import Dataset, counts
from fer_pipeline.errors import FerError
from fer_pipeline.report.tables import Cell, text_table


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
