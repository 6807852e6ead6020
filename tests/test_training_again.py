"""``fer train`` once more: over a model, after it was stopped, and where the disk is full."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from fer_pipeline.conversion import load_model
from fer_pipeline.model_folder import ModelSpec
from tests.trainings import (
    UNFINISHED,
    card_of,
    done,
    history_of,
    metrics_of,
    people_file,
    refused,
    train,
    train_apart,
    words_of,
)


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


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
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_pipeline", *words_of(faces_file, folder / "model")],
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


def test_an_unfinished_training_is_asked_for_resume(killed, faces_file):
    line = refused(train(faces_file, killed / "model"))
    assert "--resume" in line
    assert "--overwrite" in line


def test_an_unfinished_training_of_other_options_is_not_forgotten_unasked(killed, faces_file):
    line = refused(train(faces_file, killed / "model", "--seed", 1, "--resume"))
    assert "other data or options" in line
    assert "--overwrite" in line


def change_state(**values: object) -> Callable[[Path], object]:
    """Give the state of a fit other values."""
    return lambda file: file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | values))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-50])


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("state.json", lambda file: file.write_text("[]"), "broken (no state of a fit)"),
        ("state.json", cut, "broken ("),
        ("state.json", change_state(best="x"), "broken (no state of a fit)"),
        ("epoch-1.npz", cut, "broken ("),
        ("epoch-1.npz", lambda file: np.savez(file, np.zeros(3)), "is of another network"),
    ],
)
def test_a_state_that_is_broken_is_told_in_one_line_with_the_way_out(
    killed, faces_file, tmp_path, name, damage, why
):
    shutil.copytree(killed / UNFINISHED, tmp_path / UNFINISHED)
    file = tmp_path / UNFINISHED / "fit-0" / name
    damage(file)
    line = refused(train(faces_file, tmp_path / "model", "--resume"))
    assert line.startswith(f"fer: {file}: ")
    assert why in line
    assert line.endswith("; begin anew with --overwrite")


@pytest.fixture(scope="module")
def resumed(killed, faces_file, final, tmp_path_factory) -> Path:
    """The folder of the killed training, gone on with beside another model, which it replaces."""
    folder = tmp_path_factory.mktemp("resumed")
    shutil.copytree(killed / UNFINISHED, folder / UNFINISHED)
    shutil.copytree(final[0], folder / "model")
    assert "--overwrite" in refused(train(faces_file, folder / "model", "--resume"))
    result = train_apart(faces_file, folder / "model", "--resume", "--overwrite")
    assert "epoch   2/" in result.stderr
    assert "epoch   1/" not in result.stderr
    return folder / "model"


def test_a_resumed_training_replaces_the_model_that_was_there(resumed):
    assert not metrics_of(resumed)["refitted_on_everyone"]
    assert [path.name for path in resumed.parent.iterdir()] == ["model"]


def test_the_same_training_gives_the_same_files_resumed_or_not(
    resumed, model_folder, faces_file, tmp_path
):
    # Numbers in the names of layers depend on what a process has built before: LiteRT keeps them.
    undisturbed = tmp_path / "model"
    train_apart(faces_file, undisturbed, "-q")
    for name in ("model.tflite", "metrics.json"):
        assert (resumed / name).read_bytes() == (undisturbed / name).read_bytes()
    weights = load_model(undisturbed).get_weights()
    for other in (resumed, model_folder):
        assert history_of(other) == history_of(undisturbed)
        assert metrics_of(other) == metrics_of(undisturbed)
        assert all(
            np.array_equal(*pair)
            for pair in zip(load_model(other).get_weights(), weights, strict=True)
        )


# On a full disk


# In a process of its own, as the system might kill it.
FILLED = """
import shutil, sys
from pathlib import Path
from fer_pipeline.cli import main

filler, *sys.argv[1:] = sys.argv[1:]
for free in (100_000, 300_000):  # no room for the inputs; none for the weights
    Path(filler).unlink(missing_ok=True)
    Path(filler).write_bytes(bytes(shutil.disk_usage(Path(filler).parent).free - free))
    try:
        main()
    except SystemExit as end:
        print(end.code)
"""


def test_a_full_disk_is_one_line(small_disk, faces_file):
    command = words_of(faces_file, small_disk / "model", "--overwrite", "-q")
    full = subprocess.run(
        [sys.executable, "-c", FILLED, small_disk / "filler", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.stdout.split() == ["1", "1"], full.stderr
    assert full.stderr.count("\n") == 2
    for line in full.stderr.splitlines():
        assert "cannot be written (No space left on device)" in line
    assert not (small_disk / "model").exists()


def test_a_disk_that_gets_full_at_the_end_is_one_line(faces_file, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    options = ["--epochs", 1]
    for writer in ("model_card", "plot_confusion", "write_history"):
        with monkeypatch.context() as patched:
            patched.setattr(f"fer_pipeline.trained_model.{writer}", refuse)
            result = train(faces_file, tmp_path / "model", *options)
        assert f"cannot be written ({os.strerror(errno.ENOSPC)})" in refused(result)
        assert not (tmp_path / "model").exists()
        assert ("epoch   1/" in result.stderr) == ("--resume" not in options)
        options = ["--epochs", 1, "--resume"]
    resumed = done(train(faces_file, tmp_path / "model", *options))
    assert "epoch   1/" not in resumed.stderr
