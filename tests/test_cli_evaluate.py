"""``fer evaluate``: of whose faces the figures are, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.face_choice import ChoiceOptions, Learned, choose_faces
from fer_pipeline.model_folder import METRICS_FILE, SPEC_FILE, SPLIT_FILE, ModelSpec
from fer_pipeline.split_file import SIDES, StoredSplit, read_split
from tests.conftest import crop_record
from tests.evaluations import EMOTIONS, facts, metrics, noise, write, write_other_study


def changed_model(model: Path, folder: Path, **values: object) -> Path:
    """A copy of a model folder with other values in its metrics.json."""
    shutil.copytree(model, folder)
    (folder / METRICS_FILE).write_text(json.dumps(metrics(model) | values), "utf-8")
    return folder


def part(source: Path, path: Path, keep: Iterable[str]) -> Path:
    """Write a dataset of some videos of another."""
    wanted = set(keep)
    with (
        open_dataset(source) as dataset,
        create_dataset(path, dataset.crop, dataset.emotions) as writer,
    ):
        for video, rows in dataset.rows_by_video().items():
            if video in wanted:
                writer.copy(dataset, rows)
        writer.finish({})
    return path


@pytest.fixture(scope="session")
def people(model_folder) -> dict[str, list[str]]:
    """The codes of the people on each side of the model's split."""
    return ModelSpec.read(model_folder).split["participants"]


@pytest.fixture(scope="module")
def other_study(tmp_path_factory) -> Path:
    return write_other_study(tmp_path_factory.mktemp("other"))


# The model's own dataset


@pytest.mark.parametrize(
    ("side", "name", "warned"),
    [
        ("test", "unseen people", False),
        ("validation", "validation (used for choices)", False),
        ("seen", "seen people", False),
        ("training", "training faces (the model learned from them)", True),
        ("all", "all faces of its dataset (the model learned from many of them)", True),
    ],
)
def test_another_side_is_judged_under_its_name(fer, model_folder, faces_file, side, name, warned):
    result = fer("evaluate", "--model", model_folder, "--data", faces_file, "--side", side)
    assert result.exit_code == 0, result.output
    told, stored = facts(result.stdout), read_split(model_folder).side[0]
    assert told["faces of"] == f"faces.h5: {name}"
    count = len(stored) if side == "all" else np.sum(stored == SIDES.index(side))
    assert int(told["faces"]) == count
    assert ("nothing here tells about other people" in result.stderr) == warned


