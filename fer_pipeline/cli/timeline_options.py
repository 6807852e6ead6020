"""The options that tell what is made of a timeline; each command that has them, has all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from fer_pipeline.cli.options import AnyPath
from fer_pipeline.timeline import (
    SMOOTHERS,
    AnalysisOptions,
    BaselineOptions,
    SegmentOptions,
    Smoothing,
)

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS = SegmentOptions()

participants = click.option(
    "--participants",
    type=AnyPath,
    metavar="TABLE",
    help="CSV with the columns video,participant and optionally face; else a column participant "
    "of the timeline or the clips' names tell who is who.",
)

_OPTIONS = (
    click.option(
        "--baseline",
        metavar="auto|START-END|CLIP",
        help="Add columns baseline_…: what each value is above the person's neutral reference, "
        "which is the calmest 2 s of all clips of that person, so many seconds of each, or a clip "
        "by its name, which may have a *.",
    ),
    click.option(
        "--smooth",
        metavar="METHOD:SECONDS",
        help=f"Add columns smoothed_…; methods: {', '.join(SMOOTHERS)}.",
    ),
    click.option(
        "--enter",
        type=click.FloatRange(0, 1),
        default=_DEFAULTS.enter,
        show_default=True,
        metavar="P",
        help="A segment begins where the strongest emotion reaches P,",
    ),
    click.option(
        "--leave",
        type=click.FloatRange(0, 1),
        default=_DEFAULTS.leave,
        show_default=True,
        metavar="P",
        help="and ends where that falls below P, or another that reached --enter leads clearly.",
    ),
    click.option(
        "--min-duration",
        type=click.FloatRange(min=0),
        default=_DEFAULTS.shortest,
        show_default=True,
        metavar="SECONDS",
        help="Leave shorter segments out.",
    ),
    click.option(
        "--merge",
        type=click.FloatRange(min=0),
        default=_DEFAULTS.gap,
        show_default=True,
        metavar="SECONDS",
        help="Bridge gaps up to so long within a segment.",
    ),
)


def analysis_options(command: Command) -> Command:
    """Give a command the options of the analysis, and an argument ``analysis`` with what they say.

    The command gets an `AnalysisOptions`.
    """

    @wraps(command)
    def with_analysis(
        *args: Any,
        baseline: str | None,
        smooth: str | None,
        enter: float,
        leave: float,
        min_duration: float,
        merge: float,
        **others: Any,
    ) -> Any:
        analysis = AnalysisOptions(
            baseline=None if baseline is None else BaselineOptions.parse(baseline),
            smoothing=None if smooth is None else Smoothing.parse(smooth),
            segments=SegmentOptions(enter, leave, min_duration, merge),
        )
        return command(*args, analysis=analysis, **others)

    made: Callable[..., Any] = with_analysis
    for option in reversed(_OPTIONS):
        made = option(made)
    return made  # type: ignore[return-value]
