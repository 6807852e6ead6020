"""Which way tasks are run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing

from fer_pipeline.files import remove_attempts
from fer_pipeline.workers.limits import MOST_MEMORY
from fer_pipeline.workers.processes import ProcessSetup, run_in_processes
from fer_pipeline.workers.tasks import Crew, Footing, Outcome, Progress, Result, Task, attempt


def run_tasks(
    function: Callable[[Task, Progress], Result],
    tasks: Sequence[Task],
    crew: Crew,
    progress: Progress,
    footing: Footing[Task] | None = None,
    *,
    apart: str | None = None,
) -> Generator[Outcome[Task, Result], None, None]:
    """Run ``function(task, progress)`` for every task.

    One failing task never stops the others. A worker that dies costs only its task, which is tried
    once more by itself.

    Args:
        function: A function of a module, so that workers find it.
        tasks: Its arguments; they must be picklable.
        crew: Who does them. A single task without a time limit is done in this process, which
            saves the start of another; nothing else ends one that hangs, or survives one that
            crashes.
        progress: Called in this process.
        footing: What they read and leave; a cluster needs it.
        apart: Given if every task shall have a process of its own, which is ended at once when the
            run is given up and has no limits of silence and memory: what to do about one that dies.

    Yields:
        Outcomes in the order in which they come.

    Raises:
        ClusterError: The cluster cannot be used, or was lost.
    """
    with ExitStack() as stack:
        if footing is not None:
            left = [path for task in tasks for path in footing.leaves(task)]
            remove_attempts(left)  # of workers of a cluster that were killed
            if crew.scheduler is not None:
                stack.callback(remove_attempts, left)
        if crew.scheduler is not None:
            from fer_pipeline.workers.cluster import run_on_cluster

            assert footing is not None
            outcomes = run_on_cluster(function, tasks, crew, progress, footing, apart)
        elif len(tasks) <= 1 and crew.timeout is None and apart is None:
            outcomes = (attempt(function, task, progress) for task in tasks)
        else:
            if apart is None:
                setup = ProcessSetup(silence=crew.silence, memory=MOST_MEMORY)
            else:
                setup = ProcessSetup(grace=0, once=True)
            outcomes = run_in_processes(function, tasks, crew, progress, setup, apart)
        yield from stack.enter_context(closing(outcomes))
