"""``fer train --from``: what is taken from a model, what is new, and what learns when."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pipeline.cli.root import root
from fer_pipeline.conversion import load_model
from fer_pipeline.history import read_history
from fer_pipeline.model_folder import KERAS_FILE, ModelSpec
from tests.conftest import write_faces
from tests.trainings import done

QUICK = ("--augment", "none", "--epochs", 1)
SAME = ("neutral", "happiness", "surprise")
FOUR = ("neutral", "happiness", "sadness", "surprise")
OTHER_NAMES = ("anger", "fear", "sadness")

# Kernel and bias of each; the head of this network begins with its first dense layer.
LOWER, UPPER, DENSE, LAST = slice(0, 2), slice(2, 4), slice(4, 8), slice(8, 10)


def train(data: Path, folder: Path, *options: object) -> Result:
    words = ["train", "--data", data, "-o", folder, *options]
    return CliRunner().invoke(root, [str(word) for word in words])


def data_of(folder: Path, emotions: tuple[str, ...]) -> Path:
    return write_faces(folder / "faces.h5", 5, emotions, frames=4, size=16)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    """A model to begin with, of an input that is not its network's own."""
    folder = tmp_path_factory.mktemp("start")
    options = ("--network", "lenet5", "--size", 20, "--channels", "rgb", "--seed", 3)
    done(train(data_of(folder, SAME), folder / "model", *options, *QUICK))
    return folder / "model"


@pytest.fixture(scope="module")
def adapted(start, tmp_path_factory) -> tuple[Path, Result, Path]:
    """A model for four emotions: its folder, what was said, and its data."""
    folder = tmp_path_factory.mktemp("adapted")
    data = data_of(folder, FOUR)
    result = done(train(data, folder / "model", "--from", start, *QUICK))
    return folder / "model", result, data


def weights_of(folder: Path) -> list[np.ndarray]:
    return list(load_model(folder).get_weights())


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, one, other))


def options_of(folder: Path) -> dict[str, Any]:
    options: dict[str, Any] = ModelSpec.read(folder).training["run"]["options"]
    return options


def begun_with(result: Result) -> str:
    (line,) = [line for line in result.stderr.splitlines() if "begin with weights" in line]
    return line


# What is taken


def test_the_network_and_its_input_are_those_of_the_model(adapted):
    spec = ModelSpec.read(adapted[0])
    assert (spec.network, spec.input_size, spec.input_channels) == ("lenet5", 20, "rgb")


def test_other_classes_get_a_head_of_their_own(adapted, start):
    folder, result, _ = adapted
    assert ModelSpec.read(folder).emotions == FOUR
    assert begun_with(result).startswith(f"4 of 5 layers begin with weights from {start} (")
    assert weights_of(folder)[-1].shape == (4,)


def test_while_it_warms_up_only_the_head_learns(adapted, start):
    before, after = weights_of(start), weights_of(adapted[0])
    assert same(before[LOWER] + before[UPPER], after[LOWER] + after[UPPER])
    assert not any(map(np.array_equal, before[DENSE], after[DENSE]))


def begun(data: Path, folder: Path, start: Path) -> Result:
    """Train so slowly that the model is what it began with."""
    return done(train(data, folder, "--from", start, *QUICK, "--learning-rate", 1e-9))


def near(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.allclose(*pair, atol=1e-6) for pair in zip(one, other, strict=True))


def test_the_same_classes_keep_their_head(start, tmp_path):
    result = begun(data_of(tmp_path, SAME), tmp_path / "model", start)
    assert begun_with(result).startswith("5 of 5 layers")
    assert near(weights_of(tmp_path / "model"), weights_of(start))


def test_as_many_classes_of_other_names_get_a_head_of_their_own(start, tmp_path):
    """Else what spoke of happiness would begin as fear."""
    result = begun(data_of(tmp_path, OTHER_NAMES), tmp_path / "model", start)
    before, after = weights_of(start), weights_of(tmp_path / "model")
    assert begun_with(result).startswith("4 of 5 layers")
    assert before[-2].shape == after[-2].shape
    assert near(before[:-2], after[:-2])
    assert not np.allclose(before[-2], after[-2], atol=1e-2)


def test_the_file_inside_a_folder_is_not_taken_for_other_names_either(start, tmp_path):
    folder = tmp_path / "model"
    options = ("--network", "lenet5", "--size", 20, "--channels", "rgb", "--weights")
    data = data_of(tmp_path, OTHER_NAMES)
    result = done(train(data, folder, *options, start / KERAS_FILE, *QUICK))
    assert begun_with(result).startswith("4 of 5 layers")


# What learns when


