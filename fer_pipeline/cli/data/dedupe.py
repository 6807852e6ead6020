"""``fer data dedupe``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click
import numpy as np

from fer_pipeline.care.duplicates import (
    NEAR_BITS,
    SIDES,
    Deduped,
    DedupeOptions,
    Reason,
    Scope,
    dedupe,
)
from fer_pipeline.care.perceptual import MOST_BITS
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import UNKNOWN, open_dataset
from fer_pipeline.files import locked
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table

_TOLD = {
    Reason.OTHER_SIDE: "copy of one on another side",
    Reason.OTHER_PERSON: "copy of one under another person",
    Reason.AGAIN: "copy of another one",
    Reason.CONTRADICTION: "copies under two emotions",
    Reason.STAYS: "stays",
}


@click.command("dedupe")
@click.argument("data", type=options.AnyPath)
@click.option("-o", "--out", type=options.AnyPath, help="The new dataset.")
@click.option(
    "--across-splits",
    is_flag=True,
    help="Remove only copies that are on two sides of the corpus's split.",
)
@click.option(
    "--everywhere",
    is_flag=True,
    help="Remove all copies, so that each image is there once.",
)
@click.option(
    "--near",
    is_flag=False,
    flag_value=NEAR_BITS,
    type=click.IntRange(0, MOST_BITS),
    metavar="[BITS]",
    help="Count as copies, too, what looks alike: perceptual hashes of 64 bits differ in at most "
    f"BITS, {NEAR_BITS} if none is given. Not for people filmed alike, who look alike.",
)
@click.option(
    "--drop-contradictions",
    is_flag=True,
    help="Remove exact copies that stand under two emotions, all of them.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be removed, and write nothing.")
@options.overwrite
@reports
def command(
    console: Console,
    data: Path,
    out: Path | None,
    across_splits: bool,
    everywhere: bool,
    near: int | None,
    drop_contradictions: bool,
    dry_run: bool,
    overwrite: bool,
) -> None:
    """Remove images that are in a dataset more than once.

    Without options, the copies that do harm: exact ones that are on two sides of the corpus's
    split, where a model would be tested on what it has learned, and those under two people. Frames
    of a face that keeps still are copies, too, and stay. Of two copies the one in test stays, else
    in validation, else in training; else one with a label; else the first.

    \b
    Example:
      fer data dedupe faces.h5 -o clean.h5
      fer data dedupe faces.h5 --near --dry-run
    """
    if across_splits and everywhere:
        raise click.UsageError("--across-splits and --everywhere exclude each other")
    scope: Scope = "splits" if across_splits else "everywhere" if everywhere else "harmful"
    wanted = DedupeOptions(scope, near, drop_contradictions)
    if out is None and not dry_run:
        raise click.UsageError("give the new dataset with -o, or --dry-run")
    target = None if dry_run else out
    with open_dataset(data) as dataset:
        faces = len(dataset)
    with locked(target) if target else nullcontext(), console.frames(faces, "images") as progress:
        done = dedupe(data, target, wanted, command_line(), overwrite=overwrite, progress=progress)
    console.result(_summary(done))
    left = counted(len(done.kept), "face")
    console.result(f"\n{target}: {left}" if target else f"\n{left} would be left of {faces}")
    if len(done.contradictions) and not drop_contradictions:
        console.warn(
            f"{counted(len(done.contradictions), 'image')} had exact copies under another emotion; "
            "--drop-contradictions removes them"
        )


def _summary(done: Deduped) -> str:
    """Return the table of what goes and what stays, by side of the corpus's split."""
    sides = [*SIDES, ("no side", UNKNOWN)]
    shown = [(name, side) for name, side in sides if np.any(done.split == side)]
    if len(shown) == 1:
        shown = []
    rows: list[list[Cell]] = []
    for reason, told in _TOLD.items():
        split = done.split[done.reasons == reason]
        if len(split) or reason is Reason.STAYS:
            rows.append([told, *(int(np.sum(split == side)) for _, side in shown), len(split)])
    return text_table(["images", *(name for name, _ in shown), "all"], rows)
