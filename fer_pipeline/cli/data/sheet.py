"""``fer data sheet``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.augmentation import AUGMENTATIONS, Augmentation
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from fer_pipeline.fit_options import LARGEST_SEED
from fer_pipeline.report.contact_sheet import (
    DEFAULT_SHEET,
    GROUPINGS,
    MOST_COLUMNS,
    Grouping,
    SheetOptions,
    write_sheet,
)
from fer_pipeline.report.tables import counted

SHEET = SheetOptions()


@click.command("sheet")
@click.argument("data", type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=DEFAULT_SHEET,
    show_default=True,
    help="The picture, a PNG.",
)
@click.option(
    "--by",
    type=click.Choice(GROUPINGS),
    default=SHEET.by,
    show_default=True,
    help="What has a row of its own.",
)
@click.option(
    "--augment",
    type=click.Choice(AUGMENTATIONS),
    default=SHEET.augment,
    show_default=True,
    help="Fill each row with one face, as it is stored and then varied as fer train would.",
)
@click.option(
    "--columns",
    type=click.IntRange(1, MOST_COLUMNS),
    default=SHEET.columns,
    show_default=True,
    help="Faces in a row, at most.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    default=SHEET.seed,
    show_default=True,
    help="Draws the faces; another one draws others.",
)
@options.overwrite
@reports
def command(
    console: Console,
    data: Path,
    out: Path,
    by: Grouping,
    augment: Augmentation,
    columns: int,
    seed: int,
    overwrite: bool,
) -> None:
    """Draw faces of a dataset into a picture, to look at them.

    Each emotion has a row, with faces drawn at random. With --augment, one sees what training sees,
    but for its reduction to the network's input.

    \b
    Example:
      fer data sheet faces.h5 -o sheet.png
      fer data sheet faces.h5 -o papers.png --augment papers
    """
    wanted = SheetOptions(by, augment, columns, seed)
    with locked(out), open_dataset(data) as dataset:
        drawn = write_sheet(dataset, out, wanted, overwrite=overwrite)
    if drawn.groups > len(drawn.rows):
        console.warn(
            f"{len(drawn.rows)} of {counted(drawn.groups, by)} are shown, drawn at random; "
            "another --seed shows others"
        )
    pictures = sum(len(row.images) for row in drawn.rows)
    rows = counted(len(drawn.rows), "row")
    console.result(f"{out}: {rows}, {counted(pictures, 'picture')}")
