"""``fer data show`` and ``fer data verify``."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from tests.conftest import crop_record, write_faces


@pytest.fixture
def dataset(faces_file, tmp_path) -> Path:
    """A dataset of the test's own: six people, three emotions, eight faces of each."""
    return Path(shutil.copy2(faces_file, tmp_path / "faces.h5"))


def test_show_counts_faces_by_participant_and_emotion(fer, dataset):
    result = fer("data", "show", dataset)
    assert result.exit_code == 0
    header, *rows = [line.split() for line in result.stdout.partition("\n\n")[0].splitlines()]
    assert header == ["participant", "neutral", "happiness", "surprise", "all"]
    assert rows == [
        *([f"P0{person}", "8", "8", "8", "24"] for person in range(6)),
        ["all", "48", "48", "48", "144"],
    ]


def test_show_counts_the_unknown_apart(fer, tmp_path):
    path = tmp_path / "f.h5"
    with create_dataset(path, crop_record(), ["fear"]) as writer:
        image, box = np.zeros((48, 48, 1), np.uint8), Box(0, 0, 9, 9)
        for emotion, participant in (("fear", "P2"), (None, "P10"), ("fear", None)):
            row = FaceRow(image, emotion, participant, 0, 0.0, box, None, 0)
            writer.append("a.mp4", row)
        writer.finish({})
    rows = fer("data", "show", path).stdout.partition("\n\n")[0].splitlines()
    assert [row.split() for row in rows] == [
        ["participant", "fear", "(unlabelled)", "all"],
        ["P10", "0", "1", "1"],
        ["P2", "1", "0", "1"],
        ["(unknown)", "1", "0", "1"],
        ["all", "2", "1", "3"],
    ]


def test_show_tells_sizes_detector_and_digest(fer, dataset):
    shown = fer("data", "show", dataset).stdout
    with open_dataset(dataset) as opened:
        assert f"digest    {opened.digest}" in shown
    for fact in (
        f"file      {dataset}, ",
        "faces     144 of 18 videos",
        "people    6",
        "images    48 x 48 px, gray, margin 0.1",
        "cascade haarcascade_frontalface_alt2, scale_factor 1.1",
    ):
        assert fact in shown


def test_show_tells_where_a_dataset_comes_from(fer, dataset):
    with h5py.File(dataset, "r+") as file:
        file.attrs["provenance"] = (
            '{"command": "fer extract videos/", "time": "2026-01-02T03:04:05+00:00", '
            '"versions": {"fer-pipeline": "9.8.7"}, "sources": {"é.mp4": {"digest": "abc"}}}'
        )
    shown = fer("data", "show", dataset).stdout
    assert "command   fer extract videos/" in shown
    assert "made      2026-01-02T03:04:05+00:00 with fer-pipeline 9.8.7" in shown
    assert "é.mp4" not in shown
    assert '"é.mp4"' in fer("data", "show", dataset, "-v").stdout


def test_verify_finds_nothing_wrong_in_a_sound_dataset(fer, dataset):
    result = fer("data", "verify", dataset)
    assert result.exit_code == 0
    assert result.stdout == f"{dataset}: 144 faces, all in order\n"


def test_verify_lists_what_is_wrong_and_fails(fer, dataset):
    with h5py.File(dataset, "r+") as file:
        file["label"][3] = 9
        file["split"][1:5] = 7
    result = fer("data", "verify", dataset)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "label: points to no emotion (1 of the rows, the first is 3)",
        "split: none of the values allowed (4 of the rows, the first is 1)",
    ]
    assert result.stderr == f"fer: {dataset}: broken, as told above; extract it again\n"


@pytest.mark.parametrize("command", ["show", "verify"])
@pytest.mark.parametrize(
    ("text", "told"), [(None, "no such dataset"), ("text", "not a dataset that can be read")]
)
def test_what_is_no_dataset_is_one_line(fer, tmp_path, command, text, told):
    path = tmp_path / "faces.h5"
    if text is not None:
        path.write_text(text)
    result = fer("data", command, path)
    assert result.exit_code == 1
    assert result.output.startswith(f"fer: {path}: {told}")
    assert len(result.output.splitlines()) == 1


def test_show_of_a_dataset_whose_labels_point_nowhere_is_one_line(fer, dataset):
    with h5py.File(dataset, "r+") as file:
        file["label"][3] = 9
    result = fer("data", "show", dataset)
    assert result.exit_code == 1
    assert result.output == f"fer: {dataset}: broken; fer data verify tells where\n"


def test_looking_at_a_dataset_leaves_it_as_it_was(fer, dataset):
    before, time = dataset.read_bytes(), dataset.stat().st_mtime_ns
    for command in ("show", "verify"):
        assert fer("data", command, dataset).exit_code == 0
    assert (dataset.read_bytes(), dataset.stat().st_mtime_ns) == (before, time)


def test_an_empty_dataset_is_shown_and_verified(fer, tmp_path):
    path = write_faces(tmp_path / "faces.h5", people=0)
    assert "0 of 0 videos" in fer("data", "show", path).stdout
    assert fer("data", "verify", path).exit_code == 0
