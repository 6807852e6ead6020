"""Every command without a network: nothing is fetched at run time, and nobody is called.

All are run in one process of a network namespace that has nothing but itself. An audit hook in it,
and in its workers, notes whom a socket is connected to or sent to.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fer_pipeline.cli.root import root
from fer_pipeline.dataset import open_dataset
from tests.conftest import write_faces
from tests.faults.commands import pictures
from tests.media import PARTICIPANTS
from tests.review_lists import decide, write_list

ROOT = Path(__file__).parent.parent.parent

SMALL = "--size 32 --epochs 2"

COMMANDS = (
    "doctor",
    "networks",
    "simulate study --participants 1 --takes 1 --sessions 0 --pairs 0 --emotions happy --seconds 1",
    "probe P00_happy.mp4",
    "extract P00_happy.mp4 -o extracted.h5 --every 20",
    "import folder in -o imported.h5 --no-detect",
    "train --data faces.h5 -o model --network lenet5 " + SMALL,
    "evaluate --model model --data faces.h5",
    "export-model model",
    "compare --data faces.h5 -o comparison --networks lenet5 --channels gray " + SMALL,
    "annotate P00_happy.mp4 --out labels.csv --every 10",
    "timeline labels.csv --out smooth.csv --smooth median:0.5",
    "summarize labels.csv",
    "agree labels.csv coder.csv --map smile=happiness",
    "data show faces.h5",
    "data verify faces.h5",
    "data dedupe faces.h5 -o unique.h5",
    "data sheet faces.h5 -o sheet.png",
    "data review faces.h5 -o review.html",
    "data apply faces.h5 review.csv -o corrected.h5",
    "data export faces.h5 -o faces.npz",
    "data merge faces.h5 imported.h5 -o merged.h5",
    "data split merged.h5",
    "data withdraw merged.h5 P00",
    "data pseudonymize merged.h5 -o coded.h5 --key key",
)

REFUSED = {
    "live P00_happy.mp4": "there is no display to open a window on",
    "train --data faces.h5 -o other --network vgg16 --weights imagenet --size 32":
        "these ImageNet weights cannot be fetched",
}  # fmt: skip
"""What cannot be done here, and what is said of it."""

# Runs one command after the other, as each would be by itself.
RUNNER = """
import json, shlex, sys
from click.testing import CliRunner
from fer_pipeline.cli.root import root

if __name__ == "__main__":
    ended = {}
    for line in json.loads(sys.argv[1]):
        sys.argv = ["fer", *shlex.split(line)]
        result = CliRunner().invoke(root, sys.argv[1:])
        ended[line] = [result.exit_code, result.stderr]
    with open("ended.json", "w") as file:
        json.dump(ended, file)
"""

# Python loads a module of this name in every process.
LISTENER = """
import os, sys

def note(event, values):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        whom = values[1] if event.startswith(("socket.connect", "socket.sendto")) else values[0]
        with open(os.environ["FER_CALLS"], "a") as file:
            file.write(f"{event} {whom!r}\\n")

sys.addaudithook(note)
"""


def leaves(command: click.Command, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names of all commands that do something."""
    if not isinstance(command, click.Group):
        yield way
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, (*way, name))


def test_every_command_is_run_without_a_network():
    typed = {line.split()[0] for line in (*COMMANDS, *REFUSED)}
    care = {line.split()[1] for line in COMMANDS if line.startswith("data ")}
    names = set(leaves(root))
    assert {name[0] for name in names} == typed
    assert {name[1] for name in names if len(name) > 1} == care


def without_network(*command: str) -> list[str]:
    """Return the words that run a command where there is no network."""
    for way in (["unshare", "-n"], ["unshare", "-rn"]):
        if not subprocess.run([*way, "true"], capture_output=True, check=False).returncode:
            return [*way, *command]
    pytest.skip("this system lets nobody have a network of their own")


@pytest.fixture(scope="module")
def offline(tmp_path_factory) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """How each command ended, and who was called."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    folder = tmp_path_factory.mktemp("offline")
    write_faces(folder / "faces.h5", frames=4)
    pictures(folder)
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", folder / "P00_happy.mp4")
    (folder / "coder.csv").write_text("start,end,code\n0,1,neutral\n1,2,smile\n")
    with open_dataset(folder / "faces.h5") as dataset:
        write_list(folder / "review.csv", dataset.digest, [decide(dataset, 3, "remove")])
    (folder / "listener").mkdir()
    (folder / "listener" / "sitecustomize.py").write_text(LISTENER)
    (folder / "runner.py").write_text(RUNNER)
    calls = folder / "calls.txt"
    calls.touch()
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | {
        "PYTHONPATH": os.pathsep.join(map(str, (folder / "listener", ROOT))),
        "FER_CALLS": str(calls),
        "KERAS_HOME": str(folder / "keras"),
    }
    lines = json.dumps([*COMMANDS, *REFUSED])
    command = without_network(sys.executable, "runner.py", lines)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    ended = json.loads((folder / "ended.json").read_text())
    return ended, calls.read_text().splitlines()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_ends_as_with_a_network(offline, line):
    status, said = offline[0][line]
    assert status == 0, said


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_done_is_told_in_one_line(offline, line):
    status, said = offline[0][line]
    assert status == 1
    assert REFUSED[line] in said.splitlines()[-1]


def test_nobody_is_called_but_for_weights_that_were_asked_for(offline):
    assert all("storage.googleapis.com" in call for call in offline[1]), offline[1]
