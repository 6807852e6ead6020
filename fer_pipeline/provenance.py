"""Who made a file: the command, the time, and the versions of what did the work."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fer_pipeline import __version__

_PACKAGES = (
    "numpy",
    "opencv-python",
    "av",
    "h5py",
    "keras",
    "tensorflow",
    "ai-edge-litert",
)

# Names under which files tell more of where they come from.

HISTORY = "history"
"""The runs that changed a file since it was made, oldest first, each as `provenance` tells it."""

MERGED = "merged"
"""What is known of each dataset that was joined, by the name of its file."""

PICTURES = "pictures"
"""Folders into which frames or crops were written as pictures."""


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def command_line() -> str:
    """Return the command line of this process as it could be typed again."""
    typed = shlex.join(["fer", *sys.argv[1:]])
    # A name of an old encoding must not turn what tells of a file into a failure at its end.
    return typed.encode("utf-8", "backslashreplace").decode()


def provenance(command: str) -> dict[str, Any]:
    """Describe this run, in plain values.

    Args:
        command: The command line as it was typed.
    """
    return {
        "command": command,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of what does the work, of packages that are installed."""
    found = {package: installed_version(package) for package in _PACKAGES}
    return {
        "fer-pipeline": __version__,
        "python": platform.python_version(),
        **{package: number for package, number in found.items() if number},
    }


def continued(made: dict[str, Any], command: str) -> dict[str, Any]:
    """Describe a file that this run makes of one that exists.

    Args:
        made: How that one was made.
        command: The command line as it was typed.
    """
    return made | {HISTORY: [*made.get(HISTORY, []), provenance(command)]}


def machine() -> dict[str, Any]:
    """Describe the machine, for figures that depend on it."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """Return the processor's name; Python itself knows it on some systems only."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
