"""An input that is gone while it is read, as on a disk that was pulled out."""

from __future__ import annotations

import re
import shutil
from random import Random

from tests.faults.commands import Command
from tests.faults.scenes import Fault, Outcome, Scene, require_told


def remove(scene: Scene, random: Random) -> Outcome:
    """Remove one input at a random moment, and put it back when the command has ended."""
    inputs = sorted(path for path in (scene.folder / "in").rglob("*") if path.is_file())
    run = scene.start()
    happened = run.wait_until(lambda: [*scene.out.rglob("*.lock")])
    happened = happened and run.sleep(scene.moment(random) * 0.7)
    removed = random.choice(inputs)
    if happened:
        removed.unlink()
    ended = run.end()
    if not happened:
        return Outcome.TOO_LATE
    shutil.copy2(scene.alone.pristine / removed.relative_to(scene.folder), removed)
    # What was read already is not missed.
    said = f"{re.escape(removed.name)}|changed while it was read" if ended[0] else ""
    require_told(ended, [0, 1, 3], said)
    scene.require_tidy()
    if ended[0] == 0:
        # Or it was gone before anybody looked for it, and was not missed.
        missed = scene.command.content(scene.folder) != scene.alone.content
        return Outcome.TOO_LATE if missed else Outcome.DONE
    if ended[0] == 3:  # the rest is complete, and published
        scene.finish()
        return Outcome.DONE
    return Outcome.STOPPED


def no_input(command: Command) -> str | None:
    """Tell why nothing can be removed."""
    reads = any(word.split("/")[0] == "in" for word in command.words)
    return None if reads else "it reads nothing but what it writes"


REMOVED_INPUT = Fault("one of its inputs is removed", remove, no_input)