def test_a_part_of_the_dataset_is_known_as_such(fer, model_folder, faces_file, people, tmp_path):
    with open_dataset(faces_file) as dataset:
        neutral = [video for video in dataset.videos if "neutral" in video]
    own_part = part(faces_file, tmp_path / "part.h5", neutral)
    told = facts(fer("evaluate", "--model", model_folder, "--data", own_part).stdout)
    assert told["faces of"] == "part.h5: unseen people"
    assert told["faces"] == str(8 * len(people["test"]))
    assert told["always the commonest"] == "100.0 %"
    without = [v for v in neutral if not v.startswith(tuple(people["test"]))]
    result = fer(
        "evaluate", "--model", model_folder,
        "--data", part(faces_file, tmp_path / "no.h5", without),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "holds no face of the model's test part; choose another --side" in result.stderr


@pytest.mark.parametrize("way", ["refitted", "several fits"])
def test_a_model_fitted_on_everyone_has_no_unseen_faces_in_its_dataset(
    fer, model_folder, faces_file, tmp_path, way
):
    model = changed_model(model_folder, tmp_path / "model", refitted_on_everyone=way == "refitted")
    stored = read_split(model)
    if way == "several fits":
        side = np.stack([stored.side[0], np.roll(stored.side[0], 24)])
        np.savez(model / SPLIT_FILE, side=side, image=stored.image)
    for side in ("test", "validation", "seen"):
        result = fer("evaluate", "--model", model, "--data", faces_file, "--side", side)
        assert result.exit_code == 1
        assert f"it has no {side} faces; metrics.json in the model folder" in result.stderr
        assert result.stdout == ""
    for side in ("training", "all"):
        result = fer("evaluate", "--model", model, "--data", faces_file, "--side", side)
        told = facts(result.stdout)
        assert told["faces of"] == "faces.h5: training faces (the model learned from them)"
        assert told["faces"] == str(len(stored.image))


def test_without_its_split_a_models_own_dataset_is_refused(
    fer, model_folder, faces_file, other_study, tmp_path
):
    model = shutil.copytree(model_folder, tmp_path / "model")
    (model / SPLIT_FILE).unlink()
    result = fer("evaluate", "--model", model, "--data", faces_file)
    assert result.exit_code == 1
    assert "no split.npz that would tell on which of its faces" in result.stderr
    result = fer("evaluate", "--model", model, "--data", other_study)
    assert result.exit_code == 0
    assert "images that the model has seen cannot be known" in result.stderr


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_model_that_does_not_tell_whether_it_was_refitted_is_refused(
    fer, model_folder, faces_file, tmp_path, content
):
    model = shutil.copytree(model_folder, tmp_path / "model")
    (model / METRICS_FILE).write_text(content)
    result = fer("evaluate", "--model", model, "--data", faces_file)
    assert result.exit_code == 1
    assert re.search(r"metrics\.json: broken .*; train the model again\n$", result.stderr)
    (model / METRICS_FILE).unlink()
    assert "missing" in fer("evaluate", "--model", model, "--data", faces_file).stderr


# Another dataset


def test_another_dataset_is_judged_whole(fer, model_folder, other_study):
    result = fer("evaluate", "--model", model_folder, "--data", other_study)
    assert result.exit_code == 0, result.output
    told = facts(result.stdout)
    assert told["faces of"] == "other.h5: another dataset"
    assert told["faces"] == "9"
    assert re.search(r"^Q2 +3 ", result.stdout, re.MULTILINE)
    assert "left out" not in result.stderr


def test_a_side_of_another_dataset_is_refused(fer, model_folder, other_study):
    result = fer("evaluate", "--model", model_folder, "--data", other_study, "--side", "test")
    assert result.exit_code == 1
    assert "not the data that the model was trained on; leave --side out" in result.stderr


def test_people_of_the_training_are_left_out_of_another_dataset(
    fer, model_folder, people, tmp_path
):
    seen, unseen = [*people["training"], *people["validation"]], people["test"]
    made = [(code, "neutral", n) for n, code in enumerate([*seen, *unseen, "Q0"])]
    data = write(tmp_path / "other.h5", made)
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert facts(result.stdout)["faces"] == str(len(unseen) + 1)
    assert (
        f"warning: {len(seen)} faces left out: the model was trained with people of the same codes "
        f"({', '.join(sorted(seen))}); --other-people if these are others\n"
    ) in result.stderr
    result = fer("evaluate", "--model", model_folder, "--data", data, "--other-people")
    assert facts(result.stdout)["faces"] == str(len(made))
    assert "taken for other people than those it was trained with" in result.stderr


def test_nobody_is_left_where_a_model_was_fitted_on_everyone(fer, model_folder, people, tmp_path):
    model = changed_model(model_folder, tmp_path / "model", refitted_on_everyone=True)
    made = [(code, "neutral", n) for n, code in enumerate(chain(*people.values()))]
    data = write(tmp_path / "other.h5", made)
    result = fer("evaluate", "--model", model, "--data", data)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"fer: {data}: no face is left")
    assert "--other-people if these are others" in result.stderr


def test_images_of_the_training_are_left_out_whoever_they_show(
    fer, model_folder, faces_file, people, tmp_path
):
    """All of the model's dataset under other codes, with a new face beside it."""
    with open_dataset(faces_file) as dataset:
        crop, images = dataset.crop, dataset.images(slice(0, None))
    data = tmp_path / "other.h5"
    with create_dataset(data, crop, EMOTIONS) as writer:
        for number, image in enumerate([*images, noise(1, 48)]):
            row = FaceRow(image, "neutral", "Q0", number, 0.0, Box(0, 0, 9, 9), 1.0, 0)
            writer.append("a.mp4", row)
        writer.finish({})
    result = fer("evaluate", "--model", model_folder, "--data", data)
    tested = 24 * len(people["test"])
    assert facts(result.stdout)["faces"] == str(tested + 1)
    assert f"{len(images) - tested} faces left out: the model was trained with" in result.stderr


def test_where_people_are_unknown_it_is_told(fer, model_folder, tmp_path):
    data = write(tmp_path / "other.h5", [(None, "neutral", 1), ("Q1", "happiness", 2)])
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert result.exit_code == 0, result.output
    assert "it is not known whose some of these faces are" in result.stderr
    assert facts(result.stdout)["95 % interval over people"] == "none"
    assert "participant" not in result.stdout


