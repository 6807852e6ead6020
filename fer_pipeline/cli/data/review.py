"""``fer data review``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from fer_pipeline.fit_options import LARGEST_SEED
from fer_pipeline.report.review_page import DEFAULT_PAGE, ReviewOptions, write_review_page
from fer_pipeline.report.tables import counted

REVIEW = ReviewOptions()

MANY_FACES = 50_000
"""A page of more is slow to open."""


@click.command("review")
@click.argument("data", type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=DEFAULT_PAGE,
    show_default=True,
    help="The page.",
)
@click.option(
    "--only",
    "emotions",
    multiple=True,
    metavar="EMOTION",
    help="Faces of this emotion, or unlabelled ones; may be repeated.",
)
@click.option(
    "--participant",
    "participants",
    multiple=True,
    metavar="CODE",
    help="Faces of this person; may be repeated.",
)
@click.option(
    "--per-video",
    type=click.IntRange(min=1),
    default=REVIEW.per_video,
    show_default=True,
    metavar="N",
    help="Every N-th face of each person in a video only: neighbours are alike.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N of these faces, drawn at random.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    default=REVIEW.seed,
    show_default=True,
    help="Draws the sample; another one draws another.",
)
@options.overwrite
@reports
def command(
    console: Console,
    data: Path,
    out: Path,
    emotions: tuple[str, ...],
    participants: tuple[str, ...],
    per_video: int,
    sample: int | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Write a page in which you look through the faces and tick what is wrong.

    Open it in a browser, also without a network. Tick what is no face and what has a wrong emotion,
    by mouse or by keys, one face or its whole video; the browser keeps what you decided. Then save
    the list, review.csv, and give it to fer data apply.

    The page holds pictures of people: keep it as you keep their videos.

    \b
    Example:
      fer data review faces.h5 -o review.html
      fer data review faces.h5 -o review.html --only disgust --per-video 10
    """
    wanted = ReviewOptions(emotions, participants, per_video, sample, seed)
    with locked(out), open_dataset(data) as dataset:
        with console.frames(0, "faces") as progress:
            faces = write_review_page(dataset, out, wanted, overwrite=overwrite, progress=progress)
        shown = f"{counted(faces, 'face')} of {len(dataset)}"
    console.result(f"{out}: {shown}, {out.stat().st_size / 2**20:.1f} MiB; open it in a browser")
    console.say("it holds pictures of people: keep it as you keep their videos")
    if faces > MANY_FACES:
        console.warn("so large a page is slow to open; --per-video or --sample make it smaller")
