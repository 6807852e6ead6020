"""Tasks run one after the other in this process, or side by side in several.

Written against `concurrent.futures`. Workers are started afresh (spawned), so that the same holds
on every system; they end with the process that started them, however that ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fer_pipeline.errors import FerError, WorkerError

log = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[int], None]
"""Called with the number of frames done since the last call."""

_POLL_SECONDS = 0.1

# How long after its time a task may take to end by itself.
_GRACE_SECONDS = 5.0

# So that tasks which report faster than this process reads do not keep it from all else.
_MOST_DRAINED = 1000

_REMEDY = "fer probe tells about the file; fewer --workers need less memory"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """What became of a task: a result, or the reason why there is none."""

    task: Task
    result: Result | None = None
    error: FerError | None = None


class _StoppedError(Exception):
    """Raised inside a task whose run was given up."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task, Progress], Result],
    tasks: Sequence[Task],
    workers: int,
    progress: Progress,
    timeout: float | None = None,
    *,
    apart: str | None = None,
) -> Generator[Outcome[Task, Result], None, None]:
    """Run ``function(task, progress)`` for every task.

    One failing task never stops the others. A worker that dies costs only its task, which is tried
    once more by itself.

    Args:
        function: A function of a module, so that workers find it.
        tasks: Its arguments; they must be picklable if there are several workers.
        workers: Processes; with one, or a single task, all is done in this process.
        progress: Called in this process.
        timeout: Seconds that a task may take. With it, tasks always run in processes, because
            nothing else ends one that hangs.
        apart: Given if every task shall have a process of its own, which is ended at once when the
            run is given up: what to do about one that dies.

    Yields:
        Outcomes in the order in which they come.
    """
    if min(workers, len(tasks)) <= 1 and timeout is None and apart is None:
        for task in tasks:
            yield _attempt(function, task, progress)
        return
    remaining = list(tasks)
    while remaining:
        pool = _Pool(function, remaining, workers, progress, timeout, apart)
        yield from pool.outcomes()
        remaining = pool.not_started
        for task in pool.suspects:
            yield from _once_more(function, task, progress, timeout, apart)


def _once_more(
    function: Callable[[Task, Progress], Result],
    task: Task,
    progress: Progress,
    timeout: float | None,
    apart: str | None,
) -> Iterator[Outcome[Task, Result]]:
    """Run a task, whose worker may have died of it, in a process of its own."""
    log.info("a worker died; trying %s again by itself", task)
    pool = _Pool(function, [task], 1, progress, timeout, apart)
    yield from pool.outcomes()
    if pool.suspects:
        what = "a crash, or out of memory" if timeout is None else "a crash, a hang, or no memory"
        died = WorkerError(f"its worker process died, alone too ({what})", apart or _REMEDY)
        yield Outcome(task, error=died)


def _attempt(
    function: Callable[[Task, Progress], Result], task: Task, progress: Progress
) -> Outcome[Task, Result]:
    try:
        return Outcome(task, result=function(task, progress))
    except FerError as error:
        return Outcome(task, error=error)
    except _StoppedError:
        return Outcome(task, error=WorkerError("stopped"))
    except Exception as error:  # noqa: BLE001
        # One video must never cost the others; the trace is there for whoever asks for it.
        unexpected = FerError(f"unexpected error: {error!r}", "please report it, with -vv")
        unexpected.add_note(traceback.format_exc())
        return Outcome(task, error=unexpected)


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
        workers: int,
        progress: Progress,
        timeout: float | None,
        apart: str | None,
    ) -> None:
        self._timeout = timeout
        self._apart = apart is not None
        self._function = function
        self._tasks = tasks
        self._workers = min(workers, len(tasks))
        self._progress = progress
        self.suspects: list[Task] = []
        self.not_started: list[Task] = []

    def outcomes(self) -> Iterator[Outcome[Task, Result]]:
        """Yield outcomes as they come, until all are there or the pool broke."""
        with _executor(self._workers, apart=self._apart) as (executor, frames):
            with _children_deaf_to_interrupts():
                pending: dict[Future[Outcome[Task, Result]], Task] = {
                    executor.submit(_work, self._function, task, self._timeout): task
                    for task in self._tasks
                }
            started: set[Future[Outcome[Task, Result]]] = set()
            while pending:
                started.update(future for future in pending if future.running())
                done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                _drain(frames, self._progress)
                for future in done:
                    task = pending.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        (self.suspects if future in started else self.not_started).append(task)
            while not frames.empty():
                _drain(frames, self._progress)
        if not self.suspects:  # it died before anything was seen to run
            self.suspects, self.not_started = self.not_started, []


@contextmanager
def _executor(workers: int, *, apart: bool) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    context = multiprocessing.get_context("spawn")
    # Simple: what a task reports is in it before its result is.
    frames, stop = context.SimpleQueue(), context.Event()
    # Its closing ends workers; an event would wait for those that ended while they waited for it.
    end, lifeline = context.Pipe(duplex=False) if apart else (None, None)
    tasks_each = 1 if apart else None
    executor = ProcessPoolExecutor(
        workers, context, _start_worker, (frames, stop, end), max_tasks_per_child=tasks_each
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


@contextmanager
def _children_deaf_to_interrupts() -> Iterator[None]:
    """Hold back Ctrl-C, which also goes to children: while they load they answer with a traceback.

    Processes started meanwhile inherit the mask for good; this one hears what it held back
    afterwards. Windows has nothing of the kind.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held_back: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Threads of other libraries do not know of the mask and may take the signal.
    handler = signal.signal(signal.SIGINT, lambda number, _: held_back.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if held_back:
        signal.raise_signal(signal.SIGINT)


def _drain(frames: Any, progress: Progress) -> None:
    total = 0
    for _ in range(_MOST_DRAINED):
        if frames.empty():
            break
        total += frames.get()
    progress(total)


# Set once in each worker process.
_worker_progress: Progress | None = None


def _start_worker(frames: Any, stop: Any, end: Any) -> None:
    """Prepare a worker: one thread each, deaf to Ctrl-C, and gone when its parent is."""
    import cv2

    global _worker_progress  # noqa: PLW0603 - a process pool offers its workers no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if end is not None:  # what it does may take minutes between two reports
        threading.Thread(target=_end_when_closed, args=[end], daemon=True).start()

    def report(count: int) -> None:
        if stop.is_set():
            raise _StoppedError
        frames.put(count)

    _worker_progress = report


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end_when_closed(end: Any) -> None:
    with suppress(OSError):  # Windows calls it broken
        end.poll(None)
    os._exit(1)


def _work(
    function: Callable[[Task, Progress], Result], task: Task, timeout: float | None
) -> Outcome[Task, Result]:
    assert _worker_progress is not None
    if timeout is None:
        return _attempt(function, task, _worker_progress)
    with _watchdog(timeout + min(timeout, _GRACE_SECONDS)):
        return _attempt(function, task, _limited(_worker_progress, timeout))


def _limited(progress: Progress, timeout: float) -> Progress:
    """Let a task fail of itself when its time is up: it clears up behind it."""
    end = time.monotonic() + timeout

    def report(count: int) -> None:
        if time.monotonic() > end:
            raise WorkerError(f"took longer than {timeout:g} s", "give a longer --timeout")
        progress(count)

    return report


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """End this process when a task hangs where no frame is counted, as in a decoder."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
