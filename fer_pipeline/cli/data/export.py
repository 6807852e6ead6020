"""``fer data export``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.care.export import (
    ARRAYS_SUFFIX,
    GROUPINGS,
    INDEX_FILE,
    Grouping,
    export_arrays,
    export_pictures,
)
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked


@click.command("export")
@click.argument("data", type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    required=True,
    help="A folder for pictures, or a file that ends with .npz.",
)
@click.option(
    "--by",
    type=click.Choice(GROUPINGS),
    show_default="emotion",
    help="What has a folder of its own.",
)
@options.overwrite
@reports
def command(console: Console, data: Path, out: Path, by: Grouping | None, overwrite: bool) -> None:
    """Write a dataset for other programs: as pictures in folders, or as NumPy arrays.

    Each face becomes a PNG, without loss, and index.csv tells all that the dataset knows of it.
    In an .npz file each column is an array of the name that it has in the dataset.

    \b
    Example:
      fer data export faces.h5 -o faces/
      fer data export faces.h5 -o faces.npz
    """
    as_arrays = out.suffix.lower() == ARRAYS_SUFFIX
    if as_arrays and by is not None:
        raise click.UsageError("--by goes with a folder of pictures, not with an .npz file")
    with locked(out), open_dataset(data) as dataset:
        with console.frames(len(dataset), "faces") as progress:
            if as_arrays:
                export_arrays(dataset, out, overwrite=overwrite, progress=progress)
            else:
                export_pictures(
                    dataset, out, by or "emotion", overwrite=overwrite, progress=progress
                )
        what = "faces" if as_arrays else f"pictures, and {INDEX_FILE} which tells of them"
        console.result(f"{out}: {len(dataset)} {what}")
