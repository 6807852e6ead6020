"""Fitting: repeatable, and after a stop it goes on as if nothing had been."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.augmentation import light
from fer_pipeline.fit_options import Epoch, FitOptions
from fer_pipeline.keras_backend import load_keras, make_repeatable, precision
from fer_pipeline.networks import build_network
from fer_pipeline.training_data import shares, shuffled

SIZE, CLASSES = 16, 3
TRAINING, VALIDATION, NONE = np.arange(60), np.arange(60, 90), np.arange(0)
OPTIONS = FitOptions(epochs=4, batch=16, seed=1)


@dataclass(frozen=True)
class Fitted:
    """What a fit came to, and its folder."""

    folder: Path
    history: tuple[Epoch, ...]
    weights: list[np.ndarray]


def new_fit(folder: Path, options: FitOptions, network: str = "lenet5"):
    from fer_pipeline.fitting import Fit

    make_repeatable(options.seed)
    with precision(mixed=options.mixed_precision):
        model = build_network(network, SIZE, "gray", CLASSES)
    return Fit(model, options, folder)


def made_up_faces(augment=light):
    """Return faces of which each class has a bright band of its own."""
    from fer_pipeline.fitting import Faces

    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, 90).astype(np.int8)
    inputs = rng.integers(0, 90, (90, SIZE, SIZE, 1), dtype=np.uint8)
    for face, label in zip(inputs, labels, strict=True):
        face[5 * label : 5 * label + 5] += 100
    return Faces(inputs, labels, np.array([1, 2, 0.5], np.float32), augment)


def blurred_faces(augment=light):
    """Return the same faces, each of which is several emotions in part, but mostly its label's."""
    faces = made_up_faces(augment)
    targets = np.random.default_rng(3).random((90, CLASSES), np.float32)
    targets[np.arange(90), faces.labels] += 1
    return replace(faces, targets=targets / targets.sum(axis=1, keepdims=True))


def misleading_faces():
    """Return faces whose validation labels are wrong: the better it learns the worse they look."""
    faces = made_up_faces(augment=None)
    faces.labels[VALIDATION] = (faces.labels[VALIDATION] + 1) % CLASSES
    return faces


def ignore(_: Epoch) -> None:
    pass


def fitted(
    folder: Path,
    options: FitOptions,
    on_epoch: Callable[[Epoch], None],
    network: str = "lenet5",
) -> Fitted:
    fit = new_fit(folder, options, network)
    faces = blurred_faces() if options.blurred else made_up_faces()
    fit.run(faces, TRAINING, VALIDATION, on_epoch)
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


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (
            "cnn1",
            {
                "optimizer": "sgd",
                "schedule": "cosine",
                "mixed_precision": True,
                "mixup": 0.4,
                "target": "votes",
                "weight_decay": 0.1,
            },
        ),
        ("lenet5", {"epochs": 2, "freeze": True, "unfreeze": 1}),
        ("cnn2", {"epochs": 2}),
    ],
    # Dropout draws from a state of its own.
    ids=[
        "dropout, cosine, mixed precision, mixup, votes and weight decay",
        "unfreezing",
        "statistics taken anew",
    ],
)
def test_a_stopped_fit_goes_on_in_the_same_way_with(network, changes, tmp_path):
    def stop_after_one(_: Epoch) -> None:
        raise StoppedError

    options = replace(OPTIONS, **{"epochs": 3, **changes})
    undisturbed = fitted(tmp_path / "undisturbed", options, ignore, network)
    with pytest.raises(StoppedError):
        fitted(tmp_path / "stopped", options, stop_after_one, network)
    resumed = fitted(tmp_path / "stopped", options, ignore, network)
    assert resumed.history == undisturbed.history
    assert same_weights(resumed, undisturbed)


def test_a_finished_fit_taken_up_again_learns_nothing_more(undisturbed):
    again = fitted(undisturbed.folder, OPTIONS, lambda _: pytest.fail("went on"))
    assert again.history == undisturbed.history
    assert same_weights(again, undisturbed)


@pytest.fixture(scope="module")
def misled(tmp_path_factory):
    """A fit whose validation labels are wrong, so that the better it learns the worse they look."""
    faces = misleading_faces()
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


