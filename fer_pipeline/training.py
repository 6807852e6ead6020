"""A dataset → a model folder, with the figures of exactly the model that is in it.

All work is done in a folder beside the model's, from which a stopped run goes on; the model folder
appears, complete, at the end.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_pipeline.augmentation import AUGMENTERS, Augmentation
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import OutputError
from fer_pipeline.evaluation import Scores, Side, score
from fer_pipeline.faces import Channels
from fer_pipeline.files import put_back, remove_folder, replace_folder, replacing, writing
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.keras_backend import has_tensorflow, load_keras, make_repeatable
from fer_pipeline.model_folder import (
    CARD_FILE,
    CONFUSION_FILE,
    CURVES_FILE,
    HISTORY_FILE,
    KERAS_FILE,
    METRICS_FILE,
    SPEC_FILE,
    ModelSpec,
    foreign_names,
    write_json,
)
from fer_pipeline.networks import DEFAULT_NETWORK, build_network, check_size, find_network
from fer_pipeline.provenance import provenance
from fer_pipeline.report.model_card import model_card
from fer_pipeline.report.plots import plot_confusion, plot_learning_curves
from fer_pipeline.splits import (
    Rows,
    Split,
    SplitKind,
    divide,
    labelled_rows,
    participants_by_side,
)
from fer_pipeline.training_data import class_weights, prepare_inputs

if TYPE_CHECKING:
    from fer_pipeline.fitting import Faces, Fit

RUN_FILE = "run.json"
"""In the folder of an unfinished training: the data and options it is of."""

# In the same folder: the model that is replaced, for the moment between two renamings.
_REPLACED = "replaced"

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
        augment: How training faces are varied.
        weigh_classes: Whether rare emotions count as much as frequent ones.
        final: Whether to fit once more on everyone, after the evaluation.
        fit: How the network is fitted.
    """

    network: str = DEFAULT_NETWORK
    size: int | None = None
    channels: Channels | None = None
    split: SplitKind | None = None
    augment: Augmentation = "light"
    weigh_classes: bool = True
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
    """
    network = find_network(options.network)
    size = options.size or network.size
    check_size(options.network, size)
    options = replace(options, size=size, channels=options.channels or network.channels)
    if folder.name in ("", ".."):
        folder = folder.resolve()  # another name is made from its name
    with open_dataset(data) as dataset:
        splits = divide(dataset, options.split, options.fit.seed)
        listener.stage(_announce(splits))
        run = {
            "dataset": dataset.digest,
            "options": json.loads(json.dumps(asdict(replace(options, split=splits[0].kind)))),
        }
        work = _work_folder(folder)
        put_back(work / _REPLACED, folder)
        if not _anything_to_do(folder, run, overwrite=overwrite, resume=resume):
            _tidy(work, run)
            return None
        listener.stage("loading Keras")
        load_keras()  # first of all: a training that cannot begin shall not be in the way later
        _open_work_folder(work, run, resume=resume)
        model = _Training(dataset, options, splits, listener, work).run(command)
    _require_only_ours(folder)  # again: hours may have passed
    replace_folder(work / "model", folder, aside=work / _REPLACED)
    remove_folder(work)
    return replace(model, folder=folder)


def _announce(splits: tuple[Split, ...]) -> str:
    """Say who is on which side: nobody should have to guess what the figures mean."""
    split = splits[0]
    if split.kind == "leave-one-participant-out":
        return f"split by participant, each of {len(splits)} left out in turn"
    sides = ("training", "validation", "test")
    if split.kind == "participant":
        people = "; ".join(f"{side} {' '.join(split.groups[side])}" for side in sides)
        return f"split by participant: {people}"
    faces = ", ".join(f"{side} {len(getattr(split, side))} faces" for side in sides)
    warning = "" if split.kind == "corpus" else "; the same people may be on several sides"
    return f"split by {split.kind}: {faces}{warning}"


def _work_folder(folder: Path) -> Path:
    return folder.with_name(folder.name + ".unfinished")


def _anything_to_do(folder: Path, run: dict[str, Any], *, overwrite: bool, resume: bool) -> bool:
    """Make sure that nothing of value is replaced; return whether there is anything to do."""
    if _holds_something(folder):
        if not (folder / SPEC_FILE).exists():
            raise OutputError(f"{folder}: exists and is no model folder; give another -o")
        if not overwrite:
            if ModelSpec.read(folder).training.get("run") == run:
                return False
            raise OutputError(
                f"{folder}: exists, and is not the model of this data with these options; "
                "give another -o, or --overwrite to replace it"
            )
        _require_only_ours(folder)
    work = _work_folder(folder)
    if (work / RUN_FILE).exists() and not overwrite:
        same = _is_of(work, run)
        if not (same and resume):
            raise OutputError(
                f"{work}: an unfinished training of the same; --resume goes on with it, "
                "--overwrite begins anew"
                if same
                else f"{work}: an unfinished training of other data or options; "
                "give another -o, or --overwrite to forget it"
            )
    return True


def _require_only_ours(folder: Path) -> None:
    """Make sure that replacing a model folder removes nothing that somebody else put there."""
    foreign = foreign_names(folder) if folder.is_dir() else []
    if foreign:
        raise OutputError(
            f"{folder}: holds {', '.join(foreign)}, which --overwrite would remove; "
            "move that elsewhere, or give another -o"
        )


def _tidy(work: Path, run: dict[str, Any]) -> None:
    """Remove what a training left that was killed when its model was in place already."""
    if _is_of(work, run) or not (work / RUN_FILE).exists():
        remove_folder(work)


def _is_of(work: Path, run: dict[str, Any]) -> bool:
    file = work / RUN_FILE
    return file.exists() and json.loads(file.read_text("utf-8")) == run


def _open_work_folder(work: Path, run: dict[str, Any], *, resume: bool) -> None:
    """Make the folder of a new training, or keep the one to go on with."""
    if resume and _is_of(work, run):
        return
    remove_folder(work)
    with replacing(work / RUN_FILE) as unfinished:
        write_json(unfinished, run)


def _holds_something(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))


class _Training:
    """One run, from the divided dataset to the complete folder."""

    def __init__(
        self,
        dataset: Dataset,
        options: TrainingOptions,
        splits: tuple[Split, ...],
        listener: Listener,
        work: Path,
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

    def run(self, command: str) -> TrainedModel:
        from fer_pipeline.fitting import predict

        judged: dict[Side, _Judged] = {}
        fits: list[Fit] = []
        for number, split in enumerate(self._splits):
            if len(self._splits) > 1:
                left_out = ", ".join(split.groups["test"])
                self._listener.stage(f"{number + 1} of {len(self._splits)}: without {left_out}")
            fit = self._fit(f"fit-{number}", self._options.fit, split.training, split.validation)
            fits.append(fit)
            for side, rows in self._sides(split):
                of_side = judged.setdefault(side, _Judged())
                of_side.rows.append(rows)
                of_side.told.append(predict(fit.model, self._inputs, rows))
        scores = {side: self._score(of_side) for side, of_side in judged.items()}
        refitted = self._options.final or len(self._splits) > 1
        final = self._refit(fits) if refitted else None
        folder = self._work / "model"
        with writing(folder):
            return self._write(folder, fits, final, scores, command)

    def _sides(self, split: Split) -> list[tuple[Side, Rows]]:
        sides: list[tuple[Side, Rows]] = [
            ("unseen", split.test),
            ("seen", split.seen),
            ("validation", split.validation),
        ]
        return [(side, rows) for side, rows in sides if len(rows)]

    @property
    def _inputs(self) -> Any:
        path = self._work / "inputs.npy"
        if not path.exists():
            self._listener.stage(f"preparing {len(self._dataset)} faces")
        return prepare_inputs(self._dataset, self._size, self._channels, path)

    def _faces(self, training: Rows) -> Faces:
        from fer_pipeline.fitting import Faces

        classes = len(self._dataset.emotions)
        weights = np.ones(classes, np.float32)
        if self._options.weigh_classes:
            weights = class_weights(self._labels[training], classes)
        return Faces(self._inputs, self._labels, weights, AUGMENTERS[self._options.augment])

    def _fit(self, name: str, options: FitOptions, training: Rows, validation: Rows) -> Fit:
        from fer_pipeline.fitting import Fit

        make_repeatable(options.seed)
        classes = len(self._dataset.emotions)
        model = build_network(self._options.network, self._size, self._channels, classes)
        fit = Fit(model, options, self._work / name)

        def tell(epoch: Epoch) -> None:
            self._listener.epoch(epoch, options.epochs)

        fit.run(self._faces(training), training, validation, tell)
        return fit

    def _refit(self, fits: list[Fit]) -> Fit:
        """Fit on everyone, for as many epochs as were best with people set aside."""
        epochs = max(1, round(median(fit.state.best_epoch for fit in fits)))
        self._listener.stage(f"fitting once more on everyone, {epochs} epochs")
        everyone = labelled_rows(self._dataset)
        options = replace(self._options.fit, epochs=epochs)
        return self._fit("fit-final", options, everyone, everyone[:0])

    def _score(self, judged: _Judged) -> Scores:
        rows, told = np.concatenate(judged.rows), np.concatenate(judged.told)
        index = self._dataset.column("participant")[rows]
        known = bool(len(self._dataset.participants)) and bool(np.all(index >= 0))
        people = np.array(self._dataset.participants)[index] if known else None
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
        _write_history(folder / HISTORY_FILE, fits, final)
        metrics = {side: asdict(figures) for side, figures in scores.items()}
        described = {"split": spec.split["kind"], "refitted_on_everyone": refitted}
        write_json(folder / METRICS_FILE, described | metrics)
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

    def _spec(self, saved: Fit, command: str) -> ModelSpec:
        split = self._splits[0]
        groups = split.groups
        if len(self._splits) > 1:
            groups = {"in turn": tuple(one.groups["test"][0] for one in self._splits)}
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
                "seed": self._options.fit.seed,
                "groups": {side: list(names) for side, names in groups.items()},
                "participants": participants_by_side(self._dataset, self._splits),
            },
            training={
                "run": json.loads((self._work / RUN_FILE).read_text("utf-8")),
                "epochs": saved.state.kept_epochs,
                "epochs_run": len(saved.state.history),
            },
            provenance=provenance(command)
            | {"backend": load_keras().backend.backend(), "seed": self._options.fit.seed},
        )


def _write_history(path: Path, fits: list[Fit], final: Fit | None) -> None:
    names: list[tuple[int | str, Fit]] = [*enumerate(fits, 1)]
    if final is not None:
        names.append((_FINAL_FIT, final))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["fit", *(column.name for column in fields(Epoch))])
        for name, fit in names:
            writer.writerows((name, *astuple(epoch)) for epoch in fit.state.history)
