"""Options of training that ``fer train`` and ``fer compare`` share, each named once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

import click

from fer_pipeline.augmentation import AUGMENTATIONS
from fer_pipeline.cli import options
from fer_pipeline.fit_options import (
    LARGEST_SEED,
    MONITORS,
    OPTIMIZERS,
    SCHEDULES,
    TARGETS,
    FitOptions,
)
from fer_pipeline.splits import SPLIT_KINDS
from fer_pipeline.training_plan import TrainingOptions

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULTS = TrainingOptions()
FIT = DEFAULTS.fit

_OPTIONS = (
    click.option(
        "--size", type=click.IntRange(8, 1024), help="Side of the input in pixels; else its own."
    ),
    click.option(
        "--split",
        type=click.Choice(SPLIT_KINDS),
        help="How faces are divided; else by participant where known, by corpus, or by video.",
    ),
    click.option(
        "--folds",
        type=click.IntRange(min=2),
        help="Deal people (videos, frames) out into so many parts and test on each in turn.",
    ),
    click.option(
        "--split-from",
        type=options.AnyPath,
        metavar="MODEL",
        help="Everybody on the side where they were when this model was trained.",
    ),
    click.option(
        "--augment",
        type=click.Choice(AUGMENTATIONS),
        default=DEFAULTS.augment,
        show_default=True,
        help="Vary the training faces: a little (mirror, turn, move, light), strongly (these, and "
        "blur and hide parts), as published (drop out, turn, mirror, noise, crop), or not.",
    ),
    click.option(
        "--mixup",
        type=click.FloatRange(0, 10),
        default=FIT.mixup,
        metavar="ALPHA",
        show_default=True,
        help="Blend training faces in pairs, by shares drawn from a Beta distribution; 0 for not.",
    ),
    click.option(
        "--target",
        type=click.Choice(TARGETS),
        default=FIT.target,
        show_default=True,
        help="Learn each face's label, or how its annotators voted, where the data has votes.",
    ),
    click.option(
        "--balance",
        type=click.IntRange(min=1),
        metavar="N",
        help="Learn from N faces of each emotion, drawn or repeated.",
    ),
    click.option(
        "--class-weights/--no-class-weights",
        "weigh_classes",
        default=True,
        show_default=True,
        help="Let rare emotions count as much as frequent ones.",
    ),
    click.option(
        "--calibrate",
        is_flag=True,
        help="Make the probabilities mean what they say, by a temperature found on validation.",
    ),
    click.option(
        "--weights",
        metavar="imagenet|FILE|MODEL",
        help="Begin with weights learned elsewhere: ImageNet's, which Keras fetches once; those of "
        "a Keras file; or those of a model folder of the same network. Else with random ones.",
    ),
    click.option(
        "--freeze",
        is_flag=True,
        help="Keep the backbone's --weights; only the layers on top learn.",
    ),
    click.option(
        "--unfreeze",
        type=click.IntRange(min=1),
        metavar="EPOCHS",
        help="After every so many epochs free one more block of the frozen backbone, from the top, "
        "and learn at a tenth of the rate.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, LARGEST_SEED),
        default=FIT.seed,
        show_default=True,
        help="Repeats a run.",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        default=FIT.epochs,
        show_default=True,
        help="At most so many passes over the faces.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        default=FIT.batch,
        show_default=True,
        help="Faces a step.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(OPTIMIZERS),
        default=FIT.optimizer,
        show_default=True,
        help="sgd has a momentum of 0.9, after Nesterov.",
    ),
    click.option(
        "--learning-rate",
        type=click.FloatRange(min=0, min_open=True),
        default=FIT.learning_rate,
        show_default=True,
        help="At first.",
    ),
    click.option(
        "--weight-decay",
        type=click.FloatRange(0, 1),
        default=FIT.weight_decay,
        show_default=True,
        help="Share of the rate by which each step lessens every weight.",
    ),
    click.option(
        "--schedule",
        type=click.Choice(SCHEDULES),
        default=FIT.schedule,
        show_default=True,
        help="Lower the rate where validation gets no better; along a cosine, over all epochs; or "
        "not.",
    ),
    click.option(
        "--monitor",
        type=click.Choice(MONITORS),
        default=FIT.monitor,
        show_default=True,
        help="What of the validation faces tells the best epoch.",
    ),
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        default=FIT.patience,
        show_default=True,
        help="Stop after so many epochs without a better validation; not with a cosine.",
    ),
    click.option(
        "--mixed-precision",
        is_flag=True,
        help="Compute in 16 bits, faster on a GPU; the model is saved in 32.",
    ),
)

_OF_THE_FIT = {field.name for field in fields(FitOptions)}
_OF_EACH_COMMAND = {"network", "channels", "fold", "final"}
_SHARED = _OF_THE_FIT | {field.name for field in fields(TrainingOptions)} - _OF_EACH_COMMAND


def training_options(command: Command) -> Command:
    """Give a command the shared options, as one argument ``training``."""

    @wraps(command)
    def with_training(*args: Any, **given: Any) -> Any:
        mine = {name: given.pop(name) for name in list(given) if name in _SHARED}
        fit = {name: mine.pop(name) for name in list(mine) if name in _OF_THE_FIT}
        return command(*args, training=TrainingOptions(**mine, fit=FitOptions(**fit)), **given)

    decorated: Any = with_training
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
