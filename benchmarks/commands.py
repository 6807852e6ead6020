"""The command ``fer``: as a process of its own, and inside this one once all is loaded."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache


def run_fer(*words: object) -> str:
    """Run a command in a process of its own, and return what it printed."""
    command = [sys.executable, "-m", "fer_pipeline", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def call_fer(*words: object) -> None:
    """Run a command inside this process, without its start."""
    from fer_pipeline.cli.root import root

    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        status = root([*map(str, words)], prog_name="fer", standalone_mode=False)
    if status:
        sys.exit(f"fer {' '.join(map(str, words))}: exit status {status}\n{said.getvalue()}")


@cache
def has_option(command: str, option: str) -> bool:
    """Tell whether a command has an option."""
    return option in run_fer(command, "--help").split()
