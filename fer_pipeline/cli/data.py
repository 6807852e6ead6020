"""``fer data``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.summaries import participants_by_emotion
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.dataset_check import verify
from fer_pipeline.errors import DatasetError
from fer_pipeline.report.tables import text_table


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
        ("faces", f"{len(dataset)} of {len(dataset.videos)} videos"),
        ("people", str(len(dataset.participants))),
        ("images", f"{crop.size} x {crop.size} px, {crop.channels}, margin {crop.margin:g}"),
        ("detector", ", ".join(f"{name} {value}" for name, value in crop.detector.items())),
        ("command", made.get("command", "unknown")),
        ("made", f"{made.get('time', 'unknown')} with {versions}"),
        ("digest", dataset.digest),
    ]


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
