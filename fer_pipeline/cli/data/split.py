"""``fer data split``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from fer_pipeline.care.dividing import divided, refuse_divided, write_divided
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.files import locked, refuse_taken
from fer_pipeline.fit_options import LARGEST_SEED
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, text_table
from fer_pipeline.splits import Split, SplitKind, divide, participants_by_side

_WHAT = {"video": "video", "random": "frame"}

_KINDS: tuple[SplitKind, ...] = ("participant", "video", "random")


@click.command("split")
@click.argument("data", type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    help="Write another dataset, and leave this one as it is.",
)
@click.option(
    "--by",
    "--split",  # as fer train calls it, and errors that both can meet
    "by",
    type=click.Choice(_KINDS),
    default="participant",
    show_default=True,
    help="What is on one side only. random divides by frame, which flatters.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help="Decides who is on which side.",
)
@options.overwrite
@reports
def command(
    console: Console, data: Path, out: Path | None, by: SplitKind, seed: int, overwrite: bool
) -> None:
    """Divide a dataset into training, validation and test, and write that into the file.

    By participant: nobody is on two sides. fer train --split corpus goes by what is written;
    without it, fer train divides by participant anew wherever all are known.

    \b
    Example:
      fer data split faces.h5 --seed 7
    """
    target = out or data
    with locked(target):
        if out is not None:
            refuse_taken(out, overwrite=overwrite)
        with open_dataset(data) as dataset:
            if not overwrite:
                refuse_divided(dataset)
            (split,) = divide(dataset, by, seed)
            table = _sides_table(dataset, split)
            faces, excerpt = len(dataset), divided(dataset, split)
        with console.frames(faces, "faces") as progress:
            write_divided(excerpt, target, command_line(), progress)
    console.result(table)
    if split.copies:
        console.say(f"on no side, as copies of a face on another: {split.copies} faces")
    if by != "participant":
        console.warn(
            f"divided by {_WHAT[by]}: the same people are on several sides, which flatters"
        )
    console.result(f"\n{target}: divided by {by}, seed {seed}; fer train --split corpus uses it")


def _sides_table(dataset: Dataset, split: Split) -> str:
    people = participants_by_side(dataset, [split])
    label = dataset.column("label")
    sides = {
        "training": np.concatenate([split.training, split.seen]),
        "validation": split.validation,
        "test": split.test,
    }
    rows: list[list[Cell]] = [
        [
            side,
            len(people[side]),
            *(int(np.sum(label[of] == index)) for index in range(len(dataset.emotions))),
            len(of),
        ]
        for side, of in sides.items()
    ]
    return text_table(["side", "people", *dataset.emotions, "all"], rows)
