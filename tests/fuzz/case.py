"""One kind of input: where it comes from, what may happen to it, and which commands read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input.

    Attributes:
        name: What it is called.
        prepare: Writes whole files, once, into a folder: the seeds.
        make: Writes a mutated input into a folder, of the seeds in another; says what was done.
        commands: Commands that read the input in such a folder, chosen by chance where there are
            many; they write below ``out``.
    """

    name: str
    prepare: Callable[[Path], None]
    make: Callable[[Random, Path, Path], str]
    commands: Callable[[Random, Path], Sequence[Command]]
