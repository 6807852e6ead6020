"""How the bundled model is made and measured: the parts that need no training of hours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.classifier import Classifier
from fer_pipeline.cli.root import root
from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, open_dataset
from fer_pipeline.faces import FaceDetector
from fer_pipeline.model_folder import FILES, KERAS_FILE, ModelSpec
from fer_pipeline.networks import NETWORKS
from fer_pipeline.video import open_video
from tests.conftest import write_faces
from training.crops import box_in
from training.decisions import CHOICES, CONTRAST_LEFT, contrast_left, options
from training.measuring import Side, judged, read_side, sizes, turn
from training.recipe import COMMON, COMPARED, SHIPPED
from training.shipping import MARGIN, ship

SAMPLES = Path(__file__).resolve().parent.parent / "sample_videos"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((*COMMON, *SHIPPED.options), id="shipped"),
        pytest.param((*COMMON, *COMPARED.options), id="compared"),
        *(
            pytest.param(options(choice), id=choice.name)
            for choice in CHOICES
            if CONTRAST_LEFT not in choice.options
        ),
    ],
)
def test_the_product_knows_every_option_of_the_recipe(words, faces_file):
    command = root.get_command(None, "train")
    given = command.make_context("train", ["--data", str(faces_file), *words]).params
    assert given["network"] == "seresnet"
    assert given["seed"] == 0


def test_a_choice_made_otherwise_overrides_the_recipe(faces_file):
    command = root.get_command(None, "train")
    words = {choice.name: options(choice) for choice in CHOICES}
    given = {
        name: command.make_context("train", ["--data", str(faces_file), *words[name]]).params
        for name in ("recipe", "label", "light", "unmixed")
    }
    for name, option in (("label", "target"), ("light", "augment"), ("unmixed", "mixup")):
        differing = {key for key in given[name] if given[name][key] != given["recipe"][key]}
        assert differing == {option}


def test_contrast_can_be_left_in():
    shape, classes = (48, 48, 1), 8
    plain, evened = contrast_left(shape, classes), _built("seresnet", shape, classes)
    assert plain.count_params() == evened.count_params() == NETWORKS["seresnet"].parameters["gray"]
    dim = np.random.default_rng(0).integers(0, 60, (1, *shape)).astype(np.float32)
    for network, same in ((evened, True), (plain, False)):
        told = [network.predict(faces, verbose=0) for faces in (dim, 3 * dim + 20)]
        assert np.allclose(*told, atol=1e-3) == same


def _built(name: str, shape: tuple[int, int, int], classes: int):
    from fer_pipeline.networks import build_network

    return build_network(name, shape[0], "gray", classes)


def test_what_is_shipped_is_the_trained_model_made_small(model_folder, tmp_path):
    folder = tmp_path / "shipped"
    ship(model_folder, folder)
    first = (folder / KERAS_FILE).read_bytes()
    ship(model_folder, folder)  # once more, over the first
    assert (folder / KERAS_FILE).read_bytes() == first
    assert {path.name for path in folder.iterdir()} <= FILES
    given, shipped = ModelSpec.read(model_folder), ModelSpec.read(folder)
    assert shipped == replace(given, crop=replace(given.crop, margin=MARGIN))
    rounded = [values for values in load_model(folder).get_weights() if values.dtype == np.float32]
    assert all(np.array_equal(one, one.astype(np.float16).astype(np.float32)) for one in rounded)
    assert any(one.any() for one in rounded)
    size = {one: (one / KERAS_FILE).stat().st_size for one in (model_folder, folder)}
    assert size[folder] < 0.8 * size[model_folder]
    faces = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 1), np.uint8)
    told = [Classifier(one).classify(faces) for one in (model_folder, folder)]
    assert np.allclose(*told, atol=0.03)


def test_figures_are_of_the_side_that_was_asked_for(model_folder, tmp_path):
    data = write_faces(tmp_path / "faces.h5")
    with open_dataset(data) as dataset:
        split, labels = dataset.column("split"), dataset.column("label")
    counts = sizes(data)
    assert counts["test"] == np.sum(split == SPLIT_TEST)
    assert counts["training"] == np.sum(split == SPLIT_TRAINING)
    everything = Side(_images(data), labels, ModelSpec.read(model_folder).emotions)
    scores = judged(model_folder, everything)
    told = Classifier(model_folder).classify(everything.faces).argmax(axis=1)
    assert scores["faces"] == len(labels)
    assert scores["accuracy"] == pytest.approx(np.mean(told == labels))
    assert scores["interval"][0] < scores["accuracy"] < scores["interval"][1]
    assert len(read_side(data, SPLIT_TEST).faces) == counts["test"]


def _images(data: Path) -> np.ndarray:
    with open_dataset(data) as dataset:
        return dataset.images(np.arange(len(dataset)))


def test_a_turn_is_when_the_second_emotion_begins():
    times = [0.1 * i for i in range(8)]
    found = turn(times, ["sadness"] * 3 + ["surprise"] * 2 + ["happiness"] * 3)
    assert found == {"from": "sadness", "to": "happiness", "time": times[5]}
    noisy = turn(times, ["sadness", "happiness", *["sadness"] * 2, *["happiness"] * 4])
    assert noisy == {"from": "sadness", "to": "happiness", "time": times[4]}
    assert turn(times, ["sadness"] * 8) is None


def test_our_detector_sees_the_face_of_a_corpus_where_it_is():
    detector = FaceDetector()
    clip = sorted(SAMPLES.rglob("*.mp4"))[0]
    with open_video(clip) as video:
        picture = next(iter(video.frames())).luma
    box = detector.detect(picture)[0].box
    face = picture[box.y : box.y + box.height, box.x : box.x + box.width]
    side, right, down = box_in(cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA), detector)
    assert side == pytest.approx(1, abs=0.15)
    assert (right, down) == pytest.approx((0, 0), abs=0.08)
    assert np.isnan(box_in(np.full((48, 48), 128, np.uint8), detector)).all()