def learned_by_normalising(folder: Path) -> Epoch:
    """Fit a network that soon tells all it learns from; return its last epoch."""
    fit = new_fit(folder, replace(OPTIONS, epochs=3), "cnn2")
    fit.run(made_up_faces(augment=None), TRAINING, VALIDATION, ignore)
    return fit.state.history[-1]


def test_where_epochs_are_short_a_network_predicts_as_it_has_learned(tmp_path):
    last = learned_by_normalising(tmp_path)
    assert last.accuracy > 0.9
    assert last.validation_accuracy > 0.9


def test_where_epochs_are_long_statistics_are_those_of_the_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("fer_pipeline.fitting._STEPS_THAT_SETTLE", 4)
    last = learned_by_normalising(tmp_path)
    assert last.accuracy > 0.9
    assert last.validation_accuracy < 0.5


@pytest.mark.parametrize(("rows", "sizes"), [(33, [16, 16]), (5, [5]), (90, [16, 16, 16])])
def test_statistics_are_of_so_many_faces_in_whole_batches(rows, sizes):
    from fer_pipeline.fitting import TrainingBatches

    with ThreadPoolExecutor(1) as pool:
        batches = TrainingBatches(made_up_faces(), np.arange(rows), OPTIONS, 1, pool)
        assert [len(batch) for batch in batches.inputs(40)] == sizes


def test_statistics_become_those_of_all_that_reaches_a_layer():
    from fer_pipeline.networks.statistics import learns_statistics, settle_statistics

    keras = load_keras()
    layer = keras.layers.BatchNormalization()
    frozen = keras.layers.BatchNormalization(trainable=False)
    model = keras.Sequential([keras.Input((5,)), layer, frozen])
    reaching = np.random.default_rng(0).normal(3, 2, (4, 8, 5)).astype(np.float32)
    settle_statistics(model, reaching)
    every = reaching.reshape(-1, 5)
    assert np.asarray(layer.moving_mean) == pytest.approx(every.mean(axis=0), rel=1e-4)
    assert np.asarray(layer.moving_variance) == pytest.approx(every.var(axis=0), rel=1e-4)
    assert layer.momentum == 0.99
    assert learns_statistics(model)
    assert not learns_statistics(keras.Sequential([keras.Input((5,)), frozen]))


def test_predictions_come_in_the_order_of_the_rows_asked_for(misled):
    from fer_pipeline.fitting import predict

    fit, faces = misled
    rows = np.array([7, 3, 50])
    one_by_one = [predict(fit.model, faces.inputs, rows[i : i + 1])[0] for i in range(3)]
    assert predict(fit.model, faces.inputs, rows) == pytest.approx(np.array(one_by_one), abs=1e-6)


# How it is fitted


@pytest.fixture(scope="module")
def along_a_cosine(tmp_path_factory):
    options = replace(
        OPTIONS, epochs=6, learning_rate=3e-3, schedule="cosine", patience=1, slow_down=1
    )
    fit = new_fit(tmp_path_factory.mktemp("cosine"), options)
    fit.run(misleading_faces(), TRAINING, VALIDATION, ignore)
    return fit


def test_a_cosine_lets_the_rate_fall_over_all_epochs_which_are_all_run(along_a_cosine):
    rates = [epoch.learning_rate for epoch in along_a_cosine.state.history]
    wanted = [3e-3 * (1 + math.cos(math.pi * done / 6)) / 2 for done in range(6)]
    assert rates == pytest.approx(wanted)
    assert along_a_cosine.state.best_epoch < 5  # patience would have ended it


def test_after_a_cosine_too_the_best_weights_are_kept(along_a_cosine):
    from fer_pipeline.fitting import predict

    faces, best = misleading_faces(), along_a_cosine.state.best_epoch
    told = predict(along_a_cosine.model, faces.inputs, VALIDATION)
    right = told[np.arange(len(VALIDATION)), faces.labels[VALIDATION]]
    loss = along_a_cosine.state.history[best - 1].validation_loss
    assert -np.log(right).mean() == pytest.approx(loss, rel=1e-6)


