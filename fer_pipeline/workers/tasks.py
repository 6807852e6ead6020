"""What a task is, who does it, and what became of it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from fer_pipeline.errors import FerError, WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[int], None]
"""Called with the number of frames done since the last call."""

PROBE = "fer probe tells about the file"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does tasks.

    Attributes:
        workers: Processes of this machine.
        timeout: Seconds that a task may take; None for no end.
        scheduler: Address of a Dask scheduler, whose workers do them instead; None for none.
        silence: Seconds for which a task may report nothing before it is taken to hang. The
            slowest of what goes without a report is the opening of a very large video on a slow
            disk, which takes minutes.
    """

    workers: int = 1
    timeout: float | None = None
    scheduler: str | None = None
    silence: float = 1800.0

    @property
    def cores_here(self) -> int:
        """Cores of this machine for tasks."""
        return 0 if self.scheduler else self.workers


@dataclass(frozen=True, slots=True)
class Footing(Generic[Task]):
    """Where this machine and one that does a task must see the same.

    Attributes:
        reads: The files that a task reads.
        leaves: The files, or folders, that it leaves.
        libraries: Packages that must have the same version, beside those that every task needs.
    """

    reads: Callable[[Task], Sequence[Path]]
    leaves: Callable[[Task], Sequence[Path]]
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """What became of a task: a result, or the reason why there is none."""

    task: Task
    result: Result | None = None
    error: FerError | None = None


class StoppedError(Exception):
    """Raised inside a task whose run was given up."""


# In a process that was given fewer cores than the machine has.
_share: int | None = None


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return allowed if _share is None else min(allowed, _share)


def share_cores(cores: int) -> None:
    """Let this process use no more than some cores: others beside it use the rest."""
    global _share  # noqa: PLW0603 - it is a property of the process
    _share = cores


def attempt(
    function: Callable[[Task, Progress], Result], task: Task, progress: Progress
) -> Outcome[Task, Result]:
    """Run a task; an error becomes its outcome."""
    try:
        return Outcome(task, result=function(task, progress))
    except FerError as error:
        return Outcome(task, error=error)
    except StoppedError:
        return Outcome(task, error=WorkerError("stopped"))
    except MemoryError:
        return Outcome(task, error=WorkerError("needs more memory than there is", PROBE))
    except Exception as error:  # noqa: BLE001
        # One video must never cost the others; the trace is there for whoever asks for it.
        unexpected = FerError(f"unexpected error: {error!r}", "please report it, with -vv")
        unexpected.add_note(traceback.format_exc())
        return Outcome(task, error=unexpected)
