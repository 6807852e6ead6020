"""``fer data apply``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.care.review import UNLABELLED, Applied, apply_review, read_review, resolve
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked, refuse_source, refuse_taken
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import text_table

DONE = {"remove": "removed", "label": "labelled anew", "unlabel": "unlabelled"}


@click.command("apply")
@click.argument("data", type=options.AnyPath)
@click.argument("review", type=options.AnyPath)
@click.option(
    "-o", "--out", type=options.AnyPath, required=True, metavar="NEW.h5", help="The new dataset."
)
@options.overwrite
@reports
def command(console: Console, data: Path, review: Path, out: Path, overwrite: bool) -> None:
    """Make a new dataset of one and a list of what is wrong in it.

    DATA is the dataset that the list was made of by fer data review, or one that has changed since
    and still holds all faces of the list; it stays as it is. REVIEW is the list.

    \b
    Example:
      fer data apply faces.h5 review.csv -o corrected.h5
    """
    found = read_review(review)
    with locked(out), open_dataset(data) as dataset:
        refuse_source(out, data)
        refuse_taken(out, overwrite=overwrite)
        applied = resolve(dataset, found)
        with console.frames(len(dataset) - len(applied.removed), "faces") as progress:
            apply_review(dataset, found, applied, out, command_line(), progress)
        left = len(dataset) - len(applied.removed)
    if not applied.same_dataset:
        console.warn(
            f"{data}: not the dataset that was looked at, but all faces of the list are in it"
        )
    console.result(_table(applied) if applied.changes else "nothing changes")
    console.result(f"{out}: {left} faces")


def _table(applied: Applied) -> str:
    rows = [
        (
            DONE[change.action],
            change.was or UNLABELLED,
            "" if change.action == "remove" else change.emotion or UNLABELLED,
            number,
        )
        for change, number in applied.changes.items()
    ]
    return text_table(("faces", "from", "to", "number"), sorted(rows))
