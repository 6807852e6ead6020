"""The model that comes with the package: whole, small, honest, and a start for others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.classifier import Classifier
from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.model_folder import FILES, ModelSpec, bundled_model
from fer_pipeline.model_size import model_size
from fer_pipeline.networks import find_network
from tests.conftest import write_faces

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results" / "default-model" / "figures.json"

LARGEST = 6 * 2**20


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return ModelSpec.read(bundled_model())


@pytest.fixture(scope="module")
def figures() -> dict:
    return json.loads(RESULTS.read_text("utf-8"))


def test_it_is_small_and_holds_nothing_but_a_model():
    files = list(bundled_model().iterdir())
    assert {file.name for file in files} <= FILES
    assert sum(file.stat().st_size for file in files) <= LARGEST


def test_it_knows_all_emotions_in_the_canonical_order(spec):
    assert spec.emotions == EMOTIONS


def test_it_takes_what_its_network_takes(spec):
    network = find_network(spec.network)
    assert (spec.input_size, spec.input_channels) == (network.size, "gray")
    assert model_size(bundled_model()).weights == network.parameters["gray"]


def test_it_was_trained_on_the_corpus_and_says_how(spec):
    assert spec.split["kind"] == "corpus"
    options = spec.training["run"]["options"]
    assert options["fit"]["target"] == "votes"
    assert spec.training["temperature"] > 0


def test_what_annotates_and_what_others_start_from_are_the_same_model(spec):
    """Eight bits round a little; where it is sure, it tells the same."""
    faces = np.random.default_rng(0).integers(0, 256, (32, 48, 48, 1), np.uint8)
    faces = np.stack([blurred(face) for face in faces])
    told = Classifier(bundled_model()).classify(faces)
    keras = np.asarray(load_model(bundled_model())(faces.astype(np.float32), training=False))
    assert np.abs(told - keras).mean() < 0.02
    assert np.mean(told.argmax(axis=1) == keras.argmax(axis=1)) > 0.85


def blurred(face):
    import cv2

    return cv2.GaussianBlur(face, (0, 0), 4)[..., None]


def test_brightness_and_contrast_make_little_difference():
    rng = np.random.default_rng(1)
    face = blurred(rng.integers(0, 256, (48, 48, 1), np.uint8)).astype(np.float32)
    face = 60 + (face - face.mean()) * 2
    darker = 40 + (face - 60) * 0.6
    told = Classifier(bundled_model()).classify(np.stack([face, darker]).round().astype(np.uint8))
    assert np.abs(told[0] - told[1]).max() < 0.1


def test_the_card_is_the_one_in_the_docs():
    card = (bundled_model() / "model-card.md").read_text("utf-8")
    assert card == (ROOT / "docs" / "default-model.md").read_text("utf-8")


def test_the_card_tells_what_one_must_know(figures):
    card = (bundled_model() / "model-card.md").read_text("utf-8")
    for heading in ("what not", "their rights", "Known limits", "What training took", "again"):
        assert heading in card
    accuracy = figures["ferplus"]["majority"]["accuracy"]
    assert f"{100 * accuracy:.1f} %" in card


def test_the_figures_are_of_faces_that_it_did_not_learn_from(figures):
    assert figures["ferplus"]["majority"]["faces"] == figures["faces"]["majority"]["test"]
    assert figures["ferplus"]["majority"]["accuracy"] >= 0.8


def test_it_can_be_adapted_to_other_classes(fer, tmp_path):
    data = write_faces(tmp_path / "faces.h5", 5, frames=4, size=48)
    model = tmp_path / "model"
    result = fer("train", "--data", data, "--from", "default", "-o", model, "--epochs", 1, "-q")
    assert result.exit_code == 0, result.output
    spec = ModelSpec.read(model)
    with open_dataset(data) as dataset:
        assert spec.emotions == dataset.emotions != EMOTIONS
    assert spec.network == "seresnet"
    assert spec.training["run"]["options"]["fit"]["freeze"] is True
