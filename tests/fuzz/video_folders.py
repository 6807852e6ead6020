"""Folders in which one clip is whole and the others are not, read by worker processes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.fuzz import videos
from tests.fuzz.case import Command, Kind
from tests.media import PARTICIPANTS

_BROKEN = 6


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Write a folder of clips."""
    clips, one = folder / "clips", folder / "one"
    clips.mkdir()
    told = []
    for number in range(1, _BROKEN + 1):
        one.mkdir()
        told.append(videos.make(random, seeds, one))
        (made,) = one.iterdir()
        made.rename(clips / f"P0{number}_happy{made.suffix}")
        one.rmdir()
    shutil.copy(PARTICIPANTS / "P00_happy.mp4", clips)
    return "; ".join(told)


def commands(_random: Random, _folder: Path) -> Sequence[Command]:
    """Return the two commands that read folders of clips."""
    side_by_side = ("--workers", "2")
    return (
        ("extract", "clips", "-o", "out/faces.h5", *side_by_side),
        ("annotate", "clips", "--out", "out/timelines/", *side_by_side),
    )


KIND = Kind("folders of videos", videos.prepare, make, commands)
