"""What tests of `fer annotate` look at in what it leaves and says."""

from __future__ import annotations

import csv
from pathlib import Path

from click.testing import Result

from tests.media import PARTICIPANTS

CLIP = PARTICIPANTS / "P00_happy.mp4"
CLIPS = ("P00_happy", "P00_neutral", "P07_happy", "P07_neutral")

MIRRORED = ("P00_happy", "P00_neutral", "second/P07_happy", "second/P07_neutral")

EVERYTHING = {f"{name}.csv" for name in MIRRORED}


def files(folder: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def changed(folder: Path) -> dict[str, int]:
    """Return when each timeline in a folder was written."""
    return {name: (folder / name).stat().st_mtime_ns for name in files(folder) if "csv" in name}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(result: Result) -> list[str]:
    """Return the lines on standard error without the one that names the model."""
    return [line for line in result.stderr.splitlines() if not line.startswith("model: ")]


def not_a_video(path: Path) -> None:
    path.write_text("not a video\n" * 100)
