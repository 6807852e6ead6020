"""``fer train``."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.training_options import training_options
from fer_pipeline.errors import UsageError
from fer_pipeline.faces import Channels
from fer_pipeline.files import locked
from fer_pipeline.fine_tuning import starting_from
from fer_pipeline.fit_options import Epoch
from fer_pipeline.model_folder import CARD_FILE, DEFAULT_FOLDER
from fer_pipeline.networks import DEFAULT_NETWORK, NETWORKS
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import (
    CLASS_HEADER,
    OVERVIEW_HEADER,
    class_rows,
    counted,
    doubts,
    people_on_both_sides,
    scores_overview,
    side_name,
    text_table,
)
from fer_pipeline.trained_model import TrainedModel
from fer_pipeline.training import Listener, train
from fer_pipeline.training_plan import TrainingOptions


@click.command("train")
@click.option("--data", type=options.AnyPath, required=True, help="The dataset of fer extract.")
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=DEFAULT_FOLDER,
    show_default=True,
    help="The model folder.",
)
@click.option(
    "--network",
    type=click.Choice(list(NETWORKS)),
    default=DEFAULT_NETWORK,
    show_default=True,
    help="fer networks lists them.",
)
@click.option(
    "--from",
    "start",
    type=options.AnyPath,
    metavar="default|MODEL",
    help="Adapt a model to these faces, the bundled one or a folder's: its network and weights, "
    "with a head for the classes of the dataset.",
)
@click.option("--channels", type=click.Choice(["gray", "rgb"]), help="Its input; else its own.")
@click.option(
    "--fold", type=click.IntRange(min=1), help="Train only this one of --folds, counted from 1."
)
@training_options
@click.option("--final", is_flag=True, help="After the evaluation, fit once more on everyone.")
@options.overwrite
@click.option("--resume", is_flag=True, help="Go on with a training that was stopped.")
@reports
def command(
    console: Console,
    data: Path,
    out: Path,
    network: str,
    start: Path | None,
    channels: Channels | None,
    fold: int | None,
    training: TrainingOptions,
    final: bool,
    overwrite: bool,
    resume: bool,
) -> None:
    """A dataset of faces to a model, judged on people it has not seen.

    People are divided into training, validation and test. The model folder holds the model that was
    evaluated, its figures, plots, and a model card. A tenth of the training people's frames is held
    out too: the figure on these is what a split by frames would have promised.

    \b
    Example:
      fer train --data faces.h5 --network lenet --seed 1 -o model
      fer train --data faces.h5 --from default
    """
    wanted = replace(training, network=network, channels=channels, fold=fold, final=final)
    if start is not None:
        source = click.get_current_context().get_parameter_source
        if source("network") is not ParameterSource.DEFAULT:
            raise UsageError("--from says which network; leave --network out")
        wanted = starting_from(start, wanted)
    listener = Listener(
        stage=console.say, epoch=lambda epoch, most: console.say(_epoch_line(epoch, most))
    )
    with locked(out):
        model = train(
            data, out, wanted, listener, command_line(), overwrite=overwrite, resume=resume
        )
    if model is None:
        console.say(f"{out}: trained already on the same data with the same options; nothing to do")
        console.say(f"its figures: {out / CARD_FILE}")
    else:
        _summarize(console, model)


def _epoch_line(epoch: Epoch, most: int) -> str:
    left = round((most - epoch.number) * epoch.seconds)
    figures = f"loss {epoch.loss:.4f} accuracy {epoch.accuracy:.3f}"
    if not math.isnan(epoch.validation_loss):
        figures += (
            f"  validation loss {epoch.validation_loss:.4f} "
            f"accuracy {epoch.validation_accuracy:.3f}"
        )
    took = f"{epoch.seconds:.1f} s, at most {left // 60}:{left % 60:02} min left"
    return f"epoch {epoch.number:3}/{most}  {figures}  {took}"


def _summarize(console: Console, model: TrainedModel) -> None:
    kind = model.spec.split["kind"]
    console.result(text_table(OVERVIEW_HEADER, scores_overview(model.scores, kind)))
    console.result(f"\n{side_name('unseen', kind)}, by emotion:")
    console.result(text_table(CLASS_HEADER, class_rows(model.scores["unseen"])))
    for doubt in doubts(model.scores["unseen"]):
        console.warn(doubt)
    if both := people_on_both_sides(model.spec.split):
        console.warn(
            f"{counted(len(both), 'participant')} are in training and in test: it flatters"
        )
    kept, run = model.spec.training["epochs"], model.spec.training["epochs_run"]
    if not model.refitted and kept < run:
        console.say(f"stopped after {run} epochs; the weights of epoch {kept} are kept, the best")
    if model.refitted:
        console.result(
            "\nThe saved model was fitted once more on everyone; "
            "the figures are those of its forerunner, with people set aside."
        )
    console.result(f"\n{model.folder}: the model; {model.folder / CARD_FILE} tells all about it")
    if not model.litert:
        console.warn(
            f"annotation needs model.tflite, which TensorFlow writes: "
            f"run fer export-model {model.folder} where it is installed"
        )
