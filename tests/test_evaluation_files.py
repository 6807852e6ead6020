"""What ``fer evaluate`` tells of a model: that its figures, files and plots are so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.classifier import Classifier
from fer_pipeline.dataset import Dataset, FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.errors import ModelError
from fer_pipeline.evaluation import Scores, participant_interval, score
from fer_pipeline.judging import FILES
from fer_pipeline.model_folder import METRICS_FILE, SPEC_FILE, ModelSpec
from fer_pipeline.model_size import count_weights
from fer_pipeline.report.plots import plot_participants, plot_reliability
from fer_pipeline.split_file import SIDES, read_split
from tests.conftest import crop_record
from tests.evaluations import EMOTIONS, facts, metrics, noise, table, write, write_other_study


@pytest.fixture(scope="module")
def other_study(tmp_path_factory) -> Path:
    return write_other_study(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def people(model_folder) -> dict[str, list[str]]:
    """The codes of the people on each side of the model's split."""
    return ModelSpec.read(model_folder).split["participants"]


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


# The figures


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


def test_many_people_are_summed_up(fer, model_folder, tmp_path):
    made = [(f"Q{n:02}", EMOTIONS[n % 3], n) for n in range(41)]
    data = write(tmp_path / "many.h5", made)
    result = fer("evaluate", "--model", model_folder, "--data", data)
    assert "accuracy of 41 people: from 0.0 % to 100.0 %, median" in result.stdout
    assert "Q07" not in result.stdout


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
