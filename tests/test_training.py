"""``fer train``: the whole way from a dataset to a model folder, and what is said on it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import Result

from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import network_inputs
from fer_pipeline.model_folder import ModelSpec
from tests.trainings import card_of, done, history_of, metrics_of, people_file, refused, train

# The folder and its figures


def test_a_model_folder_is_complete_and_nothing_is_left_beside_it(model_folder):
    assert {path.name for path in model_folder.iterdir()} == {
        "model.keras",
        "model.tflite",
        "spec.json",
        "history.csv",
        "metrics.json",
        "model-card.md",
        "learning-curves.png",
        "confusion.png",
        "predictions.npz",
        "split.npz",
    }
    assert all(path.stat().st_size for path in model_folder.iterdir())
    assert [path.name for path in model_folder.parent.iterdir()] == ["model"]


def test_the_spec_tells_data_input_people_seed_versions_and_command(model_folder, faces_file):
    spec = ModelSpec.read(model_folder)
    with open_dataset(faces_file) as dataset:
        assert spec.dataset == {"file": "faces.h5", "digest": dataset.digest, "faces": 144}
        assert spec.crop == dataset.crop
        assert spec.emotions == dataset.emotions
        people = sorted(person for side in spec.split["groups"].values() for person in side)
        assert people == sorted(dataset.participants)
    assert (spec.network, spec.input_size, spec.input_channels) == ("lenet5", 32, "gray")
    assert spec.split["kind"] == "participant"
    assert spec.provenance["seed"] == 0
    assert {"python", "keras", "fer-pipeline"} <= spec.provenance["versions"].keys()
    assert spec.provenance["command"].startswith("fer")


def test_the_figures_are_those_of_the_saved_model_on_the_recorded_test_people(
    model_folder, faces_file
):
    spec, figures = ModelSpec.read(model_folder), metrics_of(model_folder)["unseen"]
    with open_dataset(faces_file) as dataset:
        people = np.array(dataset.participants)[dataset.column("participant")]
        rows = np.flatnonzero(np.isin(people, spec.split["groups"]["test"]))
        truth, images = dataset.column("label")[rows], dataset.images(rows)
    told = np.asarray(load_model(model_folder)(network_inputs(images, 32, "gray")))
    named = told.argmax(axis=1)
    assert figures["faces"] == len(rows) == 24
    assert figures["accuracy"] == (named == truth).mean()
    assert figures["confusion"] == [
        [int(((truth == shown) & (named == called)).sum()) for called in range(3)]
        for shown in range(3)
    ]
    assert figures["participants"].keys() == set(spec.split["groups"]["test"])


def test_the_history_has_a_row_for_each_epoch(model_folder):
    history = history_of(model_folder)
    assert [row["number"] for row in history] == ["1", "2"]
    assert float(history[1]["loss"]) < float(history[0]["loss"])
    assert all(float(row["validation_loss"]) > 0 for row in history)


def test_the_card_shows_the_figures_of_the_metrics(model_folder):
    lines, metrics = card_of(model_folder).splitlines(), metrics_of(model_folder)
    names = {"unseen": "unseen people", "seen": "seen people"}
    for side, name in names.items():
        figures = metrics[side]
        (line,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert f"| {figures['faces']} | {100 * figures['accuracy']:.1f} % |" in line
        assert (
            f"{100 * figures['balanced_accuracy']:.1f} % | {100 * figures['macro_f1']:.1f}" in line
        )
    emotions = [one["emotion"] for one in metrics["unseen"]["classes"]]
    for one, counts in zip(
        metrics["unseen"]["classes"], metrics["unseen"]["confusion"], strict=True
    ):
        shares = (f"{100 * one[name]:.1f} %" for name in ("precision", "recall", "f1"))
        assert f"| {one['emotion']} | {one['faces']} | {' | '.join(shares)} |" in lines
        assert f"| {one['emotion']} | {' | '.join(map(str, counts))} |" in lines
    for person, accuracy in metrics["unseen"]["participants"].items():
        assert f"| {person} | {100 * accuracy:.1f} % |" in lines
    assert f"Tells {', '.join(emotions)} from a face." in lines


def test_the_card_says_what_the_model_is_not_for(model_folder):
    card = card_of(model_folder)
    assert "posed expressions" in card
    assert "does not tell what a person feels" in card
    assert "not for decisions about individuals" in card


# What is said


def test_who_is_on_which_side_is_said_before_anything_is_learned(training):
    folder, result = training
    groups = ModelSpec.read(folder).split["groups"]
    sides = "; ".join(f"{side} {' '.join(people)}" for side, people in groups.items())
    assert result.stderr.splitlines()[0] == f"split by participant: {sides}"


def test_an_epoch_is_one_line_with_its_figures_and_the_time_left(training):
    epochs = [line for line in training[1].stderr.splitlines() if line.startswith("epoch")]
    assert [line.split("  loss")[0] for line in epochs] == ["epoch   1/2", "epoch   2/2"]
    assert all("validation loss" in line and "min left" in line for line in epochs)


def test_the_figures_of_seen_and_unseen_people_are_both_results(training):
    folder, result = training
    metrics, lines = metrics_of(folder), result.stdout.splitlines()
    for side, name in (("unseen", "unseen people "), ("seen", "seen people ")):
        (line,) = [line for line in lines if line.startswith(name)]
        assert f"{100 * metrics[side]['accuracy']:.1f} %" in line
    assert str(folder) in lines[-1]


# Other splits


def test_leaving_one_participant_out_judges_everyone_once(tmp_path):
    data = people_file(tmp_path, 3)
    kind = "leave-one-participant-out"
    result = done(train(data, tmp_path / "model", "--split", kind, "--epochs", 1))
    metrics, spec = metrics_of(tmp_path / "model"), ModelSpec.read(tmp_path / "model")
    assert metrics["split"] == kind
    assert metrics["unseen"]["faces"] == 3 * 3 * 4
    assert metrics["unseen"]["participants"].keys() == {"P00", "P01", "P02"}
    assert metrics["refitted_on_everyone"]
    assert spec.split["groups"] == {"in turn": ["P00", "P01", "P02"]}
    assert spec.split["participants"]["test"] == ["P00", "P01", "P02"]
    fits = [row["fit"] for row in history_of(tmp_path / "model")]
    assert fits == ["1", "2", "3", *["final"] * spec.training["epochs"]]
    assert "unseen people" in result.stdout
    assert "3 of 3: without P02" in result.stderr


def uneven_file(path: Path) -> Path:
    """Write a dataset in which every other face of the first emotion has lost its label."""
    data = people_file(path, 6)
    with h5py.File(data, "r+") as file:
        labels = file["label"][:]
        labels[np.flatnonzero(labels == 0)[: -len(labels) // 12]] = -1
        file["label"][:] = labels
    return data


@pytest.fixture(scope="module")
def random_split(tmp_path_factory) -> tuple[Path, Result]:
    """A model of a split by frames, of a dataset with a rare emotion and unlabelled faces."""
    folder = tmp_path_factory.mktemp("random")
    data = uneven_file(folder)
    return folder / "model", done(train(data, folder / "model", "--split", "random", "--epochs", 1))


def test_a_random_split_is_called_flattering_wherever_its_figures_are(random_split):
    folder, result = random_split
    assert "the same people may be on several sides" in result.stderr.splitlines()[0]
    assert "random frames (the same people are in training)" in result.stdout
    assert "unseen people" not in result.stdout + card_of(folder)
    assert "which flatters" in card_of(folder)
    assert metrics_of(folder)["split"] == "random"


def test_the_people_on_each_side_of_a_random_split_are_recorded(random_split):
    folder, _ = random_split
    split = ModelSpec.read(folder).split
    assert split["groups"] == {}
    assert split["participants"].keys() == {"training", "validation", "test"}
    assert split["participants"]["training"] == [f"P{number:02d}" for number in range(6)]
    assert "- people in training: P00, P01" in card_of(folder)


def test_rare_emotions_weigh_more_unless_told_otherwise(random_split, tmp_path):
    folder, _ = random_split
    options = ["--split", "random", "--epochs", 1, "--no-class-weights"]
    done(train(folder.parent / "faces.h5", tmp_path / "model", *options))
    weighed, plain = history_of(folder)[0], history_of(tmp_path / "model")[0]
    assert weighed["loss"] != plain["loss"]
    assert not ModelSpec.read(tmp_path / "model").training["run"]["options"]["weigh_classes"]


# What cannot be done


def unlabelled(path: Path) -> Path:
    data = people_file(path, 6)
    with h5py.File(data, "r+") as file:
        file["label"][:] = -1
    return data


def no_hdf5(path: Path) -> Path:
    (path / "faces.h5").write_text("not a dataset")
    return path / "faces.h5"


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda path: path / "none.h5", [], "none.h5: no such dataset; fer extract makes one"),
        (no_hdf5, [], "faces.h5: not a dataset that can be read"),
        (unlabelled, [], "no face has a label; extract again with --labels"),
        (lambda path: people_file(path, 4), [], "--split leave-one-participant-out"),
        (
            lambda path: people_file(path, 6, emotions=("neutral",)),
            [],
            "every face shows neutral; add videos",
        ),
        (
            lambda path: people_file(path, 6, participants=False),
            ["--split", "participant"],
            "participant of 72 faces is unknown",
        ),
        (lambda path: people_file(path, 6), ["--split", "corpus"], "choose another --split"),
        (lambda path: people_file(path, 6), ["--size", "12"], "it needs 16 px or more"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_nothing(tmp_path, make, options, message):
    data = make(tmp_path)
    result = train(data, tmp_path / "model", *options)
    assert message in refused(result)
    assert len(result.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"faces.h5"}


@pytest.mark.parametrize(
    "options",
    [("--network", "vgg"), ("--seed", "-1"), ("--epochs", "0"), ("--split", "person"), ("--size",)],
)
def test_wrong_usage_exits_2(faces_file, tmp_path, options):
    assert train(faces_file, tmp_path / "model", *options).exit_code == 2
