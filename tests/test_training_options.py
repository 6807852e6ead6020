"""Options of ``fer train`` that decide who is learned from, from which weights and how."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pipeline.classifier import Classifier
from fer_pipeline.cli.root import root
from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import network_inputs
from fer_pipeline.history import read_history
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.splits import divide
from tests.conftest import write_faces

SMALL = ("--network", "lenet5", "--size", "16", "--epochs", "1", "--augment", "none")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Six people, three emotions, four faces of each: 72."""
    return write_faces(tmp_path_factory.mktemp("data") / "faces.h5", frames=4, size=16)


def train(data: Path, folder: Path, *options: object) -> Result:
    words = ["train", "--data", data, "-o", folder, *SMALL, *options]
    return CliRunner().invoke(root, [str(word) for word in words])


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def metrics_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return values


def sides_of(folder: Path) -> np.ndarray:
    with np.load(folder / "split.npz") as split:
        return split["side"]


def first_loss(folder: Path) -> float:
    return read_history(folder)["1"][0].loss


@pytest.fixture(scope="module")
def first(data, tmp_path_factory) -> Path:
    """A model to begin with and to compare with."""
    folder = tmp_path_factory.mktemp("first") / "model"
    done(train(data, folder, "--epochs", 2))
    return folder


def same(one: list[np.ndarray], other: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(*pair) for pair in zip(one, other, strict=True)]


# Figures


def test_accuracy_on_the_faces_learned_from_is_among_the_figures(first, data):
    (sides,) = sides_of(first)
    rows = np.flatnonzero(sides == 0)
    with open_dataset(data) as dataset:
        truth = dataset.column("label")[rows]
        inputs = network_inputs(dataset.images(rows), 16, "gray")
    named = np.asarray(load_model(first)(inputs)).argmax(axis=1)
    figures = metrics_of(first)["training"]
    assert figures["faces"] == len(rows)
    assert figures["accuracy"] == (named == truth).mean()


def test_the_predictions_are_those_that_the_figures_are_of(first, data):
    with np.load(first / "predictions.npz") as told, open_dataset(data) as dataset:
        truth = dataset.column("label")[told["row"]]
        right = told["probabilities"].argmax(axis=1) == truth
        assert not told["fit"].any()
        assert np.array_equal(told["row"], np.flatnonzero(sides_of(first)[0] == 2))
        assert told["probabilities"].sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert metrics_of(first)["unseen"]["accuracy"] == right.mean()


# Who is learned from


