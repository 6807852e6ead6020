"""Counting the faces of a dataset, and finding what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import counts, open_dataset
from fer_pipeline.errors import DatasetError
from tests.conftest import write_faces
from tests.dataset.damage import edited, flip_a_byte, put, rename, set_cell
from tests.dataset.rows import COLUMNS, face, one_line, write


def test_faces_are_counted_by_participant_and_emotion_with_the_unknown_last(tmp_path):
    rows = [face("fear", "P1"), face("fear", "P1"), face("anger", "P2"), face(None, "P2")]
    with open_dataset(write(tmp_path / "f.h5", {"a": [*rows, face("anger", None)]})) as dataset:
        assert counts(dataset).tolist() == [[2, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_rows_that_point_nowhere_are_not_counted(tmp_path):
    path = write(tmp_path / "f.h5", {"a": [face()]})
    set_cell("label", 0, 5)(path)
    with open_dataset(path, sound=False) as dataset, pytest.raises(DatasetError) as error:
        counts(dataset)
    assert "fer data verify" in one_line(error, path)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert "fer data verify" in one_line(error, path)


@pytest.fixture
def sound(tmp_path) -> Path:
    """A dataset in which nothing is wrong: two people, three emotions, two faces of each."""
    return write_faces(tmp_path / "faces.h5", people=2, frames=2, size=12)


def findings(path: Path) -> list[str]:
    with open_dataset(path, sound=False) as dataset:
        return verify(dataset)


def test_nothing_is_wrong_in_a_sound_dataset(sound):
    assert findings(sound) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (set_cell("label", 4, 3), "label: points to no emotion (1 of the rows, the first is 4)"),
        (set_cell("label", 4, -2), "label: points to no emotion"),
        (set_cell("participant", slice(6, 9), 2), "participant: points to nobody (3 of the rows"),
        (set_cell("video", 11, 6), "video: points to no video"),
        (set_cell("video", 0, 1), "rows: not in the order of videos and times"),
        (set_cell("time", 0, 9.0), "rows: not in the order of videos and times"),
        (set_cell("time", 1, np.nan), "time: none, although the frame has a number"),
        (set_cell("frame", 2, -5), "frame: below −1"),
        (set_cell("split", 2, 3), "split: none of the values allowed"),
        (set_cell("box", 3, [1, 1, 0, 5]), "box: without width or height"),
        (rename("participants"), "participants: the same name twice"),
        (rename("videos"), "videos: the same name twice"),
        (
            edited(lambda file: file["videos"].__setitem__(0, "P02.mp4")),
            "videos: not in their order",
        ),
        (
            edited(lambda file: file.attrs.update(emotions=["surprise", "neutral", "happiness"])),
            "emotions: not in their order",
        ),
        (put("label", np.zeros(12, np.float64)), "label: rows of float64 () instead of int8 ()"),
        (put("box", np.ones((12, 3), np.int32)), "box: rows of int32 (3,) instead of int32 (4,)"),
        (put("images", np.zeros((12, 9, 9, 1), np.uint8)), "images: rows of uint8 (9, 9, 1)"),
        (flip_a_byte("images"), "images: cannot be read (1 of the rows, the first is 11)"),
        *((flip_a_byte(name), f"{name} cannot be read") for name in COLUMNS),
    ],
)
def test_damage_is_found(sound, damage, told):
    damage(sound)
    (finding,) = findings(sound)
    assert told in finding
    assert "\n" not in finding


def test_all_that_is_wrong_is_told(sound):
    for damage in (set_cell("label", 4, 3), set_cell("split", 0, 9), flip_a_byte("images")):
        damage(sound)
    assert [finding.partition(":")[0] for finding in findings(sound)] == [
        "label",
        "split",
        "images",
    ]


def test_an_image_that_cannot_be_read_is_told_by_the_file(sound):
    flip_a_byte("images")(sound)
    with open_dataset(sound) as dataset, pytest.raises(DatasetError) as error:
        dataset.images(np.array([11]))
    assert "an image cannot be read" in one_line(error, sound)


def test_a_still_has_neither_frame_nor_time_and_is_in_order(sound):
    with h5py.File(sound, "r+") as file:
        file["frame"][:], file["time"][:] = -1, np.nan
    assert findings(sound) == []
