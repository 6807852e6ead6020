"""JAFFE: what file names such as KA.AN1.39.tiff tell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora.jaffe import JAFFE, read_name
from fer_pipeline.corpora.naming import Misnamed, Shown
from tests.corpus_trees import picture, pictures, read_all, refused, write_folder, write_zip

CODES = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}


def test_names_tell_person_and_emotion(tmp_path):
    names = [f"jaffedbase/K{who}.{code}1.{i}.tiff" for who in "AL" for i, code in enumerate(CODES)]
    tree = {name: picture(seed, (256, 256), ".tiff") for seed, name in enumerate(names)}
    read = read_all(JAFFE, write_folder(tmp_path, tree | {"jaffedbase/README": b"read me"}))
    assert not read.unusable
    assert not read.skipped
    assert read.faces == sorted(
        (name.rpartition("/")[2], CODES[name[14:16]], name[11:13]) for name in names
    )
    assert all(not still.cropped for still in read.stills)
    first = cv2.imdecode(np.frombuffer(read.stills[0].image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert first.shape == (256, 256)


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    tree = pictures(["jaffe/KA.AN1.39.tiff", "jaffe/YM.NE2.50.tiff"])
    from_folder = read_all(JAFFE, write_folder(tmp_path / "folder", tree))
    from_archive = read_all(JAFFE, write_zip(tmp_path / "jaffe.zip", tree))
    assert from_folder.faces == from_archive.faces
    assert [s.image for s in from_folder.stills] == [s.image for s in from_archive.stills]


@pytest.mark.parametrize(
    "name", ["KA.AN1.39.png", "KA.AN1.39.tiff.jpg", "ka.an1.39.tiff", "KA_AN1_39.bmp"]
)
def test_pictures_in_another_format_have_the_same_names(name):
    assert read_name(name) == Shown("anger", "KA", picture="KA.AN1.39")


def test_copies_in_another_folder_or_format_are_counted(tmp_path):
    names = ["a/KA.AN1.39.tiff", "a/KA.AN2.40.tiff", "b/KA.AN1.39.tiff", "c/KA.AN1.39.png"]
    read = read_all(JAFFE, write_folder(tmp_path, pictures(names)))
    assert [name for name, _, _ in read.faces] == ["KA.AN1.39.tiff", "KA.AN2.40.tiff"]
    assert read.skipped == {"another copy of a picture, by its name": 2}


def test_other_names_are_listed(tmp_path):
    names = ["KA.AN1.39.tiff", "KA.XX1.39.tiff", "cover.png"]
    read = read_all(JAFFE, write_folder(tmp_path, pictures(names)))
    assert len(read.stills) == 1
    assert read.problems.keys() == {"KA.XX1.39.tiff", "cover.png"}
    assert "XX" in read.problems["KA.XX1.39.tiff"]
    assert "KA.AN1.39.tiff" in read.problems["cover.png"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert "no pictures" in refused(JAFFE, write_folder(tmp_path, {"a.txt": b"1"}))
    assert "no such file" in refused(JAFFE, tmp_path / "nothing")


@given(st.text())
def test_any_name_is_read_or_told_wrong(name):
    assert isinstance(read_name(name), Shown | Misnamed)


@given(
    st.from_regex(r"[A-Z]{2}", fullmatch=True).filter(str.isascii),
    st.sampled_from(sorted(CODES)),
    st.integers(1, 9),
    st.integers(1, 300),
)
def test_every_name_of_the_form_is_read(person, code, take, number):
    told = read_name(f"{person}.{code}{take}.{number}.tiff")
    assert isinstance(told, Shown)
    assert (told.emotion, told.participant) == (CODES[code], person)
