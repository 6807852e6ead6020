"""What ``fer evaluate`` tells of a model: on whose faces, and that the figures are so."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.classifier import Classifier
from fer_pipeline.dataset import CropRecord, Dataset, FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.errors import ModelError
from fer_pipeline.evaluation import Scores, participant_interval, score
from fer_pipeline.face_choice import ChoiceOptions, Learned, choose_faces
from fer_pipeline.judging import FILES
from fer_pipeline.model_folder import METRICS_FILE, SPEC_FILE, SPLIT_FILE, ModelSpec
from fer_pipeline.model_size import count_weights
from fer_pipeline.report.plots import plot_participants, plot_reliability
from fer_pipeline.split_file import SIDES, StoredSplit, read_split
from tests.conftest import crop_record

EMOTIONS = ("neutral", "happiness", "surprise")


def facts(output: str) -> dict[str, str]:
    """The lines of the first table, by their first words."""
    lines = (
        re.split(r"\s{2,}", line, maxsplit=1) for line in output.partition("\n\n")[0].splitlines()
    )
    return {line[0]: line[1] for line in lines}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics(folder: Path) -> dict:
    return json.loads((folder / METRICS_FILE).read_text("utf-8"))


def changed_model(model: Path, folder: Path, **values: object) -> Path:
    """A copy of a model folder with other values in its metrics.json."""
    shutil.copytree(model, folder)
    (folder / METRICS_FILE).write_text(json.dumps(metrics(model) | values), "utf-8")
    return folder


Made = tuple[str | None, str | None, int]
"""A made-up face: who, which emotion, and the number that its pixels are drawn from."""


def write(path: Path, faces: Sequence[Made], crop: CropRecord | None = None) -> Path:
    """Write a dataset of noise, a video for each face."""
    crop = crop or crop_record()
    emotions = {emotion for _, emotion, _ in faces if emotion}
    with create_dataset(path, crop, emotions) as writer:
        for index, (person, emotion, seed) in enumerate(faces):
            image = noise(seed, crop.size)
            row = FaceRow(image, emotion, person, 0, 0.0, Box(0, 0, 9, 9), 1.0, 0)
            writer.append(f"{index:04}.mp4", row)
        writer.finish({})
    return path


def noise(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 1), dtype=np.uint8)


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


@pytest.fixture(scope="session")
def other_study(tmp_path_factory) -> Path:
    """Nine faces of three people whom the model has not seen."""
    made = [(f"Q{n // 3}", EMOTIONS[n % 3], n) for n in range(9)]
    return write(tmp_path_factory.mktemp("other") / "other.h5", made)


@pytest.fixture(scope="session")
def written(model_folder, faces_file, tmp_path_factory) -> Path:
    """The folder of an evaluation on the model's own dataset."""
    folder = tmp_path_factory.mktemp("evaluated") / "evaluation"
    command = ["evaluate", "--model", model_folder, "--data", faces_file, "--out", folder]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    return folder


