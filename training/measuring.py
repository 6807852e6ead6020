"""What the bundled model is worth, on data that it was neither trained nor chosen on."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import peer
from fer_pipeline.classifier import Classifier, measure_speed
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, open_dataset
from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.evaluation import score
from fer_pipeline.history import read_history
from fer_pipeline.paired import share_interval
from fer_pipeline.workers import available_cores

Figures = dict[str, Any]
"""Plain values, as they are written."""

PEER_PROGRAM = Path(__file__).resolve().parent / "peer_models.py"


@dataclass(frozen=True, eq=False)
class Side:
    """Labelled faces of one side of a corpus.

    Attributes:
        faces: Shape (N, size, size, channels).
        labels: Index of each face's emotion.
        emotions: What they stand for.
    """

    faces: UInt8Array
    labels: NDArray[np.integer]
    emotions: tuple[str, ...]


def read_side(data: Path, split: int = SPLIT_TEST) -> Side:
    """Read one side of a corpus into memory."""
    with open_dataset(data) as dataset:
        rows = np.flatnonzero(dataset.column("split") == split)
        labels = dataset.column("label")[rows]
        return Side(dataset.images(rows), labels, dataset.emotions)


def judged(model: Path, side: Side) -> Figures:
    """Score a model folder's LiteRT file, the one that annotates."""
    return scored(told_by(model, side), side)


def told_by(model: Path, side: Side) -> FloatArray:
    """Return what a model tells of faces."""
    classifier = Classifier(model, available_cores())
    assert classifier.spec.emotions == side.emotions
    return classifier.classify(side.faces)


def scored(told: FloatArray, side: Side) -> Figures:
    """Return all figures, with Wilson's interval: the people are not known."""
    scores = score(side.labels, told, side.emotions)
    return asdict(scores) | {"interval": share_interval(told.argmax(axis=1) == side.labels)}


def sizes(data: Path) -> dict[str, int]:
    """Return how many faces each side of a corpus has."""
    with open_dataset(data) as dataset:
        split = dataset.column("split")
    sides = {"training": SPLIT_TRAINING, "validation": SPLIT_VALIDATION, "test": SPLIT_TEST}
    return {name: int(np.sum(split == code)) for name, code in sides.items()}


def training_of(folder: Path) -> Figures:
    """Return how long a model was trained, and its validation figures."""
    epochs = [epoch for fit in read_history(folder).values() for epoch in fit]
    best = max(epochs, key=lambda epoch: epoch.validation_accuracy)
    return {
        "epochs": len(epochs),
        "best_epoch": best.number,
        "hours": sum(epoch.seconds for epoch in epochs) / 3600,
        "validation_accuracy": best.validation_accuracy,
    }


def mirrored_gain(model: Path, side: Side) -> Figures:
    """Return what it would gain to average a face and its mirror image: twice the time."""
    plain = told_by(model, side)
    mirrored = told_by(model, Side(side.faces[:, :, ::-1], side.labels, side.emotions))
    both = (plain + mirrored) / 2
    return {
        "plain": float(np.mean(plain.argmax(axis=1) == side.labels)),
        "mirrored": float(np.mean(both.argmax(axis=1) == side.labels)),
    }


def beside_peers(model: Path, side: Side) -> Figures:
    """Judge the models inside the peer on the same faces, in the emotions that both know.

    Raises:
        NoPeerError: The peer's environment cannot be made.
    """
    peer.prepare()
    with tempfile.TemporaryDirectory() as scratch:
        faces, told = Path(scratch) / "faces.npy", Path(scratch) / "told.npz"
        np.save(faces, side.faces[..., 0])
        peer.run_program(PEER_PROGRAM, faces, told)
        with np.load(told) as found:
            theirs = dict(found)
    common = tuple(name for name in side.emotions if name in theirs["emotions"])
    kept = [side.emotions.index(name) for name in common]
    rows = np.isin(side.labels, kept)
    truth = np.searchsorted(kept, side.labels[rows])
    of_peer = [list(theirs["emotions"]).index(name) for name in common]

    def accuracy(told: FloatArray, columns: list[int]) -> float:
        return float(np.mean(told[rows][:, columns].argmax(axis=1) == truth))

    return {
        "peer": peer.PEER,
        "emotions": common,
        "faces": int(rows.sum()),
        "ours": accuracy(told_by(model, side), kept),
        "keras": accuracy(theirs["keras"], of_peer),
        "tflite": accuracy(theirs["tflite"], of_peer),
        "our_milliseconds": 1000 * measure_speed(model).one,
        "tflite_milliseconds": 1000 * float(theirs["seconds"]),
    }


def shown_most(model: Path, clip: Path) -> Figures:
    """Return how long a clip shows each emotion most, and when what it shows turns for good."""
    times, emotions, ends = timeline(model, clip)
    seconds: dict[str, float] = defaultdict(float)
    for emotion, lasts in zip(emotions, ends, strict=True):
        seconds[emotion] += lasts
    return {"seconds": dict(seconds), "turn": turn(times, emotions)}


def timeline(model: Path, clip: Path) -> tuple[list[float], list[str], list[float]]:
    """Annotate a clip; return time, emotion and duration of each row that has a face."""
    with tempfile.TemporaryDirectory() as scratch:
        labels = Path(scratch) / "labels.csv"
        words = ["annotate", clip, "--model", model, "--out", labels, "-q"]
        command = [sys.executable, "-m", "fer_pipeline", *map(str, words)]
        subprocess.run(command, check=True, capture_output=True)
        with labels.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["emotion"]]
    times = [float(row["time"]) for row in rows]
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return times, [row["emotion"] for row in rows], [usual] * len(rows)


def turn(times: list[float], emotions: list[str]) -> dict[str, Any] | None:
    """Return between which two emotions a clip is best divided; None if it is not.

    The division under which most rows have the emotion that is the commonest on their side. There
    may be others between the two, so the time is that of the first row of the second emotion.
    """
    names = sorted(set(emotions))
    counts = np.cumsum([[name == one for one in names] for name in emotions], axis=0)
    left, right = counts, counts[-1] - counts
    best = int((left.max(axis=1) + right.max(axis=1)).argmax())
    before, after = names[int(left[best].argmax())], names[int(right[best].argmax())]
    if before == after or best + 1 >= len(times):
        return None
    return {"from": before, "to": after, "time": times[emotions.index(after, best + 1)]}
