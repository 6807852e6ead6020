"""Emotions that are chosen, and balance."""

from __future__ import annotations

import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import open_dataset
from tests.cli_import.results import FACES, error_line, names_in
from tests.fer2013.faces import CODES, some_faces, write_table


def test_emotions_are_chosen_and_joined(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out, "--emotions", "happy,bad=fear+anger+sad")
    assert result.exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("happiness", "bad")
        kept = [CODES[code] for _, code, _ in some_faces(FACES)]
        kept = [name for name in kept if name in ("happiness", "fear", "anger", "sadness")]
        assert dataset.column("label").tolist() == [int(name != "happiness") for name in kept]
        assert dataset.provenance["options"]["emotions"]["anger"] == "bad"
        assert dataset.provenance["skipped"] == {
            f"{name}: not among --emotions": 6 for name in ("disgust", "neutral", "surprise")
        }
    assert "left out, disgust: not among --emotions: 6" in result.stdout


def test_votes_follow_the_emotions_chosen(fer, tmp_path, out):
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt"
    votes = ["6,0,0,0,4,0,0,0,0,0", "0,0,0,0,7,0,3,0,0,0", "0,8,0,2,0,0,0,0,0,0"]
    lines = [f"Training,fer{i:07d}.png,{one}" for i, one in enumerate(votes)]
    labels = tmp_path / "fer2013new.csv"
    labels.write_text("\n".join([f"{header},unknown,NF", *lines]) + "\n")
    faces = [(image, 3, "Training") for image, _, _ in some_faces(3)]
    table = write_table(tmp_path / "fer2013.csv", faces)
    arguments = ("import", "ferplus", table, labels, "-o", out)
    assert fer(*arguments, "--emotions", "neutral,bad=fear+anger+sad").exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "bad")
        assert dataset.column("label").tolist() == [0, 1]
        shares = dataset.votes / dataset.votes.sum(axis=1, keepdims=True)
        assert np.allclose(shares, [[0.6, 0.4], [0.0, 1.0]])


def test_emotions_that_nothing_shows_are_told(fer, portraits, tmp_path, out):
    result = fer("import", "folder", portraits, "-o", out, "--emotions", "happy,contempt")
    assert result.exit_code == 0
    assert "warning: no face of contempt" in result.stderr
    none = tmp_path / "none.h5"
    line = error_line(fer("import", "folder", portraits, "-o", none, "--emotions", "contempt"))
    assert "all of its faces are left out" in line
    assert "happiness: not among --emotions (6)" in line
    assert not none.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["fer2013", "--emotions", "contempt"], "the corpus has no contempt; it has neutral"),
        (["fer2013", "--emotions", "fear+anger"], "'fear+anger' has no name"),
        (["fer2013", "--last", "2"], "--last means nothing to fer2013"),
        (["fer2013", "--last", "3"], "--last means nothing to fer2013"),
        (["fer2013", "--pattern", "{emotion}/{x}"], "--pattern means nothing to fer2013"),
        (["fer2013", "--fps", "2"], "--fps means nothing to fer2013"),
        (["fer2013", "--seed", "2"], "--seed draws the faces of --balance; give both"),
        (["ravdess", "--no-detect"], "--detect means nothing to ravdess"),
        (["ravdess", "--pattern", "{emotion}"], "--pattern means nothing to ravdess"),
    ],
)
def test_options_that_mean_nothing_are_wrong_usage(options, problem, fer, source, out):
    result = fer("import", *options, source, "-o", out)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert not out.parent.exists()


def test_the_training_part_is_balanced_and_nothing_else(fer, source, out):
    whole = out.with_name("whole.h5")
    fer("import", "fer2013", source, "-o", whole)
    result = fer("import", "fer2013", source, "-o", out, "--balance", "5", "--seed", "3")
    assert result.exit_code == 0
    assert names_in(out.parent) == ["faces.h5", "whole.h5"]
    with open_dataset(out) as balanced, open_dataset(whole) as before:
        split, label = balanced.column("split"), balanced.column("label")
        assert np.bincount(label[split == 0]).tolist() == [5] * 7
        hashes = balanced.image_hashes
        for side in (1, 2):
            kept = before.image_hashes[before.column("split") == side]
            assert hashes[split == side].tolist() == kept.tolist()
        trained = before.image_hashes[before.column("split") == 0]
        assert set(hashes[split == 0]) == set(trained)  # two of each class, two or three times
        assert verify(balanced) == []
        made = balanced.provenance
        assert made["options"] == {"balance": 5, "seed": 3}
        assert made["copies"] == {"all": 0, "validation_in_training": 0, "test_in_training": 0}


def test_what_balancing_needs_for_a_while_is_no_file_of_the_users(fer, source, out):
    out.parent.mkdir()
    mine = out.with_name("faces.h5.whole")
    mine.write_text("mine")
    assert fer("import", "fer2013", source, "-o", out, "--balance", "5").exit_code == 0
    assert mine.read_text() == "mine"


def test_balancing_without_training_faces_is_refused(fer, tmp_path, out):
    faces = [(image, code, "PrivateTest") for image, code, _ in some_faces(3)]
    source = write_table(tmp_path / "t.csv", faces)
    line = error_line(fer("import", "fer2013", source, "-o", out, "--balance", "5"))
    assert f"{out}: no training faces to balance" in line
    assert not out.parent.exists()


def test_balancing_is_repeatable_and_depends_on_the_seed(fer, portraits, out):
    digests = []
    for seed in (0, 0, 1):
        arguments = ("--balance", "2", "--seed", seed, "--overwrite")
        fer("import", "folder", portraits, "-o", out, *arguments)
        with open_dataset(out) as dataset:
            assert np.bincount(dataset.column("label")).tolist() == [2] * 3
            digests.append(dataset.digest)
    assert digests[0] == digests[1] != digests[2]
