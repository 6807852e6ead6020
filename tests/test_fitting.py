"""Fitting: repeatable, and after a stop it goes on as if nothing had been."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.augmentation import light
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.keras_backend import make_repeatable
from fer_pipeline.networks import build_network
from fer_pipeline.training_data import class_weights, shuffled

SIZE, CLASSES = 16, 3
TRAINING, VALIDATION, NONE = np.arange(60), np.arange(60, 90), np.arange(0)
OPTIONS = FitOptions(epochs=4, batch=16, seed=1)


@dataclass(frozen=True)
class Fitted:
    """What a fit came to, and its folder."""

    folder: Path
    history: tuple[Epoch, ...]
    weights: list[np.ndarray]


def new_fit(folder: Path, options: FitOptions):
    from fer_pipeline.fitting import Fit

    make_repeatable(options.seed)
    return Fit(build_network("lenet5", SIZE, "gray", CLASSES), options, folder)


def made_up_faces(augment=light):
    """Return faces of which each class has a bright band of its own."""
    from fer_pipeline.fitting import Faces

    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, 90).astype(np.int8)
    inputs = rng.integers(0, 90, (90, SIZE, SIZE, 1), dtype=np.uint8)
    for face, label in zip(inputs, labels, strict=True):
        face[5 * label : 5 * label + 5] += 100
    return Faces(inputs, labels, np.array([1, 2, 0.5], np.float32), augment)


def ignore(_: Epoch) -> None:
    pass


def fitted(folder: Path, options: FitOptions, on_epoch: Callable[[Epoch], None]) -> Fitted:
    fit = new_fit(folder, options)
    fit.run(made_up_faces(), TRAINING, VALIDATION, on_epoch)
    untimed = tuple(replace(epoch, seconds=0) for epoch in fit.state.history)
    return Fitted(folder, untimed, fit.model.get_weights())


def same_weights(one: Fitted, other: Fitted) -> bool:
    return all(map(np.array_equal, one.weights, other.weights))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Fitted:
    return fitted(tmp_path_factory.mktemp("fit"), OPTIONS, ignore)


def test_the_same_seed_gives_the_same_history_and_weights_bit_for_bit(undisturbed, tmp_path):
    again = fitted(tmp_path, OPTIONS, ignore)
    assert again.history == undisturbed.history
    assert same_weights(again, undisturbed)


def test_another_seed_gives_another_model(undisturbed, tmp_path):
    other = fitted(tmp_path, replace(OPTIONS, seed=2), ignore)
    assert other.history[0].loss != undisturbed.history[0].loss
    assert not same_weights(other, undisturbed)


class StoppedError(Exception):
    pass


def test_a_stopped_fit_goes_on_as_if_it_had_not_been_stopped(undisturbed, tmp_path):
    def stop_after_two(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        fitted(tmp_path, OPTIONS, stop_after_two)
    heard: list[int] = []
    resumed = fitted(tmp_path, OPTIONS, lambda epoch: heard.append(epoch.number))
    assert heard == [3, 4]
    assert resumed.history == undisturbed.history
    assert same_weights(resumed, undisturbed)


def test_a_finished_fit_taken_up_again_learns_nothing_more(undisturbed):
    again = fitted(undisturbed.folder, OPTIONS, lambda _: pytest.fail("went on"))
    assert again.history == undisturbed.history
    assert same_weights(again, undisturbed)


@pytest.fixture(scope="module")
def misled(tmp_path_factory):
    """A fit whose validation labels are wrong, so that the better it learns the worse they look."""
    faces = made_up_faces(augment=None)
    faces.labels[VALIDATION] = (faces.labels[VALIDATION] + 1) % CLASSES
    options = FitOptions(epochs=30, batch=16, learning_rate=3e-3, patience=5, slow_down=2)
    fit = new_fit(tmp_path_factory.mktemp("misled"), options)
    fit.run(faces, TRAINING, VALIDATION, ignore)
    return fit, faces


def test_fitting_stops_when_patience_is_over(misled):
    fit, _ = misled
    losses = [epoch.validation_loss for epoch in fit.state.history]
    best = losses.index(min(losses)) + 1
    assert fit.state.best_epoch == best
    assert len(losses) == best + fit.options.patience < fit.options.epochs


def test_the_rate_is_divided_by_ten_whenever_so_many_epochs_brought_nothing(misled):
    fit, _ = misled
    best = fit.state.best_epoch
    rates = [epoch.learning_rate for epoch in fit.state.history[best - 1 :]]
    # The best epoch, two in vain; two slower ones in vain; and one slower still.
    assert rates == pytest.approx([3e-3, 3e-3, 3e-3, 3e-4, 3e-4, 3e-5])


def test_the_weights_are_those_of_the_best_epoch(misled):
    from fer_pipeline.fitting import predict

    fit, faces = misled
    told = predict(fit.model, faces.inputs, VALIDATION)
    truth = faces.labels[VALIDATION]
    loss = -np.log(told[np.arange(len(truth)), truth]).mean()
    best = fit.state.history[fit.state.best_epoch - 1]
    assert loss == pytest.approx(best.validation_loss, rel=1e-6)
    assert (told.argmax(axis=1) == truth).mean() == best.validation_accuracy
    assert loss < fit.state.history[-1].validation_loss


def test_without_validation_all_epochs_are_run(tmp_path):
    options = FitOptions(epochs=3, batch=16, patience=1, slow_down=1)
    fit = new_fit(tmp_path, options)
    fit.run(made_up_faces(), TRAINING, NONE, ignore)
    assert len(fit.state.history) == 3
    assert all(math.isnan(epoch.validation_loss) for epoch in fit.state.history)
    assert [epoch.learning_rate for epoch in fit.state.history] == pytest.approx([1e-3] * 3)


def test_predictions_come_in_the_order_of_the_rows_asked_for(misled):
    from fer_pipeline.fitting import predict

    fit, faces = misled
    rows = np.array([7, 3, 50])
    one_by_one = [predict(fit.model, faces.inputs, rows[i : i + 1])[0] for i in range(3)]
    assert predict(fit.model, faces.inputs, rows) == pytest.approx(np.array(one_by_one), abs=1e-6)


# What it is fed with


def test_class_weights_let_every_class_count_alike_and_average_to_one():
    labels = np.array([0] * 6 + [1] * 3 + [2] * 1)
    weights = class_weights(labels, 3)
    assert weights * np.bincount(labels) == pytest.approx([10 / 3] * 3)
    assert weights[labels].mean() == pytest.approx(1)


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    assert np.array_equal(shuffled(TRAINING, 1, 2), shuffled(TRAINING, 1, 2))
    assert sorted(shuffled(TRAINING, 1, 2)) == TRAINING.tolist()
    orders = {tuple(shuffled(TRAINING, seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}
    assert len(orders) == 4
