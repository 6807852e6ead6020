"""``fer data split``: a division that stays in the file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import COLUMNS, SPLIT_TEST, UNKNOWN, open_dataset
from fer_pipeline.splits import divide
from tests.test_merging import row, write


@pytest.fixture
def dataset(faces_file, tmp_path) -> Path:
    """Six people, three emotions, eight faces of each."""
    return Path(shutil.copy2(faces_file, tmp_path / "faces.h5"))


def test_nobody_is_on_two_sides_and_nothing_else_changes(fer, dataset, faces_file):
    result = fer("data", "split", dataset, "--seed", 3)
    assert result.exit_code == 0, result.output
    with open_dataset(faces_file) as before, open_dataset(dataset) as after:
        side, person = after.column("split"), after.column("participant")
        sides_of = [set(side[person == index].tolist()) for index in range(6)]
        assert sorted(sides_of, key=str) == [{0}, {0}, {0}, {0}, {1}, {2}]
        for name in COLUMNS:
            if name != "split":
                assert np.array_equal(before.column(name), after.column(name), equal_nan=True)
        assert np.array_equal(before.images(slice(None)), after.images(slice(None)))
        assert not verify(after)
        (by_corpus,) = divide(after, "corpus", 0)
        assert set(by_corpus.test) == set(np.flatnonzero(side == SPLIT_TEST))
        assert after.provenance["history"][0]["command"].startswith("fer")
    rows = [line.split() for line in result.stdout.splitlines()[:4]]
    assert rows[0] == ["side", "people", "neutral", "happiness", "surprise", "all"]
    assert [row[1] for row in rows[1:]] == ["4", "1", "1"]


def test_the_seed_decides(fer, dataset, tmp_path):
    columns = []
    for seed in (0, 0, 1):
        out = tmp_path / f"{len(columns)}.h5"
        assert fer("data", "split", dataset, "-o", out, "--seed", seed).exit_code == 0
        with open_dataset(out) as divided:
            columns.append(divided.column("split").tolist())
    assert columns[0] == columns[1] != columns[2]


def test_a_division_is_replaced_only_when_asked(fer, dataset):
    assert fer("data", "split", dataset).exit_code == 0
    before = dataset.read_bytes()
    result = fer("data", "split", dataset, "--seed", 1)
    assert result.exit_code == 1
    assert "--overwrite divides anew" in result.stderr
    assert dataset.read_bytes() == before
    assert fer("data", "split", dataset, "--seed", 1, "--overwrite").exit_code == 0


def test_another_file_is_written_and_this_one_left_as_it_is(fer, dataset, tmp_path):
    before = dataset.read_bytes()
    out = tmp_path / "divided.h5"
    out.write_bytes(before)
    assert fer("data", "split", dataset, "-o", out).exit_code == 1
    assert out.read_bytes() == before
    assert fer("data", "split", dataset, "-o", out, "--overwrite").exit_code == 0
    assert dataset.read_bytes() == before


def test_copies_of_a_face_are_on_one_side(fer, tmp_path):
    videos = {
        f"{n}.mp4": [row(n, ("fear", "anger")[n % 2], f"P{n}"), row(255, "fear", f"P{n}", 1)]
        for n in range(10)
    }
    path = write(tmp_path / "f.h5", videos)
    result = fer("data", "split", path)
    assert result.exit_code == 0, result.output
    assert "on no side, as copies of a face on another: 8 faces" in result.stderr
    with open_dataset(path) as dataset:
        copies = dataset.images(slice(None))[:, 0, 0, 0] == 255
        assert set(dataset.column("split")[copies].tolist()) == {SPLIT_TEST, UNKNOWN}


def test_too_few_people_are_told_and_frames_flatter(fer, tmp_path):
    videos = {f"{n}.mp4": [row(n, ("fear", "anger")[n % 2], "P1")] for n in range(12)}
    path = write(tmp_path / "f.h5", videos)
    before = path.read_bytes()
    refused = fer("data", "split", path)
    assert refused.exit_code == 1
    assert "1 participant is too few" in refused.stderr
    assert "--split video or --split random, which flatters" in refused.stderr
    assert path.read_bytes() == before
    # The errors that fer train has, too, call the option as it does.
    for name in ("--by", "--split"):
        result = fer("data", "split", path, name, "random", "--overwrite")
        assert result.exit_code == 0
        assert "flatters" in result.stderr


def test_a_written_split_with_people_on_both_sides_is_told_by_training(fer, dataset, tmp_path):
    divided = fer("data", "split", dataset, "--by", "video")
    assert "the same people are on several sides" in divided.stderr
    small = ("--network", "lenet5", "--size", 32, "--epochs", 1, "-o", tmp_path / "model")
    result = fer("train", "--data", dataset, "--split", "corpus", *small)
    assert result.exit_code == 0, result.output
    assert "are in training and in test" in result.stderr
    card = (tmp_path / "model" / "model-card.md").read_text("utf-8")
    assert "The same people are on several sides of this split" in card
    assert ".mp4" not in (tmp_path / "model" / "spec.json").read_text("utf-8")


def test_a_model_does_not_name_videos(fer, dataset, tmp_path):
    small = ("--network", "lenet5", "--size", 32, "--epochs", 1, "-o", tmp_path / "model")
    result = fer("train", "--data", dataset, "--split", "video", *small)
    assert result.exit_code == 0, result.output
    for file in ("spec.json", "model-card.md", "metrics.json"):
        assert ".mp4" not in (tmp_path / "model" / file).read_text("utf-8")
