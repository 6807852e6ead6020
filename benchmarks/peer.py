"""The package ``fer`` of PyPI, which does the same job, in an environment of its own.

    python benchmarks/peer.py

Makes the environment in `benchmarks/.peer`, which git ignores, if it is not there yet, and tells
what is in it. It is not this project's `fer`, so the two can never share an environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / ".peer"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROGRAM = Path(__file__).resolve().parent / "peer_process.py"

PEER = "fer==25.10.3"

# What its emotion detector imports. The package asks for more: what draws, sounds and plots, and
# facenet-pytorch, which brings gigabytes of PyTorch for a detector that is off by default.
NEEDED = (
    # Without pkg_resources, which left setuptools with 81, it cannot be imported.
    "setuptools<81",
    # 5 has no cascades any more, and without them it cannot be started.
    "opencv-contrib-python>=4.10,<5",
    "requests",
    "pillow",
    # The same on both sides.
    f"tensorflow=={version('tensorflow')}",
    f"numpy=={version('numpy')}",
)

_READY = FOLDER / "ready.json"


class NoPeerError(Exception):
    """The peer's environment cannot be made; the message says why."""


def prepare() -> dict[str, str]:
    """Make the environment unless it is there.

    Returns:
        What was asked for, with the version that was installed.

    Raises:
        NoPeerError: It cannot be made, as without a network.
    """
    wanted = [PEER, *NEEDED]
    if _READY.is_file() and (ready := json.loads(_READY.read_text()))["wanted"] == wanted:
        return ready["installed"]
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        venv.create(FOLDER, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoPeerError(f"no environment could be made in {FOLDER}: {error}") from error
    (FOLDER / ".gitignore").write_text("*\n")
    _pip("install", "--no-deps", PEER)
    _pip("install", *NEEDED)
    listed = {
        one["name"].lower(): one["version"] for one in json.loads(_pip("list", "--format=json"))
    }
    names = [PEER.partition("==")[0], "opencv-contrib-python", "tensorflow", "numpy", "setuptools"]
    installed = {name: listed[name] for name in names}
    _READY.write_text(json.dumps({"wanted": wanted, "installed": installed}))
    return installed


def run(clip: Path) -> tuple[int, int, float]:
    """Run the peer over a clip in a process of its own.

    Returns:
        Frames, frames with a face, and seconds from the first frame to the last.

    Raises:
        NoPeerError: It does not work here.
    """
    told = json.loads(run_program(PROGRAM, clip).splitlines()[-1])
    return told["frames"], told["with_face"], told["seconds"]


def run_program(program: Path, *arguments: Path) -> str:
    """Run a program in the peer's environment; return what it prints.

    Raises:
        NoPeerError: It fails.
    """
    # Its own Python's packages alone, and no words of TensorFlow's.
    environment = os.environ | {"PYTHONNOUSERSITE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, program, *arguments]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, check=False
    )
    if done.returncode:
        raise NoPeerError(f"it failed: {_last_line(done.stderr)}")
    return done.stdout


def _pip(*words: str) -> str:
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise NoPeerError(f"pip {' '.join(words)} failed: {_last_line(done.stderr)}")
    return done.stdout


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "it says nothing")


if __name__ == "__main__":
    try:
        print("\n".join(f"{name} {number}" for name, number in prepare().items()))
    except NoPeerError as no_peer:
        sys.exit(str(no_peer))
