"""Tasks side by side in processes of this machine.

Workers are started afresh (spawned), so that the same holds on every system; they end with the
process that started them, however that ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Generic

from fer_pipeline.errors import WorkerError
from fer_pipeline.files import name_attempt, reason
from fer_pipeline.held_back import signals_held_back
from fer_pipeline.workers.limits import limit_memory, watched
from fer_pipeline.workers.tasks import (
    PROBE,
    Crew,
    Outcome,
    Progress,
    Result,
    StoppedError,
    Task,
    attempt,
    share_cores,
)

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1

# So that tasks which report faster than this process reads do not keep it from all else.
_MOST_DRAINED = 1000

# Windows waits for no more at a time.
_MOST_PROCESSES = 61 if sys.platform == "win32" else 1000

# Tasks handed over for each process: looking through all of many thousands would take longer than
# some tasks do.
_TASKS_AHEAD = 4

_REMEDY = f"{PROBE}; fewer --workers need less memory"


Processes = AbstractContextManager[tuple[ProcessPoolExecutor, Any]]
"""A pool, and the queue in which its processes count frames."""


@dataclass(frozen=True, slots=True)
class ProcessSetup:
    """How worker processes are set up.

    Attributes:
        grace: Seconds that a task has to clear up when the run is given up; None for as long as it
            takes to its next report.
        once: Whether every task has a process of its own.
        folder: Where relative paths begin; None for where they begin in this process.
        cores: How many each may use; None for all.
        attempt: Part of the names of unfinished files, where others may write the same; or nothing.
        silence: Seconds for which a task may report nothing; None for as long as it takes.
        memory: Bytes that each may fill; None for all that there are.
    """

    grace: float | None = None
    once: bool = False
    folder: Path | None = None
    cores: int | None = None
    attempt: str = ""
    silence: float | None = None
    memory: int | None = None


def run_in_processes(
    function: Callable[[Task, Progress], Result],
    tasks: Sequence[Task],
    crew: Crew,
    progress: Progress,
    setup: ProcessSetup,
    remedy: str | None = None,
    begin: Callable[[int, ProcessSetup], Processes] | None = None,
) -> Generator[Outcome[Task, Result], None, None]:
    """Run ``function(task, progress)`` for every task, in processes.

    Args:
        function: A function of a module, so that workers find it.
        tasks: Its arguments; they must be picklable.
        crew: How many processes, and how long a task may take.
        progress: Called in this process, many times a second; an error of it gives the run up.
        setup: How the processes are set up.
        remedy: What to do about a task that kills its process.
        begin: Gives a pool of some processes; None for a new one each time.

    Yields:
        Outcomes in the order in which they come.
    """

    def pool_for(some: Sequence[Task]) -> _Pool[Task, Result]:
        return _Pool(function, some, crew, progress, setup, begin or new_processes)

    remaining = list(tasks)
    while remaining:
        pool = pool_for(remaining)
        yield from pool.outcomes()
        remaining = pool.not_started
        for task in pool.suspects:
            yield from _once_more(pool_for([task]), task, remedy)


def _once_more(
    pool: _Pool[Task, Result], task: Task, remedy: str | None
) -> Iterator[Outcome[Task, Result]]:
    """Run a task, whose worker may have died of it, in a process of its own."""
    log.info("a worker died; trying %s again by itself", task)
    yield from pool.outcomes()
    if pool.suspects:
        what = "a crash, a hang, or no memory" if pool.watched else "a crash, or out of memory"
        died = WorkerError(f"its worker process died, alone too ({what})", remedy or _REMEDY)
        yield Outcome(task, error=died)


class _Pool(Generic[Task, Result]):
    """A process pool for some tasks, which breaks when one of its workers dies.

    Attributes:
        suspects: Tasks that were under way when the pool broke.
        not_started: Tasks that were still waiting then.
    """

    def __init__(
        self,
        function: Callable[[Task, Progress], Result],
        tasks: Sequence[Task],
        crew: Crew,
        progress: Progress,
        setup: ProcessSetup,
        begin: Callable[[int, ProcessSetup], Processes],
    ) -> None:
        self._limits = (crew.timeout, setup.silence)
        self._function = function
        self._waiting = iter(tasks)
        self._workers = min(crew.workers, len(tasks), _MOST_PROCESSES)
        # A pool that begins a process for every task does so when it is given the task.
        self._ahead = len(tasks) if setup.once else self._workers * _TASKS_AHEAD
        self._progress = progress
        self._begin = partial(begin, self._workers, setup)
        self.suspects: list[Task] = []
        self.not_started: list[Task] = []

    @property
    def watched(self) -> bool:
        """Whether tasks are ended that hang."""
        return self._limits != (None, None)

    def outcomes(self) -> Iterator[Outcome[Task, Result]]:
        """Yield outcomes as they come, until all are there or the pool broke."""
        pending: dict[Future[Outcome[Task, Result]], Task] = {}
        started: set[Future[Outcome[Task, Result]]] = set()
        broken = False
        with self._begin() as (executor, frames):
            while True:
                if not broken:
                    broken = not self._hand_over(executor, pending)
                if not pending:
                    break
                started.update(future for future in pending if future.running())
                done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                _drain(frames, self._progress)
                for future in done:
                    task = pending.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        broken = True
                        (self.suspects if future in started else self.not_started).append(task)
                    started.discard(future)
            while not frames.empty():
                _drain(frames, self._progress)
        if not self.suspects:  # it died before anything was seen to run
            self.suspects, self.not_started = self.not_started, []
        self.not_started += self._waiting

    def _hand_over(
        self, executor: ProcessPoolExecutor, pending: dict[Future[Outcome[Task, Result]], Task]
    ) -> bool:
        """Give tasks to the processes, as many as they need; return whether they take them."""
        tasks = list(islice(self._waiting, self._ahead - len(pending)))
        if not tasks:
            return True
        with _starting_children():
            for number, task in enumerate(tasks):
                try:
                    future = executor.submit(_work, self._function, task, self._limits)
                except BrokenProcessPool:
                    self.not_started += tasks[number:]
                    return False
                pending[future] = task
        return True


@contextmanager
def new_processes(workers: int, setup: ProcessSetup) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Start a pool, and the queue in which its processes count frames; end it afterwards."""
    context = multiprocessing.get_context("spawn")
    # Simple: what a task reports is in it before its result is.
    frames, stop = context.SimpleQueue(), context.Event()
    # Its closing ends workers; an event would wait for those that ended while they waited for it.
    end, lifeline = context.Pipe(duplex=False) if setup.grace is not None else (None, None)
    with _scratch(setup) as scratch:
        executor = ProcessPoolExecutor(
            workers,
            context,
            _start_worker,
            (frames, stop, end, setup, scratch),
            max_tasks_per_child=1 if setup.once else None,
        )
        try:
            yield executor, frames
        finally:
            stop.set()
            if lifeline is not None:
                lifeline.close()
            _drain(frames, lambda _: None)  # a worker may wait for room in it
            executor.shutdown(wait=True, cancel_futures=True)
            frames.close()


