"""``fer import``, in a module that is not called so because Python has the word."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.corpora import CORPORA
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, Dataset, open_dataset
from fer_pipeline.files import locked
from fer_pipeline.importing import MOST_KEPT, Copies, Imported, plan_import, run_import
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table

_MOST_LISTED = 20

_SIDES = (("training", SPLIT_TRAINING), ("validation", SPLIT_VALIDATION), ("test", SPLIT_TEST))


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(CORPORA)))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=Path("faces.h5"),
    show_default=True,
    help="The dataset.",
)
@options.overwrite
@reports
def command(
    console: Console, kind: str, sources: tuple[Path, ...], out: Path, overwrite: bool
) -> None:
    """A public corpus to a dataset of faces, with the corpus's own split.

    SOURCE is what the corpus's authors distribute; archives need not be unpacked. Rows and files
    that make no sense are left out and listed.

    \b
    fer2013: fer2013.csv (emotion,pixels,Usage), alone or in a .zip or .tar.gz, or folders of PNG or
    JPEG pictures such as train/angry/ and test/angry/. Training becomes training, PublicTest
    validation, PrivateTest test.

    \b
    Example:
      fer import fer2013 fer2013.tar.gz -o faces.h5
    """
    with locked(out):
        plan = plan_import(kind, sources, out, overwrite=overwrite)
        if plan.known:
            console.say(f"{out} holds {', '.join(plan.sources)} already\nnothing to do")
            imported = plan.known
        else:
            with console.bytes(plan.size) as progress:
                imported = run_import(plan, progress, command_line())
    with open_dataset(out) as dataset:
        console.result(_faces_by_split(dataset))
        console.result(f"\n{out}: {counted(len(dataset), 'face')} of {kind}")
    for line in _about_copies(imported.copies):
        console.result(line)
    _list_unusable(console, imported)
    if imported.unusable:
        click.get_current_context().exit(PARTLY_DONE)


def _faces_by_split(dataset: Dataset) -> str:
    label, split = dataset.column("label"), dataset.column("split")
    table = np.array(
        [
            [np.sum((label == emotion) & (split == side)) for _, side in _SIDES]
            for emotion in range(len(dataset.emotions))
        ]
    )
    rows: list[list[Cell]] = [
        [emotion, *map(int, row), int(row.sum())]
        for emotion, row in zip(dataset.emotions, table, strict=True)
    ]
    rows.append(["all", *map(int, table.sum(axis=0)), int(table.sum())])
    return text_table(["emotion", *(name for name, _ in _SIDES), "all"], rows)


def _about_copies(copies: Copies) -> list[str]:
    told = [f"exact copies of an image before: {copies.all}"]
    in_training = {"test": copies.test_in_training, "validation": copies.validation_in_training}
    told += [
        f"{side} images that are in the training part, too: {number}"
        for side, number in in_training.items()
        if number
    ]
    return told


def _list_unusable(console: Console, imported: Imported) -> None:
    if not imported.left_out:
        return
    console.warn(f"left out because they make no sense: {imported.left_out} rows or files")
    listed = imported.unusable[: None if console.verbose else _MOST_LISTED]
    if listed:
        rows = [(one.place, one.problem) for one in listed]
        console.alert(text_table(("place", "problem"), rows))
    if 0 < len(listed) < imported.left_out:
        console.alert(f"and {imported.left_out - len(listed)} more; -v lists up to {MOST_KEPT}")
