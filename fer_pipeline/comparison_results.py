"""What came of the runs of a comparison, column by column of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.classifier import Speed
from fer_pipeline.dataset import Dataset
from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import ModelError
from fer_pipeline.evaluation import Scores, score
from fer_pipeline.faces import Channels
from fer_pipeline.fit_options import Epoch
from fer_pipeline.history import read_history
from fer_pipeline.json_values import parse_json
from fer_pipeline.model_folder import (
    METRICS_FILE,
    PREDICTIONS_FILE,
    ModelSpec,
    model_file,
    read_arrays,
)
from fer_pipeline.model_size import ModelSize
from fer_pipeline.networks import find_network
from fer_pipeline.paired import Difference, across_folds, over_faces, over_people, share_interval
from fer_pipeline.splits import Rows

_REMEDY = "remove the folder, and the same command trains it again"


@dataclass(frozen=True, slots=True)
class Entry:
    """A column of the table: a network with its representation, under one kind of split.

    Attributes:
        network: Its name, or ``default`` for the bundled model.
        channels: Representation of its input.
        by_frames: Whether it is the leak meter's, on a split by random frames.
    """

    network: str
    channels: Channels
    by_frames: bool = False

    @property
    def name(self) -> str:
        """Name of its runs' folders."""
        return f"{self.network}-{self.channels}" + ("-random-frames" if self.by_frames else "")


@dataclass(frozen=True, eq=False)
class Result:
    """What came of a column.

    Attributes:
        entry: The column.
        folds: Accuracy on the test faces of each fold.
        training_accuracy: On the faces learned from, the mean over folds.
        scores: On the test faces of all folds together.
        interval: 95 % interval of the accuracy: over people, or over faces where these are unknown
            or on both sides.
        rows: Those test faces.
        right: Whether each of them is told rightly.
        specs: Of each fold's model.
        histories: Epochs of each fold.
        speed: Of the first fold's model.
        size: Of the same.
    """

    entry: Entry
    folds: tuple[float, ...]
    training_accuracy: float
    scores: Scores
    interval: tuple[float, float]
    rows: Rows
    right: NDArray[np.bool_]
    specs: tuple[ModelSpec, ...]
    histories: tuple[tuple[Epoch, ...], ...]
    speed: Speed
    size: ModelSize

    @property
    def seconds(self) -> float:
        """Time that its epochs took, over all folds."""
        return sum(epoch.seconds for history in self.histories for epoch in history)

    @property
    def as_published(self) -> bool:
        """Whether it began with ImageNet weights if the published network did."""
        weights = self.specs[0].training["run"]["options"]["weights"]
        return weights is not None or not find_network(self.entry.network).pretrained


@dataclass(frozen=True, eq=False)
class Comparison:
    """A finished table.

    Attributes:
        emotions: Names of the classes.
        results: Its columns.
        colour: For each network that was tested in both representations, by how much colour is
            better than gray.
        failures: Runs that came to nothing, with the reason.
        provenance: Command, time, versions, and the machine.
    """

    emotions: tuple[str, ...]
    results: tuple[Result, ...]
    colour: dict[str, Difference]
    failures: dict[str, str]
    provenance: dict[str, Any]

    @property
    def held_out(self) -> tuple[Result, ...]:
        """Columns under the split of the table."""
        return tuple(result for result in self.results if not result.entry.by_frames)

    @property
    def leaks(self) -> tuple[tuple[Result, Result], ...]:
        """Columns of the table, each with that of the same network on random frames."""
        by_frames = {
            (result.entry.network, result.entry.channels): result
            for result in self.results
            if result.entry.by_frames
        }
        return tuple(
            (result, by_frames[key])
            for result in self.held_out
            if (key := (result.entry.network, result.entry.channels)) in by_frames
        )


def read_result(
    dataset: Dataset, entry: Entry, folders: Sequence[Path], speed: Speed, size: ModelSize
) -> Result:
    """Read the model folders of a column's folds.

    Raises:
        ModelError: One of them is broken.
    """
    parts = [_predictions(folder) for folder in folders]
    rows = np.concatenate([rows for rows, _ in parts])
    told = np.concatenate([told for _, told in parts])
    truth = dataset.column("label")[rows]
    right = told.argmax(axis=1) == truth
    specs = tuple(ModelSpec.read(folder) for folder in folders)
    on_both_sides = specs[0].split["kind"] in ("random", "video")
    people = None if on_both_sides else dataset.people(rows)
    scores = score(truth, told, dataset.emotions, people, specs[0].provenance["seed"])
    ends = np.cumsum([len(rows) for rows, _ in parts])[:-1]
    return Result(
        entry=entry,
        folds=tuple(float(fold.mean()) for fold in np.split(right, ends)),
        training_accuracy=mean(_training_accuracy(folder) for folder in folders),
        scores=scores,
        interval=scores.interval or share_interval(right),
        rows=rows,
        right=right,
        specs=specs,
        histories=tuple(read_history(folder)["1"] for folder in folders),
        speed=speed,
        size=size,
    )


def _predictions(folder: Path) -> tuple[Rows, FloatArray]:
    stored = read_arrays(folder, PREDICTIONS_FILE, _REMEDY)
    try:
        return stored["row"], stored["probabilities"]
    except KeyError as error:
        raise ModelError(f"{folder / PREDICTIONS_FILE}: broken (no {error}); {_REMEDY}") from error


def _training_accuracy(folder: Path) -> float:
    path = model_file(folder, METRICS_FILE, _REMEDY)
    try:
        return float(parse_json(path.read_text("utf-8"))["training"]["accuracy"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: broken ({error}); {_REMEDY}") from error


def colour_or_gray(dataset: Dataset, results: Sequence[Result]) -> dict[str, Difference]:
    """Compare the two representations of each network that was tested in both."""
    found = {
        (result.entry.network, result.entry.channels): result
        for result in results
        if not result.entry.by_frames
    }
    return {
        network: _difference(dataset, result, found[network, "gray"])
        for (network, channels), result in found.items()
        if channels == "rgb" and (network, "gray") in found
    }


def _difference(dataset: Dataset, first: Result, second: Result) -> Difference:
    if len(first.folds) > 1:
        return across_folds(first.folds, second.folds)
    people = dataset.people(first.rows)
    if people is None or len(np.unique(people)) < 2:  # of one person no other can be drawn
        return over_faces(first.right, second.right)
    return over_people(first.right, second.right, people, first.specs[0].provenance["seed"])
