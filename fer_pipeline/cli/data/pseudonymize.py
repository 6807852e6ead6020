"""``fer data pseudonymize``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.care.pseudonyms import make_key, pseudonymize
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.summaries import participants_by_emotion
from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import UsageError
from fer_pipeline.files import locked, refuse_taken
from fer_pipeline.report.tables import counted


@click.command("pseudonymize")
@click.argument("data", type=options.AnyPath)
@click.option("-o", "--out", type=options.AnyPath, required=True, help="The dataset to be made.")
@click.option(
    "--key",
    type=options.AnyPath,
    required=True,
    metavar="FILE",
    help="Is made if there is none; keep it apart from the data.",
)
@options.overwrite
@reports
def command(console: Console, data: Path, out: Path, key: Path, overwrite: bool) -> None:
    """Replace the names of people and videos by codes that only a key leads back.

    The same key gives the same name the same code, in every dataset. Where the data come from is
    not told any more. Faces are not changed: who knows a face knows the person.

    \b
    Example:
      fer data pseudonymize faces.h5 -o shared.h5 --key study.key
    """
    if len({path.resolve() for path in (data, out, key)}) < 3:
        raise UsageError("the dataset, the new one and the key must be three files")
    with locked(out):
        refuse_taken(out, overwrite=overwrite)
        with open_dataset(data) as dataset:
            faces, withdrawn = len(dataset), len(dataset.withdrawn)
        secret = make_key(key)
        with console.frames(faces, "faces") as progress:
            pseudonymize(data, out, secret, progress)
    with open_dataset(out) as dataset:
        console.result(participants_by_emotion(dataset))
        videos = counted(len(dataset.videos), "video")
        console.result(f"\n{out}: {counted(len(dataset), 'face')} of {videos}")
    if withdrawn:
        console.warn(
            f"{out} does not tell that {counted(withdrawn, 'participant')} had been withdrawn from "
            f"{data}, and will not refuse them"
        )
    console.say(f"{key}: leads the codes back to names; keep it apart from the data")
