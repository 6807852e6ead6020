"""SoF: what file names such as AbdA_00013_m_31_i_fr_nc_sr_2016_2_e0_nl_o.jpg tell."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora.corpus import Skipped
from fer_pipeline.corpora.naming import Misnamed, Shown
from fer_pipeline.corpora.sof import SOF, read_name
from tests.corpus_trees import pictures, read_all, refused, write_folder

EMOTIONS = {
    "no": "neutral",
    "hp": "happiness",
    "sd": "sadness_anger_disgust",
    "sr": "surprise_fear",
}
ALTERATIONS = [
    f"{cover}_{one}"
    for cover in ("e0", "en", "em")
    for one in ("nl_e", "Gn_e", "Gn_m", "Gn_h", "Gs_e", "Ps_h")
]


def name(person: str, number: int, code: str, altered: str = "e0_nl_o") -> str:
    return f"{person}_{number:05d}_m_31_i_fr_nc_{code}_2016_2_{altered}.jpg"


def test_names_tell_person_and_emotion(tmp_path):
    named = {name(who, i, code): (EMOTIONS[code], who)
             for i, (who, code) in enumerate(product(("AbdA", "ZenH"), EMOTIONS))}  # fmt: skip
    read = read_all(SOF, write_folder(tmp_path / "original images", pictures(named)))
    assert not read.unusable
    assert {file: told for file, *told in read.faces} == {f: [*t] for f, t in named.items()}
    assert all(not still.cropped for still in read.stills)


def test_its_combined_classes_are_plain_words():
    # They become columns of tables and names of files.
    assert all(emotion.replace("_", "").isalpha() for emotion in EMOTIONS.values())


def test_altered_copies_are_counted(tmp_path):
    tree = pictures([name("AbdA", 1, "hp"), *(name("AbdA", 1, "hp", one) for one in ALTERATIONS)])
    read = read_all(SOF, write_folder(tmp_path, tree))
    assert len(read.stills) == 1
    assert read.skipped == {"altered copy (covered or filtered)": len(ALTERATIONS)}


def test_pictures_of_two_people_may_have_the_same_number(tmp_path):
    tree = pictures([name("AbdA", 1, "hp"), name("ZenH", 1, "hp")])
    again = {f"copy/{file}": content for file, content in tree.items()}
    read = read_all(SOF, write_folder(tmp_path, tree | again))
    assert {who for _, _, who in read.faces} == {"AbdA", "ZenH"}
    assert len(read.stills) == 2
    assert read.skipped == {"another copy of a picture, by its name": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        name("AbdA", 1, "xx"),
        "AbdA_00001_m_31_i_fr_nc_hp_2016_2.jpg",
        "AbdA_00001_m_31_i_fr_nc_hp_2016_2_e0_nl_o 7.jpg",
        "cover.jpg",
    ],
)
def test_other_names_are_listed(tmp_path, wrong):
    read = read_all(SOF, write_folder(tmp_path, pictures([name("AbdA", 1, "no"), wrong])))
    assert len(read.stills) == 1
    assert read.problems.keys() == {wrong}


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert "no pictures" in refused(SOF, write_folder(tmp_path, {"metadata.csv": b"id\n"}))


@given(st.text())
def test_any_name_is_read_or_told_wrong(text):
    assert isinstance(read_name(text), Shown | Skipped | Misnamed)


@given(
    st.text("abcxyzABCXYZ", min_size=4, max_size=4),
    st.integers(1, 2662),
    st.sampled_from(sorted(EMOTIONS)),
    st.sampled_from(["e0_nl_o", *ALTERATIONS]),
)
def test_every_name_of_the_form_is_read(person, number, code, altered):
    told = read_name(name(person, number, code, altered))
    if altered == "e0_nl_o":
        assert isinstance(told, Shown)
        assert (told.emotion, told.participant) == (EMOTIONS[code], person)
    else:
        assert isinstance(told, Skipped)
