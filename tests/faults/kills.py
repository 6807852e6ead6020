"""SIGKILL at a random moment, as the system's memory watch sends it: no time to clear up."""

from __future__ import annotations

import signal
from random import Random

from tests.faults.processes import require
from tests.faults.scenes import Fault, Outcome, Scene


def kill(scene: Scene, random: Random, *, group: bool) -> Outcome:
    run = scene.start()
    happened = run.sleep(scene.moment(random)) and run.send(signal.SIGKILL, group=group)
    status, said = run.end()
    if not happened or status == 0:
        return Outcome.TOO_LATE
    require(status == -signal.SIGKILL, f"exit status {status}: {said}")
    # Workers that lose their main process end without a word.
    require("Traceback" not in said, f"said: {said}")
    return Outcome.STOPPED


KILL_GROUP = Fault(
    "all its processes are killed", lambda scene, random: kill(scene, random, group=True)
)
KILL = Fault(
    "its main process is killed, its workers are not",
    lambda scene, random: kill(scene, random, group=False),
)
