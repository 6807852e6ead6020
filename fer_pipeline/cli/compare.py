"""``fer compare``."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.training_options import training_options
from fer_pipeline.comparison import (
    ComparisonOptions,
    ComparisonPlan,
    gather,
    plan_comparison,
    run_comparison,
)
from fer_pipeline.comparison_results import Comparison
from fer_pipeline.errors import FerError, UsageError
from fer_pipeline.faces import Channels
from fer_pipeline.files import locked
from fer_pipeline.model_folder import BUNDLED
from fer_pipeline.networks import NETWORKS
from fer_pipeline.provenance import command_line
from fer_pipeline.report.comparison_files import PAGE_FILE, TABLE_FILE, write_comparison
from fer_pipeline.report.comparison_tables import as_text, sections
from fer_pipeline.report.tables import counted
from fer_pipeline.training_plan import TrainingOptions


def _names(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    """Split a list at its commas."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


@click.command("compare")
@click.option("--data", type=options.AnyPath, required=True, help="The dataset of fer extract.")
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=Path("comparison"),
    show_default=True,
    help="The folder for tables, plots, and the model folder of every run.",
)
@click.option(
    "--networks",
    callback=_names,
    default="lenet5,lenet,cnn1",
    show_default=True,
    metavar="NAME,NAME,…",
    help="fer networks lists them; all stands for every one, default for the bundled model, which "
    "is adapted to the data and has its own representation.",
)
@click.option(
    "--channels",
    callback=_names,
    default="gray,rgb",
    show_default=True,
    metavar="gray,rgb",
    help="Representations of the face.",
)
@click.option(
    "--leak-meter",
    is_flag=True,
    help="Train each network also on a split by random frames, which flatters, to show how much.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs side by side, which share the cores out among them.",
)
@options.scheduler
@training_options
@options.overwrite
@reports
def command(
    console: Console,
    data: Path,
    out: Path,
    networks: tuple[str, ...],
    channels: tuple[Channels, ...],
    leak_meter: bool,
    jobs: int,
    scheduler: str | None,
    training: TrainingOptions,
    overwrite: bool,
) -> None:
    """Several networks under one protocol, in one table: which is best for these people?

    Every network is trained on every representation and, with --folds, on every fold: each in a
    process of its own, so that one that fails costs only its row. What is finished is kept; the
    same command goes on, and more --networks join the table.

    \b
    Example:
      fer compare --data faces.h5 --networks lenet5,resnetm --folds 5 --leak-meter
    """
    options.refuse_beside_scheduler("jobs", scheduler)
    wanted = ComparisonOptions(
        networks=_known_networks(networks),
        channels=_known_channels(channels),
        training=training,
        leak_meter=leak_meter,
        jobs=jobs,
        scheduler=scheduler,
    )
    with locked(out / TABLE_FILE):
        plan = plan_comparison(data, out, wanted, command_line(), overwrite=overwrite)
        failures = _train(console, plan)
        comparison = gather(plan, failures)
        if comparison.results:
            write_comparison(out, comparison)
    _tell(console, out, comparison)


def _known_networks(names: tuple[str, ...]) -> tuple[str, ...]:
    if "all" in names:
        return tuple(NETWORKS)
    unknown = [name for name in names if name not in (*NETWORKS, BUNDLED)]
    if unknown or not names:
        raise UsageError(
            f"--networks: {', '.join(unknown) or 'none'}; give all, or some of "
            f"{', '.join(NETWORKS)}, {BUNDLED}"
        )
    return names


def _known_channels(names: tuple[Channels, ...]) -> tuple[Channels, ...]:
    if not names or set(names) - set(get_args(Channels)):
        raise UsageError(f"--channels: {','.join(names) or 'none'}; give gray, rgb or gray,rgb")
    return names


def _train(console: Console, plan: ComparisonPlan) -> dict[str, str]:
    """Train what is missing; return the runs that failed, with the reason."""
    missing = plan.missing
    done = len(plan.runs) - len(missing)
    console.say(f"{counted(len(plan.runs), 'run')}, {done} of them finished already")
    failures = {}
    epochs = sum(run.options.fit.epochs for run in missing)
    with console.frames(epochs, "epochs") as progress:
        for outcome in run_comparison(plan, progress):
            done += 1
            run = outcome.task
            place = f"{done} of {len(plan.runs)}: {run.name}"
            if outcome.error is None:
                console.say(f"{place}: done, {run.folder}")
            else:
                failures[run.name] = str(outcome.error)
                console.warn(f"{place}: {outcome.error}")
    return failures


def _tell(console: Console, out: Path, comparison: Comparison) -> None:
    if not comparison.results:
        raise FerError(f"{out}: no network has a result", "the reasons stand above")
    console.result(as_text(sections(comparison)))
    console.result(f"\n{out / TABLE_FILE} and {out / PAGE_FILE} hold the same, with the curves")
    if comparison.failures:
        click.get_current_context().exit(PARTLY_DONE)
