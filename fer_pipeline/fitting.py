"""Fitting a Keras model epoch by epoch, so that a run that was stopped goes on as if it had not.

Importing this module loads Keras; `fer_pipeline.training` does so only when there is work.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_pipeline.augmentation import Augment
from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import ModelError
from fer_pipeline.files import replacing, require_room
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.splits import Rows
from fer_pipeline.training_data import shuffled

_PREDICTION_BATCH = 256

# Keras writes weights first and packs them then; the rest is the graph.
_COPIES_SAVED = 2
_VALUE_BYTES = 4
_ROOM_KEPT = 2**20

# Keras' own bound: one certain mistake must not make a loss infinite.
_LEAST_LIKELIHOOD = 1e-7


@dataclass
class FitState:
    """What a stopped run needs to go on, beside the weights.

    Attributes:
        history: Epochs so far.
        best_epoch: Number of the epoch with the lowest validation loss.
        best_loss: That loss.
        slowed_at: Number of the epoch in which the rate was last reduced.
        done: Whether fitting has ended.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    slowed_at: int = 0
    done: bool = False

    @property
    def kept_epochs(self) -> int:
        """How many epochs the weights that stay have learned for."""
        return self.best_epoch or len(self.history)


@dataclass(frozen=True, eq=False)
class Faces:
    """What a network learns from: all inputs with their labels, and which of them.

    Attributes:
        inputs: Shape (N, size, size, channels).
        labels: Index of each face's emotion, shape (N,).
        weights: Weight of each emotion in the loss.
        augment: How training faces are varied; None for not at all.
    """

    inputs: UInt8Array
    labels: NDArray[np.integer]
    weights: NDArray[np.float32]
    augment: Augment | None = None


class _TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc, name-defined, unused-ignore]
    """The batches of one epoch: order and variation depend on nothing but seed and epoch."""

    def __init__(self, faces: Faces, rows: Rows, options: FitOptions, epoch: int) -> None:
        super().__init__()
        self._faces, self._batch = faces, options.batch
        self._rows = shuffled(rows, options.seed, epoch)
        self._seed = (options.seed, epoch)

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch)

    def __getitem__(self, index: int) -> tuple[FloatArray, ...]:
        rows = self._rows[index * self._batch : (index + 1) * self._batch]
        inputs, labels = self._faces.inputs[rows], self._faces.labels[rows]
        if self._faces.augment is not None:
            inputs = self._faces.augment(inputs, np.random.default_rng([*self._seed, index]))
        weights = self._faces.weights[labels]
        return inputs.astype(np.float32), labels.astype(np.float32), weights


