"""Calibration: the temperature that is found, what it leaves as it was, and where it ends up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fer_pipeline.calibration import find_temperature, set_temperature
from fer_pipeline.classifier import Classifier
from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import network_inputs
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.networks import build_network
from tests.conftest import write_faces
from tests.network_models import faces, make_sure, told
from tests.trainings import UNFINISHED, done, metrics_of, refused, train

SMALL = ("--size", 16, "--augment", "none", "--epochs", 3, "--learning-rate", 0.003)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return what a softmax of divided logits would have told."""
    powers = np.asarray(probabilities, np.float64) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


# What is found

COUNTS = st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=1, max_size=6)


@given(counts=COUNTS, temperature=st.floats(0.2, 5))
def test_a_known_temperature_is_found_again(counts, temperature):
    """Each kind of face shows each emotion exactly as often as its true probability says."""
    assume(any(len(set(row)) > 1 for row in counts))
    of_kind = np.array(counts)
    truth = np.repeat(of_kind / of_kind.sum(axis=1, keepdims=True), of_kind.sum(axis=1), axis=0)
    labels = np.concatenate([np.repeat(np.arange(3), row) for row in of_kind])
    told = tempered(truth, 1 / temperature)
    assert find_temperature(told, labels) == pytest.approx(temperature, rel=1e-3)


