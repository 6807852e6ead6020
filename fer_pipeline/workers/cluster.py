"""Tasks on the machines of a Dask cluster.

This process hands them over, and takes up what comes of them; the files that they leave are on a
file system which all machines share. Nothing is asked of the cluster but that its workers see the
same files and have the same packages.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Generic

from fer_pipeline.errors import ClusterError, FerError, WorkerError
from fer_pipeline.files import UNFINISHED_SUFFIX, FileState, reason, remove_if_empty, writing
from fer_pipeline.provenance import versions
from fer_pipeline.workers.remote import (
    PROGRESS,
    Assignment,
    Report,
    Terms,
    carry_out,
    comparable,
    look_again,
    objection,
)
from fer_pipeline.workers.tasks import PROBE, Crew, Footing, Outcome, Progress, Result, Task

log = logging.getLogger(__name__)

_INSTALL = 'pip install "fer-pipeline[cluster]"'

_CONNECT_SECONDS = 10.0
_POLL_SECONDS = 0.1

# Tasks that the scheduler knows of: enough for it to see that more workers are needed.
_TASKS_AHEAD = 1000

# How long a file that a worker wrote may take to be seen here; NFS looks again after a minute.
_SEEN_SECONDS = 90.0

# Folders that are looked at before anything is begun; inputs are looked at in their task, too.
_FOLDERS = 20

# What decides about the content of faces and rows.
_LIBRARIES = (
    "fer-pipeline",
    "python",
    "numpy",
    "opencv-python",
    "av",
    "h5py",
    "ai-edge-litert",
)


def run_on_cluster(
    function: Callable[[Task, Progress], Result],
    tasks: Sequence[Task],
    crew: Crew,
    progress: Progress,
    footing: Footing[Task],
    apart: str | None = None,
) -> Generator[Outcome[Task, Result], None, None]:
    """Run ``function(task, progress)`` for every task, on the workers of a cluster.

    A worker that dies costs its tasks another attempt elsewhere.

    Args:
        function: A function of a module, so that workers find it.
        tasks: Its arguments; they must be picklable.
        crew: Tells the scheduler, and how long a task may take.
        progress: Called in this process.
        footing: What the tasks read and leave.
        apart: Given for tasks that keep what they have so far: what to do about one that dies.

    Yields:
        Outcomes in the order in which they come.

    Raises:
        ClusterError: The cluster cannot be reached, was lost, or does not see the same files.
    """
    if not tasks:
        return
    assert crew.scheduler is not None
    with _client(crew.scheduler) as client, _common_ground(tasks, footing) as terms:
        _refuse_strangers(client, crew.scheduler, terms)
        run: _Run[Task, Result] = _Run(client, crew.scheduler, terms, progress)

        def assignment(number: int, task: Task) -> Assignment[Task, Result]:
            leaves = tuple(_absolute(path) for path in footing.leaves(task))
            limits = crew.timeout, crew.silence
            return Assignment(function, task, *limits, apart, leaves, number, terms)

        yield from run.outcomes(assignment(number, task) for number, task in enumerate(tasks))


def _absolute(path: Path) -> Path:
    return Path.cwd() / path


# The cluster


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        problem = f"--scheduler: needs Dask, which is not installed ({error.name})"
        raise ClusterError(problem, _INSTALL) from error
    if not log.isEnabledFor(logging.INFO):  # what matters of it is told in our words
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    _require_certificate(address)
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False, name="fer")
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ClusterError(
            f"{address}: no Dask scheduler answers ({_first_line(error)})",
            "check the address, which dask scheduler prints, and that it can be reached from here",
        ) from error
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=_CONNECT_SECONDS)


def _require_certificate(address: str) -> None:
    """Make sure that a certificate can be shown where one is asked for: Dask says it with a trace.

    Raises:
        ClusterError: There is none in Dask's settings.
    """
    from dask import config
    from distributed import Security

    if not address.startswith("tls://") or config.get("distributed.client.security-loader"):
        return
    try:
        shown = Security().get_connection_args("client").get("ssl_context")
    except OSError as error:
        raise ClusterError(
            f"{address}: its certificate cannot be read ({reason(error)})",
            "Dask's settings distributed.comm.tls name the files",
        ) from error
    if shown is None:
        raise ClusterError(
            f"{address}: asks for a certificate, and there is none",
            "name its files in Dask's settings distributed.comm.tls",
        )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refuse_strangers(client: Any, address: str, terms: Terms) -> None:
    """Make sure that every worker sees the same files and has the same packages.

    Raises:
        ClusterError: One does not.
    """
    wrong = []
    try:
        answers = client.run(objection, terms, on_error="return")
    except OSError as error:
        raise _lost(address) from error
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, OSError):  # it left meanwhile
            continue
        if isinstance(answer, Exception):
            lacks = f"cannot take part ({_first_line(answer)})"
            wrong.append((worker, lacks, "install the same fer-pipeline on all machines"))
        elif answer is not None:
            wrong.append((worker, *answer))
    if wrong:
        worker, problem, remedy = wrong[0]
        others = f" (and {len(wrong) - 1} more like it)" if wrong[1:] else ""
        raise ClusterError(f"worker {worker}{others}: {problem}", remedy)
    if not answers:
        log.warning("%s has no workers yet; the tasks wait for them", address)


def _lost(address: str) -> ClusterError:
    return ClusterError(
        f"{address}: the scheduler was lost",
        "what was finished is kept; the same command goes on when it is there again",
    )


@contextmanager
def _common_ground(tasks: Sequence[Task], footing: Footing[Task]) -> Iterator[Terms]:
    """Put a marker into every folder that is written to, and say what each worker must see."""
    run = uuid.uuid4().hex[:16]
    leaves = _one_of_each_folder(path for task in tasks for path in footing.leaves(task))
    # Such names are cleared up by the next run if this one is killed.
    markers = [path.with_name(f"{path.name}.{run}{UNFINISHED_SUFFIX}") for path in leaves]
    here = comparable(versions())
    libraries = [name for name in (*_LIBRARIES, *footing.libraries) if name in here]
    made = [marker.parent for marker in markers if not marker.parent.exists()]
    try:
        for marker in markers:
            with writing(marker.parent):
                marker.parent.mkdir(parents=True, exist_ok=True)
                marker.write_text(run, "utf-8")
        yield Terms(
            run=run,
            folder=Path.cwd(),
            markers=tuple(markers),
            inputs=tuple(_one_of_each_folder(path for one in tasks for path in footing.reads(one))),
            versions=tuple((name, here[name]) for name in libraries),
        )
    finally:
        for marker in markers:
            with suppress(OSError):
                marker.unlink()
        for folder in made:
            remove_if_empty(folder)


def _one_of_each_folder(paths: Iterator[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        place = _absolute(path)
        found.setdefault(place.parent, place)
        if len(found) == _FOLDERS:
            break
    return list(found.values())


# The tasks


class _Run(Generic[Task, Result]):
    """Tasks under way on a cluster."""

    def __init__(self, client: Any, address: str, terms: Terms, progress: Progress) -> None:
        self._client = client
        self._address = address
        self._terms = terms
        self._progress = progress
        # Filled by the thread that listens to the scheduler, emptied by this one.
        self._events: deque[tuple[int, int]] = deque()
        self._counted: dict[int, int] = {}

    def outcomes(
        self, assignments: Iterator[Assignment[Task, Result]]
    ) -> Iterator[Outcome[Task, Result]]:
        """Yield outcomes as they come; when it is given up, nothing is left under way."""
        self._client.subscribe_topic(PROGRESS, self._hear)
        executor = self._client.get_executor(pure=False)
        most = max(_TASKS_AHEAD, 2 * sum(self._client.nthreads().values()))
        pending: dict[Future[Report[Task, Result]], Assignment[Task, Result]] = {}
        try:
            while True:
                for assignment in islice(assignments, most - len(pending)):
                    pending[self._submit(executor, assignment)] = assignment
                if not pending:
                    break
                done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                self._tell_progress()
                for future in done:
                    yield self._outcome(future, pending.pop(future))
        finally:
            with suppress(Exception):  # the scheduler may be what was lost
                executor.shutdown(wait=False)

    def _submit(
        self, executor: Any, assignment: Assignment[Task, Result]
    ) -> Future[Report[Task, Result]]:
        name = f"{assignment.function.__name__}-{self._terms.run}-{assignment.number}"
        try:
            done: Future[Report[Task, Result]] = executor.submit(carry_out, assignment, key=name)
        except Exception as error:
            raise _lost(self._address) from error
        return done

    def _outcome(
        self, future: Future[Report[Task, Result]], assignment: Assignment[Task, Result]
    ) -> Outcome[Task, Result]:
        from distributed import KilledWorker

        if future.cancelled():
            raise _lost(self._address)
        try:
            report = future.result()
        except ClusterError:
            raise
        except KilledWorker as error:
            died = WorkerError(
                f"its worker died, on {error.allowed_failures + 1} workers of the cluster one "
                "after the other",
                assignment.apart or f"{PROBE}; the scheduler's log tells which workers",
            )
            return Outcome(assignment.task, error=died)
        except Exception as error:  # noqa: BLE001 - one video must never cost the others
            unexpected = FerError(f"unexpected error: {error!r}", "please report it, with -vv")
            return Outcome(assignment.task, error=unexpected)
        self._count(assignment.number, report.frames)
        for path, state in zip(assignment.leaves, report.left, strict=False):
            _wait_until_seen(path, state, report.worker)
        return report.outcome

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take note of how far a task is, in the thread that listens."""
        run, number, frames = event[1]
        if run == self._terms.run:
            self._events.append((number, frames))

    def _tell_progress(self) -> None:
        while self._events:
            self._count(*self._events.popleft())

    def _count(self, number: int, frames: int) -> None:
        before = self._counted.get(number, 0)
        if frames > before:
            self._counted[number] = frames
            self._progress(frames - before)


def _wait_until_seen(path: Path, state: FileState, worker: str) -> None:
    """Wait until a file is here as a worker left it.

    Raises:
        ClusterError: It does not come.
    """
    end = time.monotonic() + _SEEN_SECONDS
    while not _is_as(path, state):
        if time.monotonic() > end:
            raise ClusterError(
                f"{path}: worker {worker} has written it, but here it does not appear",
                "let outputs lie where all machines see the same files",
            )
        time.sleep(0.2)
        look_again(path.parent)


def _is_as(path: Path, state: FileState) -> bool:
    try:
        return FileState.of(path) == state
    except OSError:
        return False