def test_after_three_epochs_the_blocks_join_from_the_top_at_a_tenth_of_the_rate(start, tmp_path):
    data = data_of(tmp_path, SAME)
    options = ("--from", start, "--augment", "none", "--monitor", "accuracy")
    done(train(data, tmp_path / "4", *options, "--epochs", 4, "--schedule", "constant"))
    rates = [epoch.learning_rate for epoch in read_history(tmp_path / "4")["1"]]
    assert rates == pytest.approx([1e-3] * 3 + [1e-4])


def test_unfreeze_says_otherwise(start, tmp_path):
    data = data_of(tmp_path, FOUR)
    options = ("--from", start, "--augment", "none", "--epochs", 3)
    done(train(data, tmp_path / "model", *options, "--unfreeze", 1, "--schedule", "constant"))
    rates = [epoch.learning_rate for epoch in read_history(tmp_path / "model")["1"]]
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4])
    assert options_of(tmp_path / "model")["fit"]["unfreeze"] == 1


# What is remembered


def test_the_spec_records_what_it_began_with_and_how(adapted, start):
    options = options_of(adapted[0])
    assert options["weights"] == hashlib.sha256((start / KERAS_FILE).read_bytes()).hexdigest()
    assert (options["fit"]["freeze"], options["fit"]["unfreeze"]) == (True, 3)
    assert (options["network"], options["size"], options["channels"]) == ("lenet5", 20, "rgb")


def test_the_same_model_elsewhere_is_the_same_start_and_another_is_not(adapted, start, tmp_path):
    folder, _, data = adapted
    moved = Path(shutil.copytree(start, tmp_path / "moved"))
    again = done(train(data, folder, "--from", moved, *QUICK))
    assert "nothing to do" in again.stderr
    other = load_model(moved)
    other.set_weights([2 * weight for weight in other.get_weights()])
    other.save(moved / KERAS_FILE)
    refused = train(data, folder, "--from", moved, *QUICK)
    assert refused.exit_code == 1
    assert "not the model of this data with these options" in refused.stderr


def test_default_is_the_model_of_the_package(adapted, start, monkeypatch):
    """Another stands in for it here, one that trains fast."""
    folder, _, data = adapted
    monkeypatch.setattr("fer_pipeline.model_folder._BUNDLED_FOLDER", str(start))
    assert "nothing to do" in done(train(data, folder, "--from", "default", *QUICK)).stderr


def test_a_folder_called_default_comes_first(adapted, start, tmp_path, monkeypatch):
    folder, _, data = adapted
    shutil.copytree(start, tmp_path / "default")
    monkeypatch.chdir(tmp_path)
    assert "nothing to do" in done(train(data, folder, "--from", "default", *QUICK)).stderr


# What does not go together


@pytest.fixture
def broken(start, tmp_path) -> dict[str, Path]:
    """Model folders from which no training can begin."""
    folders = {name: tmp_path / name for name in ("unknown", "bare", "empty", "gone")}
    for name in ("unknown", "bare"):
        shutil.copytree(start, folders[name])
    spec = json.loads((folders["unknown"] / "spec.json").read_text("utf-8"))
    changed = json.dumps(spec | {"network": "capsule"})
    (folders["unknown"] / "spec.json").write_text(changed, "utf-8")
    (folders["bare"] / KERAS_FILE).unlink()
    folders["empty"].mkdir()
    return folders


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "lenet5"], "--from says which network; leave --network out"),
        (["--network", "lenet"], "--from says which network; leave --network out"),
        (["--weights", "imagenet"], "--from says where the weights come from; leave --weights out"),
        (["--size", 48], "the model takes 20 px, rgb; leave --size and --channels out"),
        (["--channels", "gray"], "the model takes 20 px, rgb; leave --size and --channels out"),
    ],
)
def test_contradictions_are_one_line_before_anything_is_done(
    adapted, start, tmp_path, options, message
):
    result = train(adapted[2], tmp_path / "model", "--from", start, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("fer: --from ")
    assert result.stderr.endswith(f"{message}\n")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_saying_again_what_the_model_takes_is_no_contradiction(adapted, start):
    folder, _, data = adapted
    options = ("--size", 20, "--channels", "rgb")
    assert "nothing to do" in done(train(data, folder, "--from", start, *options, *QUICK)).stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown", "of a network that this fer does not know: capsule"),
        ("bare", "missing from the model folder; give a model folder that fer train wrote"),
        ("empty", "no model folder (spec.json is missing)"),
        ("gone", "no model folder (spec.json is missing)"),
    ],
)
def test_what_no_training_can_begin_with_is_one_line(adapted, broken, tmp_path, name, message):
    result = train(adapted[2], tmp_path / "model", "--from", broken[name])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"fer: {broken[name]}")
    assert result.stderr.endswith(f"{message}\n")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "model").exists()
