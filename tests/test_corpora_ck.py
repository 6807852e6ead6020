"""CK+: sequences that begin neutral and end at an emotion, and what is passed on of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora.ck import CK, crop, read_emotion
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.faces import CropOptions
from tests.corpus_trees import (
    ck_label,
    ck_sequence,
    picture,
    pictures,
    read_all,
    refused,
    write_folder,
    write_zip,
)

NUMBERS = {
    0: "neutral",
    1: "anger",
    2: "contempt",
    3: "disgust",
    4: "fear",
    5: "happiness",
    6: "sadness",
    7: "surprise",
}
CODES = {
    0: "anger",
    1: "disgust",
    2: "fear",
    3: "happiness",
    4: "sadness",
    5: "surprise",
    6: "neutral",
    7: "contempt",
}
CLASSES = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def numbers(read) -> list[tuple[str, int, str]]:
    """Sequence, number of the frame, and emotion of each face."""
    return [(name[:8], int(name[9:17]), emotion) for name, emotion, _ in read.faces]


def small_corpus() -> dict[str, bytes]:
    """Two people, three sequences, of which the last has no label."""
    frames = [*ck_sequence("S005_001", 6), *ck_sequence("S010_002", 7), *ck_sequence("S010_003", 4)]
    others = {
        "Landmarks/S005/001/S005_001_00000001_landmarks.txt": b"1 2\n",
        "FACS/S005/001/S005_001_00000006_facs.txt": b"9 4\n",
        "ReadMe.txt": b"read me",
    }
    return pictures(frames) | ck_label("S005_001", 3, 6) | ck_label("S010_002", 7, 7) | others


# As its authors give it


def test_the_first_frame_is_neutral_and_the_last_three_show_the_emotion(tmp_path):
    tree = small_corpus()
    read = read_all(CK, write_folder(tmp_path, tree))
    assert not read.unusable
    assert numbers(read) == [
        ("S005_001", 1, "neutral"),
        *(("S005_001", frame, "disgust") for frame in (4, 5, 6)),
        ("S010_002", 1, "neutral"),
        *(("S010_002", frame, "surprise") for frame in (5, 6, 7)),
    ]
    assert {(name[:4], who) for name, _, who in read.faces} == {("S005", "S005"), ("S010", "S010")}
    assert read.skipped == {"sequence without an emotion label": 1}
    assert all(not still.cropped and still.split == -1 for still in read.stills)
    assert read.stills[0].image == tree["cohn-kanade-images/S005/001/S005_001_00000001.png"]


def test_every_number_is_the_emotion_that_it_stands_for(tmp_path):
    tree = {}
    for number in NUMBERS:
        sequence = f"S{number:03d}_001"
        tree |= pictures(ck_sequence(sequence, 3)) | ck_label(sequence, number)
    read = read_all(CK, write_folder(tmp_path, tree), options=ReadOptions(last=1))
    assert {(int(name[1:4]), emotion) for name, emotion, _ in read.faces} == set(
        NUMBERS.items()
    ) | {(number, "neutral") for number in NUMBERS}


@pytest.mark.parametrize(
    ("frames", "last", "shown"),
    [(6, 2, [5, 6]), (6, 5, [2, 3, 4, 5, 6]), (6, 99, [2, 3, 4, 5, 6]), (3, 3, [2, 3]), (6, 0, [])],
)
def test_no_frame_is_taken_twice(tmp_path, frames, last, shown):
    tree = pictures(ck_sequence("S005_001", frames)) | ck_label("S005_001", 1)
    read = read_all(CK, write_folder(tmp_path, tree), options=ReadOptions(last=last))
    assert numbers(read) == [
        ("S005_001", 1, "neutral"),
        *(("S005_001", frame, "anger") for frame in shown),
    ]


def test_frames_are_ordered_by_their_numbers_whatever_the_first_is(tmp_path):
    names = [f"i/S005/001/S005_001_{frame}.png" for frame in ("9", "10", "11", "01594215")]
    read = read_all(CK, write_folder(tmp_path, pictures(names) | ck_label("S005_001", 5)),
                    options=ReadOptions(last=2))  # fmt: skip
    assert {(name, emotion) for name, emotion, _ in read.faces} == {
        ("S005_001_9.png", "neutral"),
        ("S005_001_11.png", "happiness"),
        ("S005_001_01594215.png", "happiness"),
    }


def test_labels_and_pictures_may_be_apart_in_folders_and_archives_in_any_order(tmp_path):
    tree = small_corpus()
    labels = {name: content for name, content in tree.items() if name.startswith("Emotion")}
    frames = {name: content for name, content in tree.items() if name not in labels}
    together = read_all(CK, write_folder(tmp_path / "all", tree)).faces
    assert len(together) == 8
    write_folder(tmp_path / "apart", frames | labels)
    images, emotions = tmp_path / "apart/cohn-kanade-images", tmp_path / "apart/Emotion"
    packed = write_zip(tmp_path / "images.zip", frames), write_zip(tmp_path / "e.zip", labels)
    assert read_all(CK, images, emotions).faces == together
    assert read_all(CK, emotions, images).faces == together
    assert read_all(CK, *packed).faces == together
    assert read_all(CK, packed[1], images).faces == together


def test_a_second_copy_of_everything_changes_nothing(tmp_path):
    tree = small_corpus()
    nested = {f"again/{name}": content for name, content in tree.items()}
    read = read_all(CK, write_folder(tmp_path, tree | nested))
    assert sorted(read.faces) == sorted(read_all(CK, write_folder(tmp_path / "one", tree)).faces)
    assert not read.unusable
    assert read.skipped == {
        "another copy of a label, by its name": 2,
        "another copy of a picture, by its name": 17,
        "sequence without an emotion label": 1,
    }


def test_flattened_pictures_beside_the_original_ones_are_passed_over(tmp_path):
    tree = small_corpus()
    crops = [name.rpartition("/")[2] for name in pictures(ck_sequence("S005_001", 6))]
    flat = pictures([f"CK+48/disgust/{one}" for one in [*crops, "17.png"]], (48, 48))
    read = read_all(CK, write_folder(tmp_path / "both", tree | flat))
    assert not read.unusable
    assert read.faces == read_all(CK, write_folder(tmp_path / "one", tree)).faces
    assert {still.image for still in read.stills}.isdisjoint(flat.values())
    assert read.skipped == {
        "cropped copy in a folder for each class": 7,
        "sequence without an emotion label": 1,
    }


def test_labels_that_make_no_sense_are_listed_and_their_sequences_left_out(tmp_path):
    tree = small_corpus()
    tree |= ck_label("S005_001", 8, 6)  # no such number
    tree |= ck_label("S020_001", 2)  # no frames
    tree |= pictures(ck_sequence("S021_001", 1)) | ck_label("S021_001", 2)
    tree |= pictures(ck_sequence("S022_001", 3)) | {
        "Emotion/S022/001/S022_001_00000003_emotion.txt": b""
    }
    tree |= {"Emotion/strange_emotion.txt": b"1.0", "cohn-kanade-images/cover.png": picture()}
    tree |= ck_label("S010_002", 1, 8)  # says otherwise than the other one
    read = read_all(CK, write_folder(tmp_path, tree))
    assert not read.stills
    problems = read.problems
    assert problems.keys() == {
        "S005_001_00000006_emotion.txt",
        "S010_002_00000008_emotion.txt",
        "S020_001_00000011_emotion.txt",
        "S021_001_00000011_emotion.txt",
        "S022_001_00000003_emotion.txt",
        "strange_emotion.txt",
        "cover.png",
    }
    assert "8.0" in problems["S005_001_00000006_emotion.txt"]
    assert "S010_002_00000007_emotion.txt" in problems["S010_002_00000008_emotion.txt"]
    assert "no frames" in problems["S020_001_00000011_emotion.txt"]
    assert "one frame" in problems["S021_001_00000011_emotion.txt"]
    assert read.skipped == {"sequence without an emotion label": 1}


def test_pictures_without_labels_are_refused_with_what_is_missing(tmp_path):
    source = write_folder(tmp_path, pictures(ck_sequence("S005_001", 4)))
    assert "give cohn-kanade-images and Emotion" in refused(CK, source)
    assert "no emotion labels" in refused(CK, write_folder(tmp_path / "empty", {"a.txt": b""}))


@given(st.binary(max_size=64))
def test_any_label_is_an_emotion_or_none(content):
    assert read_emotion(content) in {*EMOTIONS, None}


@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(["   {:.7e}\n", "{}", "{:.1f}\r\n"]))
def test_numbers_are_read_however_they_are_written(number, form):
    assert read_emotion(form.format(number).encode()) == NUMBERS[number]


# Flattened


def flattened() -> dict[str, bytes]:
    return pictures(
        (
            f"CK+48/{one}/S{10 + i:03d}_004_{frame:08d}.png"
            for i, one in enumerate(CLASSES)
            for frame in (17, 18, 19)
        ),
        (48, 48),
    )


def test_ck48_tells_the_emotion_by_the_folder_and_the_person_by_the_name(tmp_path):
    tree = flattened()
    read = read_all(CK, write_folder(tmp_path, tree))
    assert not read.unusable
    assert not read.skipped
    assert len(read.stills) == 21
    assert {(who, emotion) for _, emotion, who in read.faces} == {
        (f"S{10 + i:03d}", "happiness" if one == "happy" else one) for i, one in enumerate(CLASSES)
    }
    assert all(still.cropped for still in read.stills)
    assert read.faces == read_all(CK, write_zip(tmp_path / "ck.zip", tree)).faces


def test_what_is_no_picture_of_ck48_is_listed(tmp_path):
    tree = flattened() | {
        "CK+48/anger/17.png": picture(1, (48, 48)),
        "CK+48/bored/S011_004_00000001.png": picture(2, (48, 48)),
        "CK+48/anger/S012_004_00000001.png": picture(3, (490, 640)),
        "CK+48/fear/S010_004_00000017.png": picture(4, (48, 48)),
        "copy/CK+48/anger/S010_004_00000017.png": picture(5, (48, 48)),
    }
    read = read_all(CK, write_folder(tmp_path, tree))
    assert len(read.stills) == 21
    assert read.problems.keys() == {
        "17.png",
        "S011_004_00000001.png",
        "S012_004_00000001.png",
        "S010_004_00000017.png",
    }
    assert "640 x 490 px" in read.problems["S012_004_00000001.png"]
    assert "anger, too" in read.problems["S010_004_00000017.png"]
    assert read.skipped == {"another copy of a picture, by its name": 1}


def test_a_broken_picture_is_left_to_whoever_decodes_it(tmp_path):
    name = "CK+48/anger/S010_004_00000017.png"
    (still,) = read_all(CK, write_folder(tmp_path, {name: b"\x89PNG broken"})).stills
    assert still.image == b"\x89PNG broken"


def table_row(image: np.ndarray, code: object, usage: str = "Training") -> str:
    return f"{code},{' '.join(map(str, image.ravel()))},{usage}"


def test_the_table_has_the_codes_of_fer2013_and_contempt(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)
    usages = ["Training", "PublicTest", "PrivateTest"]
    rows = [table_row(images[code], code, usages[code % 3]) for code in CODES]
    wrong = [table_row(images[0], 8), "3,1 2 3,Training", table_row(images[0], 1, "Other"), "1,2"]
    text = "\n".join(["emotion,pixels,Usage", *rows, *wrong]) + "\n"
    source = write_folder(tmp_path, {"ckextended.csv": text.encode()})
    for one in (source, source / "ckextended.csv"):
        read = read_all(CK, one)
        assert [(s.emotion, s.split) for s in read.stills] == [(CODES[i], i % 3) for i in CODES]
        assert all(still.participant is None and still.cropped for still in read.stills)
        assert np.array_equal(read.stills[7].image[..., 0], images[7])
        assert [place.rpartition(" ")[2] for place in read.problems] == ["10", "11", "12", "13"]


def test_another_table_is_refused(tmp_path):
    source = write_folder(tmp_path, {"ckextended.csv": b"a,b\n1,2\n"})
    assert "the first line lacks emotion" in refused(CK, source)


# How new clips are framed


def test_portraits_are_cut_as_videos_are_and_flattened_ones_as_they_come(tmp_path):
    portraits = write_folder(tmp_path / "a", small_corpus())
    assert crop([portraits]) == CropOptions()
    assert crop([portraits / "Emotion", portraits / "cohn-kanade-images"]) == CropOptions()
    flat = write_folder(tmp_path / "b", flattened())
    table = write_folder(tmp_path / "c", {"ckextended.csv": b"emotion,pixels,Usage\n"})
    for source in (flat, table):
        assert (crop([source]).size, crop([source]).channels) == (48, "gray")
