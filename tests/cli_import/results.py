"""What tests of `fer import` look at in what it leaves and says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FACES = 42
"""All classes with all usages, twice."""

PEOPLE = ("P00", "P07")
SHOWN = ("happy", "sad", "neutral")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(path: Path) -> tuple[int, bytes]:
    return path.stat().st_mtime_ns, path.read_bytes()


def error_line(result) -> str:
    """Return the one line that tells why nothing was done."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("fer: ")
    return line


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fer_pipeline", "import", "fer2013", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
