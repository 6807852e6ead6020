"""One case: an input is made, commands read it, and what they did is looked at."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.case import Kind
from tests.fuzz.running import run

_OUTPUT = "out"


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a case.

    Attributes:
        kind: Name of its kind.
        seed: What it follows from, with
        number: its number.
        what: What was done to the input.
        statuses: Exit status of each command.
        seconds: Of the slowest command.
        memory: Bytes of the greediest.
        faults: Which promises were broken, each with its command.
    """

    kind: str
    seed: int
    number: int
    what: str
    statuses: list[int]
    seconds: float
    memory: int
    faults: list[str]

    def plain(self) -> dict[str, Any]:
        """Return the plain form."""
        return asdict(self)


def try_case(kind: Kind, seed: int, number: int, seeds: Path, place: Path) -> Tried:
    """Make an input in the folder ``place``, which is emptied, and let commands read it.

    Args:
        kind: What is tried.
        seed: What the case follows from, with
        number: its number.
        seeds: Whole files, as the kind prepared them.
        place: A folder with nothing beside it.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    random = Random(f"{kind.name}/{seed}/{number}")
    what = kind.make(random, seeds, place)
    commands = kind.commands(random, place)
    before = _beside_output(place)
    ran = [run(command, place) for command in commands]
    faults = [f"fer {' '.join(one.arguments)}: {fault}" for one in ran for fault in one.faults()]
    changed = sorted(map(str, _beside_output(place) ^ before))
    if changed:
        faults.append(f"wrote or removed beside its output: {', '.join(changed[:3])}")
    return Tried(
        kind=kind.name,
        seed=seed,
        number=number,
        what=what,
        statuses=[one.status for one in ran],
        seconds=round(max(one.seconds for one in ran), 2),
        memory=max(one.memory for one in ran),
        faults=faults,
    )


def _beside_output(place: Path) -> set[Path]:
    """Return all that is in the folder and beside it, but not in the output."""
    return {path for path in place.parent.rglob("*") if _OUTPUT not in path.parts}
