"""``fer data show`` and ``fer data verify``."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.dataset import FaceRow, Withdrawn, create_dataset, open_dataset
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
    assert result.stderr == f"fer: {dataset}: broken, as told above; mend that, or make it again\n"


def add_stills(path: Path, stills: list[tuple[int, int, str | None, str]]) -> Path:
    """Write stills: brightness of the image, side, person, emotion; below 100 of one colour."""
    pixels = np.random.default_rng(0).integers(0, 100, (48, 48, 1), dtype=np.uint8)
    with create_dataset(path, crop_record(), ["fear", "anger"]) as writer:
        for brightness, side, person, emotion in stills:
            image = (pixels if brightness >= 100 else 0 * pixels) + np.uint8(brightness)
            row = FaceRow(
                image, emotion, person, -1, np.nan, Box(0, 0, 48, 48), None, 0, split=side
            )
            writer.append(None, row)
        writer.finish({})
    return path


def test_verify_counts_copies_that_flatter_or_contradict(fer, tmp_path):
    stills = [
        *((100, side, None, "fear") for side in (0, 1, 2, 0)),
        (101, 2, None, "fear"),
        (101, 1, None, "fear"),
        *((102, 0, person, "anger") for person in ("P1", "P2", "P2")),
        *((103, 0, "P1", emotion) for emotion in ("anger", "fear")),
        (0, 0, None, "anger"),
        (104, 2, "P1", "anger"),
    ]
    path = add_stills(tmp_path / "faces.h5", stills)
    result = fer("data", "verify", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "worth knowing                              number",
        "held-out images that are in training, too       2",
        "  of these, test images                         1",
        "  of these, validation images                   1",
        "test images that are in validation, too         2",
        "images that stand under two people              3",
        "images that stand under two emotions            2",
        "images of one colour all over                   1",
        "",
        f"{path}: 13 faces, nothing is broken",
    ]
    lines = fer("data", "verify", path, "-v").stdout.splitlines()
    assert "test images that are in validation, too: rows 2, 4" in lines
    assert "images that stand under two people: rows 6-8" in lines


def test_verify_says_nothing_of_copies_of_one_person_on_one_side(fer, tmp_path):
    path = add_stills(tmp_path / "faces.h5", [(100, 0, "P1", "fear")] * 5)
    assert fer("data", "verify", path).stdout == f"{path}: 5 faces, all in order\n"


@pytest.mark.parametrize(
    ("votes", "told"),
    [
        ([1, np.nan], "votes: of some emotions only (1 of the rows, the first is 1)"),
        ([-1, 2], "votes: below 0 or without end (1 of the rows, the first is 1)"),
        ([np.inf, 2], "votes: below 0 or without end (1 of the rows, the first is 1)"),
        ([np.nan, np.nan], None),
        ([0, 0], None),
    ],
)
def test_verify_checks_votes(fer, tmp_path, votes, told):
    path = add_stills(tmp_path / "faces.h5", [(100 + i, 0, "P1", "fear") for i in range(3)])
    with h5py.File(path, "r+") as file:
        file["votes"] = np.array([[3, 1], votes, [0, 5]], np.float32)
    result = fer("data", "verify", path)
    assert result.exit_code == (1 if told else 0)
    assert result.stdout.splitlines() == [told or f"{path}: 3 faces, all in order"]


def test_verify_finds_votes_of_another_shape_or_damaged(fer, tmp_path):
    path = add_stills(tmp_path / "faces.h5", [(100 + i, 0, "P1", "fear") for i in range(3)])
    with h5py.File(path, "r+") as file:
        file["votes"] = np.zeros((3, 5), np.float32)
    told = "votes: rows of float32 (5,) instead of float32 (2,)"
    assert fer("data", "verify", path).stdout.splitlines() == [told]
    with h5py.File(path, "r+") as file:
        del file["votes"]
        votes = np.full((3, 2), 0.123, np.float32)
        file.create_dataset("votes", data=votes, chunks=(3, 2), fletcher32=True)
    content = path.read_bytes()
    assert content.count(votes.tobytes()) == 1
    path.write_bytes(content.replace(votes.tobytes(), votes[::-1].tobytes()[:-1] + b"!"))
    result = fer("data", "verify", path)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path}: votes cannot be read (")


def test_verify_finds_somebody_who_was_withdrawn(fer, dataset):
    gone = [Withdrawn.of(code, "2026-01-02T03:04:05+00:00", 24, 3) for code in ("p02", "P77")]
    with h5py.File(dataset, "r+") as file:
        file.attrs["withdrawn"] = json.dumps([asdict(one) for one in gone])
    result = fer("data", "verify", dataset)
    assert result.exit_code == 1
    told = "participants: P02 was withdrawn and is in it; fer data withdraw removes them"
    assert result.stdout.splitlines() == [told]


def test_verify_warns_of_sources_that_are_not_those_of_the_videos(fer, dataset):
    with h5py.File(dataset, "r+") as file:
        known = {name: {} for name in file["videos"].asstr()[1:]} | {"other.mp4": {}}
        file.attrs["provenance"] = json.dumps({"settings": {}, "sources": known})
    result = fer("data", "verify", dataset)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"warning: {dataset}: videos without a source (1, the first is P00_happiness.mp4)",
        f"warning: {dataset}: sources that are no video of it (1, the first is other.mp4)",
    ]


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
    told = "broken (label points to what is not there); fer data verify tells where"
    assert result.output == f"fer: {dataset}: {told}\n"


def test_looking_at_a_dataset_leaves_it_as_it_was(fer, dataset):
    before, time = dataset.read_bytes(), dataset.stat().st_mtime_ns
    for command in ("show", "verify"):
        assert fer("data", command, dataset).exit_code == 0
    assert (dataset.read_bytes(), dataset.stat().st_mtime_ns) == (before, time)


def test_an_empty_dataset_is_shown_and_verified(fer, tmp_path):
    path = write_faces(tmp_path / "faces.h5", people=0)
    assert "0 of 0 videos" in fer("data", "show", path).stdout
    assert fer("data", "verify", path).exit_code == 0