class Fit:
    """One network being fitted, with a folder that remembers how far it got.

    Args:
        model: A Keras model with fresh weights.
        options: How it is fitted.
        folder: Where the state is kept between epochs; an earlier run's state is taken up.
    """

    def __init__(self, model: Any, options: FitOptions, folder: Path) -> None:
        self.model = model
        self.options = options
        self.state = FitState()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        model.compile(
            optimizer=keras.optimizers.Adam(options.learning_rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        if self._state_file.exists():
            self._take_up()

    def run(
        self, faces: Faces, training: Rows, validation: Rows, on_epoch: Callable[[Epoch], None]
    ) -> None:
        """Fit until the validation loss stops falling, then take the best epoch's weights.

        Without validation rows all epochs are run and the last weights stay.

        Raises:
            ModelError: The loss is no number any more.
        """
        while not self.state.done:
            epoch = self._epoch(faces, training, validation)
            if not math.isfinite(epoch.loss):
                raise ModelError(
                    f"the loss is {epoch.loss} after epoch {epoch.number}: training diverged; "
                    "give a lower --learning-rate"
                )
            self._decide(epoch, validating=bool(len(validation)))
            self._remember()
            on_epoch(epoch)
        if self._best_file.exists():
            self.model.load_weights(self._best_file)

    def _epoch(self, faces: Faces, training: Rows, validation: Rows) -> Epoch:
        number = len(self.state.history) + 1
        started = time.monotonic()
        batches = _TrainingBatches(faces, training, self.options, number)
        learned = self.model.fit(batches, epochs=1, shuffle=False, verbose=0).history
        loss, accuracy = self._validate(faces, validation)
        return Epoch(
            number=number,
            loss=learned["loss"][0],
            accuracy=learned["accuracy"][0],
            validation_loss=loss,
            validation_accuracy=accuracy,
            learning_rate=float(self.model.optimizer.learning_rate),
            seconds=time.monotonic() - started,
        )

    def _validate(self, faces: Faces, rows: Rows) -> tuple[float, float]:
        """Return cross-entropy and accuracy on the validation faces; NaN if there are none."""
        if not len(rows):
            return math.nan, math.nan
        told = predict(self.model, faces.inputs, rows)
        truth = faces.labels[rows]
        likelihood = told[np.arange(len(rows)), truth].clip(_LEAST_LIKELIHOOD)
        return float(-np.log(likelihood).mean()), float((told.argmax(axis=1) == truth).mean())

    def _decide(self, epoch: Epoch, *, validating: bool) -> None:
        state, options = self.state, self.options
        state.history.append(epoch)
        if validating and epoch.validation_loss < state.best_loss:
            state.best_epoch, state.best_loss = epoch.number, epoch.validation_loss
            with replacing(self._best_file) as unfinished:
                _through_suffix(self.model, unfinished, ".weights.h5")
        waited = epoch.number - state.best_epoch
        if (
            validating
            and epoch.number - max(state.best_epoch, state.slowed_at) >= options.slow_down
        ):
            state.slowed_at = epoch.number
            self.model.optimizer.learning_rate = epoch.learning_rate / 10
        state.done = epoch.number >= options.epochs or (validating and waited >= options.patience)

    def _remember(self) -> None:
        """Keep the weights, then the state that names them, then let the older weights go."""
        number = len(self.state.history)
        with replacing(self._checkpoint_file(number)) as unfinished:
            _through_suffix(self.model, unfinished, ".keras")
        with replacing(self._state_file) as unfinished:
            unfinished.write_text(json.dumps(asdict(self.state)), "utf-8")
        self._checkpoint_file(number - 1).unlink(missing_ok=True)

    def _take_up(self) -> None:
        values = json.loads(self._state_file.read_text("utf-8"))
        history = [Epoch(**epoch) for epoch in values.pop("history")]
        self.state = FitState(history=history, **values)
        self.model = keras.saving.load_model(self._checkpoint_file(len(history)))

    def _checkpoint_file(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch}.keras"

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.json"

    @property
    def _best_file(self) -> Path:
        return self._folder / "best.weights.h5"


def _through_suffix(model: Any, path: Path, suffix: str) -> None:
    """Save to ``path``, whose own suffix Keras would refuse."""
    scratch = path.with_name(path.name + suffix)
    try:
        _require_room(model, path.parent)
        if suffix == ".keras":
            model.save(scratch)
        else:
            model.save_weights(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def save_model(model: Any, path: Path) -> None:
    """Save a model without the optimizer's memory, which is twice as large as the model.

    Raises:
        OSError: There is no room for it.
    """
    _require_room(model, path.parent)
    model.save(path, include_optimizer=False)


def _require_room(model: Any, folder: Path) -> None:
    """HDF5, which Keras writes, cannot cope with a full disk."""
    variables = [*model.variables, *model.optimizer.variables]
    size = _VALUE_BYTES * sum(math.prod(one.shape) for one in variables)
    require_room(folder, _COPIES_SAVED * size + _ROOM_KEPT)


def predict(model: Any, inputs: UInt8Array, rows: Rows) -> FloatArray:
    """Return the probabilities of chosen faces, shape (rows, emotions)."""
    told = [
        keras.ops.convert_to_numpy(
            model(inputs[rows[start : start + _PREDICTION_BATCH]], training=False)
        )
        for start in range(0, len(rows), _PREDICTION_BATCH)
    ]
    return np.concatenate(told)
