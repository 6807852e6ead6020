"""Pictures in a folder for each class, and wherever else paths tell what they show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.folder import FOLDER
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, UNKNOWN
from fer_pipeline.domain import EMOTION_WORDS
from fer_pipeline.errors import UsageError
from tests.corpus_trees import picture, pictures, read_all, refused, write_folder, write_zip


def told(read) -> list[tuple[str, str | None, int]]:
    return sorted((s.emotion, s.participant or "", s.split) for s in read.stills)


def pattern(text: str) -> ReadOptions:
    return ReadOptions(pattern=text)


# The usual trees


def test_a_folder_for_each_class(tmp_path):
    read = read_all(FOLDER, write_folder(tmp_path, pictures(["angry/1.png", "joy/a.jpg"])))
    assert read.faces == [("1.png", "anger", None), ("a.jpg", "happiness", None)]
    assert all(not still.cropped and still.split == UNKNOWN for still in read.stills)
    assert not read.unusable
    assert not read.skipped


def test_classes_of_ones_own_stand_beside_known_ones(tmp_path):
    read = read_all(FOLDER, write_folder(tmp_path, pictures(["tired/1.png", "Joy/2.png"])))
    assert told(read) == [("happiness", "", UNKNOWN), ("tired", "", UNKNOWN)]


def test_folders_above_classes_are_participants(tmp_path):
    names = ["P01/angry/1.png", "P02/angry/1.png", "P02/tired/2.png"]
    read = read_all(FOLDER, write_folder(tmp_path, pictures(names)))
    assert told(read) == [("anger", "P01", -1), ("anger", "P02", -1), ("tired", "P02", -1)]


@pytest.mark.parametrize("above", ["", "data/", "a/b/"])
def test_folders_of_a_split_are_sides(tmp_path, above):
    names = [f"{above}{side}/fear/{side}.png" for side in ("train", "Validation", "test")]
    expected = [
        ("fear", "", SPLIT_TRAINING),
        ("fear", "", SPLIT_VALIDATION),
        ("fear", "", SPLIT_TEST),
    ]
    assert told(read_all(FOLDER, write_folder(tmp_path, pictures(names)))) == expected
    assert told(read_all(FOLDER, write_zip(tmp_path / "a.zip", pictures(names)))) == expected


def test_participants_may_stand_below_a_split(tmp_path):
    names = ["train/P01/fear/1.png", "test/P02/fear/1.png", "test/P03/joy/1.png"]
    read = read_all(FOLDER, write_folder(tmp_path, pictures(names)))
    assert told(read) == [
        ("fear", "P01", SPLIT_TRAINING),
        ("fear", "P02", SPLIT_TEST),
        ("happiness", "P03", SPLIT_TEST),
    ]


def test_what_is_given_may_lie_anywhere_in_the_tree(tmp_path):
    names = [f"study/{who}/{one}/1.png" for who in ("P01", "P02") for one in ("fear", "joy")]
    write_folder(tmp_path, pictures(names))
    everyone = [("fear", "P01", -1), ("fear", "P02", -1), ("happiness", "P01", -1),
                ("happiness", "P02", -1)]  # fmt: skip
    study = tmp_path / "study"
    assert told(read_all(FOLDER, tmp_path)) == everyone
    assert told(read_all(FOLDER, study)) == everyone
    assert told(read_all(FOLDER, study / "P02", study / "P01")) == everyone
    assert told(read_all(FOLDER, write_zip(tmp_path / "s.zip", pictures(names)))) == everyone
    assert told(read_all(FOLDER, study / "P01" / "joy")) == [("happiness", "", -1)]
    assert told(read_all(FOLDER, study / "P01" / "joy", study / "P02" / "fear")) == [
        ("fear", "", -1),
        ("happiness", "", -1),
    ]


def test_one_side_alone_keeps_its_name(tmp_path):
    write_folder(tmp_path, pictures(["test/fear/1.png", "train/fear/1.png"]))
    assert told(read_all(FOLDER, tmp_path / "test")) == [("fear", "", SPLIT_TEST)]
    both = read_all(FOLDER, tmp_path / "train", tmp_path / "test")
    assert told(both) == [("fear", "", SPLIT_TRAINING), ("fear", "", SPLIT_TEST)]


def test_pictures_beside_the_tree_are_listed(tmp_path):
    names = ["fear/1.png", "joy/1.png", "joy/2.png", "cover.png", "joy/more/3.png"]
    read = read_all(FOLDER, write_folder(tmp_path, pictures(names)))
    assert len(read.stills) == 3
    assert read.problems.keys() == {"cover.png", "3.png"}
    assert "CLASS/picture" in read.problems["3.png"]


def test_the_order_is_that_of_the_names_and_not_of_the_sources(tmp_path):
    write_folder(tmp_path, pictures(["fear/1.png", "joy/2.png", "anger/3.png"]))
    sources = [tmp_path / one for one in ("joy", "anger", "fear")]
    assert [one for one, _, _ in read_all(FOLDER, *sources).faces] == ["3.png", "1.png", "2.png"]


# Words of file names


def test_file_names_may_tell_it_where_no_folder_does(tmp_path):
    names = ["P01/P01_angry_1.png", "P02/P02_joy_1.png", "P02/P02_1.png", "P02/joy_fear.png"]
    read = read_all(FOLDER, write_folder(tmp_path, pictures(names)))
    assert told(read) == [("anger", "P01", -1), ("happiness", "P02", -1)]
    assert read.problems.keys() == {"P02_1.png", "joy_fear.png"}


def test_one_folder_of_pictures_tells_nobody_apart(tmp_path):
    write_folder(tmp_path, pictures(["faces/angry_1.png", "faces/joy_2.png"]))
    assert told(read_all(FOLDER, tmp_path)) == [("anger", "", -1), ("happiness", "", -1)]


def test_a_word_behind_the_emotion_is_nobody(tmp_path):
    source = write_zip(tmp_path / "faces.zip", pictures(["joy_01.png", "fear_02.png"]))
    assert told(read_all(FOLDER, source)) == [("fear", "", -1), ("happiness", "", -1)]


def test_the_folder_goes_before_the_file_name(tmp_path):
    read = read_all(FOLDER, write_folder(tmp_path, pictures(["fear/joy_1.png"])))
    assert read.faces == [("joy_1.png", "fear", None)]


# Patterns


def test_a_pattern_tells_other_trees(tmp_path):
    names = ["tired/P01/1.png", "angry/P02/2.png", "angry/3.png"]
    source = write_folder(tmp_path, pictures(names))
    read = read_all(FOLDER, source, options=pattern("{emotion}/{participant}/{n}"))
    assert told(read) == [("anger", "P02", -1), ("tired", "P01", -1)]
    assert read.problems.keys() == {"3.png"}


def test_a_pattern_is_matched_below_the_folder_given_and_in_an_archive(tmp_path):
    write_folder(tmp_path, pictures(["set/ck_P01_3_x.png"]))
    one = pattern("ck_{participant}_{emotion}_{rest}")
    assert told(read_all(FOLDER, tmp_path / "set", options=one)) == [("3", "P01", -1)]
    packed = write_zip(tmp_path / "set.zip", {"set/ck_P01_3_x.png": picture()})
    inside = pattern("set/ck_{participant}_{emotion}_{rest}")
    assert told(read_all(FOLDER, packed, options=inside)) == [("3", "P01", -1)]


@pytest.mark.parametrize("wrong", ["{participant}/{n}", "{emotion", "{a}{b}", "nothing"])
def test_a_pattern_that_tells_no_emotion_is_wrong_usage(tmp_path, wrong):
    source = write_folder(tmp_path, pictures(["P01/1.png"]))
    with pytest.raises(UsageError, match="pattern"):
        read_all(FOLDER, source, options=pattern(wrong))


# What cannot be told


@pytest.mark.parametrize(
    "names",
    [
        ["tired/1.png", "bored/2.png"],
        ["0/1.png", "1/2.png"],
        ["1.png"],
        ["fear/P01/1.png", "joy/P02/2.png"],
        ["fear/P01/joy_1.png", "fear/P02/joy_2.png"],
        ["fear/joy/1.png", "joy/fear/2.png"],
        ["P01/session1/fear/1.png", "P02/session2/joy/2.png"],
    ],
)
def test_an_unknown_layout_is_refused_with_a_path_and_what_was_expected(tmp_path, names):
    message = refused(FOLDER, write_folder(tmp_path, pictures(names)))
    assert any(name in message for name in names)
    assert "PARTICIPANT/CLASS/picture" in message
    assert "--pattern" in message


def test_sources_without_pictures_are_refused(tmp_path):
    assert "no pictures" in refused(FOLDER, write_folder(tmp_path, {"fear/notes.txt": b"x"}))


@settings(max_examples=20)
@given(
    st.dictionaries(
        st.sampled_from(["P01", "P02", "P03", "anna"]),
        st.sets(st.sampled_from([*EMOTION_WORDS]), min_size=1, max_size=3),
        min_size=2,
    )
)
def test_any_tree_of_participants_and_emotions_is_read(tmp_path_factory, study):
    names = [f"{who}/{word}/{word}.png" for who, words in study.items() for word in words]
    source = write_folder(tmp_path_factory.mktemp("study"), pictures(names))
    read = read_all(FOLDER, source)
    assert sorted(read.faces) == sorted(
        (f"{word}.png", EMOTION_WORDS[word], who) for who, words in study.items() for word in words
    )
