"""People of a study, of whom one is withdrawn."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.media import PARTICIPANTS

ANNA, OTHERS = "ANNA-7", ("BERTA-8", "CLARA-9")


def clips(folder: Path, *codes: str) -> Path:
    """A folder of videos whose names tell people and emotions."""
    folder.mkdir(exist_ok=True)
    for code in codes:
        for emotion, short in (("happy", "happy"), ("neutral", "neutral")):
            shutil.copy2(PARTICIPANTS / f"P00_{short}.mp4", folder / f"{code} {emotion}.mp4")
    return folder


def again(study: Path, *more: object) -> list[object]:
    return ["extract", study / "videos", "-o", study / "faces.h5", "--every", 8,
            "--pattern", "{participant} {emotion}", *more]  # fmt: skip
