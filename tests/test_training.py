"""``fer train``: the whole way from a dataset to a model folder, and what is said on it."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pipeline.cli.root import root
from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import network_inputs
from fer_pipeline.model_folder import ModelSpec
from tests.conftest import SMALL_TRAINING, write_faces

UNFINISHED = "model.unfinished"


def train(data: Path, folder: Path, *options: object) -> Result:
    arguments = ["train", "--data", data, "-o", folder, *SMALL_TRAINING, *options]
    return CliRunner().invoke(root, [str(argument) for argument in arguments])


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def refused(result: Result) -> str:
    """Return the one line that a run which could not be done leaves."""
    assert result.exit_code == 1
    assert not result.stdout
    line = result.stderr.splitlines()[-1]
    assert line.startswith("fer: ")
    assert "Traceback" not in result.stderr
    return line


def metrics_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return values


def history_of(folder: Path) -> list[dict[str, str]]:
    """Return the epochs without the time they took."""
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def card_of(folder: Path) -> str:
    return (folder / "model-card.md").read_text("utf-8")


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def people_file(path: Path, people: int, **options: Any) -> Path:
    return write_faces(path / "faces.h5", people, frames=4, size=16, **options)


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


# Once more


def test_training_the_same_again_does_nothing(model_folder, faces_file):
    before = state_of(model_folder)
    result = done(train(faces_file, model_folder))
    assert "nothing to do" in result.stderr
    assert not result.stdout
    assert state_of(model_folder) == before


@pytest.mark.parametrize("options", [("--seed", 1), ("--epochs", 3), ("--augment", "none")])
def test_a_model_of_other_options_is_not_replaced_unasked(model_folder, faces_file, options):
    before = state_of(model_folder)
    line = refused(train(faces_file, model_folder, *options))
    assert str(model_folder) in line
    assert "--overwrite" in line
    assert state_of(model_folder) == before


def test_a_model_of_other_data_is_not_replaced_unasked(model_folder, tmp_path):
    assert "--overwrite" in refused(train(people_file(tmp_path, 6), model_folder))


@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--overwrite", "--resume")])
def test_a_folder_that_is_no_model_is_never_replaced(faces_file, tmp_path, options):
    (tmp_path / "clip.mp4").touch()
    assert "no model folder; give another -o" in refused(train(faces_file, tmp_path, *options))
    assert (tmp_path / "clip.mp4").exists()


def test_the_working_folder_is_not_replaced_either(faces_file, tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").touch()
    monkeypatch.chdir(tmp_path)
    assert "no model folder" in refused(train(faces_file, Path(), "--overwrite"))


@pytest.fixture(scope="module")
def final(model_folder, faces_file, tmp_path_factory) -> tuple[Path, Result]:
    """A copy of the model, overwritten by one that was fitted once more on everyone."""
    folder = tmp_path_factory.mktemp("final") / "model"
    shutil.copytree(model_folder, folder)
    return folder, done(train(faces_file, folder, "--final", "--overwrite"))


def test_overwrite_replaces_a_model(final, model_folder):
    folder, _ = final
    assert ModelSpec.read(folder).training["run"]["options"]["final"]
    assert (folder / "model.keras").read_bytes() != (model_folder / "model.keras").read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_final_model_keeps_the_figures_of_its_forerunner_and_says_so(final, model_folder):
    folder, result = final
    metrics, judged = metrics_of(folder), metrics_of(model_folder)
    assert metrics == judged | {"refitted_on_everyone": True}
    assert judged["refitted_on_everyone"] is False
    assert "fitted once more on everyone" in card_of(folder)
    assert "fitted once more on everyone" in result.stdout
    assert "fitted once more on everyone" not in card_of(model_folder)


def test_the_last_fit_has_as_many_epochs_as_were_best(final, model_folder):
    losses = [float(row["validation_loss"]) for row in history_of(model_folder)]
    best = losses.index(min(losses)) + 1
    _, result = final
    said = result.stderr.split("fitting once more on everyone")[1]
    assert said.startswith(f", {best} epochs")
    assert f"epoch {best:3}/{best}  loss" in said


def test_the_last_fit_is_in_the_history_and_its_epochs_in_spec_and_card(final, model_folder):
    folder, _ = final
    rows = history_of(folder)
    of_final = [row for row in rows if row["fit"] == "final"]
    assert rows[: -len(of_final)] == history_of(model_folder)
    assert ModelSpec.read(folder).training["epochs"] == len(of_final) > 0
    assert f"| epochs | {len(of_final)} |" in card_of(folder)


def test_replacing_a_model_removes_nothing_that_is_not_ours(model_folder, faces_file, tmp_path):
    shutil.copytree(model_folder, tmp_path / "model")
    (tmp_path / "model.old").mkdir()
    notes = tmp_path / "model" / "my notes.txt"
    notes.write_text("kept")
    result = train(faces_file, tmp_path / "model", "--epochs", 1, "--overwrite")
    line = refused(result)
    assert "loading Keras" not in result.stderr
    assert "model: holds my notes.txt, which --overwrite would remove; move that" in line
    notes.rename(tmp_path / "notes")
    done(train(faces_file, tmp_path / "model", "--epochs", 1, "--overwrite"))
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.old", "notes"}


@pytest.mark.parametrize("with_run", [True, False])
def test_what_a_run_killed_at_its_very_end_left_is_removed(
    model_folder, faces_file, tmp_path, with_run
):
    shutil.copytree(model_folder, tmp_path / "model")
    work = tmp_path / UNFINISHED
    work.mkdir()
    (work / "inputs.npy").write_bytes(bytes(1000))
    if with_run:
        run = ModelSpec.read(model_folder).training["run"]
        (work / "run.json").write_text(json.dumps(run), "utf-8")
    assert "nothing to do" in done(train(faces_file, tmp_path / "model")).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_unfinished_training_of_other_options_survives_when_there_is_nothing_to_do(
    model_folder, faces_file, tmp_path
):
    shutil.copytree(model_folder, tmp_path / "model")
    (tmp_path / UNFINISHED).mkdir()
    (tmp_path / UNFINISHED / "run.json").write_text("{}", "utf-8")
    done(train(faces_file, tmp_path / "model"))
    assert (tmp_path / UNFINISHED / "run.json").exists()


def test_a_model_put_aside_by_a_run_that_was_killed_is_there_again(
    model_folder, faces_file, tmp_path
):
    shutil.copytree(model_folder, tmp_path / UNFINISHED / "replaced")
    assert "nothing to do" in done(train(faces_file, tmp_path / "model")).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "spec.json").exists()


# Stopped and taken up again


@pytest.fixture(scope="module")
def killed(faces_file, tmp_path_factory) -> Path:
    """Return a folder in which a training was killed after its first epoch."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "fer_pipeline", "train", "--data", str(faces_file)]
    process = subprocess.Popen(
        [*command, "-o", str(folder / "model"), *SMALL_TRAINING],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("epoch   1/"):
                process.kill()
                break
    assert process.returncode, said
    return folder


def test_a_killed_training_leaves_no_model_but_what_it_had_learned(killed):
    # The lock is let go by the system; its file stays until the next run.
    assert {path.name for path in killed.iterdir()} - {"model.lock"} == {UNFINISHED}
    assert list((killed / UNFINISHED / "fit-0").glob("epoch-*.npz"))


def test_the_same_training_gives_the_same_weights_history_and_litert_file(faces_file, tmp_path):
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        command = [sys.executable, "-m", "fer_pipeline", "train", "--data", str(faces_file)]
        subprocess.run([*command, "-o", str(folder), *SMALL_TRAINING, "-q"], check=True)
    one, two = (load_model(folder) for folder in folders)
    assert all(map(np.array_equal, one.get_weights(), two.get_weights()))
    assert history_of(folders[0]) == history_of(folders[1])
    for name in ("model.tflite", "metrics.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_an_unfinished_training_is_asked_for_resume(killed, faces_file):
    line = refused(train(faces_file, killed / "model"))
    assert "--resume" in line
    assert "--overwrite" in line


def test_an_unfinished_training_of_other_options_is_not_forgotten_unasked(killed, faces_file):
    line = refused(train(faces_file, killed / "model", "--seed", 1, "--resume"))
    assert "other data or options" in line
    assert "--overwrite" in line


def test_a_resumed_training_ends_as_an_undisturbed_one(killed, faces_file, model_folder, tmp_path):
    shutil.copytree(killed / UNFINISHED, tmp_path / UNFINISHED)
    result = done(train(faces_file, tmp_path / "model", "--resume"))
    assert "epoch   1/" not in result.stderr
    assert metrics_of(tmp_path / "model") == metrics_of(model_folder)
    assert history_of(tmp_path / "model") == history_of(model_folder)
    resumed, undisturbed = (load_model(one) for one in (tmp_path / "model", model_folder))
    assert all(map(np.array_equal, resumed.get_weights(), undisturbed.get_weights()))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_replacing_training_that_was_killed_goes_on_too(killed, faces_file, final, tmp_path):
    shutil.copytree(killed / UNFINISHED, tmp_path / UNFINISHED)
    shutil.copytree(final[0], tmp_path / "model")
    assert "--overwrite" in refused(train(faces_file, tmp_path / "model", "--resume"))
    result = done(train(faces_file, tmp_path / "model", "--resume", "--overwrite"))
    assert "epoch   1/" not in result.stderr
    assert not metrics_of(tmp_path / "model")["refitted_on_everyone"]


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


@pytest.mark.parametrize("free", [100_000, 300_000])
def test_a_full_disk_is_one_line(small_disk, faces_file, free):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - free))
    command = [sys.executable, "-m", "fer_pipeline", "train", "--data", str(faces_file)]
    full = subprocess.run(  # a process of its own, as the system might kill it
        [*command, "-o", str(small_disk / "model"), *SMALL_TRAINING, "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 1, full.stderr
    assert full.stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in full.stderr
    assert not (small_disk / "model").exists()


@pytest.mark.parametrize("writer", ["model_card", "plot_confusion", "write_history"])
def test_a_disk_that_gets_full_at_the_end_is_one_line(faces_file, tmp_path, monkeypatch, writer):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(f"fer_pipeline.training.{writer}", refuse)
        line = refused(train(faces_file, tmp_path / "model", "--epochs", 1))
    assert f"cannot be written ({os.strerror(errno.ENOSPC)})" in line
    assert not (tmp_path / "model").exists()
    resumed = done(train(faces_file, tmp_path / "model", "--epochs", 1, "--resume"))
    assert "epoch   1/" not in resumed.stderr


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
