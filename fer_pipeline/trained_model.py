"""What a training came to, put into the folder that becomes the model's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_pipeline.dataset import Dataset
from fer_pipeline.evaluation import Scores, Side
from fer_pipeline.files import remove_folder
from fer_pipeline.fit_options import Epoch
from fer_pipeline.history import write_history
from fer_pipeline.keras_backend import has_tensorflow, load_keras
from fer_pipeline.model_folder import (
    CARD_FILE,
    CONFUSION_FILE,
    CURVES_FILE,
    KERAS_FILE,
    METRICS_FILE,
    SPEC_FILE,
    ModelSpec,
    write_json,
)
from fer_pipeline.networks import IMAGENET
from fer_pipeline.provenance import provenance
from fer_pipeline.report.model_card import model_card
from fer_pipeline.report.plots import plot_confusion, plot_learning_curves
from fer_pipeline.split_file import write_split
from fer_pipeline.splits import BY_PERSON, Split, participants_by_side
from fer_pipeline.training_plan import TrainingOptions
from fer_pipeline.work_folder import Run

if TYPE_CHECKING:
    from fer_pipeline.fitting import Fit

_FINAL_FIT = "final"
"""In the history: the fit on everyone, which no figures are of."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a training came to.

    Attributes:
        dataset: What was learned from.
        options: How, `fer_pipeline.training_plan.complete`.
        splits: Who was on which side, for each fit.
        run: What makes another training the same.
        fits: The evaluated fits.
        final: The fit on everyone after them; None if there was none.
        temperature: By which the saved network's outputs are calibrated; None if they are not.
        scores: Figures by side.
    """

    dataset: Dataset
    options: TrainingOptions
    splits: tuple[Split, ...]
    run: Run
    fits: tuple[Fit, ...]
    final: Fit | None
    temperature: float | None
    scores: dict[Side, Scores]

    @property
    def saved(self) -> Fit:
        """The fit whose network is saved."""
        return self.final or self.fits[0]


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


def write_model(folder: Path, results: Results, command: str) -> TrainedModel:
    """Write a model folder anew.

    Args:
        folder: Where; what it holds is removed.
        results: What was trained.
        command: The command line as it was typed.
    """
    from fer_pipeline.fitting import save_model

    remove_folder(folder)
    folder.mkdir()
    save_model(results.saved.model, folder / KERAS_FILE)
    spec = _spec(results, command)
    spec.write(folder)
    litert = _convert(folder)
    refitted = results.final is not None
    _write_history(folder, results)
    metrics = {side: asdict(figures) for side, figures in results.scores.items()}
    described = {"split": spec.split["kind"], "refitted_on_everyone": refitted}
    write_json(folder / METRICS_FILE, described | metrics)
    write_split(folder, results.dataset, results.splits)
    plot_confusion(folder / CONFUSION_FILE, results.scores["unseen"], spec.emotions)
    card = model_card(spec, results.scores, refitted=refitted)
    (folder / CARD_FILE).write_text(card, "utf-8")
    history = tuple(epoch for fit in results.fits for epoch in fit.state.history)
    return TrainedModel(folder, spec, results.scores, history, refitted, litert)


def _write_history(folder: Path, results: Results) -> None:
    histories = [fit.state.history for fit in results.fits]
    named = {str(number): history for number, history in enumerate(histories, 1)}
    if results.final is None:
        write_history(folder, named)
        plot_learning_curves(folder / CURVES_FILE, histories, ())
        return
    last = results.final.state.history
    write_history(folder, named | {_FINAL_FIT: last})
    plot_learning_curves(folder / CURVES_FILE, histories, last)


def _convert(folder: Path) -> bool:
    if not has_tensorflow():
        return False
    from fer_pipeline.conversion import write_litert

    write_litert(folder)
    return True


def _spec(results: Results, command: str) -> ModelSpec:
    options, dataset, saved = results.options, results.dataset, results.saved
    assert options.size is not None
    assert options.channels is not None
    return ModelSpec(
        network=options.network,
        emotions=dataset.emotions,
        input_size=options.size,
        input_channels=options.channels,
        crop=dataset.crop,
        dataset={
            "file": dataset.path.name,
            "digest": dataset.digest,
            "faces": len(dataset),
        },
        split=_described_split(results),
        training={
            "run": results.run,
            "epochs": saved.state.kept_epochs,
            "epochs_run": len(saved.state.history),
            "temperature": results.temperature,
        },
        provenance=provenance(command)
        | {"backend": load_keras().backend.backend(), "seed": options.fit.seed},
    )


def _described_split(results: Results) -> dict[str, Any]:
    options, splits = results.options, results.splits
    sides = participants_by_side(results.dataset, splits)
    before = _learned_before(options.weights)
    return {
        "kind": splits[0].kind,
        "folds": options.folds,
        "fold": options.fold,
        "copies_left_out": sum(one.copies for one in splits),
        "seed": options.fit.seed,
        "groups": {side: list(names) for side, names in _groups(splits).items()},
        "participants": {
            **sides,
            # Else a figure on them would pass for one on unseen people in evaluations.
            "training": sorted({*sides["training"], *before}),
        },
        "learned_before": before,
    }


def _groups(splits: tuple[Split, ...]) -> dict[str, tuple[str, ...]]:
    if splits[0].kind not in BY_PERSON:
        return {}  # names of videos may tell more than a model should
    if len(splits) > 1:
        return {"in turn": tuple(" ".join(one.groups.get("test", ())) for one in splits)}
    return dict(splits[0].groups)


def _learned_before(weights: str | None) -> list[str]:
    """Return the people whom the model that training began with has learned from."""
    if weights in (None, IMAGENET):
        return []
    path = Path(str(weights))
    folder = path if path.is_dir() else path.parent
    if not (folder / SPEC_FILE).is_file():
        return []
    people = ModelSpec.read(folder).split.get("participants", {})
    return sorted({name for side in ("training", "validation") for name in people.get(side, ())})