def test_a_constant_rate_stays(tmp_path):
    fit = new_fit(tmp_path, replace(OPTIONS, schedule="constant", slow_down=1, patience=9))
    fit.run(misleading_faces(), TRAINING, VALIDATION, ignore)
    assert [epoch.learning_rate for epoch in fit.state.history] == pytest.approx([1e-3] * 4)


def test_with_the_accuracy_as_monitor_the_first_epoch_of_the_highest_is_the_best(tmp_path):
    fit = new_fit(tmp_path, replace(OPTIONS, monitor="accuracy", learning_rate=3e-3))
    fit.run(made_up_faces(), TRAINING, VALIDATION, ignore)
    accuracies = [epoch.validation_accuracy for epoch in fit.state.history]
    assert fit.state.best_epoch == accuracies.index(max(accuracies)) + 1
    assert fit.state.best == -max(accuracies)


def test_sgd_has_a_nesterov_momentum_and_learns_otherwise_than_adam(undisturbed, tmp_path):
    fit = new_fit(tmp_path, replace(OPTIONS, epochs=1, optimizer="sgd"))
    fit.run(made_up_faces(), TRAINING, VALIDATION, ignore)
    config = fit.model.optimizer.get_config()
    assert type(fit.model.optimizer).__name__ == "SGD"
    assert (config["momentum"], config["nesterov"]) == (0.9, True)
    assert fit.state.history[0].loss != undisturbed.history[0].loss


def test_blocks_join_from_the_top_at_a_tenth_of_the_rate_and_get_their_epochs(tmp_path):
    from fer_pipeline.networks.backbones import stages

    options = replace(OPTIONS, epochs=12, freeze=True, unfreeze=2, patience=2)
    fit = new_fit(tmp_path, options)
    top, bottom = (block[0] for block in stages(fit.model))
    before = [top.get_weights()[0], bottom.get_weights()[0]]
    changed_in: dict[int, list[bool]] = {}

    def look(epoch: Epoch) -> None:
        now = [top.get_weights()[0], bottom.get_weights()[0]]
        changed_in[epoch.number] = [
            not np.array_equal(*pair) for pair in zip(now, before, strict=True)
        ]

    fit.run(misleading_faces(), TRAINING, VALIDATION, look)
    assert [changed_in[number] for number in range(1, 6)] == [
        *[[False, False]] * 2,
        *[[True, False]] * 2,
        [True, True],
    ]
    rates = [epoch.learning_rate for epoch in fit.state.history]
    assert rates[:6] == pytest.approx([1e-3] * 2 + [1e-4] * 4)
    # Patience of 2 is over long before epoch 4, but the last block joins only after it.
    assert len(rates) == max(fit.state.best_epoch, 4) + 2


def first_step(folder: Path, options: FitOptions, faces):
    """Learn once from all training faces in one step; return its loss, and what was told before."""
    from fer_pipeline.fitting import TrainingBatches, predict

    fit = new_fit(folder, replace(options, batch=len(TRAINING)))
    with ThreadPoolExecutor(1) as pool:
        (batch,) = list(TrainingBatches(faces, TRAINING, fit.options, 1, pool))
    before = predict(fit.model, batch[0], np.arange(len(TRAINING)))
    return fit.learn(faces, TRAINING)[0], before, batch


def test_the_loss_of_blurred_targets_is_the_weighted_cross_entropy(tmp_path):
    faces, options = blurred_faces(augment=None), replace(OPTIONS, target="votes")
    loss, told, _ = first_step(tmp_path, options, faces)
    targets = faces.targets[shuffled(TRAINING, options.seed, 1)]
    surprise = -(targets * np.log(told)).sum(axis=1)
    weights = targets[:, 0] * 1 + targets[:, 1] * 2 + targets[:, 2] * 0.5  # of the emotions
    assert loss == pytest.approx((weights * surprise).mean(), rel=1e-5)


