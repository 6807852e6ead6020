"""Who made a file: the command, the time, and the versions of what did the work."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
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


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def command_line() -> str:
    """Return the command line of this process as it could be typed again."""
    return shlex.join(["fer", *sys.argv[1:]])


def provenance(command: str) -> dict[str, Any]:
    """Describe this run, in plain values.

    Args:
        command: The command line as it was typed.
    """
    found = {package: installed_version(package) for package in _PACKAGES}
    return {
        "command": command,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "fer-pipeline": __version__,
            "python": platform.python_version(),
            **{package: number for package, number in found.items() if number},
        },
    }
