"""The product's commands, as a user would type them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from study.sizes import ROOT

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
        line = [str(word) for word in words]
        self.typed.append(shlex.join(["fer", *line]))
        print(f"\n$ {self.typed[-1]}", flush=True)
        command = [sys.executable, "-m", "fer_pipeline", *line]
        done = subprocess.run(command, cwd=ROOT, check=False)
        if done.returncode not in accepted:
            raise StepError(f"{self.typed[-1]}: exit status {done.returncode}")
