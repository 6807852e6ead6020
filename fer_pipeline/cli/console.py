"""What commands say: results on standard output, all else on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from fer_pipeline.cli.plain_text import plain

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Console:
    """How much is said.

    Attributes:
        quiet: Say nothing but results and errors.
        verbose: 1 tells what happens, 2 also where an error comes from.
    """

    quiet: bool = False
    verbose: int = 0

    @property
    def traceback(self) -> bool:
        """Whether errors come with their traceback."""
        return self.verbose > 1

    @property
    def shows_progress(self) -> bool:
        """Whether there is somebody to show a progress bar to."""
        return not self.quiet and sys.stderr.isatty()

    def result(self, text: str) -> None:
        """Print what the user asked for."""
        click.echo(plain(text))

    def say(self, text: str) -> None:
        """Tell what happens."""
        if not self.quiet:
            click.echo(plain(text), err=True)

    def warn(self, text: str) -> None:
        """Tell what the user should know even if quiet."""
        click.echo(plain(f"warning: {text}"), err=True)

    def alert(self, text: str) -> None:
        """Print what belongs to a warning, even if quiet."""
        click.echo(plain(text), err=True)

    @contextmanager
    def frames(self, total: int, unit: str = "frames") -> Iterator[Callable[[int], None]]:
        """Show a bar that counts frames, or other units, with their rate and the time to come."""
        with self._bar(total, f" {unit}") as update:
            yield update

    @contextmanager
    def bytes(self, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar that counts bytes, with their rate and the time that remains."""
        with self._bar(total, "B", unit_scale=True, unit_divisor=1024) as update:
            yield update

    @contextmanager
    def _bar(self, total: int, unit: str, **scale: Any) -> Iterator[Callable[[int], None]]:
        from tqdm import tqdm

        with tqdm(
            total=total or None,
            unit=unit,
            **scale,
            disable=not self.shows_progress,
            file=sys.stderr,
            dynamic_ncols=True,
        ) as bar:
            yield bar.update


class _PlainFormatter(logging.Formatter):
    """Writes the message alone, as a terminal may see it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message."""
        return plain(super().format(record))


def reports(command: Command) -> Command:
    """Give a command the options -q and -v, and a `Console` as its first argument."""

    @wraps(command)
    def with_console(*args: Any, quiet: bool, verbose: int, **options: Any) -> Any:
        console = Console(quiet, verbose)
        click.get_current_context().find_root().obj = console
        levels = {0: logging.WARNING, 1: logging.INFO}
        logging.basicConfig(
            level=levels.get(verbose, logging.DEBUG), stream=sys.stderr, format="%(message)s"
        )
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_PlainFormatter())
        return command(console, *args, **options)

    quietly = click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
    verbosely = click.option("-v", "--verbose", count=True, help="Tell more; -vv with tracebacks.")
    return quietly(verbosely(with_console))  # type: ignore[return-value]
