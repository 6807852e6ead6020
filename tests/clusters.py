"""Real Dask clusters on this machine: schedulers and workers as users start them, and jobs.

Workers import this module for every job, so it imports little.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fer_pipeline.errors import VideoError
from fer_pipeline.files import replacing
from fer_pipeline.workers import Progress

ROOT = Path(__file__).parent.parent

_PATIENCE_SECONDS = 120.0


@dataclass
class Cluster:
    """A scheduler, and the workers that were started for it."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    def add_worker(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker; it takes tasks when it has told so in its log."""
        log = self.folder / f"worker{len(self.workers)}.log"
        words = ("worker", self.address, "--no-dashboard", "--local-directory", str(self.folder))
        worker = _dask(log, *words, *options, environment=environment)
        self.workers.append(worker)
        wait_until(lambda: "Registered to" in log.read_text(), f"a worker, see {log}")
        return worker

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            process.wait(_PATIENCE_SECONDS)


@contextmanager
def running_cluster(folder: Path, *options: str) -> Iterator[Cluster]:
    """Run a scheduler and one worker, whose options are given."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    cluster = Cluster(
        folder, _dask(folder / "scheduler.log", *words, "--scheduler-file", str(file))
    )
    try:
        wait_until(file.exists, f"a scheduler, see {folder}")
        cluster.add_worker(*options)
        yield cluster
    finally:
        cluster.stop()


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Wait for something that processes do, however busy the machine is."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def _dask(
    log: Path, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *words]
    # Workers import what tests give them to do from here.
    with log.open("wb") as lines:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environment or {}),
            stdout=lines,
            stderr=subprocess.STDOUT,
        )


@dataclass(frozen=True)
class Job:
    """What a task is to do, and the file that it leaves."""

    what: str
    leaves: Path

    @property
    def log(self) -> Path:
        """Where it writes its process and that of the worker, a line for each attempt."""
        return self.leaves.with_suffix(".log")

    def processes(self) -> list[list[int]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [[int(number) for number in line.split()] for line in lines]


def do(job: Job, progress: Progress) -> str:
    """Do a job; workers find this function by its name."""
    with job.log.open("a") as log:
        log.write(f"{os.getpid()} {os.getppid()}\n")
    attempts = len(job.processes())
    for _ in range(10):
        progress(1)
    if job.what == "refuse":
        raise VideoError("a.mp4: not a video")
    if job.what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    with replacing(job.leaves) as unfinished:
        unfinished.write_text(unfinished.name)
        if job.what == "hang" or (job.what == "hang once" and attempts == 1):
            threading.Event().wait()
    return f"{job.what} done"
