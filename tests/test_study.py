"""The recipe of the published experiments, on a tiny study, and what its figures are read from."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.dataset import open_dataset
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.simulation.truth import TruthRow
from study import comparing, domain, published
from study.commands import MissingError, Shell, StepError
from study.describing import document
from study.detection import Searched, search_clip
from study.recipe import main
from study.records import Record, is_done, times
from study.sizes import Places, Sizes, Study
from study.steps import STEPS, second_paper_on_photographs, sizes_of
from study.timelines import Found, met
from study.told import NOT_RUN
from study.truth import Shown, apex_frame, stretches, truth_of
from tests.media import PARTICIPANTS, pictures_of, write_video

MADE = {"time": "2026-01-01", "versions": {}, "machine": {"processor": "one", "cores": 2}}

SAMPLES = Path(__file__).parent.parent / "docs" / "results" / "samples"

TINY = ("--participants", "2", "--takes", "1", "--seconds", "0.4", "--folds", "2")


def rows_of(intensities: list[float], emotion: str = "fear") -> list[TruthRow]:
    """The truth of a clip at 25 frames a second."""
    return [
        TruthRow(
            *("P01/a.mp4", "P01", "female", "only", 1, number, f"{number / 25:.6f}"),
            *(emotion, str(intensity), 0, 0, 9, 9),
        )
        for number, intensity in enumerate(intensities)
    ]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> tuple[Study, int]:
    """A study of two people, and the exit status of a recipe that cannot train on so few."""
    folder = tmp_path_factory.mktemp("study")
    places = Places(folder / "build", folder / "docs", folder / "fer2013.h5")
    where = ("--build", places.build, "--results", places.results, "--fer2013", places.fer2013)
    steps = "simulate,extract,lenet5,detection,second-paper-fer2013"
    status = main([*TINY, *map(str, where), "--only", steps])
    sizes = Sizes(participants=2, takes=1, seconds=0.4, folds=2)
    return Study(sizes, places), status


def figures(study: Study, step: str) -> dict:
    return json.loads((study.places.figures / f"{step}.json").read_text("utf-8"))["figures"]


def test_every_labelled_frame_of_the_simulated_people_becomes_a_face(tiny):
    study, _ = tiny
    labelled = [
        row
        for rows in truth_of(study.places.build / "clips").values()
        for row in rows
        if row.emotion == "neutral" or (row.emotion != "contempt" and float(row.intensity) >= 0.5)
    ]
    told = figures(study, "extract")
    assert told["labelled frames"] == len(labelled)
    assert sum(told["faces"].values()) == len(labelled)
    with open_dataset(study.places.build / "faces.h5") as dataset:
        assert dataset.emotions == published_order()
        assert len(dataset.column("label")) == len(labelled)


def published_order() -> tuple[str, ...]:
    return tuple(name for name in published.SECOND_CLASSES if name != "contempt")


def test_the_detector_is_judged_on_every_frame(tiny):
    told = figures(tiny[0], "detection")
    assert told["frames"] == 2 * 8 * 10
    with (tiny[0].places.figures / "detection.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["with a face"]) for row in rows) == told["found"] > 150
    assert told["share"] == told["found"] / told["frames"]


def test_frames_without_a_face_are_counted_as_such(tmp_path):
    faces = pictures_of(PARTICIPANTS / "P00_happy.mp4", 3)
    clip = write_video(tmp_path / "clip.mp4", [*faces, *(np.zeros_like(one) for one in faces)])
    told = []
    assert search_clip(clip, told.append) == Searched(frames=6, found=3)
    assert sum(told) == 6


def test_what_cannot_be_done_is_told_and_the_rest_is_written(tiny):
    study, status = tiny
    text = study.places.document.read_text("utf-8")
    assert status == 1
    assert "failed: fer compare" in text
    assert "exit status 1" in text
    assert "fer2013.h5 is not there: `fer import fer2013" in text
    assert NOT_RUN in text
    assert f"fer simulate {study.places.build / 'clips'} --participants 2" in text
    assert text.index("rendered, not filmed") < 200
    assert set(times(study.places)) == {
        "simulate",
        "extract",
        "lenet5",
        "detection",
        "second-paper-fer2013",
    }


def test_a_second_run_does_nothing_again_and_another_size_does(tiny):
    study, _ = tiny
    before = times(study.places)
    assert main([*TINY, "--build", str(study.places.build), "--results",
                 str(study.places.results), "--only", "simulate,detection"]) == 0  # fmt: skip
    assert times(study.places) == before
    larger = Study(replace(study.sizes, participants=3), study.places)
    assert is_done(study, "detection", sizes_of(study, "detection"))
    assert not is_done(larger, "detection", sizes_of(larger, "detection"))


def test_a_step_waits_for_what_it_needs(tmp_path):
    places = ("--build", str(tmp_path / "build"), "--results", str(tmp_path / "docs"))
    assert main([*TINY, *places, "--only", "extract"]) == 1
    assert "simulate must be done before" in (tmp_path / "docs" / "simulated-study.md").read_text()


def test_a_corpus_that_is_not_there_is_no_failure(tmp_path):
    with pytest.raises(MissingError, match="fer import fer2013"):
        second_paper_on_photographs(Study(Sizes(), Places(fer2013=tmp_path / "none.h5")), Shell())


def test_commands_side_by_side_are_all_run_and_the_first_that_failed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("study.commands.jobs", lambda: 1)
    shell, logs = Shell(), [tmp_path / "logs" / f"{number}.log" for number in range(3)]
    lines = (("probe", tmp_path / "none.mp4"), ("networks",), ("probe", tmp_path / "nor.mp4"))
    with pytest.raises(StepError, match=r"fer probe .*none\.mp4: exit status 1"):
        shell.side_by_side(dict(zip(logs, lines, strict=True)))
    assert [line.split()[1] for line in shell.typed] == ["probe", "networks", "probe"]
    for log, said in zip(logs, ("none.mp4", "lenet5", "nor.mp4"), strict=True):
        assert said in log.read_text("utf-8")


def test_published_figures_are_those_of_the_kept_epoch_under_the_split_by_frames(tmp_path):
    first = tmp_path / "runs" / "lenet5-gray-random-frames-fold1"
    shutil.copytree(SAMPLES / "runs" / first.name, first)
    shutil.copytree(SAMPLES / "runs" / "lenet5-gray-fold1", tmp_path / "runs" / "lenet5-gray-fold1")
    told = comparing.published_figures(tmp_path, "lenet5")
    with (first / "history.csv").open(newline="") as file:
        best = min(csv.DictReader(file), key=lambda row: float(row["validation_loss"]))
    for name, column in (("training loss", "loss"), ("validation accuracy", "validation_accuracy")):
        value = float(best[column])
        assert told[name] == {"mean": value, "least": value, "most": value}


def test_the_document_sets_random_frames_beside_people_held_out(tmp_path):
    table = comparing.table_of(SAMPLES, tmp_path)
    table["published"] = comparing.published_figures(SAMPLES, "lenet5")
    record = Record("lenet5", {}, 60.0, ["fer compare"], table, MADE)
    text = document({"lenet5": record}, {})
    row = next(line for line in text.splitlines() if "people held out**" in line)
    assert "70.6 % (61.7 % to 79.7 %)" in row
    row = next(line for line in text.splitlines() if line.startswith("| accuracy, test, random"))
    assert "99.3" in row
    assert "| training accuracy | 99.62 % |" in text
    assert text.count("| P2") == sum(name.startswith("P2") for name in people(table))
    assert (tmp_path / "learning-curves.png").stat().st_size > 10_000
    with (tmp_path / "epochs.csv").open(newline="") as file:
        assert {row["run"] for row in csv.DictReader(file)} >= {"lenet5-gray-fold1"}


def people(table: dict) -> list[str]:
    return list(table["columns"][0]["scores"]["participants"])


def test_the_second_table_stands_in_the_layout_of_the_paper(tmp_path):
    table = comparing.table_of(SAMPLES, tmp_path)
    table["columns"][0]["network"] = "resnetm"
    table["colour minus gray"] = {"resnetm": table["colour minus gray"]["lenet5"]}
    table |= {"faces": {"neutral": 10}, "epochs": 3, "balance": 5}
    text = document({"second-paper": Record("second-paper", {}, 1.0, [], table, MADE)}, {})
    lines = text.splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("|  | data |"))
    assert lines[header].split(" | ")[2:] == [
        "ResNetM colour", "ResNetM gray", "DenseNet colour", "DenseNet gray",
        "Xception colour", "Xception gray |",
    ]  # fmt: skip
    measures = [line.split(" | ")[0].lstrip("| ") for line in lines[header + 2 : header + 14 : 2]]
    assert measures == list(published.SECOND_FIGURES)
    assert "| AffectNet, published | 0.4844 | 0.4781 | 0.5520 | 0.5427 | 0.5654 | 0.5748 |" in text
    accuracy = table["columns"][0]["scores"]["accuracy"]
    ours = next(line for line in lines if line.startswith("| accuracy, test | simulated |"))
    assert "| ResNetM | +4.9 | -12.4 to +22.1 |" in lines
    assert ours == f"| accuracy, test | simulated |  | {accuracy:.4f} |  |  |  |  |"


def test_the_third_table_tells_what_each_network_learned_from(tmp_path):
    small, backbones = (comparing.table_of(SAMPLES, tmp_path) for _ in range(2))
    for table, network in ((small, "cnn1"), (backbones, "vgg16")):
        table["columns"] = [column for column in table["columns"] if column["channels"] == "rgb"]
        table["columns"][0] |= {"network": network, "as_published": network == "cnn1"}
    small |= {"faces": {"neutral": 1000, "happiness": 500}, "epochs": 20}
    backbones |= {"faces": {"neutral": 300}, "epochs": 12}
    groups = {"small": small, "backbones": backbones}
    text = document({"third-paper": Record("third-paper", {}, 1.0, [], groups, MADE)}, {})
    rows = [line.split(" | ") for line in text.splitlines()]
    cells = {row[0]: row[3:6] for row in rows if row[0].startswith(("| CNN", "| VGG"))}
    assert cells["| CNN 1"][0] == "1,500 × 20"
    assert cells["| VGG16 †"][0] == "300 × 12"
    assert cells["| CNN 1"][2].startswith("75.5 % (")
    assert cells["| CNN 2"] == ["", "", "failed"]


def test_what_pretraining_gained_is_told_by_seed_and_with_its_certainty():
    def arm(accuracy, *intervals):
        gains = [{"value": sum(ends) / 2, "interval": ends, "p": 1} for ends in intervals]
        told = {"accuracies": [accuracy], "accuracy": accuracy, "balanced accuracy": 0.31}
        return told | {"majority": 0.24, "epochs": [9], "gain": -0.02, "gains": gains}

    figures = {
        "not adapted": {"faces": 10, "accuracy": 0.2, "majority": 0.25},
        "arms": {"alone": "random weights", "weights": "simulated faces"},
        "amounts": {
            "all": {
                "alone": arm(0.5, (0, 0)),
                "weights": arm(0.48, (-0.03, -0.01), (-0.02, 0.01), (0.01, 0.02)),
            }
        },
    }
    text = document({"domain": Record("domain", {}, 1.0, [], figures, MADE)}, {})
    assert "| all | random weights | 9 | 50.0 % | 50.0 | 31.0 % |  |  |" in text
    line = next(line for line in text.splitlines() if line.startswith("| all | simulated faces"))
    assert "-2.0 (-3.0 to -1.0; -2.0 to +1.0; +1.0 to +2.0) | 1, 1 of 3 |" in line
    assert "whatever it is | all: 48.0 %, 50.0 % without |" in text


def test_the_published_recalls_give_the_published_accuracies_back():
    faces = np.array([490, 451, 473, 453, 477, 359, 351, 156])
    recalls = np.array([recall for _, recall in published.SECOND_CLASSES.values()])
    accuracies = faces @ recalls / faces.sum()
    assert accuracies == pytest.approx(published.SECOND_FIGURES["accuracy, test"], abs=6e-4)


def test_an_expression_lasts_from_half_of_its_intensity_to_half():
    rows = rows_of([0, 0.2, 0.5, 0.9, 1, 1, 1, 0.6, 0.4, 0])
    assert stretches(rows) == [Shown("P01/a.mp4", "fear", 0.08, (0.16, 0.24), 0.32)]
    assert apex_frame(rows) == 5
    assert stretches(rows_of([0, 0.6, 1])) == [
        Shown("P01/a.mp4", "fear", 0.04, (0.08, 0.08), pytest.approx(0.12))
    ]


def test_neutral_has_no_stretch_and_its_middle_for_an_apex():
    rows = rows_of([0] * 10, "neutral")
    assert stretches(rows) == []
    assert apex_frame(rows) == 5


def test_errors_have_their_sign_and_the_apex_may_be_anywhere_on_its_plateau():
    shown = Shown("a.mp4", "fear", 1.0, (1.4, 1.8), 2.0)
    late = Found("a.mp4", "fear", 1.2, 1.6, 1.9)
    other = Found("a.mp4", "anger", 1.0, 1.5, 2.0)
    (pair,), meet_nothing = met([shown], [other, late])
    assert pair.errors == pytest.approx((0.2, 0, -0.1))
    assert meet_nothing == 1
    (pair,), _ = met([shown], [replace(late, apex=1.9)])
    assert pair.errors[1] == pytest.approx(0.1)
    (pair,), _ = met([shown], [replace(late, apex=1.3)])
    assert pair.errors[1] == pytest.approx(-0.1)
    (pair,), meet_nothing = met([shown], [replace(late, video="b.mp4")])
    assert pair.errors is None
    assert meet_nothing == 1


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=8), st.floats(0, 0.04))
def test_segments_that_are_true_but_for_a_delay_meet_all_and_tell_the_delay(lengths, delay):
    ends = np.cumsum([length + 0.1 for length in lengths])
    shown = [
        Shown("a.mp4", "fear", end - length, (end - length, end - length), end)
        for end, length in zip(ends.tolist(), lengths, strict=True)
    ]
    found = [
        Found(one.video, one.emotion, one.onset + delay, one.onset + delay, one.offset + delay)
        for one in shown
    ]
    pairs, meet_nothing = met(shown, found)
    assert meet_nothing == 0
    for pair in pairs:
        assert pair.errors == pytest.approx((delay, delay, delay))


def test_two_ways_to_begin_are_compared_on_the_same_faces(tmp_path, faces_file):
    with open_dataset(faces_file) as dataset:
        truth = dataset.column("label")
    models = []
    for name, wrong, rows in (("one", 2, np.arange(20)), ("two", 7, np.arange(20)[::-1])):
        told = np.eye(3)[truth[rows]]
        told[:wrong] = np.roll(told[:wrong], 1, axis=1)
        model = tmp_path / name
        model.mkdir()
        np.savez(model / "predictions.npz", row=rows, probabilities=told)
        scores = {"accuracy": 1 - wrong / 20, "balanced_accuracy": 0.8, "majority": 0.4}
        (model / "metrics.json").write_text(json.dumps({"unseen": scores}))
        shutil.copy2(SAMPLES / "runs" / "lenet5-gray-fold1" / "spec.json", model)
        models.append(model)
    told = domain.beside(faces_file, models[:1], models[1:])
    assert told["accuracy"] == 0.9
    assert told["balanced accuracy"] == 0.8
    assert told["epochs"] == [ModelSpec.read(models[0]).training["epochs"]]
    assert told["gain"] == pytest.approx(0.25)
    # The wrong ones of one model are among those that the other one tells rightly.
    assert told["gains"][0]["p"] == pytest.approx(0.1796875)


def test_every_size_belongs_to_a_step():
    used = {name for step in STEPS.values() for name in step.sizes}
    assert used == set(Sizes.__dataclass_fields__)
    assert all(need in STEPS for step in STEPS.values() for need in step.needs)
