"""What the document has to go on, and how it says that something is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fer_pipeline.report.tables import percent
from study.records import Figures, Record

NOT_RUN = "*not run: `make study` does it*"

Section = list[str]
"""Paragraphs and tables."""


@dataclass(frozen=True, slots=True)
class Told:
    """The steps that are done, and why others are not.

    Attributes:
        records: Of the steps that are done.
        failed: Why steps that were tried are not.
    """

    records: Mapping[str, Record]
    failed: Mapping[str, str]

    def figures(self, step: str) -> Figures | None:
        """Return what a step found out; None if it is not done."""
        return self.records[step].figures if step in self.records else None

    def lacking(self, step: str) -> str:
        """Say why nothing can be told of a step."""
        return f"*{self.failed[step]}*" if step in self.failed else NOT_RUN

    def section(
        self, title: str, step: str, describe: Callable[[Figures], Sequence[str]]
    ) -> Section:
        """Describe what a step found out, under a heading."""
        figures = self.figures(step)
        return [title, *([self.lacking(step)] if figures is None else describe(figures))]


def column_of(
    table: Figures, network: str, channels: str = "gray", *, by_frames: bool = False
) -> Figures | None:
    """Return a column of a comparison; None if its network failed."""
    for column in table["columns"]:
        if (column["network"], column["channels"], column["by_frames"]) == (
            network,
            channels,
            by_frames,
        ):
            return dict(column)
    return None


def failures_of(table: Figures) -> list[str]:
    """Say which runs of a comparison came to nothing."""
    return [f"{run} failed: {why}" for run, why in table["failures"].items()]


def with_interval(column: Figures) -> str:
    """Write the accuracy of a column with its 95 % interval."""
    low, high = column["interval"]
    return f"{percent(column['scores']['accuracy'])} ({percent(low)} to {percent(high)})"


def points(interval: Sequence[float]) -> str:
    """Write the interval of a difference of shares, in points."""
    low, high = (100 * end for end in interval)
    return f"{low:+.1f} to {high:+.1f}"
