"""``fer train`` on annotators' votes and blended faces, from the dataset to the history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.conversion import load_model
from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.faces import network_inputs
from fer_pipeline.fit_options import Epoch
from fer_pipeline.history import read_history
from fer_pipeline.model_folder import KERAS_FILE
from tests.conftest import crop_record, write_faces
from tests.trainings import done, refused, train

EMOTIONS = ("neutral", "happiness", "surprise")

# So slow that the model saved is the one that the first losses are of, and all faces in one step.
STILL = ("--size", 16, "--augment", "none", "--epochs", 1, "--learning-rate", 1e-9, "--batch", 500)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Six people; of each, one neutral face, two happy and four surprised ones, most with votes."""
    path = tmp_path_factory.mktemp("data") / "faces.h5"
    rng = np.random.default_rng(0)
    with create_dataset(path, crop_record(16), EMOTIONS, votes=True) as writer:
        for person in range(6):
            for index, emotion in enumerate(EMOTIONS):
                for frame in range(2**index):
                    image = rng.integers(0, 256, (16, 16, 1), dtype=np.uint8)
                    votes = dict(zip(EMOTIONS, map(float, rng.integers(0, 4, 3)), strict=True))
                    row = FaceRow(
                        image, emotion, f"P{person:02d}", frame, frame / 25,
                        Box(10, 10, 50, 50), 1.0, 0, votes=votes if frame != 1 else None,
                    )  # fmt: skip
                    writer.append(f"P{person:02d}_{emotion}.mp4", row)
        writer.finish({})
    return path


@pytest.fixture(scope="module")
def sure(data, tmp_path_factory) -> Path:
    """A model to begin with that is sure of itself: to a fresh one, all targets are alike."""
    folder = tmp_path_factory.mktemp("sure") / "model"
    done(train(data, folder, *STILL))
    model = load_model(folder)
    model.layers[-1].set_weights([30 * weights for weights in model.layers[-1].get_weights()])
    model.save(folder / KERAS_FILE)
    return folder


@pytest.fixture(scope="module")
def trained(data, sure, tmp_path_factory):
    """Train with options, once for each of them; returns the model folder."""
    made: dict[tuple[object, ...], Path] = {}

    def model(*options: object) -> Path:
        if options not in made:
            made[options] = tmp_path_factory.mktemp("trained") / "model"
            done(train(data, made[options], *STILL, "--weights", sure, *options))
        return made[options]

    return model


def expected_loss(data: Path, folder: Path, *, weigh: bool) -> float:
    """Work out by hand what the loss of the first step was on votes."""
    with open_dataset(data) as dataset, np.load(folder / "split.npz") as split:
        rows = np.flatnonzero(split["side"][0] == 0)
        labels, votes = dataset.column("label")[rows], dataset.votes[rows]
        inputs = network_inputs(dataset.images(rows), 16, "gray")
    told = np.asarray(load_model(folder)(inputs), np.float64)
    faces = np.bincount(labels)
    of_emotion = len(rows) / (3 * faces) if weigh else np.ones(3)
    losses = []
    for probabilities, label, of_face in zip(told, labels, votes, strict=True):
        target = of_face / of_face.sum() if np.nansum(of_face) > 0 else np.eye(3)[label]
        losses.append((target @ of_emotion) * -(target @ np.log(probabilities)))
    return float(np.mean(losses))


def first_epoch(folder: Path) -> Epoch:
    return read_history(folder)["1"][0]


@pytest.mark.parametrize("options", [(), ("--no-class-weights",)])
def test_votes_are_what_is_learned_where_there_are_any(data, trained, options):
    folder = trained("--target", "votes", *options)
    wanted = expected_loss(data, folder, weigh=not options)
    assert first_epoch(folder).loss == pytest.approx(wanted, rel=1e-4)
    assert wanted != pytest.approx(expected_loss(data, folder, weigh=bool(options)), rel=0.02)
    assert wanted != pytest.approx(first_epoch(trained()).loss, rel=0.02)


def test_whatever_is_learned_the_figures_are_of_the_labels(trained):
    one, other = first_epoch(trained("--target", "votes")), first_epoch(trained())
    assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)
    assert one.validation_accuracy == other.validation_accuracy


def test_votes_cannot_be_learned_where_nobody_voted(tmp_path):
    data = write_faces(tmp_path / "faces.h5", 5, frames=2, size=16)
    result = train(data, tmp_path / "model", "--target", "votes")
    assert result.exit_code == 2
    assert result.stderr == (
        f"fer: {data}: has no annotators' votes to learn; leave --target votes out\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["faces.h5"]


def test_mixup_is_another_training_and_is_remembered(data, trained, sure):
    folder = trained("--mixup", 0.4)
    again = ("--weights", sure, "--mixup")
    assert "nothing to do" in done(train(data, folder, *STILL, *again, 0.4)).stderr
    line = refused(train(data, folder, *STILL, *again, 0.2))
    assert "not the model of this data" in line
    assert first_epoch(folder).loss != pytest.approx(first_epoch(trained()).loss, rel=0.01)
