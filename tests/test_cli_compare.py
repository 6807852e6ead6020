"""``fer compare``: what is planned, and what is refused before anything is trained."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import pytest

from fer_pipeline.comparison import ComparisonOptions, ComparisonPlan, plan_comparison
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from fer_pipeline.fit_options import FitOptions
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.networks import NETWORKS
from fer_pipeline.split_file import write_split
from fer_pipeline.splits import divide
from fer_pipeline.training_plan import TrainingOptions
from fer_pipeline.workers import available_cores
from tests.conftest import crop_record, write_faces


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_faces(tmp_path_factory.mktemp("data") / "faces.h5", 6, frames=2, size=16)


@pytest.fixture(scope="module")
def nameless(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nameless")
    return write_faces(folder / "faces.h5", 6, frames=2, size=16, participants=False)


@pytest.fixture
def refused(fer, tmp_path):
    """Run ``fer compare`` on what it refuses; returns the exit status and the line it ends with."""

    def run(data: Path, *options: object) -> tuple[int, str]:
        out = tmp_path / "comparison"
        result = fer("compare", "--data", data, "-o", out, *options)
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert not out.exists()  # refused before anything is written
        return result.exit_code, result.stderr.splitlines()[-1]

    return run


# What was typed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--networks", "lenet5,vgg"), "fer: --networks: vgg; give all, or some of lenet, lenet5,"),
        (("--networks", "a,lenet,b"), "fer: --networks: a, b; give all, or some of"),
        (("--networks", " , "), "fer: --networks: none; give all, or some of"),
        (("--channels", "grey"), "fer: --channels: grey; give gray, rgb or gray,rgb"),
        (("--channels", "rgb,grey"), "fer: --channels: rgb,grey; give gray, rgb or gray,rgb"),
        (("--channels", ""), "fer: --channels: none; give gray, rgb or gray,rgb"),
        (("--leak-meter", "--split", "random"), "fer: --leak-meter adds a split by random frames"),
        (
            ("--split", "leave-one-participant-out"),
            "fer: compare trains every fold by itself; --folds 6 leaves one of 6 participants out",
        ),
        (("--weights", "some.keras"), "fer: --weights FILE fits one network only; compare that"),
        (("--split-from", "model", "--folds", "3"), "fer: --split-from says who is where; leave"),
        (("--freeze",), "fer: --freeze would keep random weights"),
        (("--jobs", "0"), "Error: Invalid value for '--jobs': 0 is not in the range x>=1."),
        (("--folds", "1"), "Error: Invalid value for '--folds': 1 is not in the range x>=2."),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(refused, data, options, message):
    status, line = refused(data, *options)
    assert status == 2
    assert line.startswith(message)


@pytest.mark.parametrize("option", ["--final", "--fold=1", "--network=lenet5", "--resume"])
def test_what_belongs_to_fer_train_is_no_option_here(refused, data, option):
    status, line = refused(data, option)
    assert status == 2
    assert line.startswith(f"Error: No such option '{option.partition('=')[0]}'")


def test_data_are_asked_for(fer):
    result = fer("compare")
    assert result.exit_code == 2
    assert "Missing option '--data'" in result.stderr


# What the data are


def test_a_missing_dataset_is_told(refused, tmp_path):
    status, line = refused(tmp_path / "none.h5")
    assert (status, line.endswith("none.h5: no such dataset; fer extract makes one")) == (1, True)


@pytest.mark.parametrize("options", [(), ("--split", "video")])
def test_without_known_people_there_is_no_leak_meter(refused, nameless, options):
    status, line = refused(nameless, "--leak-meter", *options)
    assert status == 1
    assert "the leak meter compares with people that were held out, and the person of" in line


def test_the_leak_meter_needs_people_that_are_held_out(refused, data):
    status, line = refused(data, "--leak-meter", "--split", "video")
    assert status == 1
    assert "people that were held out, and this split is by video; give --split participant" in line


def test_a_network_that_takes_no_such_input_is_refused_among_all(refused, data):
    status, line = refused(data, "--networks", "all", "--size", "16")
    assert status == 1
    assert "an input of 16 px is too small" in line


def test_too_many_folds_are_refused(refused, data):
    status, line = refused(data, "--folds", "7")
    assert status == 1
    assert "6 participants cannot be dealt out into 7 folds" in line


def test_the_split_of_a_model_that_was_tested_in_folds_is_not_replayed(refused, data, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    with open_dataset(data) as dataset:
        splits = divide(dataset, None, 0, folds=3)
        split = {"kind": "participant"}
        ModelSpec("lenet5", dataset.emotions, 16, "gray", crop_record(), split=split).write(folder)
        write_split(folder, dataset, splits)
    status, line = refused(data, "--split-from", folder)
    assert status == 1
    assert "was tested on 3 parts in turn; compare replays one division only: give --folds" in line


def test_two_comparisons_do_not_write_the_same_folder(fer, data, tmp_path):
    with locked(tmp_path / "comparison.md"):
        result = fer("compare", "--data", data, "-o", tmp_path)
    assert result.exit_code == 1
    assert "comparison.md: another run is writing it; wait for its end" in result.stderr


# What is planned


def plan(data: Path, out: Path, **options: object) -> ComparisonPlan:
    fit = FitOptions(epochs=1)
    training = TrainingOptions(
        size=options.pop("size", 16), folds=options.pop("folds", None), fit=fit
    )  # type: ignore[arg-type]
    given = {"networks": ("lenet5",), "channels": ("gray",)} | options
    return plan_comparison(data, out, ComparisonOptions(training=training, **given), "fer compare")


def test_every_network_representation_and_fold_is_a_run(data, tmp_path):
    made = plan(
        data, tmp_path, networks=("lenet5", "lenet"), channels=("gray", "rgb"), folds=2,
        leak_meter=True,
    )  # fmt: skip
    assert [run.name for run in made.runs] == [
        f"{network}-{channels}{frames}-fold{fold}"
        for network in ("lenet5", "lenet")
        for channels in ("gray", "rgb")
        for frames in ("", "-random-frames")
        for fold in (1, 2)
    ]
    assert made.missing == made.runs
    assert {run.options.split for run in made.runs if run.entry.by_frames} == {"random"}
    assert len({repr(run.signature) for run in made.runs}) == len(made.runs)
    assert not list(tmp_path.iterdir())


def test_all_stands_for_every_network(fer, data, tmp_path):
    made = plan(data, tmp_path, networks=tuple(NETWORKS), size=None)
    assert [run.name for run in made.runs] == [f"{name}-gray" for name in NETWORKS]
    for run in made.runs:
        assert run.options.size == NETWORKS[run.entry.network].size


# The bundled model among the networks


@pytest.fixture
def bundled(model_folder, monkeypatch) -> Path:
    """A model that stands in for the one of the package: LeNet-5 at 32 pixels, fast to train."""
    monkeypatch.setattr("fer_pipeline.model_folder._BUNDLED_FOLDER", str(model_folder))
    return model_folder


def test_the_bundled_model_is_one_run_in_its_own_representation(bundled, data, tmp_path):
    made = plan(data, tmp_path, networks=("lenet", "default"), channels=("gray", "rgb"), size=None)
    assert [run.name for run in made.runs] == ["lenet-gray", "lenet-rgb", "default-gray"]
    options = made.runs[-1].options
    assert (options.network, options.size, options.channels) == ("lenet5", 32, "gray")
    assert options.weights == str(bundled)
    assert (options.fit.freeze, options.fit.unfreeze) == (True, 3)
    for run in made.runs[:2]:
        assert (run.options.weights, run.options.fit.freeze) == (None, False)


def test_the_bundled_model_is_tested_on_the_same_people(bundled, data, tmp_path):
    made = plan(data, tmp_path, networks=("lenet5", "default"), folds=2, leak_meter=True, size=None)
    names = [f"{kind}-fold{fold}" for kind in ("gray", "gray-random-frames") for fold in (1, 2)]
    assert [run.name for run in made.runs] == [
        f"{network}-{name}" for network in ("lenet5", "default") for name in names
    ]
    of_lenet5, of_default = made.runs[:4], made.runs[4:]
    for one, other in zip(of_lenet5, of_default, strict=True):
        assert (one.fold, one.options.split) == (other.fold, other.options.split)


def test_another_size_than_the_bundled_models_is_refused(bundled, refused, data):
    status, line = refused(data, "--networks", "lenet5,default", "--size", "16")
    assert status == 2
    assert "default: the model takes 32 px, gray; leave --size and --channels out" in line


def test_all_are_the_networks_without_the_bundled_model(refused, data):
    _, line = refused(data, "--networks", "all,default", "--size", "16")
    assert "an input of 16 px is too small" in line  # and nothing of the model


def test_the_bundled_model_has_a_column_of_its_own(bundled, fer, data, tmp_path):
    out = tmp_path / "comparison"
    result = fer("compare", "--data", data, "-o", out, "--networks", "default", "--epochs", 1, "-q")
    assert result.exit_code == 0, result.stderr
    table = (out / "comparison.csv").read_text("utf-8")
    (row,) = csv.DictReader(table.splitlines())
    assert (row["network"], row["channels"]) == ("default", "gray")
    options = ModelSpec.read(out / "runs" / "default-gray").training["run"]["options"]
    assert options["fit"]["freeze"]


@pytest.mark.parametrize("jobs", [1, 2, 1000])
def test_runs_side_by_side_share_the_cores(data, tmp_path, jobs):
    (run,) = plan(data, tmp_path, jobs=jobs).runs
    assert run.threads == max(1, available_cores() // jobs)


def test_other_data_make_other_runs(data, tmp_path):
    other = write_faces(tmp_path / "other.h5", 6, frames=2, size=16)
    with h5py.File(other, "r+") as file:
        file["images"][0] = 255 - file["images"][0]
    (one,), (same,), (another,) = (plan(path, tmp_path).runs for path in (data, data, other))
    assert one.signature == same.signature != another.signature
