"""Processes that a worker of a cluster keeps from one task of a run to the next.

Starting one takes as long as some seconds of video.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fer_pipeline.workers.processes import ProcessSetup, new_processes

# How long one waits for another task, which comes at once while a run lasts.
_IDLE_SECONDS = 5.0

_Key = tuple[str, int, ProcessSetup]


@dataclass(frozen=True, eq=False)
class _Kept:
    """Processes that were started, and what ends them."""

    executor: ProcessPoolExecutor
    frames: Any
    end: ExitStack


_idle: dict[_Key, list[_Kept]] = {}
_lock = threading.Lock()


@contextmanager
def kept_processes(
    run: str, workers: int, setup: ProcessSetup
) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Give processes that an earlier task of a run has left, or new ones.

    A file may be written twice at a time, if a worker that was thought to be dead lives on; so
    unfinished ones have names of their own in each.

    Args:
        run: Whose.
        workers: How many.
        setup: How they are set up.
    """
    key = (run, workers, setup)
    kept = _taken(key) or _new(workers, setup)
    with ExitStack() as stack:
        stack.enter_context(kept.end)
        yield kept.executor, kept.frames
        try:
            kept.executor.submit(int)
        except BrokenProcessPool:
            return
        stack.pop_all()  # nothing went wrong: they are kept
        _keep(key, kept)


def _new(workers: int, setup: ProcessSetup) -> _Kept:
    end = ExitStack()
    named = replace(setup, attempt=uuid.uuid4().hex[:16])
    executor, frames = end.enter_context(new_processes(workers, named))
    return _Kept(executor, frames, end)


def _taken(key: _Key) -> _Kept | None:
    with _lock:
        waiting = _idle.get(key)
        return waiting.pop() if waiting else None


def _keep(key: _Key, kept: _Kept) -> None:
    with _lock:
        _idle.setdefault(key, []).append(kept)
    timer = threading.Timer(_IDLE_SECONDS, _end_if_idle, (key, kept))
    timer.daemon = True
    timer.start()


def _end_if_idle(key: _Key, kept: _Kept) -> None:
    """End processes that nobody has taken since; those that were have another timer."""
    with _lock:
        waiting = _idle.get(key, [])
        if kept not in waiting:
            return
        waiting.remove(kept)
        if not waiting:
            del _idle[key]
    kept.end.close()