def test_weights_that_a_training_began_with_are_told(fer, model_folder, other_study, tmp_path):
    model = shutil.copytree(model_folder, tmp_path / "model")
    spec = json.loads((model / SPEC_FILE).read_text("utf-8"))
    spec["training"]["run"]["options"]["weights"] = "older/model"
    (model / SPEC_FILE).write_text(json.dumps(spec), "utf-8")
    result = fer("evaluate", "--model", model, "--data", other_study)
    assert "began with the weights of older/model: whom those have seen is" in result.stderr


def test_another_crop_is_told(fer, model_folder, tmp_path):
    record = crop_record(size=40)
    other = CropRecord(40, 0.3, "gray", record.detector | {"min_neighbors": 77}, "0" * 64)
    data = write(tmp_path / "other.h5", [("Q0", "neutral", 1)], other)
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert result.exit_code == 0, result.output
    for part_of_it in (
        "cut out otherwise than those that the model learned from",
        "margin 0.3 instead of 0.1",
        "size 40 instead of 48",
        "detector's min_neighbors 77 instead of",
        "cascade file 00000000 instead of",
    ):
        assert part_of_it in result.stderr


# Emotions


def test_emotions_are_matched_by_name_and_not_by_number(fer, model_folder, tmp_path):
    data = write(tmp_path / "other.h5", [("Q0", "surprise", n) for n in range(3)])
    result = fer("evaluate", "--model", model_folder, "--data", data, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert [sum(row) for row in metrics(tmp_path / "out")["scores"]["confusion"]] == [0, 0, 3]
    assert "no face shows neutral, happiness, which the model may name" in result.stderr


def test_an_emotion_that_the_model_does_not_know_is_refused_or_left_out(
    fer, model_folder, tmp_path
):
    made = [("Q0", "neutral", 1), ("Q0", "contempt", 2), ("Q1", "fear", 3), ("Q1", None, 4)]
    data = write(tmp_path / "other.h5", made)
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"fer: {data}: 2 faces show fear, contempt, which the model does not know "
        "(it tells neutral, happiness, surprise); --common leaves them out"
    )
    result = fer("evaluate", "--model", model_folder, "--data", data, "--common")
    assert facts(result.stdout)["faces"] == "1"
    assert "left out: 2 faces show fear, contempt" in result.stderr


def test_faces_without_a_label_cannot_be_compared(fer, model_folder, tmp_path):
    data = write(tmp_path / "other.h5", [("Q0", None, 1)])
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert result.exit_code == 1
    assert "no face has a label to compare with" in result.stderr


# What is chosen, whatever the dataset

face = st.tuples(
    st.sampled_from(["A", "B", "C", None]), st.sampled_from(EMOTIONS), st.integers(0, 9)
)

NEW = ("D", "neutral", 10)
"""A face that no model has seen: with it, a dataset is another."""


@settings(max_examples=40)
@given(
    faces=st.lists(face, max_size=12),
    known=st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 3)), min_size=1, max_size=8),
    trained=st.sets(st.sampled_from("ABC")),
    refitted=st.booleans(),
    other_people=st.booleans(),
)
def test_of_another_dataset_all_that_the_model_has_not_seen_is_chosen(
    tmp_path_factory, faces, known, trained, refitted, other_people
):
    folder, faces = tmp_path_factory.mktemp("any"), [*faces, NEW]
    images = write(
        folder / "known.h5", [(None, "neutral", seed) for seed, _ in known], crop_record(8)
    )
    with open_dataset(images) as dataset:
        side = np.array([[number for _, number in known]], np.int8)
        stored = StoredSplit(side, dataset.image_hashes)
    split = {"participants": {"training": sorted(trained), "test": ["C"]}}
    spec = ModelSpec("lenet", EMOTIONS, 48, "gray", crop_record(), split=split)
    options = ChoiceOptions(other_people=other_people)
    with open_dataset(write(folder / "any.h5", faces, crop_record(8))) as dataset:
        choice = choose_faces(dataset, Learned(spec, stored, refitted), options)
    seen = {seed for seed, number in known if refitted or number in (0, 1, 3)}
    codes = set() if other_people else trained | ({"C"} if refitted else set())
    rows = [
        row for row, (code, _, seed) in enumerate(faces) if seed not in seen and code not in codes
    ]
    assert choice.side == "other"
    assert choice.rows.tolist() == rows
    assert [EMOTIONS[index] for index in choice.truth] == [faces[row][1] for row in rows]


# What leads nowhere


def test_paths_that_lead_nowhere_are_one_line(fer, model_folder, other_study, tmp_path):
    for model, data in ((tmp_path / "no", other_study), (model_folder, tmp_path / "no.h5")):
        result = fer("evaluate", "--model", model, "--data", data)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
