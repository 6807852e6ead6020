"""Options that several commands share, each named once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from fer_pipeline.dataset import EVERYBODY, NOBODY
from fer_pipeline.following import DetectionMode
from fer_pipeline.labels import EmotionChoice
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.workers import Crew, available_cores

Command = TypeVar("Command", bound=Callable[..., Any])

# Existence is checked where paths are used: a missing one is no wrong usage.
AnyPath = click.Path(path_type=Path)

every = click.option(
    "--every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Look at every N-th frame only.",
)
fps = click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="F",
    help="Look at F frames a second of media time.",
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=available_cores,
    show_default="all cores",
    help="Cores used: for videos side by side, or the stages of one; the result is the same.",
)
detect = click.option(
    "--detect",
    type=click.Choice(get_args(DetectionMode)),
    default=get_args(DetectionMode)[0],
    show_default=True,
    help="Search every third frame while nothing changes, every frame, or every frame for faces of "
    "any size.",
)
profile = click.option(
    "--profile",
    is_flag=True,
    help="Follow faces that turn aside, too; takes three times as long.",
)
timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give a video up that takes longer.",
)
scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Let the workers of a Dask cluster do it; its scheduler's address, such as "
    "tcp://host:8786.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace what is there; begin anew.")


def crew(command: Command) -> Command:
    """Give a command --workers, --timeout and --scheduler, as one value ``crew``."""

    @wraps(command)
    def with_crew(
        *args: Any, workers: int, timeout: float | None, scheduler: str | None, **others: Any
    ) -> Any:
        refuse_beside_scheduler("workers", scheduler)
        return command(*args, crew=Crew(workers, timeout, scheduler), **others)

    return workers(timeout(scheduler(with_crew)))  # type: ignore[return-value]


def refuse_beside_scheduler(name: str, scheduler: str | None) -> None:
    """Make sure that an option about this machine was not typed for a cluster.

    Raises:
        UsageError: It was.
    """
    source = click.get_current_context().get_parameter_source(name)
    if scheduler is not None and source is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError(
            f"--{name} and --scheduler exclude each other: how many a cluster does at a time, its "
            "own workers tell"
        )


class _Parsed(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A value that a function makes of what was typed; a default may be one already."""

    def __init__(self, name: str, kind: type, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._kind = kind
        self._parse = parse

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Any:
        """Return the value."""
        return value if isinstance(value, self._kind) else self._parse(str(value))


emotions = click.option(
    "--emotions",
    type=_Parsed("emotions", EmotionChoice, EmotionChoice.parse),
    metavar="A,B,NAME=C+D",
    help="Take in these emotions only; several may become one.  [default: all]",
)


def _codes(text: str) -> frozenset[str]:
    """Read participant codes, separated by commas."""
    return frozenset(code.strip() for code in text.split(",") if code.strip())


readmit = click.option(
    "--readmit",
    type=_Parsed("people", frozenset, _codes),
    is_flag=False,
    flag_value=",".join(EVERYBODY),
    default=NOBODY,
    metavar="[CODES]",
    help="Take in again participants who were withdrawn: these, or all who are among the inputs.",
)


def faces(default: str) -> Callable[[Command], Command]:
    """Return the option --faces with its default."""
    return click.option(
        "--faces",
        type=click.Choice(["largest", "all"]),
        default=default,
        show_default=True,
        help="The largest face of each frame, or all faces.",
    )


def sampling(every: int | None, fps: float | None) -> SamplingOptions:
    """Return which frames are looked at.

    Raises:
        UsageError: Both ways are given.
    """
    if every is not None and fps is not None:
        raise click.UsageError("--every and --fps exclude each other")
    return SamplingOptions(every or 1, fps)
