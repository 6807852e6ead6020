"""``fer data merge``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from fer_pipeline.care.merging import MergeOptions, MergePlan, plan_merge, run_merge
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import participants_by_emotion
from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import CHANNEL_COUNT, Channels
from fer_pipeline.files import locked
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table


@click.command("merge")
@click.argument("datasets", nargs=-1, required=True, type=options.AnyPath)
@click.option("-o", "--out", type=options.AnyPath, required=True, help="The dataset to be made.")
@click.option("--size", type=click.IntRange(8, 1024), help="Side of the images in pixels.")
@click.option("--channels", type=click.Choice(sorted(CHANNEL_COUNT)), help="Colour or gray.")
@click.option(
    "--apart",
    is_flag=True,
    help="People and videos of different files are others even if they are called the same.",
)
@options.readmit
@options.overwrite
@reports
def command(
    console: Console,
    datasets: tuple[Path, ...],
    out: Path,
    size: int | None,
    channels: Channels | None,
    apart: bool,
    readmit: frozenset[str],
    overwrite: bool,
) -> None:
    """Join datasets into a new one.

    Emotions are the same by their names. In studies of your own, equal participant codes are the
    same person; the people of a public corpus get its name before their codes, such as jaffe/KA.
    Images become as large as those of the first dataset, unless --size says otherwise.

    \b
    Example:
      fer data merge study.h5 jaffe.h5 fer2013.h5 -o all.h5
    """
    wanted = MergeOptions(size, channels, apart, readmit)
    with locked(out):
        plan = plan_merge(datasets, out, wanted, overwrite=overwrite)
        for note in plan.notes:
            console.say(note)
        if plan.known:
            console.say(f"{out} holds just that already\nnothing to do")
        else:
            with console.frames(plan.faces, "faces") as progress:
                run_merge(plan, command_line(), progress)
    with open_dataset(out) as dataset:
        console.result(_parts_table(plan))
        console.result("\n" + participants_by_emotion(dataset))
        console.result(f"\n{out}: {counted(len(dataset), 'face')}")
        copies = len(dataset) - len(np.unique(dataset.image_hashes))
    if copies:
        console.say(f"exact copies of an image before: {copies}; fer data dedupe removes them")
    if plan.refused:
        console.warn(
            f"left out: {counted(len(plan.refused), 'participant')} who had been withdrawn; "
            "--readmit takes them in again"
        )
        click.get_current_context().exit(PARTLY_DONE)


def _parts_table(plan: MergePlan) -> str:
    rows: list[list[Cell]] = [
        [
            str(part.path),
            part.belonging or "(own)",
            len(set(part.people) - plan.refused),
            len(part.videos),
            part.faces,
            f"{part.crop.size} px, {part.crop.channels}",
        ]
        for part in plan.parts
    ]
    return text_table(["dataset", "corpus", "people", "videos", "faces", "images"], rows)
