"""A dataset → a model folder, with the figures of exactly the model that is in it.

All work is done in a folder beside the model's, from which a stopped run goes on; the model folder
appears, complete, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.augmentation import AUGMENTERS
from fer_pipeline.calibration import find_temperature, set_temperature
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import ModelError, UsageError
from fer_pipeline.evaluation import Scores, Side, score
from fer_pipeline.files import writing
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.keras_backend import load_keras, make_repeatable, precision
from fer_pipeline.model_folder import PREDICTIONS_FILE, SPEC_FILE, ModelSpec
from fer_pipeline.networks import IMAGENET, build_from, build_network
from fer_pipeline.networks.weights import WeightsTaken
from fer_pipeline.splits import Rows, Split, labelled_rows
from fer_pipeline.trained_model import Results, TrainedModel, write_model
from fer_pipeline.training_data import balanced, class_weights, prepare_inputs, shares
from fer_pipeline.training_plan import (
    TrainingOptions,
    announcement,
    complete,
    signature,
    splits_of,
    without,
)
from fer_pipeline.work_folder import WorkFolder

if TYPE_CHECKING:
    from fer_pipeline.fitting import Faces, Fit


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to hear of a training under way.

    Attributes:
        stage: Called with what begins now, in words.
        epoch: Called after each pass, with how many passes there are at most.
    """

    stage: Callable[[str], None]
    epoch: Callable[[Epoch, int], None]


