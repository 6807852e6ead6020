"""RAF-DB: the basic part, aligned or not, with its list or in a folder for each class."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora import Unusable
from fer_pipeline.corpora.rafdb import RAFDB, read_box
from fer_pipeline.corpora.tables import RowError
from fer_pipeline.domain import Box
from fer_pipeline.faces import CropOptions
from tests.corpus_files import (
    any_picture,
    everything,
    refused,
    skipped,
    stills,
    unusable,
    write_folder,
    write_tar,
    write_zip,
)

CODES = {
    1: "surprise",
    2: "fear",
    3: "disgust",
    4: "happiness",
    5: "sadness",
    6: "anger",
    7: "neutral",
}
LIST = "basic/EmoLabel/list_patition_label.txt"

FACES = [(f"train_{number:05d}", number) for number in CODES] + [("test_0001", 4), ("test_0002", 7)]
WANTED = sorted(
    (any_picture(i), CODES[code], 2 if name.startswith("test") else 0)
    for i, (name, code) in enumerate(FACES)
)


def listed(faces=FACES) -> bytes:
    return "".join(f"{name}.jpg {code}\n" for name, code in faces).encode()


def images(kind="aligned", faces=FACES):
    end = "_aligned" if kind == "aligned" else ""
    return {
        f"basic/Image/{kind}/{name}{end}.jpg": any_picture(i) for i, (name, _) in enumerate(faces)
    }


def in_folders(faces=FACES):
    """Return the aligned faces in a folder for each class, as they are often passed on."""
    return {
        f"DATASET/{name.split('_')[0]}/{code}/{name}_aligned.jpg": any_picture(i)
        for i, (name, code) in enumerate(faces)
    }


def table(faces=FACES) -> bytes:
    rows = [f"{name}_aligned.jpg,{code}" for name, code in faces]
    return "\n".join(["image,label", *rows]).encode()


def told(entries):
    return sorted((still.image, still.emotion, still.split) for still in stills(entries))


def test_aligned_faces_and_their_list_come_together_in_every_wrapping(tmp_path):
    files = {LIST: listed(), **images()}
    folder = write_folder(tmp_path / "RAF", files)
    for sources in (
        [folder],
        [folder / "basic"],
        [folder / "basic" / "Image", folder / LIST],
        [folder / LIST, write_zip(tmp_path / "aligned.zip", images())],
        [write_tar(tmp_path / "basic.tar.gz", files)],
    ):
        entries = everything(RAFDB, *sources)
        assert told(entries) == WANTED, sources
        assert all(still.cropped and still.box is None for still in stills(entries))
        assert len(entries) == len(FACES)
        assert RAFDB.crop(sources) == CropOptions(size=100, margin=0.0)


def test_aligned_faces_come_before_their_originals(tmp_path):
    files = {LIST: listed(), **images(), **images("original")}
    entries = everything(RAFDB, write_folder(tmp_path / "RAF", files))
    assert told(entries) == WANTED
    assert skipped(entries) == {"original picture, beside the aligned faces": len(FACES)}


def test_original_pictures_come_with_the_boxes_of_faces(tmp_path):
    boxes = {
        f"basic/Annotation/boundingbox/{name}_boundingbox.txt": b"%d.4 2.0 %d 41.6 \n" % (i, i + 30)
        for i, (name, _) in enumerate(FACES[1:], 1)
    }
    others = {"basic/Annotation/auto/train_00001_auto_attri.txt": b"1\n2\n"}
    folder = write_folder(
        tmp_path / "RAF", {LIST: listed(), **boxes, **others, **images("original")}
    )
    entries = everything(RAFDB, folder)
    assert told(entries) == WANTED
    found = {still.image: still for still in stills(entries)}
    assert not any(still.cropped for still in found.values())
    assert found[any_picture(0)].box is None
    assert found[any_picture(3)].box == Box(3, 2, 30, 40)
    assert RAFDB.crop([folder]) == CropOptions()


def test_a_folder_for_each_class_is_enough(tmp_path):
    files = in_folders()
    for source in (
        write_folder(tmp_path / "raf-db", files),
        write_zip(tmp_path / "a.zip", files),
        write_folder(
            tmp_path / "with tables",
            {**files, "train_labels.csv": table(FACES[:7]), "test_labels.csv": table(FACES[7:])},
        ),
    ):
        entries = everything(RAFDB, source)
        assert told(entries) == WANTED
        assert len(entries) == len(FACES)


def test_folders_and_tables_that_differ_are_listed(tmp_path):
    files = {**in_folders(), "labels.csv": table([(FACES[0][0], 5), *FACES[1:]])}
    folder = write_folder(tmp_path / "raf-db", files)
    entries = everything(RAFDB, folder)
    place = folder / "DATASET" / "train" / "1" / "train_00001_aligned.jpg"
    problem = f"its folder says surprise, {folder / 'labels.csv'}, line 2 says sadness"
    assert unusable(entries) == [Unusable(str(place), problem)]
    assert len(stills(entries)) == len(FACES) - 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("train_00009.jpg 8", "the label is '8', not a number from 1 to 7"),
        ("train_00009.jpg 0", "the label is '0'"),
        ("train_00009.jpg happy", "the label is 'happy'"),
        ("train_00009.jpg", "columns: 1 instead of 2"),
        ("train_00009.jpg 1 2", "columns: 3 instead of 2"),
        ("face.jpg 1", "'face.jpg' is no name such as train_00001.jpg"),
        ("val_00001.jpg 1", "'val_00001.jpg' is no name"),
        ("train_00001.jpg 3", "train_00001 once more, as in "),
        ("train_00009.jpg 3", "there is no picture of train_00009"),
    ],
)
def test_a_bad_line_is_listed_and_the_others_are_read(line, problem, tmp_path):
    files = {LIST: listed() + b"\n" + line.encode(), **images()}
    folder = write_folder(tmp_path / "RAF", files)
    entries = everything(RAFDB, folder)
    (bad,) = unusable(entries)
    assert bad.place == f"{folder / LIST}, line {len(FACES) + 2}"
    assert problem in bad.problem
    assert told(entries) == WANTED


def test_pictures_that_nothing_labels_are_listed(tmp_path):
    more = {
        "basic/Image/aligned/train_00050_aligned.jpg": b"",
        "basic/Image/aligned/x_aligned.jpg": b"",
    }
    folder = write_folder(tmp_path / "RAF", {LIST: listed(), **images(), **more})
    problems = {bad.problem for bad in unusable(everything(RAFDB, folder))}
    assert problems == {"no list names it", "no name such as train_00001.jpg"}
    alone = write_folder(tmp_path / "alone", images())
    problems = {bad.problem for bad in unusable(everything(RAFDB, alone))}
    assert problems == {"neither a list nor its folder labels it"}


def test_a_second_picture_of_a_face_is_listed(tmp_path):
    first = write_folder(tmp_path / "one", {LIST: listed(), **images()})
    second = write_folder(tmp_path / "two", images(faces=FACES[:1]))
    (bad,) = unusable(everything(RAFDB, first, second))
    assert bad.problem == "a second picture of train_00001"


def test_a_row_whose_face_is_only_there_as_it_was_is_listed(tmp_path):
    aligned = images()
    del aligned["basic/Image/aligned/train_00003_aligned.jpg"]
    folder = write_folder(tmp_path / "RAF", {LIST: listed(), **aligned, **images("original")})
    (bad,) = unusable(everything(RAFDB, folder))
    assert bad == Unusable(f"{folder / LIST}, line 3", "there is no picture of train_00003")


def test_the_compound_part_is_left_out(tmp_path):
    compound = {name.replace("basic", "compound"): content for name, content in images().items()}
    compound["compound/EmoLabel/list_patition_label.txt"] = b"train_00001.jpg 11\n"
    folder = write_folder(tmp_path / "RAF", {LIST: listed(), **images(), **compound})
    entries = everything(RAFDB, folder)
    assert told(entries) == WANTED
    assert skipped(entries) == {"picture of the compound part": len(FACES)}
    assert unusable(entries) == []


def test_no_pictures_are_refused(tmp_path):
    folder = write_folder(tmp_path / "RAF", {LIST: listed()})
    assert f"{folder}: no pictures there; give the folder that holds" in refused(RAFDB, folder)
    wrong = write_folder(tmp_path / "other", {**in_folders(), "train_labels.csv": b"name,class\n"})
    assert "the first line lacks image, label" in refused(RAFDB, wrong)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1 2 3",
        b"1 2 3 4 5",
        b"a b c d",
        b"5 5 5 9",
        b"9 1 5 9",
        b"nan 1 2 3",
        b"0 0 inf 9",
        b"0 0 9e9 9",
    ],
)
def test_a_bad_box_is_refused(content, tmp_path):
    with pytest.raises(RowError):
        read_box(content)
    files = {LIST: listed(), **images("original")}
    files["basic/Annotation/boundingbox/train_00001_boundingbox.txt"] = content
    entries = everything(RAFDB, write_folder(tmp_path / "RAF", files))
    (bad,) = unusable(entries)
    assert bad.place.endswith("train_00001_boundingbox.txt")
    assert len(stills(entries)) == len(FACES)


@given(st.binary(max_size=40))
def test_whatever_a_box_is_it_is_a_box_or_refused(content):
    try:
        box = read_box(content)
    except RowError:
        return
    assert box.area > 0


words = st.sampled_from(
    ["train_00001.jpg", "test_1.jpg", "x", "1", "7", "8", "é", "\x00", ".", "/"]
)


@given(st.lists(st.lists(words, max_size=3).map(" ".join), max_size=5))
def test_whatever_a_list_holds_each_line_is_read_or_listed(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("raf")
    files = {LIST: "\n".join(lines).encode(), "basic/Image/aligned/test_9_aligned.jpg": b""}
    entries = everything(RAFDB, write_folder(folder, files))
    of_list = [bad for bad in unusable(entries) if LIST.rpartition("/")[2] in bad.place]
    assert len(of_list) == len([line for line in lines if line.strip()])
    assert all(re.search(r", line \d+$", bad.place) for bad in of_list)
