"""A dataset → a model folder, with the figures of exactly the model that is in it.

All work is done in a folder beside the model's, from which a stopped run goes on; the model folder
appears, complete, at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.augmentation import AUGMENTERS, Augmentation
from fer_pipeline.calibration import find_temperature, set_temperature
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import ModelError, UsageError
from fer_pipeline.evaluation import Scores, Side, score
from fer_pipeline.faces import Channels
from fer_pipeline.files import digest_of, remove_folder, writing
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.history import write_history
from fer_pipeline.keras_backend import has_tensorflow, load_keras, make_repeatable, precision
from fer_pipeline.model_folder import (
    CARD_FILE,
    CONFUSION_FILE,
    CURVES_FILE,
    KERAS_FILE,
    METRICS_FILE,
    PREDICTIONS_FILE,
    SPEC_FILE,
    ModelSpec,
    write_json,
)
from fer_pipeline.networks import (
    DEFAULT_NETWORK,
    IMAGENET,
    build_from,
    build_network,
    check_size,
    find_network,
)
from fer_pipeline.networks.weights import WeightsTaken
from fer_pipeline.provenance import provenance
from fer_pipeline.report.model_card import model_card
from fer_pipeline.report.plots import plot_confusion, plot_learning_curves
from fer_pipeline.split_file import read_split, replay, write_split
from fer_pipeline.splits import (
    BY_PERSON,
    Rows,
    Split,
    SplitKind,
    divide,
    labelled_rows,
    participants_by_side,
)
from fer_pipeline.training_data import balanced, class_weights, prepare_inputs, shares
from fer_pipeline.work_folder import Run, WorkFolder

if TYPE_CHECKING:
    from fer_pipeline.fitting import Faces, Fit

_FINAL_FIT = "final"
"""In the history: the fit on everyone, which no figures are of."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What is trained, on whom, and how.

    Attributes:
        network: One of `fer_pipeline.networks.NETWORKS`.
        size: Side of the network's input in pixels; None for the network's own.
        channels: Representation of the input; None for the network's own.
        split: How people are divided; None for the default of `fer_pipeline.splits`.
        folds: Into how many parts people are dealt out, each tested in turn; None for one division.
        fold: The only one of these that is trained and tested, from 1; None for all.
        split_from: A model folder whose split is replayed; None for none.
        augment: How training faces are varied.
        balance: Training faces of each emotion, over- and under-sampled; None for all as they are.
        weigh_classes: Whether rare emotions count as much as frequent ones.
        weights: Where weights come from at first: ``imagenet``, a file or a model folder; None for
            random ones.
        calibrate: Whether probabilities are made to mean what they say, by the validation faces.
        final: Whether to fit once more on everyone, after the evaluation.
        fit: How the network is fitted.
    """

    network: str = DEFAULT_NETWORK
    size: int | None = None
    channels: Channels | None = None
    split: SplitKind | None = None
    folds: int | None = None
    fold: int | None = None
    split_from: Path | None = None
    augment: Augmentation = "light"
    balance: int | None = None
    weigh_classes: bool = True
    weights: str | None = None
    calibrate: bool = False
    final: bool = False
    fit: FitOptions = FitOptions()


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to hear of a training under way.

    Attributes:
        stage: Called with what begins now, in words.
        epoch: Called after each pass, with how many passes there are at most.
    """

    stage: Callable[[str], None]
    epoch: Callable[[Epoch, int], None]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A finished model folder.

    Attributes:
        folder: Where it is.
        spec: Its spec.
        scores: Figures by side: ``unseen`` from the test part, ``seen`` from the leak meter.
        history: Epochs of the evaluated model; of all of them for leave-one-participant-out.
        refitted: Whether the saved model was fitted once more on everyone, so that the figures are
            those of its forerunner.
        litert: Whether the LiteRT file could be written.
    """

    folder: Path
    spec: ModelSpec
    scores: dict[Side, Scores]
    history: tuple[Epoch, ...]
    refitted: bool
    litert: bool


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
        listener.stage(_announce(splits, options))
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


def complete(options: TrainingOptions) -> TrainingOptions:
    """Fill in what the network decides, and refuse what does not go together.

    Raises:
        ModelError: The network does not exist or does not take such input.
        UsageError: Options contradict each other.
    """
    network = find_network(options.network)
    size = options.size or network.size
    check_size(options.network, size)
    _check(options)
    return replace(options, size=size, channels=options.channels or network.channels)


def _check(options: TrainingOptions) -> None:
    if options.fold is not None and not (options.folds and options.fold <= options.folds):
        raise UsageError("--fold chooses one of --folds: give both, and no more than there are")
    if options.split_from is not None and (options.split or options.folds):
        raise UsageError("--split-from says who is where; leave --split and --folds out")
    if options.fit.unfreeze is not None and not options.fit.freeze:
        raise UsageError("--unfreeze frees what --freeze froze; give both")
    if options.fit.freeze and options.weights is None:
        raise UsageError(
            "--freeze would keep random weights, from which nothing can be learned; "
            "give --weights imagenet or a file too"
        )


def splits_of(dataset: Dataset, options: TrainingOptions) -> tuple[Split, ...]:
    """Divide a dataset as the options ask.

    Raises:
        ModelError: The model whose split shall be replayed has none.
        SplitError: It cannot be divided so.
    """
    if options.split_from is not None:
        return replay(dataset, options.split_from)
    splits = divide(dataset, options.split, options.fit.seed, options.folds)
    return splits if options.fold is None else (splits[options.fold - 1],)


def signature(dataset: Dataset, options: TrainingOptions, splits: tuple[Split, ...]) -> Run:
    """Return what makes a training with these `complete` options the same as another."""
    values = asdict(replace(options, split=splits[0].kind, split_from=None))
    if options.split_from is not None:
        values["split_from"] = read_split(options.split_from).digest
    if options.weights not in (None, IMAGENET):
        values["weights"] = _weights_digest(Path(str(options.weights)))
    return {"dataset": dataset.digest, "options": json.loads(json.dumps(values))}


def _weights_digest(path: Path) -> str:
    file = path / KERAS_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(f"{path}: no weights there; give a Keras file or a model folder")
    return digest_of(file)


def _announce(splits: tuple[Split, ...], options: TrainingOptions) -> str:
    """Say who is on which side: nobody should have to guess what the figures mean."""
    split = splits[0]
    left_out = sum(one.copies for one in splits)
    copies = f"; {left_out} faces left out, copies of a face on another side" if left_out else ""
    return _announce_sides(splits, split, options) + copies


def _announce_sides(splits: tuple[Split, ...], split: Split, options: TrainingOptions) -> str:
    if split.kind == "leave-one-participant-out":
        return f"split by participant, each of {len(splits)} left out in turn"
    what = f"split by {split.kind}"
    if options.fold is not None:
        what += f", fold {options.fold} of {options.folds}"
    warning = (
        "" if split.kind in (*BY_PERSON, "corpus") else "; the same people may be on several sides"
    )
    if len(splits) > 1:
        return f"{what}, each of {len(splits)} folds tested in turn{warning}"
    sides = ("training", "validation", "test")
    if split.kind == "participant":
        people = "; ".join(f"{side} {' '.join(split.groups[side])}" for side in sides)
        return f"{what}: {people}"
    faces = ", ".join(f"{side} {len(getattr(split, side))} faces" for side in sides)
    return f"{what}: {faces}{warning}"


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
                self._listener.stage(f"{number + 1} of {len(self._splits)}{_without(split)}")
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
        folder = self._work.model
        with writing(folder):
            written = self._write(folder, fits, final, scores, command)
            judged["unseen"].write(folder / PREDICTIONS_FILE)
        return written

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

    def _write(
        self,
        folder: Path,
        fits: list[Fit],
        final: Fit | None,
        scores: dict[Side, Scores],
        command: str,
    ) -> TrainedModel:
        """Put everything into the folder that will become the model's."""
        from fer_pipeline.fitting import save_model

        self._listener.stage("writing the model folder")
        remove_folder(folder)
        folder.mkdir()
        saved, refitted = final or fits[0], final is not None
        save_model(saved.model, folder / KERAS_FILE)
        spec = self._spec(saved, command)
        spec.write(folder)
        litert = self._convert(folder)
        history = tuple(epoch for fit in fits for epoch in fit.state.history)
        named = {str(number): fit.state.history for number, fit in enumerate(fits, 1)}
        write_history(folder, named | ({_FINAL_FIT: final.state.history} if final else {}))
        metrics = {side: asdict(figures) for side, figures in scores.items()}
        described = {"split": spec.split["kind"], "refitted_on_everyone": refitted}
        write_json(folder / METRICS_FILE, described | metrics)
        write_split(folder, self._dataset, self._splits)
        plot_learning_curves(
            folder / CURVES_FILE,
            [fit.state.history for fit in fits],
            final.state.history if final else (),
        )
        plot_confusion(folder / CONFUSION_FILE, scores["unseen"], spec.emotions)
        card = model_card(spec, scores, refitted=refitted)
        (folder / CARD_FILE).write_text(card, "utf-8")
        return TrainedModel(folder, spec, scores, history, refitted, litert)

    def _convert(self, folder: Path) -> bool:
        if not has_tensorflow():
            return False
        from fer_pipeline.conversion import write_litert

        write_litert(folder)
        return True

    def _learned_before(self) -> list[str]:
        """Return the people whom the model that training began with has learned from."""
        weights = self._options.weights
        if weights in (None, IMAGENET):
            return []
        path = Path(str(weights))
        folder = path if path.is_dir() else path.parent
        if not (folder / SPEC_FILE).is_file():
            return []
        people = ModelSpec.read(folder).split.get("participants", {})
        return sorted(
            {name for side in ("training", "validation") for name in people.get(side, ())}
        )

    def _spec(self, saved: Fit, command: str) -> ModelSpec:
        split = self._splits[0]
        sides, before = participants_by_side(self._dataset, self._splits), self._learned_before()
        groups = split.groups
        if len(self._splits) > 1:
            groups = {
                "in turn": tuple(" ".join(one.groups.get("test", ())) for one in self._splits)
            }
        if split.kind not in BY_PERSON:
            groups = {}  # names of videos may tell more than a model should
        return ModelSpec(
            network=self._options.network,
            emotions=self._dataset.emotions,
            input_size=self._size,
            input_channels=self._channels,
            crop=self._dataset.crop,
            dataset={
                "file": self._dataset.path.name,
                "digest": self._dataset.digest,
                "faces": len(self._dataset),
            },
            split={
                "kind": split.kind,
                "folds": self._options.folds,
                "fold": self._options.fold,
                "copies_left_out": sum(one.copies for one in self._splits),
                "seed": self._options.fit.seed,
                "groups": {side: list(names) for side, names in groups.items()},
                "participants": {
                    **sides,
                    # Else a figure on them would pass for one on unseen people in evaluations.
                    "training": sorted({*sides["training"], *before}),
                },
                "learned_before": before,
            },
            training={
                "run": self._work.run,
                "epochs": saved.state.kept_epochs,
                "epochs_run": len(saved.state.history),
                "temperature": median(self._temperatures) if self._temperatures else None,
            },
            provenance=provenance(command)
            | {"backend": load_keras().backend.backend(), "seed": self._options.fit.seed},
        )


def _without(split: Split) -> str:
    names = split.groups.get("test", ())
    return f": without {', '.join(names)}" if names else ""
