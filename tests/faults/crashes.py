"""Worker processes that die: killed, or of a fault in native code while they decode."""

from __future__ import annotations

import signal
from random import Random

from tests.faults.commands import Command
from tests.faults.processes import require
from tests.faults.scenes import Fault, Outcome, Scene, require_told


def strike_worker(scene: Scene, random: Random, number: signal.Signals) -> Outcome:
    """Send a worker a signal that it cannot survive; the command goes on without it."""
    run = scene.start()
    happened = run.wait_until(run.workers) and run.sleep(scene.moment(random) * 0.6)
    workers = run.workers()
    if happened and workers:
        run.strike(random.choice(workers), number)
    ended = run.end()
    if not (happened and workers):
        return Outcome.TOO_LATE
    require_told(ended, [0], "")
    scene.require_tidy()
    return Outcome.DONE


def strike_all(scene: Scene, random: Random) -> Outcome:
    """Let every worker crash, each time that one is started: next to nothing can be done."""
    run = scene.start()
    struck: set[int] = set()
    while run.wait_until(lambda: set(run.workers()) - struck):
        run.sleep(random.uniform(0, 0.5) * scene.alone.seconds)
        for worker in set(run.workers()) - struck:
            run.strike(worker, signal.SIGSEGV)
            struck.add(worker)
    ended = run.end()
    if ended[0] == 0:  # all were too fast
        return Outcome.TOO_LATE
    # 3 if one was too fast, now or in an earlier run.
    require_told(ended, [1, 3], "its worker process died")
    scene.require_tidy()
    return Outcome.STOPPED


def strike_main(scene: Scene, random: Random, number: signal.Signals) -> Outcome:
    """Send the only process the signal."""
    run = scene.start()
    happened = run.sleep(scene.moment(random)) and run.send(number)
    status, said = run.end()
    if not happened or status == 0:
        return Outcome.TOO_LATE
    require(status == -number, f"exit status {status}: {said}")
    return Outcome.STOPPED


def crash(scene: Scene, random: Random) -> Outcome:
    """Let native code crash, in a worker where there are some."""
    strike = strike_worker if scene.command.workers else strike_main
    return strike(scene, random, signal.SIGSEGV)


def no_workers(command: Command) -> str | None:
    """Tell why no worker can be killed."""
    return None if command.workers else "it has no worker processes"


KILLED_WORKER = Fault(
    "a worker process is killed",
    lambda scene, random: strike_worker(scene, random, signal.SIGKILL),
    no_workers,
)
CRASH = Fault("native code crashes (SIGSEGV), in a worker where there are some", crash)
CRASHES = Fault("every worker crashes, those that try again too", strike_all, no_workers)
