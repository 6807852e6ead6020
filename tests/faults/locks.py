"""The same command twice at the same time."""

from __future__ import annotations

import signal
from random import Random

from tests.faults.scenes import Fault, Outcome, Scene, require_told


def start_twice(scene: Scene, random: Random) -> Outcome:
    """Start the command again while it runs; the first is not disturbed.

    It stands still meanwhile: it might end before the second has loaded.
    """
    first = scene.start()
    locked = first.wait_until(lambda: [*scene.out.rglob("*.lock")])
    locked = locked and first.sleep(random.uniform(0, 0.1) * scene.alone.seconds)
    locked = locked and first.send(signal.SIGSTOP) and bool([*scene.out.rglob("*.lock")])
    second = scene.start().end() if locked else (0, "")
    first.send(signal.SIGCONT)
    require_told(first.end(), [0], "")
    if not locked:
        return Outcome.TOO_LATE
    require_told(second, [1], "another run is writing it")
    scene.require_tidy()
    return Outcome.DONE


SECOND_RUN = Fault("the same command is started again while it runs", start_twice)
