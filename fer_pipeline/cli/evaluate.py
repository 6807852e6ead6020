"""``fer evaluate``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.evaluation import Scores
from fer_pipeline.face_choice import WHICH_SIDES, ChoiceOptions, WhichSide
from fer_pipeline.files import locked
from fer_pipeline.judging import Judgement, Listener, check_target, judge, write_judgement
from fer_pipeline.model_folder import find_model
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import (
    CLASS_HEADER,
    PARTICIPANT_HEADER,
    Cell,
    all_figures,
    class_rows,
    confusion_rows,
    doubts,
    participant_rows,
    percent,
    text_table,
)
from fer_pipeline.workers import available_cores

MOST_PEOPLE_LISTED = 40

# Each holds the weights once more.
MOST_THREADS = 16


@click.command("evaluate")
@click.option("--data", type=options.AnyPath, required=True, help="A dataset with labels.")
@click.option(
    "--model",
    type=options.AnyPath,
    help="A model folder of fer train; else ./model if it exists, else the bundled model.",
)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    help="A folder for metrics.json, tables (CSV) and plots; without it all is only printed.",
)
@click.option(
    "--side",
    type=click.Choice(WHICH_SIDES),
    help="Part of the dataset that the model was trained on; else its test part.",
)
@click.option(
    "--other-people",
    is_flag=True,
    help="In another dataset, participants with codes of the training are other people: keep them.",
)
@click.option(
    "--common", is_flag=True, help="Leave out faces of emotions that the model does not know."
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=lambda: min(available_cores(), MOST_THREADS),
    show_default=f"all cores, at most {MOST_THREADS}",
    help="Faces told side by side; the figures are the same.",
)
@options.overwrite
@reports
def command(
    console: Console,
    data: Path,
    model: Path | None,
    out: Path | None,
    side: WhichSide | None,
    other_people: bool,
    common: bool,
    threads: int,
    overwrite: bool,
) -> None:
    """A model on faces that it has not seen: every figure, tables, plots.

    Of the dataset that the model was trained on, or a part of it, its test part is taken, so that
    the figures are those of fer train. Of another dataset all labelled faces are taken but those
    whose very image the model was trained with, and those of participants whose code is among
    those it was trained with: they may be the same people. If P01 is somebody else there, say so
    with --other-people. What is left out is told.

    The time is that of the network alone, on one core.

    \b
    Example:
      fer evaluate --model model --data faces.h5 -o evaluation
    """
    folder = find_model(model)
    with ExitStack() as stack:
        if out is not None:
            stack.enter_context(locked(out))
            check_target(out, overwrite=overwrite)
        found = judge(
            folder,
            data,
            ChoiceOptions(side, other_people, common),
            Listener(console.say, lambda total: console.frames(total, "faces")),
            threads,
        )
        _print(console, found)
        if out is not None:
            write_judgement(found, out, command_line(), overwrite=overwrite)
            console.result(f"\n{out}: all of it, each face's probabilities, and plots")


def _print(console: Console, found: Judgement) -> None:
    scores = found.scores
    console.result(text_table(("model", f"{found.model}, {found.spec.network}"), _facts(found)))
    console.result("\nby emotion:")
    console.result(text_table(CLASS_HEADER, class_rows(scores)))
    console.result("\nwhat each emotion shown (a row) was called (a column):")
    console.result(text_table(("", *found.spec.emotions), confusion_rows(scores)))
    if scores.participants:
        console.result("\n" + _by_person(scores))
    for note in found.notes:
        console.warn(note)
    if found.learned_from:
        console.warn("the model learned from these faces: nothing here tells about other people")
    for doubt in doubts(scores):
        console.warn(doubt)
    absent = [one.emotion for one in scores.classes if not one.faces]
    if absent:
        console.warn(f"no face shows {', '.join(absent)}, which the model may name all the same")


def _facts(found: Judgement) -> list[tuple[str, Cell]]:
    size, speed = found.size, found.speed
    weights = "unknown" if size.weights is None else f"{size.weights:,}"
    return [
        ("faces of", f"{found.data['file']}: {found.side}"),
        *all_figures(found.scores),
        ("time per image, one by one", f"{1000 * speed.one:.3g} ms"),
        ("time per image, 32 at once", f"{1000 * speed.batch32:.3g} ms"),
        ("weights", weights),
        *((name, f"{size / 2**20:.1f} MiB") for name, size in size.bytes.items()),
    ]


def _by_person(scores: Scores) -> str:
    rows = participant_rows(scores)
    if len(rows) <= MOST_PEOPLE_LISTED:
        return text_table(PARTICIPANT_HEADER, rows)
    shares = sorted(scores.participants.values())
    return (
        f"accuracy of {len(rows)} people: from {percent(shares[0])} to {percent(shares[-1])}, "
        f"median {percent(shares[len(shares) // 2])}; --out writes them all"
    )
