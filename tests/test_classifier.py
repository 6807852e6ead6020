"""From a frame to probabilities: the same way for datasets and timelines, on real clips."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_pipeline.classifier import Classifier, measure_speed
from fer_pipeline.cli.root import root
from fer_pipeline.conversion import load_model, write_litert
from fer_pipeline.dataset import CropRecord, open_dataset
from fer_pipeline.domain import EMOTIONS, Box, Frame
from fer_pipeline.errors import ModelError
from fer_pipeline.faces import CropOptions, crop, network_inputs
from fer_pipeline.model_folder import KERAS_FILE, LITERT_FILE, ModelSpec, bundled_model
from fer_pipeline.networks import NETWORKS, build_network
from fer_pipeline.training_data import prepare_inputs
from fer_pipeline.video import open_video
from tests.media import PARTICIPANTS

CLIPS = ("P00_happy.mp4", "P07_angry.mp4", "P10_surprised.mp4")
EVERY = 15


def fer(*arguments: object) -> None:
    result = CliRunner().invoke(root, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name in CLIPS:
        shutil.copy2(PARTICIPANTS / name, folder)
    return folder


@pytest.fixture(scope="module")
def extracted(clips) -> Path:
    """Return the dataset of some frames of three clips."""
    path = clips.parent / "faces.h5"
    fer("extract", clips, "-o", path, "--every", EVERY, "--workers", 1)
    return path


@pytest.fixture(scope="module")
def crops(extracted) -> np.ndarray:
    with open_dataset(extracted) as dataset:
        return dataset.images(slice(0, None))


def write_model(folder: Path, network: str, record: CropRecord) -> Path:
    """Write a model with random weights, large enough for it to be sure of itself."""
    import keras

    keras.utils.set_random_seed(0)
    info = NETWORKS[network]
    model = build_network(network, info.size, info.channels, len(EMOTIONS))
    last = model.layers[-1]
    last.set_weights([30 * values for values in last.get_weights()])
    folder.mkdir()
    model.save(folder / KERAS_FILE)
    ModelSpec(network, EMOTIONS, info.size, info.channels, record).write(folder)
    write_litert(folder)
    return folder


# That Keras and LiteRT agree is shown for every network in tests/test_networks.py.
@pytest.fixture(scope="module", params=["lenet5", "lenet"])
def model(request, extracted, tmp_path_factory) -> Path:
    """Return a model of random weights, made for the crops of the dataset."""
    with open_dataset(extracted) as dataset:
        record = dataset.crop
    return write_model(tmp_path_factory.mktemp("models") / "model", request.param, record)


def test_keras_and_litert_tell_the_same(model, crops):
    classifier = Classifier(model)
    spec = classifier.spec
    inputs = network_inputs(crops, spec.input_size, spec.input_channels)
    by_keras = np.asarray(load_model(model)(inputs.astype(np.float32)))
    by_litert = classifier.classify(crops)
    assert np.abs(by_keras - by_litert).max() < 1e-4
    assert by_litert.max() > 0.5  # not merely alike because unsure
    assert np.ptp(by_litert, axis=0).max() > 0.01


def test_probabilities_add_up_to_one(model, crops):
    told = Classifier(model).classify(crops)
    assert told.shape == (len(crops), len(EMOTIONS))
    assert told.sum(axis=1) == pytest.approx(np.ones(len(crops)), abs=1e-5)


def test_a_face_is_told_the_same_whoever_is_beside_it(model, crops):
    classifier = Classifier(model)
    together = classifier.classify(crops)
    alone = np.concatenate([classifier.classify(crops[i : i + 1]) for i in range(len(crops))])
    assert np.array_equal(together, alone)
    assert np.array_equal(classifier.classify(crops[::-1]), together[::-1])


@pytest.mark.parametrize("threads", [2, 5, 40])
def test_faces_told_side_by_side_are_told_the_same(model, crops, threads):
    together = Classifier(model, threads).classify(crops)
    assert np.array_equal(together, Classifier(model).classify(crops))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_faces_have_no_probabilities(model, crops, threads):
    assert Classifier(model, threads).classify(crops[:0]).shape == (0, len(EMOTIONS))


def test_the_speed_of_a_network_is_measured_one_by_one_and_32_at_once(model):
    speed = measure_speed(model, threads=2)
    assert speed.threads == 2
    assert speed.one > 0
    assert speed.batch32 > 0


def test_no_speed_of_a_broken_model(tmp_path):
    with pytest.raises(ModelError, match=r"missing from the model folder; make it with fer export"):
        measure_speed(tmp_path)
    (tmp_path / "model.tflite").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a model that LiteRT can load"):
        measure_speed(tmp_path)


def poisoned(folder: Path, value: float) -> Path:
    """Copy the bundled model, and write a value over what its last layer adds to each emotion."""
    from ai_edge_litert.interpreter import Interpreter

    shutil.copytree(bundled_model(), folder)
    file = folder / LITERT_FILE
    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    (last,) = (
        interpreter.get_tensor(one["index"])
        for one in interpreter.get_tensor_details()
        if one["shape"].tolist() == [len(EMOTIONS)]
    )
    content = file.read_bytes()
    assert content.count(last.tobytes()) == 1
    file.write_bytes(content.replace(last.tobytes(), np.full_like(last, value).tobytes()))
    return folder


@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_that_tells_no_number_is_refused(tmp_path, threads):
    folder = poisoned(tmp_path / "model", np.nan)
    faces = np.zeros((3, 64, 64, 1), np.uint8)
    with pytest.raises(ModelError) as error:
        Classifier(folder, threads).classify(faces)
    assert str(error.value) == (
        f"{folder / LITERT_FILE}: what it tells are no probabilities; train the model again, or "
        "make the file with fer export-model"
    )
    sound = Classifier(poisoned(tmp_path / "sound", 0.5), threads)
    assert sound.classify(faces).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


# The same bytes both ways


def frames_of(path: Path) -> dict[int, Frame]:
    with open_video(path) as video:
        return {frame.index: frame for frame in video.frames() if isinstance(frame, Frame)}


@pytest.fixture(scope="module")
def annotation_crops(clips, extracted) -> np.ndarray:
    """Return what annotation cuts out of the frames in which the dataset has a face."""
    with open_dataset(extracted) as dataset:
        options = CropOptions(dataset.crop.size, dataset.crop.margin, dataset.crop.channels)
        frames = {name: frames_of(clips / name) for name in dataset.videos}
        rows = zip(*map(dataset.column, ("video", "frame", "box")), strict=True)
        return np.stack(
            [
                crop(frames[dataset.videos[video]][frame], Box(*map(int, box)), options)
                for video, frame, box in rows
            ]
        )


def test_crops_for_the_dataset_and_for_annotation_are_byte_equal(crops, annotation_crops):
    assert len(crops) == len(CLIPS) * 4
    assert np.array_equal(crops, annotation_crops)


@pytest.mark.parametrize(
    ("size", "channels"), [(48, "gray"), (32, "gray"), (64, "rgb"), (120, "rgb"), (160, "gray")]
)
def test_inputs_at_training_and_at_annotation_are_byte_equal(
    extracted, annotation_crops, tmp_path, size, channels
):
    with open_dataset(extracted) as dataset:
        prepared = prepare_inputs(dataset, size, channels, tmp_path / "inputs.npy")
    depth = 3 if channels == "rgb" else 1
    assert prepared.shape == (len(annotation_crops), size, size, depth)
    assert np.array_equal(prepared, network_inputs(annotation_crops, size, channels))


def test_inputs_once_prepared_are_used_again(extracted, tmp_path):
    with open_dataset(extracted) as dataset:
        prepare_inputs(dataset, 32, "gray", tmp_path / "inputs.npy")
        before = (tmp_path / "inputs.npy").stat()
        prepare_inputs(dataset, 32, "gray", tmp_path / "inputs.npy")
    assert (tmp_path / "inputs.npy").stat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["inputs.npy"]


def test_a_timeline_tells_what_the_model_makes_of_the_datasets_crops(
    model, clips, extracted, tmp_path
):
    labels = tmp_path / "labels.csv"
    options = ["--every", EVERY, "--faces", "largest", "--workers", 1]
    fer("annotate", clips, "--model", model, "--out", labels, *options)
    with labels.open(encoding="utf-8", newline="") as file:
        told = {(row["video"], int(row["frame"])): row for row in csv.DictReader(file)}
    with open_dataset(extracted) as dataset:
        expected = Classifier(model).classify(dataset.images(slice(0, None)))
        videos = [dataset.videos[index] for index in dataset.column("video")]
        for video, frame, box, probabilities in zip(
            videos, dataset.column("frame"), dataset.column("box"), expected, strict=True
        ):
            row = told[video, frame]
            assert [int(row[name]) for name in ("x", "y", "width", "height")] == box.tolist()
            assert row["emotion"] == EMOTIONS[probabilities.argmax()]
            written = [float(row[name]) for name in EMOTIONS]
            assert written == pytest.approx(probabilities.tolist(), abs=1e-5)
