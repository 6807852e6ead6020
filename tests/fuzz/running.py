"""Runs commands of ``fer`` on an input that may do anything, and watches them.

Each command runs in a fork of this process, which has everything loaded: that costs a hundredth of
a new interpreter, and keeps crashes, hangs and greed of native code apart.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30.0
"""Processor time and wall time that a command may take on a tiny input."""

MOST_MEMORY = 2**30
"""Bytes that a command may have resident."""

# Beyond this the system refuses memory, so that a greedy input does not disturb others.
_ADDRESS_SPACE = 4 * 2**30

# TensorFlow starts threads, which a fork does not take along; only training needs it.
_WITH_KERAS = ("fer_pipeline.__main__", "fer_pipeline.fitting", "fer_pipeline.networks.")

_ALLOWED = (0, 1, 2, 3)

_POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command went.

    Attributes:
        arguments: What it was given.
        status: Its exit status, negative for a signal that ended it.
        seconds: Wall time.
        memory: Greatest resident size in bytes.
        said: Standard output and standard error.
    """

    arguments: tuple[str, ...]
    status: int
    seconds: float
    memory: int
    said: str

    def faults(self) -> list[str]:
        """Return which promises it broke, in words."""
        found = []
        if self.status not in _ALLOWED:
            found.append(f"ended with {self.status}")
        for word in ("Traceback", "unexpected error", "worker process died", "\x1b"):
            if word in self.said:
                line = next(line for line in self.said.splitlines() if word in line)
                found.append(f"said {line[:300]!r}")
        if self.seconds > SECONDS:
            found.append(f"took {self.seconds:.0f} s")
        if self.memory > MOST_MEMORY:
            found.append(f"took {self.memory / 2**20:.0f} MiB")
        return found


def load() -> None:
    """Load what commands need, before anything is forked; nothing of it starts a thread."""
    import cv2
    import scipy.signal  # noqa: F401

    import fer_pipeline

    for module in pkgutil.walk_packages(fer_pipeline.__path__, "fer_pipeline."):
        if not module.name.startswith(_WITH_KERAS):
            importlib.import_module(module.name)
    cv2.setNumThreads(0)


def run(arguments: Sequence[str], place: Path) -> Ran:
    """Run a command in the folder ``place``, and wait for its end."""
    said = place / ".said"
    begin = time.monotonic()
    child = os.fork()
    if not child:
        _become(arguments, place, said)
    usage, status = None, 0
    while usage is None:
        pid, raw, told = os.wait4(child, os.WNOHANG)
        if pid:
            usage, status = told, os.waitstatus_to_exitcode(raw)
        elif time.monotonic() - begin > SECONDS + 5:
            os.kill(child, signal.SIGKILL)
            _, raw, usage = os.wait4(child, 0)
            status = os.waitstatus_to_exitcode(raw)
        else:
            time.sleep(_POLL_SECONDS)
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    text = said.read_text("utf-8", "replace")
    said.unlink()
    return Ran(tuple(arguments), status, time.monotonic() - begin, memory, text)


def _become(arguments: Sequence[str], place: Path, said: Path) -> None:
    """Be the command; never returns."""
    status = 120
    try:
        os.chdir(place)
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS) + 2))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.argv = ["fer", *arguments]
        from fer_pipeline.cli.root import main

        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 121
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
