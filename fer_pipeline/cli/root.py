"""``fer`` itself: the list of commands, and what an error becomes."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from fer_pipeline import __version__
from fer_pipeline.cli.console import Console
from fer_pipeline.cli.lazy import LazyGroup
from fer_pipeline.cli.plain_text import plain
from fer_pipeline.errors import FerError, UsageError

FAILED, WRONG_USAGE, PARTLY_DONE, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143

# Listed here with their first lines, so that `fer --help` need not load what the commands use.
COMMANDS = {
    "extract": "Videos of participants to a dataset of faces.",
    "import": "A public corpus to a dataset of faces, with the corpus's own split.",
    "train": "A dataset of faces to a model, judged on people it has not seen.",
    "compare": "Several networks under one protocol, in one table: which is best for these people?",
    "evaluate": "A model on faces that it has not seen: every figure, tables, plots.",
    "annotate": "Clips to emotion timelines: a row for every frame, with its true media time.",
    "live": "A camera in a window, with faces and emotions as they happen; --out records.",
    "timeline": "Timelines already written: baseline, smoothing, segments, formats, pictures.",
    "summarize": "Timelines of a study: one tidy table of who showed what, how often and how long.",
    "agree": "Agreement of a timeline with a human coder: kappa, and where the two differ most.",
    "probe": "All that is known of clips, before hours are spent on them.",
    "data": "Look at a dataset, check it, and take care of it.",
    "simulate": "A synthetic study: rendered people who act expressions, with the truth.",
    "networks": "List the networks, with their parameters for 8 emotions at their default input.",
    "export-model": "Write model.tflite, which annotation uses, into the folder MODEL.",
    "doctor": "Check the installation: what is there, what is missing, how to get it.",
}

# Where the command's name is none that a module can have.
_MODULES = {"import": "import_corpus"}


class _TerminatedError(BaseException):
    """The process was asked to end."""


class Root(LazyGroup):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; the one place where errors become exit statuses."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            _fail(ctx, str(error), WRONG_USAGE)
        except FerError as error:
            _fail(ctx, str(error), FAILED)
        except KeyboardInterrupt:
            _fail(ctx, f"interrupted; {_go_on(ctx)}", INTERRUPTED)
        except _TerminatedError:
            _fail(ctx, f"terminated; {_go_on(ctx)}", TERMINATED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends the process quietly when nobody reads its output any more
        except ModuleNotFoundError as error:
            _fail(ctx, f"{error.name} is not installed; fer doctor tells how to get it", FAILED)
        except Exception as error:  # noqa: BLE001 - nobody should see a traceback unasked
            _fail(ctx, f"unexpected error: {error!r}; please report it, with -vv", FAILED)


def _go_on(ctx: click.Context) -> str:
    if ctx.invoked_subcommand in ("evaluate", "data", "summarize", "agree", "live"):
        return "nothing is half written; run it again"
    if ctx.invoked_subcommand in ("import", "timeline"):
        return "run it again"  # pictures begin anew, finished clips are kept
    how = " with --resume" if ctx.invoked_subcommand == "train" else ""
    return f"what was finished is kept; run it again{how} to go on"


def _fail(ctx: click.Context, message: str, status: int) -> NoReturn:
    if isinstance(ctx.obj, Console) and ctx.obj.traceback:
        import traceback

        traceback.print_exc()
    click.echo(plain(f"fer: {message}"), err=True)
    ctx.exit(status)


@click.group(
    cls=Root,
    package="fer_pipeline.cli",
    listed=COMMANDS,
    modules=_MODULES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="fer COMMAND --help tells more, with an example.",
)
@click.version_option(__version__, prog_name="fer")
def root() -> None:
    """From videos of study participants to an honestly evaluated facial-emotion model.

    \b
    The three steps:
      fer extract videos/
      fer train --data faces.h5
      fer annotate clip.mp4 --out labels.csv

    A model names the expression that a face shows, not what a person feels.
    Nothing leaves this machine, unless you name a cluster.
    """


def main() -> None:
    """Run the command line of this process."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        # A terminal with an old code page must not turn a name into a failure.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        root(prog_name="fer")
    finally:
        _end_in_peace()  # all is done: the exit status shall tell what, and no signal
        # python -m remembers a Ctrl-C that came while source text was run, as it is to make a
        # dataclass, though it was caught, and ends by the signal; running any lets it forget.
        exec("")  # noqa: S102


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    _end_in_peace()
    raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    _end_in_peace()
    raise _TerminatedError


def _end_in_peace() -> None:
    """Let no signal disturb the end or the clearing up before it: people press Ctrl-C twice."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