@dataclass(eq=False)
class _Judged:
    """Predictions of one side, gathered over the splits."""

    rows: list[Rows] = field(default_factory=list)
    told: list[FloatArray] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write them as plain arrays: ``fit``, ``row`` and ``probabilities`` of each face."""
        np.savez_compressed(
            path,
            fit=np.repeat(np.arange(len(self.rows)), [len(rows) for rows in self.rows]),
            row=np.concatenate(self.rows),
            probabilities=np.concatenate(self.told),
        )


def train(
    data: Path,
    folder: Path,
    options: TrainingOptions,
    listener: Listener,
    command: str,
    *,
    overwrite: bool = False,
    resume: bool = False,
) -> TrainedModel | None:
    """Train a model and write its folder.

    Args:
        data: The dataset.
        folder: Where the model folder goes.
        options: What is trained, and how.
        listener: Hears of the progress.
        command: The command line as it was typed.
        overwrite: Replace another model, forget an unfinished run.
        resume: Go on with an unfinished run.

    Returns:
        The model; None if the folder holds the model of the same data and options already.

    Raises:
        DatasetError: The dataset cannot be read.
        SplitError: It cannot be divided as asked.
        ModelError: The network does not exist or does not take such input.
        OutputError: The folder holds something else.
        UsageError: Options contradict each other, or the dataset.
    """
    options = complete(options)
    with open_dataset(data) as dataset:
        if options.fit.target == "votes" and dataset.votes is None:
            raise UsageError(f"{data}: has no annotators' votes to learn; leave --target votes out")
        splits = splits_of(dataset, options)
        listener.stage(announcement(splits, options))
        work = WorkFolder(folder, signature(dataset, options, splits))
        if not work.anything_to_do(overwrite=overwrite, resume=resume):
            return None
        listener.stage("loading Keras")
        load_keras()  # first of all: a training that cannot begin shall not be in the way later
        work.open(resume=resume)
        try:
            model = _Training(dataset, options, splits, listener, work).run(command)
        except ModelError:  # of the first weights, say, which the next attempt has from elsewhere
            work.forget_if_nothing_learned()
            raise
    work.publish()
    return replace(model, folder=work.folder)


class _Training:
    """One run, from the divided dataset to the complete folder."""

    def __init__(
        self,
        dataset: Dataset,
        options: TrainingOptions,
        splits: tuple[Split, ...],
        listener: Listener,
        work: WorkFolder,
    ) -> None:
        assert options.size is not None
        assert options.channels is not None
        self._dataset = dataset
        self._options = options
        self._size, self._channels = options.size, options.channels
        self._splits = splits
        self._listener = listener
        self._work = work
        self._labels = dataset.column("label")
        self._temperatures: list[float] = []

    def run(self, command: str) -> TrainedModel:
        from fer_pipeline.fitting import predict

        judged: dict[Side, _Judged] = {}
        fits: list[Fit] = []
        for number, split in enumerate(self._splits):
            if len(self._splits) > 1:
                self._listener.stage(f"{number + 1} of {len(self._splits)}{without(split)}")
            fit = self._fit(f"fit-{number}", self._options.fit, split.training, split.validation)
            if self._options.calibrate:
                self._calibrate(fit, split.validation)
            fits.append(fit)
            for side, rows in self._sides(split):
                of_side = judged.setdefault(side, _Judged())
                of_side.rows.append(rows)
                of_side.told.append(predict(fit.model, self._inputs, rows))
        scores = {side: self._score(of_side) for side, of_side in judged.items()}
        refitted = self._options.final or len(self._splits) > 1
        final = self._refit(fits) if refitted else None
        self._listener.stage("writing the model folder")
        folder = self._work.model
        with writing(folder):
            written = write_model(folder, self._results(fits, final, scores), command)
            judged["unseen"].write(folder / PREDICTIONS_FILE)
        return written

    def _results(self, fits: list[Fit], final: Fit | None, scores: dict[Side, Scores]) -> Results:
        temperature = median(self._temperatures) if self._temperatures else None
        return Results(
            self._dataset,
            self._options,
            self._splits,
            self._work.run,
            tuple(fits),
            final,
            temperature,
            scores,
        )

    def _sides(self, split: Split) -> list[tuple[Side, Rows]]:
        sides: list[tuple[Side, Rows]] = [
            ("unseen", split.test),
            ("seen", split.seen),
            ("validation", split.validation),
            ("training", np.unique(self._learned(split.training))),
        ]
        return [(side, rows) for side, rows in sides if len(rows)]

    @property
    def _inputs(self) -> Any:
        path = self._work.path / "inputs.npy"
        if not path.exists():
            self._listener.stage(f"preparing {len(self._dataset)} faces")
        return prepare_inputs(self._dataset, self._size, self._channels, path)

    def _faces(self, training: Rows) -> Faces:
        from fer_pipeline.fitting import Faces

        classes = len(self._dataset.emotions)
        weights = np.ones(classes, np.float32)
        if self._options.weigh_classes:  # after balancing, all weigh the same
            weights = class_weights(self._labels[training], classes)
        augment = AUGMENTERS[self._options.augment]
        return Faces(self._inputs, self._labels, weights, augment, self._targets())

    def _targets(self) -> NDArray[np.float32] | None:
        """Return the share of each emotion in each face, where a label is not the whole of it."""
        fit = self._options.fit
        if not fit.blurred:
            return None
        votes = self._dataset.votes if fit.target == "votes" else None
        return shares(self._labels, len(self._dataset.emotions), votes)

    def _fit(self, name: str, options: FitOptions, training: Rows, validation: Rows) -> Fit:
        from fer_pipeline.fitting import Fit

        make_repeatable(options.seed)
        with precision(mixed=options.mixed_precision):
            model, taken = self._build()
        if taken is not None:
            self._listener.stage(str(taken))
        fit = Fit(model, options, self._work.path / name)

        def tell(epoch: Epoch) -> None:
            self._listener.epoch(epoch, options.epochs)

        learned = self._learned(training)
        fit.run(self._faces(learned), learned, validation, tell)
        if options.mixed_precision:
            plain, _ = self._build()
            plain.set_weights(fit.model.get_weights())
            fit.model = plain
        return fit

    def _learned(self, training: Rows) -> Rows:
        """Return the training rows that are learned from, repeated where they are repeated."""
        options = self._options
        if options.balance is None:
            return training
        return balanced(training, self._labels[training], options.balance, options.fit.seed)

    def _build(self) -> tuple[Any, WeightsTaken | None]:
        """Return the network before any learning, and what it took from elsewhere."""
        options, classes = self._options, len(self._dataset.emotions)
        wanted = options.network, self._size, self._channels, classes
        if options.weights is None:
            return build_network(*wanted), None
        if options.weights == IMAGENET:
            return build_from(IMAGENET, *wanted)
        weights = Path(options.weights)
        return build_from(weights, *wanted, same_classes=self._has_same_classes(weights))

    def _has_same_classes(self, weights: Path) -> bool:
        """Return whether a model stands for the dataset's emotions; a bare file does not tell."""
        folder = weights if weights.is_dir() else weights.parent
        if not (folder / SPEC_FILE).is_file():
            return True
        return ModelSpec.read(folder).emotions == self._dataset.emotions

    def _refit(self, fits: list[Fit]) -> Fit:
        """Fit on everyone, for as many epochs as were best with people set aside."""
        epochs = max(1, round(median(fit.state.best_epoch for fit in fits)))
        self._listener.stage(f"fitting once more on everyone, {epochs} epochs")
        everyone = labelled_rows(self._dataset)
        options = replace(self._options.fit, epochs=epochs)
        final = self._fit("fit-final", options, everyone, everyone[:0])
        if self._options.calibrate:  # nobody is left to find its own on
            set_temperature(final.model, median(self._temperatures))
        return final

    def _calibrate(self, fit: Fit, validation: Rows) -> None:
        from fer_pipeline.fitting import predict

        told = predict(fit.model, self._inputs, validation)
        temperature = find_temperature(told, self._labels[validation])
        set_temperature(fit.model, temperature)
        self._temperatures.append(temperature)

    def _score(self, judged: _Judged) -> Scores:
        rows, told = np.concatenate(judged.rows), np.concatenate(judged.told)
        people = self._dataset.people(rows)
        seed = self._options.fit.seed
        return score(self._labels[rows], told, self._dataset.emotions, people, seed)
