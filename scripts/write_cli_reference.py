"""Write docs/cli.md from the help texts of the commands; a test checks that it is up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from fer_pipeline.cli.root import root

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """\
# Command line reference

Written by `make docs` from the commands' own help.

Exit status: 0 done; 1 it could not be done; 2 wrong usage; 3 done in part, the rest is complete and
what failed is listed; 130 interrupted and 143 terminated, where the same command goes on.
"""


def main() -> None:
    """Write the reference."""
    REFERENCE.write_text(reference(), "utf-8")


def reference() -> str:
    """Return the whole reference in Markdown."""
    sections = [HEAD, *(section(path) for path in command_paths(root, ()))]
    return "\n".join(sections)


def command_paths(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words that call each command, groups before their commands."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from command_paths(inner, (*path, name))


def section(path: tuple[str, ...]) -> str:
    """Return the help of one command under its heading."""
    help_text = (
        CliRunner().invoke(root, [*path, "--help"], prog_name="fer", terminal_width=100).output
    )
    return f"## {' '.join(('fer', *path))}\n\n```text\n{help_text}```\n"


if __name__ == "__main__":
    main()
