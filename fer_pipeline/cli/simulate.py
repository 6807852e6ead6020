"""``fer simulate``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import all_failed, list_failures
from fer_pipeline.domain import canonical_emotion
from fer_pipeline.errors import FerError
from fer_pipeline.files import locked
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import counted
from fer_pipeline.simulation import (
    CONDITIONS,
    WARNING,
    Condition,
    RecordingOptions,
    StudyOptions,
    StudyPlan,
    plan_study,
    publish,
    run_study,
)

DEFAULTS = StudyOptions()
RECORDING = DEFAULTS.recording


def _size(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text.strip().lower())
    width, height = map(int, found.groups()) if found else (0, 0)
    if not (48 <= width <= 1920 and 48 <= height <= 1920):
        raise click.BadParameter("give width and height, 48x48 to 1920x1920, such as 320x240")
    return width, height


def _emotions(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(dict.fromkeys(canonical_emotion(word) or word for word in words))


@click.command("simulate")
@click.argument("out", type=options.AnyPath)
@click.option(
    "--participants",
    type=click.IntRange(1, 9999),
    default=DEFAULTS.participants,
    show_default=True,
    help="Female and male by turns; P01 is the same person however many there are.",
)
@click.option(
    "--takes",
    type=click.IntRange(0, 999),
    default=DEFAULTS.takes,
    show_default=True,
    help="Clips of each person and emotion.",
)
@click.option(
    "--sessions",
    type=click.IntRange(0, 999),
    default=DEFAULTS.sessions,
    show_default=True,
    help="Clips of each person with all emotions, one after the other.",
)
@click.option(
    "--pairs",
    type=click.IntRange(0, 999),
    default=DEFAULTS.pairs,
    show_default=True,
    help="Clips of P01 beside P02, of P03 beside P04 …; twice as wide.",
)
@click.option(
    "--emotions",
    callback=_emotions,
    default=",".join(DEFAULTS.emotions),
    show_default=True,
    metavar="A,B,…",
    help="What is acted; contempt can be, too.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=DEFAULTS.seed,
    show_default=True,
    help="Another one gives other people.",
)
@click.option(
    "--size",
    callback=_size,
    default=f"{RECORDING.width}x{RECORDING.height}",
    show_default=True,
    metavar="WxH",
    help="Of the picture in pixels.",
)
@click.option(
    "--fps",
    type=click.FloatRange(1, 120),
    default=RECORDING.fps,
    show_default=True,
    help="Frames a second.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 60),
    default=RECORDING.seconds,
    show_default=True,
    help="Of each expression.",
)
@click.option(
    "--light",
    type=click.FloatRange(0.02, 4),
    default=RECORDING.light,
    show_default=True,
    help="Strength; 1 is a well lit room.",
)
@click.option(
    "--noise",
    type=click.FloatRange(0, 50),
    default=RECORDING.noise,
    show_default=True,
    help="Of the camera: standard deviation of a pixel, of 255.",
)
@click.option(
    "--condition",
    "conditions",
    type=click.Choice(CONDITIONS),
    multiple=True,
    help="Make all clips difficult in this way; repeat it for several.",
)
@click.option(
    "--pitch/--no-pitch",
    default=RECORDING.pitch,
    show_default=True,
    help="Lower or raise the head with an emotion, as sad people look down; or leave no such clue.",
)
@click.option(
    "--ss",
    type=click.FloatRange(1, 4),
    default=RECORDING.supersampling,
    show_default=True,
    help="Render so many times finer in each direction; 2 looks better and takes four times as "
    "long.",
)
@options.workers
@options.overwrite
@reports
def command(
    console: Console,
    out: Path,
    participants: int,
    takes: int,
    sessions: int,
    pairs: int,
    emotions: tuple[str, ...],
    seed: int,
    size: tuple[int, int],
    fps: float,
    seconds: float,
    light: float,
    noise: float,
    conditions: tuple[Condition, ...],
    pitch: bool,
    ss: float,
    workers: int,
    overwrite: bool,
) -> None:
    """A synthetic study: rendered people who act expressions, with the truth.

    The people are rendered, not filmed. A simulated study tests a pipeline and a protocol; it says
    nothing about accuracy on human faces.

    OUT gets a clip for each participant, emotion and take, from neutral to the apex and back;
    truth.csv with emotion, intensity and place of every face in every frame; and segments.csv for
    fer extract --labels. A run that was stopped goes on where it was; a study that exists can get
    more participants, takes, sessions and pairs. The same options give the same frames.

    \b
    Example:
      fer simulate study/ --participants 40
      fer simulate dim-study/ --condition dim --takes 1 --sessions 1 --pairs 1
    """
    recording = RecordingOptions(
        width=size[0],
        height=size[1],
        fps=fps,
        seconds=seconds,
        light=light,
        noise=noise,
        conditions=tuple(dict.fromkeys(conditions)),
        pitch=pitch,
        supersampling=ss,
    )
    wanted = StudyOptions(participants, takes, sessions, pairs, seed, emotions, recording)
    with locked(out):
        plan = plan_study(out, wanted, overwrite=overwrite)
        _tell_plan(console, plan)
        failures = _render(console, plan, workers)
        clips, frames = publish(plan, command_line())
    if failures and not clips:
        raise all_failed(console, failures, "no clip could be made")
    console.result(
        f"{out}: {counted(clips, 'clip')} of rendered people ({participants}), "
        f"{counted(frames, 'frame')}"
    )
    console.say(WARNING)
    list_failures(console, failures)
    if failures:
        click.get_current_context().exit(PARTLY_DONE)


def _tell_plan(console: Console, plan: StudyPlan) -> None:
    missing = sum(len(task.clips) for task in plan.tasks)
    done = len(plan.clips) - missing
    if done:
        console.say(f"finished by an earlier run: {counted(done, 'clip')}")
    if not missing:
        console.say("nothing to do")


def _render(console: Console, plan: StudyPlan, workers: int) -> dict[str, FerError]:
    failures: dict[str, FerError] = {}
    if not plan.tasks:
        return failures
    with console.frames(plan.frames) as progress:
        for outcome in run_study(plan, workers, progress, command_line()):
            if outcome.error is not None:
                failures[outcome.task.identity.code] = outcome.error
    return failures
