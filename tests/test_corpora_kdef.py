"""KDEF: what file names such as AF01ANS.JPG tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora.corpus import Skipped
from fer_pipeline.corpora.kdef import KDEF, read_name
from fer_pipeline.corpora.naming import Misnamed, Shown
from tests.corpus_trees import pictures, read_all, refused, write_folder

CODES = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
ANGLES = ("FL", "HL", "S", "HR", "FR")


def names(*people: str) -> list[str]:
    return [
        f"KDEF/{who}/{who}{code}{angle}.JPG" for who in people for code in CODES for angle in ANGLES
    ]


def test_straight_views_of_a_person_are_of_one_person_in_both_sessions(tmp_path):
    read = read_all(KDEF, write_folder(tmp_path, pictures(names("AF01", "BF01", "AM35"))))
    assert not read.unusable
    assert len(read.stills) == 3 * 7
    assert {(name[4:6], emotion) for name, emotion, _ in read.faces} == set(CODES.items())
    assert {(name[:4], who) for name, _, who in read.faces} == {
        ("AF01", "F01"),
        ("BF01", "F01"),
        ("AM35", "M35"),
    }
    assert all(not still.cropped for still in read.stills)


def test_other_angles_and_averaged_faces_are_counted(tmp_path):
    averaged = [f"AKDEF/F{code}{angle}.JPG" for code in CODES for angle in ("S", "FL")]
    read = read_all(KDEF, write_folder(tmp_path, pictures([*names("AF01"), *averaged])))
    assert len(read.stills) == 7
    assert read.skipped == {
        "averaged face of many people (AKDEF)": 14,
        "full profile, not straight": 14,
        "half profile, not straight": 14,
    }


def test_the_two_files_that_are_misnamed_in_the_corpus_are_listed(tmp_path):
    wrong = ["KDEF/AF31/AF31V.JPG", "KDEF/AM31/AM31H.JPG"]
    read = read_all(KDEF, write_folder(tmp_path, pictures([*names("AF31"), *wrong])))
    assert len(read.stills) == 7
    assert read.problems.keys() == {"AF31V.JPG", "AM31H.JPG"}


def test_an_unknown_code_is_named():
    told = read_name("AF01XXS.JPG")
    assert isinstance(told, Misnamed)
    assert "XX" in told.problem


def test_names_in_small_letters_are_the_same():
    assert read_name("bm07has.jpg") == Shown("happiness", "M07", picture="BM07HAS")


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert "AF01ANS.JPG" in refused(KDEF, write_folder(tmp_path, {"KDEF/notes.txt": b"x"}))


@given(st.text())
def test_any_name_is_read_or_told_wrong(name):
    assert isinstance(read_name(name), Shown | Skipped | Misnamed)


@given(
    st.sampled_from("AB"),
    st.sampled_from("FM"),
    st.integers(1, 35),
    st.sampled_from(sorted(CODES)),
    st.sampled_from(ANGLES),
)
def test_every_name_of_the_form_is_read(session, sex, number, code, angle):
    told = read_name(f"{session}{sex}{number:02d}{code}{angle}.JPG")
    if angle == "S":
        assert isinstance(told, Shown)
        assert (told.emotion, told.participant) == (CODES[code], f"{sex}{number:02d}")
    else:
        assert isinstance(told, Skipped)
