"""A command in a process group of its own, and whoever it leaves behind."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.commands import Command

SUPPORTED = Path("/proc/self/environ").exists()
"""Whether this system tells which processes there are."""

ROOT = Path(__file__).parent.parent.parent

_MARK = "FER_FAULT_MARK"
_POLL_SECONDS = 0.01

# Longest that anything may take; a run that hangs is a defect.
_PATIENCE_SECONDS = 900.0
_END_SECONDS = 60.0

_HANDLED = 1 << (signal.SIGTERM - 1)


class LostError(AssertionError):
    """A promise was broken."""


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise LostError(otherwise)


@dataclass
class Run:
    """A command that was started.

    Attributes:
        process: Its main process, which leads a group of its own.
        mark: In the environment of all its processes.
        said: File with what it says on standard error.
    """

    process: subprocess.Popen[bytes]
    mark: str
    said: Path
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, command: Command, scene: Path, largest_file: int | None = None) -> Run:
        """Start a command in its scene; no file it writes may get larger than is said."""
        mark = uuid.uuid4().hex
        (scene / "tmp").mkdir(exist_ok=True)
        said = scene / f"said-{mark}"

        with said.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "fer_pipeline", *command.words],
                cwd=scene,
                env=os.environ
                | {_MARK: mark, "TMPDIR": str(scene / "tmp"), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        if largest_file is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
        return cls(process, mark, said)

    def wait_until(self, holds: Callable[[], object]) -> bool:
        """Wait until something is so; return False if the command ended before."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            if self.process.poll() is not None:
                return False
            require(time.monotonic() < end, "hangs")
            time.sleep(_POLL_SECONDS)
        return True

    def sleep(self, seconds: float) -> bool:
        """Let time pass; return False if the command ended before."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is None

    def ready(self) -> bool:
        """Tell whether it handles signals already: Python has not, while it starts."""
        for line in _read(f"/proc/{self.process.pid}/status").splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) & _HANDLED)
        return False

    def workers(self) -> list[int]:
        """Return its worker processes."""
        pid = self.process.pid
        children = _read(f"/proc/{pid}/task/{pid}/children").split()
        return [int(one) for one in children if "spawn_main" in _read(f"/proc/{one}/cmdline")]

    def send(self, number: signal.Signals, *, group: bool = False) -> bool:
        """Send a signal; return False if the command ended before."""
        if self.process.poll() is not None:
            return False
        (os.killpg if group else os.kill)(self.process.pid, number)
        return True

    @staticmethod
    def strike(pid: int, number: signal.Signals) -> None:
        """Send one process a signal, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def end(self) -> tuple[int, str]:
        """Wait for the end of all its processes; return exit status and what was said.

        Raises:
            LostError: It hangs, or processes go on without it.
        """
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise LostError("hangs") from None
        until = time.monotonic() + _END_SECONDS
        while orphans := alive(self.mark):
            require(time.monotonic() < until, f"processes went on without it: {orphans}")
            time.sleep(_POLL_SECONDS)
        said = self.said.read_text("utf-8", "replace")
        self.said.unlink()
        return self.process.returncode, said


def alive(mark: str) -> list[int]:
    """Return the processes that were started with a mark and have not ended."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                if wanted in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:  # the process ended meanwhile
        return ""


def empty(folder: Path) -> None:
    """Remove what is in a folder, which may be the top of a disk."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
