"""``fer data show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.summaries import participants_by_emotion
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from fer_pipeline.report.dataset_summary import facts, write_count_plot
from fer_pipeline.report.tables import text_table


@click.command("show")
@click.argument("data", type=options.AnyPath)
@click.option(
    "--plot",
    type=options.AnyPath,
    metavar="FILE.png",
    help="Draw how many faces show each emotion, by side of a corpus's own split.",
)
@options.overwrite
@reports
def command(console: Console, data: Path, plot: Path | None, overwrite: bool) -> None:
    """Print what a dataset holds: people, emotions, images, and where it comes from.

    With -v everything that it knows of where it comes from.

    \b
    Example:
      fer data show faces.h5
      fer data show faces.h5 --plot counts.png
    """
    if overwrite and plot is None:
        raise click.UsageError("--overwrite goes with --plot")
    with open_dataset(data) as dataset:
        console.result(participants_by_emotion(dataset))
        console.result("\n" + text_table(["", ""], facts(dataset)))
        if console.verbose:
            console.result("\n" + json.dumps(dataset.provenance, indent=2, ensure_ascii=False))
        if plot is not None:
            with locked(plot):
                write_count_plot(dataset, plot, overwrite=overwrite)
            console.say(f"{plot}: faces by emotion")