def test_the_loss_under_mixup_is_that_of_the_blended_faces_and_targets(tmp_path):
    faces = made_up_faces(augment=None)
    faces = replace(faces, targets=shares(faces.labels, CLASSES, None))
    loss, told, (_, targets, weights) = first_step(tmp_path, replace(OPTIONS, mixup=1), faces)
    assert ((targets > 0).sum(axis=1) == 2).mean() > 0.4  # blended of two emotions
    assert weights == pytest.approx(targets @ [1, 2, 0.5], rel=1e-6)
    surprise = -(targets * np.log(told)).sum(axis=1)
    assert loss == pytest.approx((weights * surprise).mean(), rel=1e-5)


def test_targets_that_are_certain_are_learned_like_labels(tmp_path):
    faces = made_up_faces(augment=None)
    certain = replace(faces, targets=shares(faces.labels, CLASSES, None))
    by_label = first_step(tmp_path / "label", OPTIONS, faces)[0]
    by_votes = first_step(tmp_path / "votes", replace(OPTIONS, target="votes"), certain)[0]
    assert by_votes == pytest.approx(by_label, rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_weight_decay_lessens_every_weight_by_its_share_of_the_rate_in_each_step(
    optimizer, tmp_path
):
    """Of faces that weigh nothing there is nothing to learn, so that the decay is all there is."""
    faces = replace(made_up_faces(), weights=np.zeros(CLASSES, np.float32))
    options = replace(OPTIONS, epochs=1, optimizer=optimizer, learning_rate=0.01, weight_decay=0.5)
    decays = {0.5: (1 - 0.01 * 0.5) ** 4}  # four steps
    if optimizer == "adam":  # without decay nothing changes
        decays[0.0] = 1
    for decay, kept in decays.items():
        fit = new_fit(tmp_path / str(decay), replace(options, weight_decay=decay))
        before = fit.model.get_weights()
        fit.learn(faces, TRAINING)
        for one, other in zip(before, fit.model.get_weights(), strict=True):
            assert other == pytest.approx(kept * one, rel=1e-5)


def test_in_mixed_precision_the_probabilities_are_in_32_bits(tmp_path):
    with precision(mixed=True):
        model = build_network("cnn1", SIZE, "gray", CLASSES)
    assert model.layers[-2].compute_dtype == "bfloat16"
    assert model.layers[-1].compute_dtype == "float32"
    assert {str(variable.dtype) for variable in model.weights} == {"float32"}
    assert build_network("cnn1", SIZE, "gray", CLASSES).layers[-2].compute_dtype == "float32"


# What it is fed with


@pytest.mark.parametrize("augment", [light, None], ids=["light", "none"])
@pytest.mark.parametrize("mixup", [0, 0.4])
def test_batches_are_the_same_however_many_threads_make_them(augment, mixup):
    from fer_pipeline.fitting import TrainingBatches

    faces = blurred_faces(augment) if mixup else made_up_faces(augment)
    options = replace(OPTIONS, mixup=mixup)

    def made_by(threads: int) -> list[tuple[np.ndarray, ...]]:
        with ThreadPoolExecutor(threads) as pool:
            batches = TrainingBatches(faces, TRAINING, options, 2, pool)
            # As Keras asks for them: the first ones are looked at before it begins.
            return [batches[index] for index in (0, 1, *range(len(batches)))]

    for one, other in zip(made_by(1), made_by(5), strict=True):
        assert all(map(np.array_equal, one, other))


def test_an_epoch_has_every_training_face_once():
    from fer_pipeline.fitting import TrainingBatches

    faces = made_up_faces(augment=None)
    with ThreadPoolExecutor(2) as pool:
        batches = list(TrainingBatches(faces, TRAINING, OPTIONS, 1, pool))
    assert [len(inputs) for inputs, _, _ in batches] == [16, 16, 16, 12]
    seen = np.concatenate([inputs for inputs, _, _ in batches])
    assert sorted(map(bytes, seen)) == sorted(map(bytes, faces.inputs[TRAINING]))
    for inputs, labels, weights in batches:
        assert np.array_equal(weights, faces.weights[labels.astype(int)])
        bands = [inputs[:, 5 * label : 5 * label + 5].mean(axis=(1, 2, 3)) for label in range(3)]
        assert np.array_equal(np.argmax(bands, axis=0), labels)
