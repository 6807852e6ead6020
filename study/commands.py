"""The product's commands, as a user would type them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fer_pipeline.workers import available_cores
from study.sizes import ROOT, jobs

Words = Sequence[str | Path | int | float]

PARTLY_DONE = 3


class StepError(Exception):
    """A step came to nothing; the others go on."""


class MissingError(Exception):
    """A step needs what is not here; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands in the repository's root, and remembers them.

    Attributes:
        typed: What was run.
    """

    typed: list[str] = field(default_factory=list)

    def fer(self, *words: str | Path | int | float, accepted: Container[int] = (0,)) -> None:
        """Show a command and run it.

        Raises:
            StepError: Its exit status is another than those accepted.
        """
        self._show(words)
        done = subprocess.run(_command(words), cwd=ROOT, check=False)
        _check(words, done.returncode, accepted)

    def side_by_side(self, lines: Mapping[Path, Words]) -> None:
        """Show commands and run some at a time; trainings of small networks leave cores idle.

        Args:
            lines: Each command, by the file, seen from the root, that takes what it says.

        Raises:
            StepError: One failed; the others were run.
        """
        for words in lines.values():
            self._show(words)
        cores = str(max(1, available_cores() // jobs()))
        environment = os.environ | {"TF_NUM_INTRAOP_THREADS": cores, "OMP_NUM_THREADS": cores}

        def run(log: Path) -> int:
            (ROOT / log).parent.mkdir(parents=True, exist_ok=True)
            with (ROOT / log).open("ab") as said:
                done = subprocess.run(
                    _command(lines[log]), cwd=ROOT, env=environment, stdout=said, stderr=said,
                    check=False,
                )  # fmt: skip
            print(f"{log}: exit status {done.returncode}", flush=True)
            return done.returncode

        with ThreadPoolExecutor(jobs()) as pool:
            statuses = list(pool.map(run, lines))
        for words, status in zip(lines.values(), statuses, strict=True):
            _check(words, status, (0,))

    def _show(self, words: Words) -> None:
        self.typed.append(_line(words))
        print(f"\n$ {self.typed[-1]}", flush=True)


def _line(words: Words) -> str:
    return shlex.join(["fer", *map(str, words)])


def _command(words: Words) -> list[str]:
    return [sys.executable, "-m", "fer_pipeline", *map(str, words)]


def _check(words: Words, status: int, accepted: Container[int]) -> None:
    if status not in accepted:
        raise StepError(f"{_line(words)}: exit status {status}")