@pytest.fixture(scope="module")
def folds(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("folds") / "model"
    done(train(data, folder, "--folds", 3))
    return folder


def test_over_all_folds_every_face_is_tested_once_and_the_model_is_refitted(folds):
    metrics = metrics_of(folds)
    assert (sides_of(folds) == 2).sum(axis=0).tolist() == [1] * 72
    with np.load(folds / "predictions.npz") as told:
        assert sorted(told["row"]) == list(range(72))
        assert np.unique(told["fit"]).tolist() == [0, 1, 2]
    assert metrics["unseen"]["faces"] == 72
    assert metrics["refitted_on_everyone"]
    assert ModelSpec.read(folds).split["folds"] == 3


@pytest.fixture(scope="module")
def one_fold(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fold") / "model"
    result = done(train(data, folder, "--folds", 3, "--fold", 2))
    assert "fold 2 of 3" in result.stderr.splitlines()[0]
    return folder


def test_one_fold_is_a_split_of_its_own_and_its_model_the_evaluated_one(folds, one_fold):
    assert np.array_equal(sides_of(one_fold), sides_of(folds)[1:2])
    assert not metrics_of(one_fold)["refitted_on_everyone"]
    with (
        np.load(folds / "predictions.npz") as all_folds,
        np.load(one_fold / "predictions.npz") as alone,
    ):
        of_fold = all_folds["fit"] == 1
        assert np.array_equal(all_folds["probabilities"][of_fold], alone["probabilities"])


def test_a_split_is_replayed_whatever_the_seed(data, first, one_fold, tmp_path):
    folder = tmp_path / "model"
    done(train(data, folder, "--split-from", first, "--seed", 5))
    assert np.array_equal(sides_of(folder), sides_of(first))
    with open_dataset(data) as dataset:
        (drawn,) = divide(dataset, None, 5)
    assert not np.array_equal(drawn.test, np.flatnonzero(sides_of(first)[0] == 2))
    again = train(data, folder, "--split-from", one_fold, "--seed", 5)
    assert again.exit_code == 1
    assert "not the model of this data with these options" in again.stderr
    shutil.copytree(first, tmp_path / "moved")
    same_split = done(train(data, folder, "--split-from", tmp_path / "moved", "--seed", 5))
    assert "nothing to do" in same_split.stderr


def test_balanced_training_faces_all_weigh_the_same_and_leave_the_sides_alone(
    data, first, tmp_path
):
    for name, options in (("on", ()), ("off", ("--no-class-weights",))):
        done(train(data, tmp_path / name, "--balance", 30, *options))
    on, off = tmp_path / "on", tmp_path / "off"
    assert all(same(load_model(on).get_weights(), load_model(off).get_weights()))
    assert first_loss(on) == first_loss(off) != first_loss(first)
    assert np.array_equal(sides_of(on), sides_of(first))
    assert metrics_of(on)["training"]["faces"] == metrics_of(first)["training"]["faces"]


def test_the_figure_on_training_faces_is_of_those_that_were_learned_from(data, tmp_path):
    done(train(data, tmp_path / "model", "--balance", 5))
    assert metrics_of(tmp_path / "model")["training"]["faces"] == 3 * 5


# Weights and what learns


def test_weights_that_cannot_be_taken_leave_nothing_in_the_way(data, tmp_path):
    (tmp_path / "weights.h5").write_text("not weights")
    result = train(data, tmp_path / "model", "--weights", tmp_path / "weights.h5")
    assert (result.exit_code, "weights.h5" in result.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.h5"]


@pytest.fixture(scope="module")
def frozen(data, first, tmp_path_factory) -> Path:
    """A model that began with the weights of a copy of the first."""
    folder = tmp_path_factory.mktemp("frozen")
    shutil.copytree(first, folder / "start")
    result = done(train(data, folder / "model", "--weights", folder / "start", "--freeze"))
    assert "layers begin with weights from" in result.stderr
    return folder / "model"


def test_a_model_that_goes_on_learning_keeps_what_is_frozen(first, frozen):
    before, after = (load_model(one).get_weights() for one in (first, frozen))
    # Kernel and bias of two convolutions; three dense layers are the head.
    assert same(before, after) == [True] * 4 + [False] * 6


def test_without_freezing_all_layers_go_on_from_the_weights(data, first, tmp_path):
    options = ("--learning-rate", 1e-9)
    done(train(data, tmp_path / "model", "--weights", first / "model.keras", *options))
    before, after = (load_model(one).get_weights() for one in (first, tmp_path / "model"))
    assert all(np.allclose(*pair, atol=1e-6) for pair in zip(before, after, strict=True))
    assert not all(same(before, after))


def test_other_weights_are_another_training(data, first, frozen, tmp_path):
    again = done(train(data, frozen, "--weights", first, "--freeze"))
    assert "nothing to do" in again.stderr
    shutil.copytree(first, tmp_path / "start")
    other = load_model(first)
    other.set_weights([2 * weight for weight in other.get_weights()])
    other.save(tmp_path / "start" / "model.keras")
    refused = train(data, frozen, "--weights", tmp_path / "start", "--freeze")
    assert refused.exit_code == 1
    assert "not the model of this data with these options" in refused.stderr


def test_a_model_learned_in_16_bits_is_saved_in_32_and_converted(data, tmp_path):
    folder = tmp_path / "model"
    done(train(data, folder, "--mixed-precision"))
    model = load_model(folder)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {str(variable.dtype) for variable in model.variables} <= {"float32"}
    with open_dataset(data) as dataset:
        inputs = network_inputs(dataset.images(slice(0, 9)), 16, "gray")
    told = np.asarray(model(inputs))
    converted = Classifier(folder).classify(inputs)
    assert np.asarray(converted) == pytest.approx(told, abs=1e-5)


# What does not go together


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--freeze"], 2, "--freeze would keep random weights"),
        (["--unfreeze", 2], 2, "--unfreeze frees what --freeze froze"),
        (["--fold", 1], 2, "--fold chooses one of --folds"),
        (["--folds", 3, "--fold", 4], 2, "--fold chooses one of --folds"),
        (["--split-from", "model", "--split", "random"], 2, "leave --split and --folds out"),
        (["--split-from", "model", "--folds", 3], 2, "leave --split and --folds out"),
        (["--folds", 3, "--split", "leave-one-participant-out"], 1, "--folds does not go with"),
        (["--folds", 7], 1, "6 participants cannot be dealt out into 7 folds"),
        (["--weights", "nowhere"], 1, "nowhere: no weights there"),
    ],
)
def test_contradictions_are_refused_before_anything_is_done(
    data, tmp_path, options, status, message
):
    result = train(data, tmp_path / "model", *options)
    assert (result.exit_code, message in result.stderr) == (status, True), result.stderr
    assert not list(tmp_path.iterdir())
