"""What the documents say is so."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fer_pipeline.cli.root import root
from fer_pipeline.networks import NETWORKS

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def typed_commands() -> list[str]:
    """Every line of a document's code blocks that begins with ``fer``."""
    lines = (line.strip() for document in DOCUMENTS for line in document.read_text().splitlines())
    typed = {line.removeprefix("$ ").partition("  #")[0] for line in lines}
    return sorted(line for line in typed if line.startswith("fer ") and "COMMAND" not in line)


def test_the_command_line_reference_is_up_to_date():
    # In a process of its own: click remembers the help option of whoever asked first.
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['reference'](), end='')"
    script = ROOT / "scripts" / "write_cli_reference.py"
    command = [sys.executable, "-X", "utf8", "-c", code, str(script)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == done.stdout.decode(), "run make docs"


@pytest.mark.parametrize("line", typed_commands())
def test_every_command_in_the_documents_parses(line):
    words = shlex.split(line)[1:]
    command: click.Command = root
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(
            click.Context(command, help_option_names=["-h", "--help"]), words.pop(0)
        )
        assert command is not None, line
    command.make_parser(click.Context(command, help_option_names=["-h", "--help"])).parse_args(
        words
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    for piece in document.read_text("utf-8").split("](")[1:]:
        target = piece.partition(")")[0].partition("#")[0]
        if target and "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_table_of_networks_is_that_of_the_registry():
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "docs" / "networks.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    written = {
        name.strip("`"): (own, smallest, gray, colour, imagenet)
        for name, _, _, own, smallest, gray, colour, imagenet in cells
    }
    assert written == {
        name: (
            f"{one.size} px {one.channels}",
            f"{one.smallest} px",
            f"{one.parameters['gray']:,}",
            f"{one.parameters['rgb']:,}",
            ("yes" if one.backbone else "") + (" *" if one.pretrained else ""),
        )
        for name, one in NETWORKS.items()
    }
