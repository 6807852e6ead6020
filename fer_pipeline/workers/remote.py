"""What a worker of a Dask cluster does with a task: it runs it in a process beside itself.

So a task that crashes or takes too long costs that process and not the worker, one that is given up
ends at once, and the threads of a worker are no more than the number of tasks it takes at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Generic

from fer_pipeline.errors import ClusterError
from fer_pipeline.files import FileState, reason
from fer_pipeline.provenance import versions
from fer_pipeline.workers.kept import kept_processes
from fer_pipeline.workers.limits import GRACE_SECONDS, MOST_MEMORY
from fer_pipeline.workers.processes import ProcessSetup, run_in_processes
from fer_pipeline.workers.tasks import PROBE, Crew, Outcome, Progress, Result, Task, available_cores

PROGRESS = "fer-progress"
"""Topic of the events that tell how far tasks are."""

# The scheduler passes each of them on, and has enough to do with a thousand workers.
_REPORT_SECONDS = 1.0

# A folder of the network may show a new file only after a moment.
_MARKER_SECONDS = 5.0

_REMEDY = f"{PROBE}; the logs of the cluster's workers tell more"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run asks of every worker of a cluster.

    Attributes:
        run: 16 hexadecimal digits that no other run has.
        folder: Where relative paths begin.
        markers: Files that hold ``run``, one in each folder that is written to.
        inputs: Some of the files that are read.
        versions: Of packages, by name.
    """

    run: str
    folder: Path
    markers: tuple[Path, ...]
    inputs: tuple[Path, ...]
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Assignment(Generic[Task, Result]):
    """A task for a worker of a cluster, complete with all that it needs.

    Attributes:
        function: What is done.
        task: With what.
        timeout: Seconds that it may take.
        silence: Seconds for which it may report nothing.
        apart: Given for tasks that keep what they have so far: what to do about one that dies.
        leaves: The files, or folders, that it leaves.
        number: Tells it from the others of the run.
        terms: Of the run.
    """

    function: Callable[[Task, Progress], Result]
    task: Task
    timeout: float | None
    silence: float
    apart: str | None
    leaves: tuple[Path, ...]
    number: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Report(Generic[Task, Result]):
    """What came of a task on a cluster.

    Attributes:
        outcome: What became of it.
        frames: How many it has counted.
        left: The state of each file that it left.
        worker: Address of the worker.
    """

    outcome: Outcome[Task, Result]
    frames: int
    left: tuple[FileState, ...]
    worker: str


@lru_cache(maxsize=8)
def objection(terms: Terms) -> tuple[str, str] | None:
    """Return what keeps this machine from doing what it shall, and what to do about it."""
    found = comparable(versions())
    for package, number in terms.versions:
        if found.get(package) != number:
            has = f"{package} {found[package]}" if package in found else f"no {package}"
            same = "install the same versions on all machines"
            return f"has {has}, and the machine of this command {number}", same
    for marker in terms.markers:
        if wrong := _no_common_folder(marker, terms.run):
            same = "let outputs lie where all machines see and may write the same files"
            return f"{wrong} {marker.parent}", same
    for path in terms.inputs:
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            same = "let inputs and models lie where all machines see them by the same path"
            return f"cannot read {path} ({reason(error)})", same
    return None


def comparable(found: dict[str, str]) -> dict[str, str]:
    """Return versions as far as they matter: bug fixes of Python itself change no result."""
    return found | {"python": found["python"].rpartition(".")[0]}


def _no_common_folder(marker: Path, run: str) -> str | None:
    """Return in which way the folder of a marker is not the same here, if it is not."""
    end = time.monotonic() + _MARKER_SECONDS
    while not _holds(marker, run):
        if time.monotonic() > end:
            return "does not see what this command wrote to"
        time.sleep(0.2)
        look_again(marker.parent)
    return None if os.access(marker.parent, os.W_OK) else "may not write to"


def look_again(folder: Path) -> None:
    """Make a network drive ask for what is in a folder now."""
    with suppress(OSError), os.scandir(folder) as entries:
        next(entries, None)


def _holds(marker: Path, run: str) -> bool:
    try:
        return marker.read_text("utf-8") == run
    except (OSError, ValueError):
        return False


def carry_out(assignment: Assignment[Task, Result]) -> Report[Task, Result]:
    """Do a task, in a thread of a worker.

    Raises:
        ClusterError: This machine does not see the same as that of the run.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    if wrong := objection(assignment.terms):
        raise ClusterError(f"worker {worker.address}: {wrong[0]}", wrong[1])
    following = _Following(worker, assignment)
    # Dask starts its workers as daemons, which may have no children unless this is so.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    outcomes = run_in_processes(
        assignment.function,
        [assignment.task],
        Crew(timeout=assignment.timeout),
        following.progress,
        _setup(assignment, worker.state.nthreads),
        assignment.apart or _REMEDY,
        partial(kept_processes, assignment.terms.run) if assignment.apart is None else None,
    )
    try:
        with closing(outcomes):
            (outcome,) = outcomes
    except _GivenUpError:
        raise Reschedule from None  # nobody waits for it, or another worker does it
    done = outcome.error is None
    left = tuple(FileState.of(path) for path in assignment.leaves) if done else ()
    return Report(outcome, following.frames, left, worker.address)


def _setup(assignment: Assignment[Task, Result], threads: int) -> ProcessSetup:
    """Return how the process of a task is set up."""
    apart = assignment.apart is not None
    return ProcessSetup(
        grace=0 if apart else GRACE_SECONDS,
        once=apart,
        folder=assignment.terms.folder,
        cores=max(1, available_cores() // threads),
        silence=None if apart else assignment.silence,
        memory=None if apart else MOST_MEMORY,
    )


class _GivenUpError(Exception):
    """Nobody waits for the task any more."""


class _Following:
    """Tells the run how far a task is, and the task when it was given up.

    Attributes:
        frames: How many were counted.
    """

    def __init__(self, worker: Any, assignment: Assignment[Any, Any]) -> None:
        self._worker = worker
        self._task = worker.get_current_task()
        self._name = (assignment.terms.run, assignment.number)
        self._told = time.monotonic()
        self.frames = 0

    def progress(self, count: int) -> None:
        """Count frames; called many times a second, also when there are none."""
        from distributed.core import Status

        task = self._worker.state.tasks.get(self._task)
        ending = self._worker.status in (Status.closing, Status.closed, Status.failed)
        if ending or task is None or task.state == "cancelled":
            raise _GivenUpError
        self.frames += count
        now = time.monotonic()
        if count and now - self._told >= _REPORT_SECONDS:
            self._told = now
            self._worker.log_event(PROGRESS, [*self._name, self.frames])
