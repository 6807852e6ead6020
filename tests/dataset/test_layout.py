"""The layout of a dataset file, as anybody finds it with plain h5py."""

from __future__ import annotations

import json
import math

import h5py
import numpy as np
import pytest

from tests.conftest import crop_record
from tests.dataset.rows import COLUMNS, SMALL, face, write


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A dataset of three faces, opened with nothing but h5py."""
    rows = {
        "a.mp4": [face("surprise", "P2"), face(None, None, frame=8, score=None, track=1)],
        "b/日本 語.mp4": [face("bored", "Ötzi")],
    }
    provenance = {"command": "fer extract ü"}
    with h5py.File(write(tmp_path_factory.mktemp("plain") / "f.h5", rows, SMALL, provenance)) as f:
        yield f


def test_the_root_tells_format_emotions_crop_and_provenance(plain):
    assert set(plain.attrs) == {"format", "version", "emotions", "channels", "crop", "provenance"}
    assert plain.attrs["format"] == "fer-faces"
    assert plain.attrs["version"] == 1
    assert list(plain.attrs["emotions"]) == ["surprise", "bored"]  # canonical first
    assert plain.attrs["channels"] == "rgb"
    assert json.loads(plain.attrs["provenance"]) == {"command": "fer extract ü"}
    crop = json.loads(plain.attrs["crop"])
    assert crop["size"] == 8
    assert crop["margin"] == 0.1
    assert crop["detector"]["cascade"] == "haarcascade_frontalface_alt2"
    assert crop["cascade_digest"] == SMALL.cascade_digest


def test_each_column_has_its_shape_and_type(plain):
    assert set(plain) == {*COLUMNS, "images", "participants", "videos"}
    for name, (dtype, shape) in COLUMNS.items():
        assert plain[name].dtype == dtype, name
        assert plain[name].shape == (3, *shape), name


def test_columns_point_into_the_lists_of_names(plain):
    assert [*plain["participants"].asstr()] == ["P2", "Ötzi"]
    assert [*plain["videos"].asstr()] == ["a.mp4", "b/日本 語.mp4"]
    assert plain["participants"].dtype == plain["videos"].dtype == h5py.string_dtype("utf-8")
    assert [*plain["participant"]] == [0, -1, 1]
    assert [*plain["video"]] == [0, 0, 1]
    assert [*plain["label"]] == [0, -1, 1]


def test_what_is_not_known_is_minus_one_or_no_number(plain):
    assert plain["label"][1] == plain["participant"][1] == -1
    assert math.isnan(plain["score"][1])
    assert [*plain["split"]] == [-1, -1, -1]


def test_rows_tell_frame_time_box_score_and_track(plain):
    assert [*plain["frame"]] == [7, 8, 7]
    assert plain["time"][0] == 0.28
    assert [*plain["box"][0]] == [1, 2, 30, 40]
    assert plain["score"][0] == 1.5
    assert [*plain["track"]] == [0, 1, 0]


def test_images_are_lossless_rgb_one_to_a_chunk(plain):
    images = plain["images"]
    assert images.dtype == np.uint8
    assert images.shape == (3, 8, 8, 3)
    assert images.chunks == (1, 8, 8, 3)
    assert images.compression == "gzip"
    assert np.array_equal(images[0], face().image)
    assert images[0, 0, 0].tolist() == [255, 0, 0]


def test_gray_images_keep_a_channel_of_their_own(tmp_path):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    path = write(tmp_path / "f.h5", {"a": [face(image=image)]}, crop_record(8, "gray"))
    with h5py.File(path) as file:
        assert file.attrs["channels"] == "gray"
        assert np.array_equal(file["images"][:], image[np.newaxis])


def test_a_dataset_without_emotions_still_lists_names(tmp_path):
    with h5py.File(write(tmp_path / "f.h5", {"a": [face(None)]})) as file:
        assert file.attrs["emotions"].shape == (0,)
        assert h5py.check_string_dtype(file.attrs.get_id("emotions").dtype)
