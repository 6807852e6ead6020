"""Running ``fer train`` on little, and reading what it leaves."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner, Result

from fer_pipeline.cli.root import root
from tests.conftest import SMALL_TRAINING, write_faces

UNFINISHED = "model.unfinished"


def words_of(data: Path, folder: Path, *options: object) -> list[str]:
    """Return the command that trains a small network, without the name of the program."""
    return [
        str(word) for word in ("train", "--data", data, "-o", folder, *SMALL_TRAINING, *options)
    ]


def train(data: Path, folder: Path, *options: object) -> Result:
    """Train a small network in this process."""
    return CliRunner().invoke(root, words_of(data, folder, *options))


def train_apart(data: Path, folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """Train a small network in a process of its own, and make sure that it clears up."""
    command = [sys.executable, "-m", "fer_pipeline", *words_of(data, folder, *options)]
    with TemporaryDirectory() as scratch:
        environment = os.environ | {"TMPDIR": scratch}
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert not [*Path(scratch).iterdir()]
    return told


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def refused(result: Result) -> str:
    """Return the one line that a run which could not be done leaves."""
    assert result.exit_code == 1
    assert not result.stdout
    line = result.stderr.splitlines()[-1]
    assert line.startswith("fer: ")
    assert "Traceback" not in result.stderr
    return line


def metrics_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return values


def history_of(folder: Path) -> list[dict[str, str]]:
    """Return the epochs without the time they took."""
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def card_of(folder: Path) -> str:
    return (folder / "model-card.md").read_text("utf-8")


def people_file(path: Path, people: int, **options: Any) -> Path:
    """Write a dataset of small made-up faces into a folder."""
    return write_faces(path / "faces.h5", people, frames=4, size=16, **options)
