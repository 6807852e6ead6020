"""``fer data verify``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from fer_pipeline.care.checking import examine
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import Rows, open_dataset
from fer_pipeline.errors import DatasetError
from fer_pipeline.report.tables import counted, text_table


@click.command("verify")
@click.argument("data", type=options.AnyPath)
@reports
def command(console: Console, data: Path) -> None:
    """Read a whole dataset and look for anything wrong in it.

    What is broken makes it fail: damage, values that point nowhere, somebody who was withdrawn.
    What is only worth knowing does not: images that are on two sides of the corpus's split, or
    under two people or two emotions, counted if they are exact copies. With -v, row numbers are
    told. Copies within a video are normal, of a face that keeps still.

    \b
    Example:
      fer data verify faces.h5
    """
    with open_dataset(data, sound=False) as dataset:
        faces = len(dataset)
        with console.frames(faces, "images") as progress:
            found = examine(dataset, progress)
    for problem in found.broken:
        console.result(problem)
    if found.broken:
        raise DatasetError(f"{data}: broken, as told above", "mend that, or make it again")
    for problem in found.sources:
        console.warn(f"{data}: {problem}")
    if found.copies:
        rows = [(finding.what, len(finding.rows)) for finding in found.copies]
        console.result(text_table(("worth knowing", "number"), rows) + "\n")
    for finding in found.copies if console.verbose else ():
        console.result(f"{finding.what}: rows {_ranges(finding.rows)}\n")
    end = "nothing is broken" if found.copies else "all in order"
    console.result(f"{data}: {counted(faces, 'face')}, {end}")
    if found.copies:
        console.say("fer data dedupe writes a dataset without copies")


def _ranges(rows: Rows) -> str:
    """Write row numbers, those that follow each other as a range."""
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