@given(
    st.lists(
        st.tuples(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_what_is_found_is_a_number_in_its_range_and_never_worse_than_none(faces):
    weights = np.array([of_face for of_face, _ in faces]) + 1e-9
    told = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    labels = np.array([label for _, label in faces])
    temperature = find_temperature(told, labels)
    assert 0.1 <= temperature <= 10

    def surprise(at: float) -> float:
        floored = np.maximum(told.astype(np.float64), 1e-12)
        return -np.log(tempered(floored, at)[np.arange(len(labels)), labels]).mean()

    assert surprise(temperature) <= surprise(1) + 1e-4


@pytest.mark.parametrize(("shown", "end"), [(0, 0.1), (1, 10)])
def test_a_model_that_is_always_right_or_always_wrong_is_made_as_sure_or_unsure_as_can_be(
    shown, end
):
    told = np.array([[0.8, 0.2]] * 5, np.float32)
    assert find_temperature(told, np.full(5, shown)) == pytest.approx(end, rel=1e-3)


def test_probabilities_of_exactly_nothing_are_no_trouble():
    told = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], np.float32)
    assert 1 < find_temperature(told, np.array([0, 1, 2])) <= 10


# What becomes of a model


@pytest.mark.parametrize("temperature", [0.3, 1, 2.5])
def test_a_tempered_model_tells_the_same_emotion_with_another_probability(temperature):
    model, inputs = build_network("lenet5", 16, "gray", 4), faces(50, 16, "gray")
    make_sure(model, inputs)
    before = told(model, inputs)
    set_temperature(model, temperature)
    after = told(model, inputs)
    assert after == pytest.approx(tempered(before, temperature), abs=1e-5)
    assert np.array_equal(after.argmax(axis=1), before.argmax(axis=1))
    assert len(set(after.argmax(axis=1))) > 1


# In a training


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Faces of which three in ten have a label drawn at random, so that nobody can be too sure."""
    path = write_faces(tmp_path_factory.mktemp("data") / "faces.h5", frames=6, size=16)
    rng = np.random.default_rng(0)
    with h5py.File(path, "r+") as file:
        labels = file["label"][:]
        wrong = rng.random(len(labels)) < 0.3
        labels[wrong] = rng.integers(0, 3, wrong.sum())
        file["label"][:] = labels
    return path


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Train with options, once for each of them; returns the model folder."""
    made: dict[tuple[object, ...], Path] = {}

    def model(*options: object) -> Path:
        if options not in made:
            made[options] = tmp_path_factory.mktemp("trained") / "model"
            done(train(data, made[options], *SMALL, *options))
        return made[options]

    return model


@pytest.fixture(scope="module")
def plain(trained) -> Path:
    return trained()


@pytest.fixture(scope="module")
def calibrated(trained) -> Path:
    return trained("--calibrate")


def temperature_of(folder: Path) -> float | None:
    found: float | None = ModelSpec.read(folder).training["temperature"]
    return found


def validation_of(folder: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and labels of the faces that a model was chosen on."""
    with np.load(folder / "split.npz") as split, open_dataset(data) as dataset:
        rows = np.flatnonzero(split["side"][0] == 1)
        images = dataset.images(rows)
        return network_inputs(images, 16, "gray"), dataset.column("label")[rows]


def unseen_of(folder: Path) -> np.ndarray:
    with np.load(folder / "predictions.npz") as told:
        return told["probabilities"]


def test_a_model_that_is_not_calibrated_has_no_temperature(plain):
    assert temperature_of(plain) is None


def test_the_saved_model_fits_its_validation_faces_as_no_other_temperature_would(calibrated, data):
    inputs, labels = validation_of(calibrated, data)
    told = np.asarray(load_model(calibrated)(inputs))
    assert find_temperature(told, labels) == pytest.approx(1, rel=2e-3)
    assert 0.11 < temperature_of(calibrated) < 9  # inside, where it is a matter of the faces
    assert abs(np.log(temperature_of(calibrated))) > 0.05  # there was something to find


def test_the_figures_are_of_the_calibrated_model_and_only_sureness_is_other(plain, calibrated):
    temperature = temperature_of(calibrated)
    before, after = unseen_of(plain), unseen_of(calibrated)
    assert after == pytest.approx(tempered(before, temperature), abs=1e-5)
    assert np.abs(after - before).max() > 0.01
    one, other = (metrics_of(folder)["unseen"] for folder in (plain, calibrated))
    assert one["accuracy"] == other["accuracy"]
    assert one["brier"] != other["brier"]


def test_keras_and_litert_are_calibrated_alike(calibrated, data):
    inputs, _ = validation_of(calibrated, data)
    by_keras = np.asarray(load_model(calibrated)(inputs))
    assert Classifier(calibrated).classify(inputs) == pytest.approx(by_keras, abs=1e-5)


def last_weights(folder: Path) -> np.ndarray:
    return load_model(folder).layers[-1].get_weights()[0]


def temperatures_between(before: Path, after: Path) -> list[float]:
    """Return by how much the probabilities of each fit have been cooled."""
    with np.load(before / "predictions.npz") as one, np.load(after / "predictions.npz") as other:
        fits = one["fit"]
        spread = [
            np.log(told["probabilities"].astype(float)[:, 0] / told["probabilities"][:, 1])
            for told in (one, other)
        ]
    return [float(np.median((spread[0] / spread[1])[fits == fit])) for fit in np.unique(fits)]


def test_each_fold_has_its_temperature_and_the_model_of_everyone_their_median(trained):
    short = "--folds", 3, "--epochs", 1, "--optimizer", "sgd"
    before, after = trained(*short), trained(*short, "--calibrate")
    temperatures = temperatures_between(before, after)
    assert len(set(temperatures)) == 3
    assert temperature_of(after) == pytest.approx(sorted(temperatures)[1], rel=1e-3)
    assert last_weights(after) == pytest.approx(last_weights(before) / temperature_of(after))


def test_a_training_stopped_after_calibration_is_not_calibrated_twice(
    data, calibrated, tmp_path, monkeypatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = tmp_path / "model"
    with monkeypatch.context() as patched:
        patched.setattr("fer_pipeline.trained_model.model_card", full)
        refused(train(data, folder, *SMALL, "--calibrate"))
    assert (tmp_path / UNFINISHED).exists()
    done(train(data, folder, *SMALL, "--calibrate", "--resume"))
    assert temperature_of(folder) == temperature_of(calibrated)
    assert np.array_equal(last_weights(folder), last_weights(calibrated))
