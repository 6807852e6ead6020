"""Made-up datasets to evaluate a model on, and reading what comes of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.model_folder import METRICS_FILE
from tests.conftest import crop_record

EMOTIONS = ("neutral", "happiness", "surprise")


def facts(output: str) -> dict[str, str]:
    """The lines of the first table, by their first words."""
    lines = (
        re.split(r"\s{2,}", line, maxsplit=1) for line in output.partition("\n\n")[0].splitlines()
    )
    return {line[0]: line[1] for line in lines}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics(folder: Path) -> dict:
    return json.loads((folder / METRICS_FILE).read_text("utf-8"))


Made = tuple[str | None, str | None, int]
"""A made-up face: who, which emotion, and the number that its pixels are drawn from."""


def write(path: Path, faces: Sequence[Made], crop: CropRecord | None = None) -> Path:
    """Write a dataset of noise, a video for each face."""
    crop = crop or crop_record()
    emotions = {emotion for _, emotion, _ in faces if emotion}
    with create_dataset(path, crop, emotions) as writer:
        for index, (person, emotion, seed) in enumerate(faces):
            image = noise(seed, crop.size)
            row = FaceRow(image, emotion, person, 0, 0.0, Box(0, 0, 9, 9), 1.0, 0)
            writer.append(f"{index:04}.mp4", row)
        writer.finish({})
    return path


def noise(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 1), dtype=np.uint8)


def write_other_study(folder: Path) -> Path:
    """Write nine faces of three people whom no model has seen."""
    return write(folder / "other.h5", [(f"Q{n // 3}", EMOTIONS[n % 3], n) for n in range(9)])
