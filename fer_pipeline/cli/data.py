"""``fer data``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fer_pipeline.augmentation import AUGMENTATIONS, Augmentation
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.summaries import participants_by_emotion
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.dataset_check import verify
from fer_pipeline.errors import DatasetError
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
from fer_pipeline.report.tables import counted, text_table

SHEET = SheetOptions()


@click.group("data")
def command() -> None:
    """Look at a dataset, and check it.

    \b
    Example:
      fer data show faces.h5
    """


@command.command("show")
@click.argument("data", type=options.AnyPath)
@reports
def show(console: Console, data: Path) -> None:
    """Print what a dataset holds: people, emotions, images, and where it comes from.

    \b
    Example:
      fer data show faces.h5
    """
    with open_dataset(data) as dataset:
        console.result(participants_by_emotion(dataset))
        console.result("\n" + text_table(["", ""], _facts(dataset)))
        if console.verbose:
            console.result("\n" + json.dumps(dataset.provenance, indent=2, ensure_ascii=False))


def _facts(dataset: Dataset) -> list[tuple[str, str]]:
    crop, made = dataset.crop, dataset.provenance
    size = dataset.path.stat().st_size / 2**20
    versions = ", ".join(f"{name} {number}" for name, number in made.get("versions", {}).items())
    return [
        ("file", f"{dataset.path}, {size:.1f} MiB"),
        ("faces", _faces(dataset)),
        ("people", str(len(dataset.participants)) if dataset.participants else "unknown"),
        ("images", f"{crop.size} x {crop.size} px, {crop.channels}, margin {crop.margin:g}"),
        ("detector", ", ".join(f"{name} {value}" for name, value in crop.detector.items())),
        ("command", made.get("command", "unknown")),
        ("made", f"{made.get('time', 'unknown')} with {versions}"),
        ("digest", dataset.digest),
    ]


def _faces(dataset: Dataset) -> str:
    corpus = dataset.provenance.get("corpus")
    if dataset.videos or not len(dataset):
        return f"{len(dataset)} of {counted(len(dataset.videos), 'video')}"
    return f"{len(dataset)} stills" + (f" of {corpus}" if corpus else "")


@command.command("verify")
@click.argument("data", type=options.AnyPath)
@reports
def check(console: Console, data: Path) -> None:
    """Read a whole dataset and look for anything wrong in it.

    \b
    Example:
      fer data verify faces.h5
    """
    with open_dataset(data) as dataset:
        found = verify(dataset)
        for finding in found:
            console.result(finding)
        if found:
            raise DatasetError(f"{data}: broken, as told above; extract it again")
        console.result(f"{data}: {len(dataset)} faces, all in order")


@command.command("sheet")
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
def sheet(
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
