"""Fitting a Keras model epoch by epoch, so that a run that was stopped goes on as if it had not.

Importing this module loads Keras; `fer_pipeline.training` does so only when there is work.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_pipeline.augmentation import Augment
from fer_pipeline.augmentation.mixing import mix
from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import ModelError
from fer_pipeline.files import replacing, require_room
from fer_pipeline.fit_options import Epoch, FitOptions, Optimizer
from fer_pipeline.json_values import fits, parse_json
from fer_pipeline.model_folder import read_arrays
from fer_pipeline.networks import backbones
from fer_pipeline.networks.statistics import learns_statistics, settle_statistics
from fer_pipeline.splits import Rows
from fer_pipeline.training_data import shuffled
from fer_pipeline.work_folder import STATE_FILE
from fer_pipeline.workers import available_cores

_ANEW = "begin anew with --overwrite"

# As much as 256 faces of 48 pixels: deep networks need hundreds of times the memory of their input.
_PIXELS_TOLD_AT_ONCE = 256 * 48 * 48
_FEWEST_TOLD_AT_ONCE = 16

# Keras writes weights first and packs them then; the rest is the graph.
_COPIES_SAVED = 2
_VALUE_BYTES = 4
_ROOM_KEPT = 2**20

# Keras' own bound: one certain mistake must not make a loss infinite.
_LEAST_LIKELIHOOD = 1e-7

# Weights that were learned elsewhere are only to be adapted.
_FINE_TUNING = 0.1

# Batches made ready while the network learns from earlier ones.
_BATCHES_AHEAD = 16

# A small network learns faster from a batch than Python starts the next step. PyTorch cannot.
_STEPS_AT_ONCE = 1 if keras.backend.backend() == "torch" else 8

# Running statistics follow a network well enough once it has learned through so long an epoch.
_STEPS_THAT_SETTLE = 400
_FACES_TO_SETTLE = 256

_OF_LABELS = "sparse_categorical_crossentropy"

_NUMBER = (int, float)
_PLAIN_STATE = {
    "history": [{str: _NUMBER}],
    "best_epoch": int,
    "best": _NUMBER,
    "changed_at": int,
    "done": bool,
}

OPTIMIZERS: dict[Optimizer, Callable[..., Any]] = {
    "adam": keras.optimizers.Adam,
    "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
}


@dataclass
class FitState:
    """What a stopped run needs to go on, beside the weights.

    Attributes:
        history: Epochs so far.
        best_epoch: Number of the epoch whose validation was best.
        best: What it was judged by, the lower the better.
        changed_at: Number of the epoch after which the rate or what learns was last changed.
        done: Whether fitting has ended.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best: float = float("inf")
    changed_at: int = 0
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
        targets: Share of each emotion in each face, shape (N, emotions); None where each is one.
    """

    inputs: UInt8Array
    labels: NDArray[np.integer]
    weights: NDArray[np.float32]
    augment: Augment | None = None
    targets: NDArray[np.float32] | None = None


Batch = tuple[UInt8Array, NDArray[np.float32], NDArray[np.float32]]
"""Inputs, labels or targets, and weights of some faces; the network takes whole numbers, too."""


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc, name-defined, unused-ignore]
    """The batches of one epoch: order and variation depend on nothing but seed and epoch.

    Args:
        faces: What is learned from.
        rows: Which of them.
        options: Size of a batch, and seed.
        epoch: Number of the epoch.
        pool: Makes batches ready while the network learns from earlier ones. Threads will do: numpy
            and OpenCV compute without holding Python's lock. Keras' own take a tenth of a second to
            stop, in every epoch.
    """

    def __init__(
        self, faces: Faces, rows: Rows, options: FitOptions, epoch: int, pool: Executor
    ) -> None:
        super().__init__()
        self._faces, self._batch, self._mixup = faces, options.batch, options.mixup
        self._rows = shuffled(rows, options.seed, epoch)
        self._seed = (options.seed, epoch)
        self._pool = pool
        self._ready: dict[int, Future[Batch]] = {}

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch)

    def __getitem__(self, index: int) -> Batch:
        for ahead in range(index, min(index + _BATCHES_AHEAD, len(self))):
            if ahead not in self._ready:
                self._ready[ahead] = self._pool.submit(self._make, ahead)
        return self._ready.pop(index).result()

    def inputs(self, faces: int) -> Iterator[UInt8Array]:
        """Yield the inputs of so many faces, or of all there are, in batches that are as large.

        The last batch of an epoch may be a single face.
        """
        whole = max(1, len(self._rows) // self._batch)
        for index in range(min(whole, math.ceil(faces / self._batch))):
            yield self._make(index)[0]

    def _make(self, index: int) -> Batch:
        rows = self._rows[index * self._batch : (index + 1) * self._batch]
        faces, rng = self._faces, np.random.default_rng([*self._seed, index])
        inputs, labels = faces.inputs[rows], faces.labels[rows]
        if faces.augment is not None:
            inputs = faces.augment(inputs, rng)
        if faces.targets is None:
            return inputs, labels.astype(np.float32), faces.weights[labels]
        targets = faces.targets[rows]
        if self._mixup:
            inputs, targets = mix(inputs, targets, self._mixup, rng)
        return inputs, targets, targets @ faces.weights


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
        if self._state_file.exists():
            self._take_up()
        else:
            self._learn_at(stage=0)

    def run(
        self, faces: Faces, training: Rows, validation: Rows, on_epoch: Callable[[Epoch], None]
    ) -> None:
        """Fit until the validation gets no better, then take the best epoch's weights.

        Without validation rows all epochs are run and the last weights stay.

        Raises:
            ModelError: The loss is no number any more.
        """
        while not self.state.done:
            self._prepare(len(self.state.history) + 1)
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
            _read(self.model.variables, self._best_file)

    def _prepare(self, number: int) -> None:
        """Free what joins in this epoch, and set the rate that is known beforehand."""
        stage = self._stage(number)
        if number > 1 and stage != self._stage(number - 1):
            self._learn_at(stage)
            self.state.changed_at = number - 1
        if self.options.schedule == "cosine":
            done = (number - 1) / self.options.epochs
            rate = self._first_rate(stage) * (1 + math.cos(math.pi * done)) / 2
            self.model.optimizer.learning_rate = rate

    def _learn_at(self, stage: int) -> None:
        """Let those layers learn that do so at a stage."""
        if self.options.freeze:
            backbones.set_trainable(self.model, stage)
        options = self.options
        self.model.compile(
            optimizer=OPTIMIZERS[options.optimizer](
                self._first_rate(stage), weight_decay=options.weight_decay or None
            ),
            loss="categorical_crossentropy" if options.blurred else _OF_LABELS,
            metrics=["accuracy"],
            steps_per_execution=_STEPS_AT_ONCE,
        )

    def _stage(self, number: int) -> int:
        """Return how many blocks of a frozen backbone have joined in an epoch."""
        options = self.options
        if not options.freeze or options.unfreeze is None:
            return 0
        return min((number - 1) // options.unfreeze, len(backbones.stages(self.model)))

    def _first_rate(self, stage: int) -> float:
        return self.options.learning_rate * (_FINE_TUNING if stage else 1)

    def _epoch(self, faces: Faces, training: Rows, validation: Rows) -> Epoch:
        number = len(self.state.history) + 1
        started = time.monotonic()
        learned_loss, learned_accuracy = self.learn(faces, training)
        loss, accuracy = self._validate(faces, validation)
        return Epoch(
            number=number,
            loss=learned_loss,
            accuracy=learned_accuracy,
            validation_loss=loss,
            validation_accuracy=accuracy,
            learning_rate=float(self.model.optimizer.learning_rate),
            seconds=time.monotonic() - started,
        )

    def learn(self, faces: Faces, rows: Rows) -> tuple[float, float]:
        """Learn once from every row, as the next epoch would; return mean loss and accuracy."""
        number = len(self.state.history) + 1
        with ThreadPoolExecutor(available_cores()) as pool:
            batches = TrainingBatches(faces, rows, self.options, number, pool)
            figures = self.model.fit(batches, epochs=1, shuffle=False, verbose=0).history
        if len(batches) < _STEPS_THAT_SETTLE and learns_statistics(self.model):
            settle_statistics(self.model, batches.inputs(_FACES_TO_SETTLE))
        return figures["loss"][0], figures["accuracy"][0]

    def _validate(self, faces: Faces, rows: Rows) -> tuple[float, float]:
        """Return cross-entropy and accuracy on the validation faces; NaN if there are none."""
        if not len(rows):
            return math.nan, math.nan
        told = predict(self.model, faces.inputs, rows)
        truth = faces.labels[rows]
        likelihood = told[np.arange(len(rows)), truth].clip(_LEAST_LIKELIHOOD)
        return float(-np.log(likelihood).mean()), float((told.argmax(axis=1) == truth).mean())

    def _decide(self, epoch: Epoch, *, validating: bool) -> None:
        self.state.history.append(epoch)
        if validating:
            self._keep_if_best(epoch)
            if self.options.schedule == "plateau":
                self._slow_down(epoch)
        self.state.done = epoch.number >= self.options.epochs or (validating and self._in_vain())

    def _keep_if_best(self, epoch: Epoch) -> None:
        by_loss = self.options.monitor == "loss"
        judged = epoch.validation_loss if by_loss else -epoch.validation_accuracy
        if judged < self.state.best:
            self.state.best_epoch, self.state.best = epoch.number, judged
            _write(self.model.variables, self._best_file)

    def _slow_down(self, epoch: Epoch) -> None:
        waited = epoch.number - max(self.state.best_epoch, self.state.changed_at)
        if waited >= self.options.slow_down:
            self.state.changed_at = epoch.number
            self.model.optimizer.learning_rate = epoch.learning_rate / 10

    def _in_vain(self) -> bool:
        """Return whether patience is over; it begins anew when the last block has joined."""
        number = len(self.state.history)
        stage = self._stage(number)
        if self.options.schedule == "cosine" or stage != self._stage(self.options.epochs):
            return False
        joined = stage * (self.options.unfreeze or 0)
        return number - max(self.state.best_epoch, joined) >= self.options.patience

    def _remember(self) -> None:
        """Keep all that changes, then the state that names it, then let what was older go."""
        number = len(self.state.history)
        _write(self._changing, self._checkpoint_file(number))
        with replacing(self._state_file) as unfinished:
            unfinished.write_text(json.dumps(asdict(self.state)), "utf-8")
        self._checkpoint_file(number - 1).unlink(missing_ok=True)

    def _take_up(self) -> None:
        try:
            values = parse_json(self._state_file.read_text("utf-8"))
            if not fits(values, _PLAIN_STATE, "only"):
                raise ValueError("no state of a fit")
            history = [Epoch(**epoch) for epoch in values.pop("history")]
            self.state = FitState(history=history, **values)
        except (KeyError, OSError, TypeError, ValueError) as error:
            problem = f"{self._state_file}: broken ({error})"
            raise ModelError(problem, _ANEW) from error
        self._learn_at(self._stage(len(history)))
        self.model.optimizer.build(self.model.trainable_variables)
        _read(self._changing, self._checkpoint_file(len(history)))

    @property
    def _changing(self) -> list[Any]:
        """Weights, statistics and random states of all layers, and the optimizer's memory.

        A saved Keras model would lack the random states, after which dropout drops.
        """
        return [*self.model.variables, *self.model.optimizer.variables]

    def _checkpoint_file(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch}.npz"

    @property
    def _state_file(self) -> Path:
        return self._folder / STATE_FILE

    @property
    def _best_file(self) -> Path:
        return self._folder / "best.npz"


def _write(variables: Sequence[Any], path: Path) -> None:
    """Write the values of Keras variables, in their order."""
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, *map(keras.ops.convert_to_numpy, variables))


def _read(variables: Sequence[Any], path: Path) -> None:
    """Give variables of the same shapes the values that were written."""
    values = read_arrays(path.parent, path.name, _ANEW)
    try:
        for variable, value in zip(variables, values.values(), strict=True):
            variable.assign(value)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: is of another network", _ANEW) from error


def save_model(model: Any, path: Path) -> None:
    """Save a model without the optimizer's memory, which is twice as large as the model.

    Raises:
        OSError: There is no room for it.
    """
    _require_room(model, path.parent)
    # Keras' own option to leave the optimizer out is not heeded in this format.
    plain = type(model).from_config(model.get_config())
    plain.set_weights(model.get_weights())
    plain.save(path)


def _require_room(model: Any, folder: Path) -> None:
    """HDF5, which Keras writes, cannot cope with a full disk."""
    size = _VALUE_BYTES * sum(math.prod(one.shape) for one in model.variables)
    require_room(folder, _COPIES_SAVED * size + _ROOM_KEPT)


def predict(model: Any, inputs: UInt8Array, rows: Rows) -> FloatArray:
    """Return the probabilities of chosen faces, shape (rows, emotions)."""
    height, width = inputs.shape[1:3]
    batch = min(256, max(_FEWEST_TOLD_AT_ONCE, _PIXELS_TOLD_AT_ONCE // (height * width)))
    told = [
        keras.ops.convert_to_numpy(model(inputs[rows[start : start + batch]], training=False))
        for start in range(0, len(rows), batch)
    ]
    return np.concatenate(told)
