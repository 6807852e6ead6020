"""Do simulated faces help or hurt on photographs of people? FER2013 after them and without them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import open_dataset
from fer_pipeline.model_folder import METRICS_FILE, PREDICTIONS_FILE, ModelSpec
from fer_pipeline.paired import over_faces
from study.commands import Words
from study.records import Figures

NETWORK = "lenet5"

LIKE_FER2013: Words = ("--margin", "0.02", "--size", 48, "--channels", "gray")
"""Options that cut faces out about as the makers of FER2013 did (``training/crops.py``)."""

FEW = 100
"""Faces of each expression, where there are few real ones."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train on FER2013.

    Attributes:
        name: Of its folders.
        told: What it is, for the table.
        begins: Options that tell what it begins with.
    """

    name: str
    told: str
    begins: Words


def arms(simulated: Path) -> tuple[Arm, ...]:
    """Return the ways to begin: not knowing anything, or with simulated faces learned before."""
    return (
        Arm("alone", "random weights", ("--network", NETWORK)),
        Arm(
            "weights",
            "weights learned on simulated faces, all free at once",
            ("--network", NETWORK, "--weights", simulated),
        ),
        Arm("from", "the same by --from: the head first, then all at a tenth of the rate",
            ("--from", simulated)),
    )  # fmt: skip


AMOUNTS: dict[str, Words] = {
    "all": (),
    f"{FEW} of each": ("--balance", FEW),
}
"""Options that tell how many real faces are learned from, by what the table calls it."""


def folder_of(arm: Arm, amount: str, seed: int) -> str:
    """Return the name of a model folder."""
    return f"{arm.name}-{amount.replace(' ', '-')}-{seed}"


def score_of(model: Path, name: str) -> float:
    """Return a figure on the test faces."""
    return float(json.loads((model / METRICS_FILE).read_text("utf-8"))["unseen"][name])


def beside(data: Path, models: Sequence[Path], alone: Sequence[Path]) -> Figures:
    """Compare models with those that began with nothing, seed by seed, on the same test faces.

    Args:
        data: What they were tested on.
        models: One for each seed.
        alone: Of the same seeds.
    """
    gains = [
        over_faces(_right(data, ours), _right(data, theirs))
        for ours, theirs in zip(models, alone, strict=True)
    ]
    return {
        "accuracies": [score_of(model, "accuracy") for model in models],
        "accuracy": mean(score_of(model, "accuracy") for model in models),
        "balanced accuracy": mean(score_of(model, "balanced_accuracy") for model in models),
        "majority": score_of(models[0], "majority"),
        "epochs": [ModelSpec.read(model).training["epochs"] for model in models],
        "gain": mean(gain.value for gain in gains),
        "gains": [asdict(gain) for gain in gains],
    }


def _right(data: Path, model: Path) -> NDArray[np.bool_]:
    with np.load(model / PREDICTIONS_FILE) as told, open_dataset(data) as dataset:
        rows = told["row"]
        order = np.argsort(rows)
        truth = dataset.column("label")[rows[order]]
        return np.asarray(told["probabilities"][order].argmax(axis=1) == truth)
