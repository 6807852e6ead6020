"""What a task may take in a worker process: time, time without a report, and memory.

A task that reports is told that its time is up and clears up behind it. One that hangs where it
reports nothing, as in a decoder, is ended with its process.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from fer_pipeline.errors import WorkerError
from fer_pipeline.workers.tasks import Progress

GRACE_SECONDS = 5.0
"""How long after its time a task may take to end by itself."""

MOST_MEMORY = 8 << 30
"""Bytes that a worker process may fill, where the system keeps to it; Linux does."""

# Setting it again starts a thread.
_HEARD_SECONDS = 1.0


def limit_memory(most: int) -> None:
    """Let this process have no more than so many bytes: what asks for more fails, not the machine.

    Pages of files and of other processes do not count.
    """
    if sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    lowest = min(limit for limit in (soft, hard, most) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))


@contextmanager
def watched(
    progress: Progress, timeout: float | None, silence: float | None
) -> Generator[Progress, None, None]:
    """Watch over a task that reports to the function given.

    Args:
        progress: Where its reports go.
        timeout: Seconds that it may take; None for no end.
        silence: Seconds that it may report nothing; None for no end.

    Yields:
        What the task shall report to. It raises a `WorkerError` after ``timeout``; where nothing
        is reported then, or for ``silence``, the process ends.
    """
    if timeout is None and silence is None:
        yield progress
        return
    with _dead_mans_switch() as set_off_after:
        yield _Limited(progress, timeout, silence, set_off_after).report


class _Limited:
    """Passes reports on, and knows when the next is due."""

    def __init__(
        self,
        progress: Progress,
        timeout: float | None,
        silence: float | None,
        set_off_after: Callable[[float], None],
    ) -> None:
        self._progress = progress
        self._timeout = timeout
        self._silence = silence
        self._set_off_after = set_off_after
        self._begun = self._heard = time.monotonic()
        self._expect_report()

    def report(self, count: int) -> None:
        """Pass a report on.

        Raises:
            WorkerError: The time is up.
        """
        now = time.monotonic()
        if self._timeout is not None and now > self._begun + self._timeout:
            raise WorkerError(f"took longer than {self._timeout:g} s", "give a longer --timeout")
        if self._silence is not None and now > self._heard + min(_HEARD_SECONDS, self._silence / 4):
            self._heard = now
            self._expect_report()
        self._progress(count)

    def _expect_report(self) -> None:
        limits = []
        if self._timeout is not None:
            end = self._begun + self._timeout + min(self._timeout, GRACE_SECONDS)
            limits.append(end - self._heard)
        if self._silence is not None:
            limits.append(self._silence)
        self._set_off_after(max(min(limits), 0.001))


@contextmanager
def _dead_mans_switch() -> Generator[Callable[[float], None], None, None]:
    """Give a function that ends this process after some seconds, unless it is called again.

    It does so even where native code holds Python's lock for good.
    """
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - it has no place in the file system

        def set_off_after(seconds: float) -> None:
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)

        try:
            yield set_off_after
        finally:
            faulthandler.cancel_dump_traceback_later()
