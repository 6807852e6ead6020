"""Ctrl-C, which a terminal sends to all processes, and SIGTERM, which goes to one."""

from __future__ import annotations

import signal
from random import Random

from tests.faults.scenes import Fault, Outcome, Scene, require_told

_ENDS = {
    signal.SIGINT: (130, r"^fer: interrupted; "),
    signal.SIGTERM: (143, r"^fer: terminated; "),
}


def send(scene: Scene, random: Random, number: signal.Signals) -> Outcome:
    run = scene.start()
    moment = scene.moment(random)
    happened = run.wait_until(run.ready) and run.sleep(moment)
    happened = happened and run.send(number, group=number == signal.SIGINT)
    ended = run.end()
    if not happened or ended[0] == 0:  # or it was about to end
        return Outcome.TOO_LATE
    status, words = _ENDS[number]
    require_told(ended, [status], words)
    scene.require_tidy()
    return Outcome.STOPPED


INTERRUPT = Fault(
    "Ctrl-C (SIGINT to all its processes)",
    lambda scene, random: send(scene, random, signal.SIGINT),
)
TERMINATE = Fault(
    "SIGTERM to its main process",
    lambda scene, random: send(scene, random, signal.SIGTERM),
)
