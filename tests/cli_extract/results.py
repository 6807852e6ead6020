"""What tests of `fer extract` look at in what it leaves and says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fer_pipeline.dataset import open_dataset

ONE = "--workers", 1
FEW = "--every", 10, "--size", 24, *ONE


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(path: Path) -> str:
    """Return the digest of a dataset's data."""
    with open_dataset(path) as dataset:
        return dataset.digest


def videos_of(path: Path) -> tuple[str, ...]:
    with open_dataset(path) as dataset:
        return dataset.videos


def table(output: str, first: str) -> list[list[str]]:
    """Return the rows of the printed table whose header begins with ``first``."""
    lines = iter(output.splitlines())
    next(line for line in lines if line.startswith(first))
    rows = []
    for line in lines:
        if not line.strip():
            break
        rows.append(re.split(r"\s{2,}", line))
    return rows


def error_line(result) -> str:
    """Return the one line that tells why nothing was done."""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("fer: ")]
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert result.stderr.splitlines()[-1] == line
    return line


def fer_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "fer_pipeline", *map(str, arguments)]
