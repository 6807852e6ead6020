"""What the reader of datasets refuses."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest

from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import DatasetError
from tests.dataset.damage import edited, put
from tests.dataset.rows import face, one_line, write


@pytest.mark.skipif(os.name == "nt", reason="a name may be longer there")
def test_a_name_that_the_system_refuses_is_one_clear_line(tmp_path):
    path = tmp_path / ("f" * 300)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert str(error.value).startswith(f"{path}: cannot be read (File name too long); ")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "no such dataset; fer extract makes one"),
        (lambda path: path.write_bytes(b""), "no valid HDF5 file"),
        (lambda path: path.write_text("video,participant,emotion\n" * 99), "no valid HDF5 file"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), "no valid HDF5 file"),
        (edited(lambda f: f.attrs.update(format="fer-votes")), "not a dataset of faces"),
        (edited(lambda f: f.attrs.update(format=[1, 2])), "not a dataset of faces"),
        (edited(lambda f: f.attrs.pop("format")), "not a dataset of faces"),
        (edited(lambda f: f.attrs.update(version=2)), "version 2 of the format; this fer reads"),
        (edited(lambda f: f.attrs.update(version="new")), "version new of the format"),
        (edited(lambda f: f.attrs.pop("version")), "version None of the format"),
        (edited(lambda f: f.attrs.pop("emotions")), "broken"),
        (edited(lambda f: f.attrs.pop("crop")), "broken"),
        (edited(lambda f: f.attrs.update(crop="{}")), "broken"),
        (edited(lambda f: f.attrs.update(channels="cmyk")), "broken"),
        (edited(lambda f: f.attrs.update(provenance="not JSON")), "broken"),
        (edited(lambda f: f.pop("label")), "broken"),
        (edited(lambda f: f.pop("participants")), "broken"),
        (put("images", None), "broken"),
        (put("videos", None), "broken"),
        (put("label", np.int8(1)), "broken"),
        (put("videos", np.arange(2)), "broken"),
        (put("label", np.zeros(3, np.int8)), "columns of different lengths"),
    ],
)
def test_what_is_no_sound_dataset_is_refused_in_one_line(tmp_path, damage, told):
    path = write(tmp_path / "f.h5", {"a": [face()], "b": [face()]})
    damage(path)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert told in one_line(error, path)


def test_another_hdf5_file_and_a_folder_are_refused_in_one_line(tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["images"] = np.zeros((2, 8, 8, 3), np.uint8)
    for path, told in ((other, "an HDF5 file, but not"), (tmp_path, "not a dataset")):
        with pytest.raises(DatasetError) as error, open_dataset(path):
            pass
        assert told in one_line(error, path)
