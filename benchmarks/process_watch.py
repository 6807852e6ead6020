"""A command while it runs: its memory and open files, those of its workers, and how far it is.

Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")

_SECONDS_TO_END = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A command and all processes that it has started, at one time.

    Attributes:
        at: Seconds since its start.
        done: What the observer counts.
        processes: How many there are.
        main: Resident memory of the first process, MiB.
        worker: That of the largest other process, MiB.
        all: That of all together, MiB; pages that they share count for each.
        own: Of this, what is no mapped file, MiB: the system cannot take it back.
        files: Open files of the first process.
        worker_files: Those of the process with most of them among the others.
    """

    at: float
    done: int
    processes: int
    main: float
    worker: float
    all: float
    own: float
    files: int
    worker_files: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a command.

    Attributes:
        status: Its exit status, negative if a signal ended it.
        seconds: How long it ran.
        processor: Seconds of processor time, its own and that of processes it has waited for.
        moments: In the order of time.
        said: The end of what it printed.
    """

    status: int
    seconds: float
    processor: float
    moments: tuple[Moment, ...]
    said: str

    def most(self, name: str) -> float:
        """Return the most that was seen of a figure of `Moment`."""
        return max((getattr(moment, name) for moment in self.moments), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Watched:
        """Rebuild it from plain values."""
        moments = tuple(Moment(**moment) for moment in values["moments"])
        return cls(**{**values, "moments": moments})


def watch(
    words: Sequence[object],
    log: Path,
    *,
    done: Callable[[], int] = lambda: 0,
    kill_at: int | None = None,
    statuses: Sequence[int] = (0,),
    every: float = 1.0,
) -> Watched:
    """Run a command of ``fer``, and look at it again and again.

    Args:
        words: What follows ``fer``.
        log: Where all that it prints goes.
        done: Counts what it has done.
        kill_at: Killed when so much is done, as by a lack of power; its workers must follow.
        statuses: Exit statuses that are as they should be.
        every: Seconds from one look to the next.
    """
    command = [sys.executable, "-m", "fer_pipeline", *map(str, words)]
    before = _waited_for()
    started = time.monotonic()
    moments: list[Moment] = []
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            for family in _looks(process, every):
                moment = _moment(process.pid, family, time.monotonic() - started, done())
                if moment is not None:
                    moments.append(moment)
                if kill_at is not None and moments and moments[-1].done >= kill_at:
                    process.kill()
                    _await_end(family)
        finally:
            process.terminate()
            process.wait()
    seconds = time.monotonic() - started
    said = log.read_bytes()[-4000:].decode("utf-8", "replace")
    expected = (-signal.SIGKILL,) if kill_at is not None else statuses
    if process.returncode not in expected:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}\n{said}")
    return Watched(process.returncode, seconds, _waited_for() - before, tuple(moments), said)


def _looks(process: subprocess.Popen[bytes], every: float) -> Iterator[set[int]]:
    """Yield the numbers of all processes of a command, again and again until it has ended."""
    while process.poll() is None:
        yield {process.pid, *_descendants(process.pid)}
        with suppress(subprocess.TimeoutExpired):
            process.wait(every)


def _waited_for() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _await_end(family: set[int]) -> None:
    """Wait until no process of a killed command is left."""
    end = time.monotonic() + _SECONDS_TO_END
    while alive := {one for one in family if _status(one).get("State", "Z")[0] != "Z"}:
        if time.monotonic() > end:
            sys.exit(f"still running after its command was killed: {sorted(alive)}")
        time.sleep(0.1)


def _descendants(process: int) -> Iterator[int]:
    for listed in _PROC.glob(f"{process}/task/*/children"):
        with suppress(OSError):
            for child in map(int, listed.read_text().split()):
                yield child
                yield from _descendants(child)


def _moment(main: int, family: set[int], at: float, done: int) -> Moment | None:
    statuses = {one: status for one in family if (status := _status(one)).get("VmRSS")}
    if main not in statuses:
        return None
    resident = {one: _mebibytes(status["VmRSS"]) for one, status in statuses.items()}
    files = {one: _open_files(one) for one in statuses}
    return Moment(
        at=at,
        done=done,
        processes=len(statuses),
        main=resident[main],
        worker=max((size for one, size in resident.items() if one != main), default=0.0),
        all=sum(resident.values()),
        own=sum(_mebibytes(status["RssAnon"]) for status in statuses.values()),
        files=files[main],
        worker_files=max((count for one, count in files.items() if one != main), default=0),
    )


def _status(process: int) -> dict[str, str]:
    try:
        lines = (_PROC / str(process) / "status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _mebibytes(size: str) -> float:
    return int(size.split(maxsplit=1)[0]) / 1024


def _open_files(process: int) -> int:
    try:
        return sum(1 for _ in (_PROC / str(process) / "fd").iterdir())
    except OSError:
        return 0
