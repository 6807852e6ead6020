"""A disk that gets full, and a limit to the size of files, as a quota is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.faults.commands import Command
from tests.faults.scenes import Fault, Outcome, Scene, require_told

_ENOUGH = "256m"

_LEAST = 4096


def _mount(*words: object) -> bool:
    mount = shutil.which("mount")
    return (
        bool(mount)
        and not subprocess.run(
            [mount, *map(str, words)], capture_output=True, check=False
        ).returncode
    )


def no_small_disk(_: Command) -> str | None:
    """Tell why no disk of a few bytes can be had."""
    mounts = _mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", "/mnt")
    if not mounts:
        return "only root may mount a small disk"
    subprocess.run(["umount", "/mnt"], check=True)
    return None


@contextmanager
def on_a_disk_of_its_own(scene: Scene) -> Iterator[None]:
    """Write to a disk in memory."""
    assert _mount("-t", "tmpfs", "-o", f"size={_ENOUGH}", "tmpfs", scene.out)
    try:
        if (scene.alone.pristine / "out").exists():
            shutil.copytree(scene.alone.pristine / "out", scene.out, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", scene.out], check=True)


def fill(scene: Scene, random: Random) -> Outcome:
    """Run on a disk that is too small for what is written, and enlarge it afterwards."""
    wanted = sum(scene.alone.sizes) + scene.command.room
    there = shutil.disk_usage(scene.out).used
    _mount("-o", f"remount,size={there + random.randint(_LEAST, wanted)}", scene.out)
    ended = scene.start().end()
    _mount("-o", f"remount,size={_ENOUGH}", scene.out)
    if ended[0] == 0:
        return Outcome.TOO_LATE
    require_told(ended, [1, 3], "No space left on device")
    scene.require_tidy()
    return Outcome.STOPPED


def limit(scene: Scene, random: Random) -> Outcome:
    """Run where files may not get as large as the largest one wants to be."""
    # What it says goes to a file, too.
    least = min(_LEAST, max(scene.alone.sizes) // 2)
    largest = random.randint(least, max(scene.alone.sizes))
    ended = scene.start(largest_file=largest).end()
    if ended[0] == 0:
        return Outcome.TOO_LATE
    require_told(ended, [1, 3], "File too large")
    scene.require_tidy()
    return Outcome.STOPPED


FULL_DISK = Fault("the disk gets full", fill, no_small_disk, on_a_disk_of_its_own)
FILE_LIMIT = Fault("a file may not get any larger, as with a quota", limit)