def _scratch(setup: ProcessSetup) -> AbstractContextManager[str | None]:
    """Return what gives a folder for the temporary files of processes that are ended at once.

    They have no time to remove theirs; others do that, and get None.

    Raises:
        WorkerError: The system has no room for it.
    """
    if setup.grace != 0:
        return nullcontext()
    try:
        return tempfile.TemporaryDirectory(prefix="fer-", ignore_cleanup_errors=True)
    except OSError as error:
        problem = f"no temporary folder can be made ({reason(error)})"
        raise WorkerError(problem, "make room, or name another folder in TMPDIR") from error


@contextmanager
def _starting_children() -> Iterator[None]:
    """Let no signal come between: a child that is not told all that it is to do says so at length.

    Ctrl-C also goes to children, and while they load they answer with a traceback. They inherit
    that it is blocked here, and keep it so. Windows has nothing of the kind.
    """
    with signals_held_back():
        main = threading.current_thread() is threading.main_thread()
        if not main or not hasattr(signal, "pthread_sigmask"):
            yield
            return
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _drain(frames: Any, progress: Progress) -> None:
    total = 0
    for _ in range(_MOST_DRAINED):
        if frames.empty():
            break
        total += frames.get()
    progress(total)


# Set once in each worker process.
_worker_progress: Progress | None = None


def _start_worker(
    frames: Any, stop: Any, end: Any, setup: ProcessSetup, scratch: str | None
) -> None:
    """Prepare a worker: one thread each, deaf to Ctrl-C, and gone when its parent is.

    Its temporary files go to ``scratch``, if that is given, which its parent removes.
    """
    import cv2

    global _worker_progress  # noqa: PLW0603 - a process pool offers its workers no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if end is not None:  # what it does may take minutes between two reports
        threading.Thread(target=_end_when_closed, args=[end, setup.grace], daemon=True).start()
    if scratch is not None:
        tempfile.tempdir = os.environ["TMPDIR"] = scratch
    if setup.folder is not None:
        with suppress(OSError):  # it need not exist where all paths are absolute
            os.chdir(setup.folder)
    if setup.cores is not None:
        share_cores(setup.cores)
    if setup.memory is not None:
        limit_memory(setup.memory)
    name_attempt(setup.attempt)

    def report(count: int) -> None:
        if stop.is_set():
            raise StoppedError
        frames.put(count)

    _worker_progress = report


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end_when_closed(end: Any, grace: float) -> None:
    with suppress(OSError):  # Windows calls it broken
        end.poll(None)
    time.sleep(grace)
    os._exit(1)


def _work(
    function: Callable[[Task, Progress], Result],
    task: Task,
    limits: tuple[float | None, float | None],
) -> Outcome[Task, Result]:
    assert _worker_progress is not None
    with watched(_worker_progress, *limits) as progress:
        return attempt(function, task, progress)
