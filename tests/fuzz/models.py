"""Model folders: their specs, their networks, their splits."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.conftest import write_faces
from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import damaged, damaged_json
from tests.media import PARTICIPANTS, pictures_of, write_video


def prepare(folder: Path) -> None:
    """Copy the bundled model, and make a clip and a dataset for it."""
    bundled = Path(__file__).parents[2] / "fer_pipeline" / "default_model"
    shutil.copytree(bundled, folder / "model", ignore=shutil.ignore_patterns("*.keras", "*.md"))
    write_video(folder / "P01_happy.mp4", pictures_of(PARTICIPANTS / "P00_happy.mp4", 4))
    write_faces(folder / "faces.h5", people=2, frames=1, size=48)


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Copy the model, with one file that is not as it should be."""
    shutil.copytree(seeds / "model", folder / "model")
    for name in ("P01_happy.mp4", "faces.h5"):
        shutil.copy(seeds / name, folder)
    name = random.choice(("spec.json",) * 3 + ("model.tflite",) * 5 + ("split.npz", "metrics.json"))
    path = folder / "model" / name
    if path.suffix == ".json":
        path.write_bytes(damaged_json(random, path.read_text("utf-8")))
    else:
        path.write_bytes(damaged(random, path.read_bytes()))
    return name


def commands(_random: Random, _folder: Path) -> Sequence[Command]:
    """Return the commands that read models."""
    return [
        (
            "annotate",
            "P01_happy.mp4",
            "--model",
            "model",
            "--out",
            "out/labels.csv",
            "--workers",
            "1",
        ),
        ("evaluate", "--data", "faces.h5", "--model", "model", "-o", "out/evaluation"),
    ]


KIND = Kind("models", prepare, make, commands)