LOADED_AT_EXIT = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from fer_pipeline.cli import main
main()
"""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``fer`` in a process of its own; its last words are the modules that it loaded."""
    command = [sys.executable, "-c", LOADED_AT_EXIT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# The model's own dataset


def test_the_figures_are_those_of_the_training(written, model_folder):
    told, trained = metrics(written)["scores"], metrics(model_folder)["unseen"]
    assert told.keys() == trained.keys()
    for name in ("faces", "confusion", "classes", "participants", "interval", "accuracy", "top2"):
        assert told[name] == trained[name], name
    assert told["brier"] == pytest.approx(trained["brier"], abs=1e-4)
    assert told["calibration"]["error"] == pytest.approx(trained["calibration"]["error"], abs=1e-3)


def test_the_figures_of_several_people_are_those_of_the_training_too(
    fer, model_folder, faces_file, tmp_path
):
    command = ("evaluate", "--model", model_folder, "--data", faces_file, "--side", "seen")
    assert fer(*command, "-o", tmp_path / "out").exit_code == 0
    told, trained = metrics(tmp_path / "out")["scores"], metrics(model_folder)["seen"]
    assert len(told["participants"]) > 1
    for name in ("faces", "confusion", "participants", "participant_faces", "interval"):
        assert told[name] == trained[name], name


def test_the_interval_is_that_of_the_seed_of_the_training(fer, model_folder, tmp_path):
    made = [(f"Q{n // 5:02}", EMOTIONS[n % 3], n) for n in range(200)]
    data, intervals = write(tmp_path / "many.h5", made), []
    for seed in (0, 5):
        model = shutil.copytree(model_folder, tmp_path / f"model-{seed}")
        spec = json.loads((model / SPEC_FILE).read_text("utf-8"))
        spec["split"]["seed"] = seed
        (model / SPEC_FILE).write_text(json.dumps(spec), "utf-8")
        out = tmp_path / f"out-{seed}"
        assert fer("evaluate", "--model", model, "--data", data, "-o", out).exit_code == 0
        rows = table(out / "predictions.csv")
        right = np.array([row["truth"] == row["told"] for row in rows])
        people = np.array([row["participant"] for row in rows])
        intervals.append(metrics(out)["scores"]["interval"])
        assert intervals[-1] == list(participant_interval(right, people, seed))
    assert intervals[0] != intervals[1]


def test_all_figures_are_printed(fer, model_folder, faces_file, written, people):
    result = fer("evaluate", "--model", model_folder, "--data", faces_file)
    assert result.exit_code == 0, result.output
    told, scores, size = facts(result.stdout), metrics(written)["scores"], metrics(written)["size"]
    assert told["faces of"] == "faces.h5: unseen people"
    assert told["faces"] == str(scores["faces"]) == str(24 * len(people["test"]))
    for words, name in (
        ("accuracy", "accuracy"),
        ("always the commonest", "majority"),
        ("balanced accuracy", "balanced_accuracy"),
        ("macro F1", "macro_f1"),
        ("top 2", "top2"),
    ):
        assert told[words] == f"{100 * scores[name]:.1f} %"
    assert told["Cohen's kappa"] == f"{scores['kappa']:.3f}"
    assert told["Brier score"] == f"{scores['brier']:.3f}"
    assert told["expected calibration error"] == f"{100 * scores['calibration']['error']:.1f} %"
    for words in ("time per image, one by one", "time per image, 32 at once"):
        assert float(told[words].removesuffix(" ms")) > 0
    assert told["weights"] == f"{size['weights']:,}"
    for name in ("model.keras", "model.tflite"):
        assert size["bytes"][name] == (model_folder / name).stat().st_size
        assert told[name].endswith(" MiB")
    for emotion, row in zip(EMOTIONS, scores["confusion"], strict=True):
        assert re.search(rf"^{emotion} +" + " +".join(map(str, row)), result.stdout, re.MULTILINE)
        assert re.search(rf"^{emotion} +8 .*%$", result.stdout, re.MULTILINE)
    for person, accuracy in scores["participants"].items():
        line = rf"^{person} +24 +{100 * accuracy:.1f} %$"
        assert re.search(line, result.stdout, re.MULTILINE)


def test_the_weights_are_as_many_as_keras_counts(written, model_folder):
    from fer_pipeline.conversion import load_model

    assert metrics(written)["size"]["weights"] == load_model(model_folder).count_params()


def test_what_does_not_learn_counts_as_weights_and_the_optimizer_does_not(tmp_path):
    import keras

    # Normalization counts what it has adapted to, in a whole number that Keras counts too.
    layers = [
        keras.layers.Normalization(),
        keras.layers.Dense(3),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
    ]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    model.save(tmp_path / "model.keras")
    assert count_weights(tmp_path / "model.keras") == model.count_params() == 9 + 15 + 12


def test_the_weights_of_what_is_no_model_cannot_be_counted(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model\.keras: not a model that Keras can load"):
        count_weights(tmp_path / "model.keras")


def test_without_the_keras_file_all_but_the_number_of_weights_is_told(
    fer, model_folder, other_study, tmp_path
):
    light = shutil.copytree(model_folder, tmp_path / "light")
    (light / "model.keras").unlink()
    result = fer("evaluate", "--model", light, "--data", other_study)
    assert result.exit_code == 0, result.output
    told = facts(result.stdout)
    assert told["weights"] == "unknown"
    assert "model.keras" not in told


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


# The files


def test_the_folder_holds_every_file_and_nothing_else(written):
    assert {path.name for path in written.iterdir()} == FILES
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    for name in FILES:
        if name.endswith(".png"):
            picture = cv2.imread(str(written / name))
            assert picture.min() < 120 < picture.max()


def test_a_row_for_every_face_tells_what_the_model_makes_of_it(written, model_folder, faces_file):
    rows = table(written / "predictions.csv")
    classifier = Classifier(model_folder)
    with open_dataset(faces_file) as dataset:
        expected = np.flatnonzero(read_split(model_folder).side[0] == SIDES.index("test"))
        assert [int(row["row"]) for row in rows] == expected.tolist()
        told = classifier.classify(dataset.images(expected))
        for row, probabilities in zip(rows, told, strict=True):
            check_row(dataset, row, probabilities)


def check_row(dataset: Dataset, row: dict[str, str], probabilities: np.ndarray) -> None:
    number = int(row["row"])

    def value(column: str) -> np.generic:
        return dataset.column(column)[number]

    assert row["participant"] == dataset.participants[value("participant")]
    assert row["video"] == dataset.videos[value("video")]
    assert int(row["frame"]) == value("frame")
    assert float(row["time"]) == pytest.approx(value("time"))
    assert row["truth"] == dataset.emotions[value("label")]
    assert row["told"] == EMOTIONS[probabilities.argmax()]
    assert float(row["confidence"]) == pytest.approx(probabilities.max(), abs=1e-6)
    written = [float(row[emotion]) for emotion in EMOTIONS]
    assert written == pytest.approx(probabilities.tolist(), abs=1e-6)


def test_faces_of_many_batches_are_told_apart(fer, model_folder, tmp_path):
    made = [("Q0", None if n % 7 == 3 else "neutral", n) for n in range(600)]
    data, classifier = write(tmp_path / "many.h5", made), Classifier(model_folder)
    result = fer("evaluate", "--model", model_folder, "--data", data, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    rows = table(tmp_path / "out" / "predictions.csv")
    labelled = [n for n in range(600) if n % 7 != 3]
    assert [int(row["row"]) for row in rows] == labelled
    with open_dataset(data) as dataset:
        told = classifier.classify(dataset.images(np.array(labelled)))
        for row, probabilities in zip(rows, told, strict=True):
            check_row(dataset, row, probabilities)


def test_the_tables_tell_what_the_rows_add_up_to(written):
    scores, rows = metrics(written)["scores"], table(written / "predictions.csv")
    pairs = Counter((row["truth"], row["told"]) for row in rows)
    confusion = table(written / "confusion.csv")
    for line in confusion:
        assert {name: int(line[name]) for name in EMOTIONS} == {
            name: pairs[line["shown"], name] for name in EMOTIONS
        }
    assert [line["shown"] for line in confusion] == list(EMOTIONS)
    for line, one in zip(table(written / "classes.csv"), scores["classes"], strict=True):
        assert line["emotion"] == one["emotion"]
        assert [float(line[name]) for name in ("faces", "precision", "recall", "f1")] == [
            one[name] for name in ("faces", "precision", "recall", "f1")
        ]
    people = Counter(row["participant"] for row in rows)
    for line in table(written / "participants.csv"):
        assert int(line["faces"]) == people.pop(line["participant"])
        assert float(line["accuracy"]) == scores["participants"][line["participant"]]
    assert not people


def test_the_folder_tells_what_it_is_of(written, faces_file):
    told = metrics(written)
    with open_dataset(faces_file) as dataset:
        assert told["dataset"] == {"file": "faces.h5", "digest": dataset.digest, "faces": 144}
    assert (told["format"], told["version"]) == ("fer-evaluation", 1)
    assert (told["faces_of"], told["learned_from"]) == ("unseen people", False)
    assert told["provenance"]["command"].startswith("fer evaluate --model")
    assert told["speed"]["threads"] == 1


def test_a_still_has_neither_frame_nor_time_and_people_may_be_unknown(fer, model_folder, tmp_path):
    data = tmp_path / "stills.h5"
    with create_dataset(data, crop_record(), EMOTIONS) as writer:
        row = FaceRow(noise(1, 48), "neutral", None, -1, float("nan"), Box(0, 0, 9, 9), None, 0)
        writer.append("a.png", row)
        writer.finish({})
    result = fer("evaluate", "--model", model_folder, "--data", data, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (row,) = table(tmp_path / "out" / "predictions.csv")
    assert (row["participant"], row["frame"], row["time"]) == ("", "", "")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == FILES - {"participants.csv", "participants.png"}


def test_an_evaluation_is_replaced_only_when_asked(fer, model_folder, other_study, tmp_path):
    out = tmp_path / "out"
    command = ["evaluate", "--model", model_folder, "--data", other_study, "-o", out]
    assert fer(*command).exit_code == 0
    before = (out / METRICS_FILE).read_bytes()
    result = fer(*command)
    assert result.exit_code == 1
    assert "holds an evaluation already; give another --out, or --overwrite" in result.stderr
    assert result.stdout == ""
    assert (out / METRICS_FILE).read_bytes() == before
    assert fer(*command, "--overwrite", "--other-people").exit_code == 0
    assert (out / METRICS_FILE).read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_others_added_to_an_evaluation_is_not_lost(fer, model_folder, other_study, tmp_path):
    out = tmp_path / "out"
    command = ["evaluate", "--model", model_folder, "--data", other_study, "-o", out]
    assert fer(*command).exit_code == 0
    (out / "notes.txt").write_text("mine")
    result = fer(*command, "--overwrite")
    assert result.exit_code == 1
    assert "holds notes.txt, and is no folder of an evaluation" in result.stderr
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("foreign", ["notes.txt", "predictions.csv", METRICS_FILE])
def test_what_others_put_there_is_never_replaced(fer, model_folder, other_study, tmp_path, foreign):
    out = tmp_path / "out"
    out.mkdir()
    (out / foreign).write_text("{}")
    command = ["evaluate", "--model", model_folder, "--data", other_study, "-o", out]
    result = fer(*command, "--overwrite")
    assert result.exit_code == 1
    assert f"holds {foreign}, and is no folder of an evaluation" in result.stderr
    assert [path.name for path in out.iterdir()] == [foreign]


def test_a_model_folder_or_a_file_is_never_replaced(fer, model_folder, other_study, tmp_path):
    model = shutil.copytree(model_folder, tmp_path / "model")
    command = ["evaluate", "--model", model, "--data", other_study, "--overwrite", "-o"]
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert fer(*command, model).exit_code == 1
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    (tmp_path / "file").write_text("mine")
    result = fer(*command, tmp_path / "file")
    assert "exists and is no folder; give another --out" in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_what_cannot_be_written_is_one_line(fer, model_folder, other_study, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    result = fer("evaluate", "--model", model_folder, "--data", other_study, "-o", out)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"fer: {out}: cannot be written")


# The plots


def picture(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    assert pixels.min() < 120 < pixels.max()
    return pixels


def made_up_scores(people: int, sure: float) -> Scores:
    """The figures of people with ten faces each; of each more are told rightly than of the last."""
    codes = np.repeat([f"P{number}$_" for number in range(people)], 10)
    truth = np.arange(len(codes)) % 2
    right = np.arange(len(codes)) % 10 < 10 * np.repeat(np.arange(people), 10) / people
    told = np.where(right, truth, 1 - truth)
    probabilities = np.full((len(codes), 2), 1 - sure, np.float32)
    probabilities[np.arange(len(codes)), told] = sure
    return score(truth, probabilities, ("neutral", "anger"), codes)


def test_the_picture_of_people_grows_until_names_would_fill_a_page(tmp_path):
    heights = []
    for people in (1, 10, 80, 81):
        plot_participants(tmp_path / "people.png", made_up_scores(people, 0.8))
        heights.append(picture(tmp_path / "people.png").shape[0])
    assert heights[0] < heights[1] < heights[2]
    assert heights[3] < heights[2]


def test_the_bars_of_the_calibration_stand_where_the_confidence_is(tmp_path):
    columns = []
    for sure in (0.55, 0.97):
        plot_reliability(tmp_path / "sure.png", made_up_scores(20, sure))
        pixels = picture(tmp_path / "sure.png")[:-100].astype(int)  # without the legend
        blue = pixels[..., 0] - pixels[..., 2] > 60
        columns.append(np.flatnonzero(blue.any(axis=0)).mean() / blue.shape[1])
    assert 0.5 < columns[0] < 0.7 < 0.85 < columns[1]


# How it runs


def test_neither_tensorflow_nor_keras_is_loaded(model_folder, other_study, tmp_path):
    done = run("evaluate", "--model", model_folder, "--data", other_study, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"ai_edge_litert", "h5py", "matplotlib"} <= loaded
    assert not {"tensorflow", "keras", "av", "matplotlib.pyplot"} & loaded


def test_plots_are_not_prepared_in_vain(model_folder, other_study):
    done = run("evaluate", "--model", model_folder, "--data", other_study)
    assert "matplotlib" not in done.stderr.splitlines()[-1].split()


def test_figures_do_not_depend_on_the_threads(fer, model_folder, faces_file, tmp_path):
    told = []
    for threads in (1, 3):
        out = tmp_path / str(threads)
        command = ("evaluate", "--model", model_folder, "--data", faces_file, "--side", "all")
        result = fer(*command, "--threads", threads, "-o", out)
        assert result.exit_code == 0, result.output
        told.append((out / "predictions.csv").read_bytes())
    assert told[0] == told[1]


def test_many_people_are_summed_up(fer, model_folder, tmp_path):
    made = [(f"Q{n:02}", EMOTIONS[n % 3], n) for n in range(41)]
    data = write(tmp_path / "many.h5", made)
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert "accuracy of 41 people: from 0.0 % to 100.0 %, median" in result.stdout
    assert "Q07" not in result.stdout


def test_paths_that_lead_nowhere_are_one_line(fer, model_folder, other_study, tmp_path):
    for model, data in ((tmp_path / "no", other_study), (model_folder, tmp_path / "no.h5")):
        result = fer("evaluate", "--model", model, "--data", data)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
