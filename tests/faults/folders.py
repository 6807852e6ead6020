"""A folder in which nothing may be made, renamed or removed any more."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from random import Random

from tests.faults.commands import Command
from tests.faults.scenes import Fault, Outcome, Scene, require_told

_REFUSED = "Operation not permitted|Permission denied"


def close(folder: Path, *, closed: bool) -> bool:
    """Close a folder, or open it again; return False where the system does not.

    Permissions do not keep root away; the attribute of file systems does.
    """
    if os.geteuid():
        folder.chmod(0o500 if closed else 0o700)
        return True
    chattr = shutil.which("chattr")
    return (
        bool(chattr)
        and not subprocess.run(
            [chattr, "+i" if closed else "-i", folder], capture_output=True, check=False
        ).returncode
    )


def cannot_be_closed(_: Command) -> str | None:
    """Tell why a folder cannot be closed here."""
    with tempfile.TemporaryDirectory() as folder:
        closed = close(Path(folder), closed=True)
        close(Path(folder), closed=False)
    return None if closed else "nothing keeps root from writing here"


def close_under_way(scene: Scene, random: Random) -> Outcome:
    """Close the folder of the output at a random moment, and open it again afterwards."""
    run = scene.start()
    happened = run.sleep(scene.moment(random))
    try:
        close(scene.out, closed=True)
        ended = run.end()
    finally:
        close(scene.out, closed=False)
    if not happened or ended[0] == 0:
        return Outcome.TOO_LATE
    require_told(ended, [1, 3], _REFUSED)
    return Outcome.STOPPED


CLOSED_FOLDER = Fault(
    "its output folder may not be written to any more", close_under_way, cannot_be_closed
)
