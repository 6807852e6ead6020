"""FE: a table that tells of each picture which emotion it shows."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora.fe import FE
from tests.corpus_trees import pictures, read_all, refused, write_folder, write_zip

HEADER = "user.id,image,emotion"


def tree(rows: Iterable[str], images: Iterable[str], above: str = "") -> dict[str, bytes]:
    table = "\n".join([HEADER, *rows]) + "\n"
    return {f"{above}data/legend.csv": table.encode()} | pictures(
        f"{above}images/{image}" for image in images
    )


def test_rows_label_pictures_whatever_the_case_of_their_words(tmp_path):
    rows = ["628,a.jpg,angry", "302,B_0001.jpg,happiness", "jhamski,C_1.jpg,SADNESS",
            "x,d.jpg,Neutral", "628,e.jpg,surprised", "1,f.jpg,contempt"]  # fmt: skip
    read = read_all(FE, write_folder(tmp_path, tree(rows, [row.split(",")[1] for row in rows])))
    assert read.faces == [
        ("B_0001.jpg", "happiness", None),
        ("C_1.jpg", "sadness", None),
        ("a.jpg", "anger", None),
        ("d.jpg", "neutral", None),
        ("e.jpg", "surprise", None),
        ("f.jpg", "contempt", None),
    ]
    assert not read.unusable
    assert not read.skipped
    assert all(still.cropped for still in read.stills)


def test_tabs_stand_for_commas(tmp_path):
    read = read_all(FE, write_folder(tmp_path, tree(["520\ta.jpg\tfear", "1,b.jpg,fear"],
                                                    ["a.jpg", "b.jpg"])))  # fmt: skip
    assert [emotion for _, emotion, _ in read.faces] == ["fear", "fear"]


def test_table_and_pictures_may_be_apart_and_packed(tmp_path):
    files = tree(["1,a.jpg,fear", "2,b.jpg,anger"], ["a.jpg", "b.jpg"])
    folder = write_folder(tmp_path, files)
    packed = write_zip(tmp_path / "master.zip", tree(["1,a.jpg,fear", "2,b.jpg,anger"],
                       ["a.jpg", "b.jpg"], "facial_expressions-master/"))  # fmt: skip
    together = read_all(FE, folder).faces
    assert len(together) == 2
    for sources in (
        (packed,),
        (folder / "data/legend.csv", folder / "images"),
        (folder / "images", folder / "data"),
    ):
        assert read_all(FE, *sources).faces == together


def test_rows_that_make_no_sense_are_listed_with_their_line(tmp_path):
    rows = ["1,a.jpg,fear", "1,b.jpg,bored", "1,c.jpg", "1,,anger", "1,gone.jpg,anger", ""]
    read = read_all(FE, write_folder(tmp_path, tree(rows, ["a.jpg", "b.jpg"])))
    assert [name for name, _, _ in read.faces] == ["a.jpg"]
    assert {place: problem[:10] for place, problem in read.problems.items()} == {
        "legend.csv, line 3": "the emotio",
        "legend.csv, line 4": "columns: 2",
        "legend.csv, line 5": "names no p",
        "legend.csv, line 6": "its pictur",
    }
    assert "gone.jpg" in read.problems["legend.csv, line 6"]


def test_a_picture_that_is_named_twice_counts_once_and_not_at_all_if_rows_disagree(tmp_path):
    rows = ["1,a.jpg,fear", "2,a.jpg,FEAR", "1,b.jpg,surprise", "2,b.jpg,sadness", "1,c.jpg,anger"]
    read = read_all(FE, write_folder(tmp_path, tree(rows, ["a.jpg", "b.jpg", "c.jpg"])))
    assert [(name, emotion) for name, emotion, _ in read.faces] == [
        ("a.jpg", "fear"),
        ("c.jpg", "anger"),
    ]
    assert "line 2" in read.problems["legend.csv, line 3"]
    for line in ("legend.csv, line 4", "legend.csv, line 5"):
        assert "sadness, surprise" in read.problems[line]
    assert not read.skipped


def test_pictures_without_a_row_and_those_elsewhere_are_counted(tmp_path):
    files = tree(["1,a.jpg,fear"], ["a.jpg", "b.jpg", "c.jpg"])
    files |= pictures(["Augmented/a.jpg", "Augmented/d.jpg"])
    read = read_all(FE, write_folder(tmp_path, files))
    assert [still.image for still in read.stills] == [files["images/a.jpg"]]
    assert read.skipped == {"picture that legend.csv does not name": 4}


def test_what_is_not_fe_is_refused(tmp_path):
    files = tree(["1,a.jpg,fear"], ["a.jpg"])
    only_pictures = write_folder(tmp_path / "a", {"images/a.jpg": files["images/a.jpg"]})
    assert "holds no legend.csv" in refused(FE, only_pictures)
    only_table = write_folder(tmp_path / "b", {"legend.csv": files["data/legend.csv"]})
    assert "holds no pictures" in refused(FE, only_table)
    two_tables = write_folder(tmp_path / "c", files | {"legend.csv": b""})
    assert "holds 2 legend.csv" in refused(FE, two_tables)
    another = write_folder(tmp_path / "d", files | {"data/legend.csv": b"image,label\n"})
    assert "the first line lacks emotion" in refused(FE, another)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("fe"), tree([], ["a.jpg"]))


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"1,a.jpg,fear"))))
def test_no_row_is_lost(folder, lines):
    lines = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    (folder / "data/legend.csv").write_bytes(b"\n".join([HEADER.encode(), *lines]))
    read = read_all(FE, folder)
    rows = sum(1 for line in lines if line.strip())
    if b"1,a.jpg,fear" in lines and not read.stills:  # another row says otherwise
        assert any("disagree" in problem for problem in read.problems.values())
    assert len(read.stills) + len(read.unusable) == rows
