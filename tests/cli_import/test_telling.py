"""What `fer import` says, also of rows that make no sense."""

from __future__ import annotations

import re

import pytest

from fer_pipeline.corpora import CORPORA
from fer_pipeline.dataset import open_dataset
from tests.cli_import.results import error_line
from tests.corpus_files import picture, write_folder
from tests.fer2013.faces import FACE, pictures, row, some_faces, write_table


def test_the_summary_counts_faces_by_emotion_and_side(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out)
    lines = [re.split(r"\s+", line) for line in result.stdout.splitlines()]
    assert lines[0] == ["emotion", "training", "validation", "test", "all"]
    assert [line[0] for line in lines[1:8]] == [*CORPORA["fer2013"].emotions]
    assert {tuple(line[1:]) for line in lines[1:8]} == {("2", "2", "2", "6")}
    assert lines[8] == ["all", "14", "14", "14", "42"]
    assert f"{out}: 42 faces of fer2013" in result.stdout
    assert "exact copies of an image before: 0" in result.stdout
    assert "images that are in the training part" not in result.stdout
    assert result.stderr == ""


def test_copies_are_told(fer, tmp_path, out):
    one, two, three, four = (image for image, _, _ in some_faces(4))
    faces = [
        *[(image, 0, "Training") for image in (one, one, two, three)],
        *[(image, 1, "PublicTest") for image in (two, four)],
        *[(image, 0, "PrivateTest") for image in (one, three, one, four, FACE[::-1])],
    ]
    source = write_table(tmp_path / "t.csv", faces)
    for _ in range(2):  # made, and found again
        result = fer("import", "fer2013", source, "-o", out)
        assert result.stdout.splitlines()[-3:] == [
            "exact copies of an image before: 6",
            "test images that are in the training part, too: 3",
            "validation images that are in the training part, too: 1",
        ]


def test_quiet_says_results_only(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out, "-q")
    again = fer("import", "fer2013", source, "-o", out, "-q")
    assert result.stdout == again.stdout
    assert result.stderr == again.stderr == ""


def test_bad_rows_are_listed_and_the_rest_is_imported(fer, tmp_path, out):
    bad = ["9,1 2,Training", row(FACE[1:]), "", row(FACE, 3, "Test")]
    source = write_table(tmp_path / "fer2013.csv", some_faces(3), bad)
    result = fer("import", "fer2013", source, "-o", out, "-q")
    assert result.exit_code == 3
    warning, header, *listed = result.stderr.splitlines()
    assert warning == "warning: left out because they cannot be used: 3 rows or files"
    assert header.split() == ["place", "problem"]
    assert [re.split(r"\s{2,}", line) for line in listed] == [
        [f"{source}, line 5", "the emotion is '9', not a number from 0 to 6"],
        [f"{source}, line 6", "pixels: 2256 instead of 2304"],
        [
            f"{source}, line 8",
            "the usage is 'Test', none of Training, PublicTest, PrivateTest",
        ],
    ]
    with open_dataset(out) as dataset:
        assert len(dataset) == 3
        assert dataset.provenance["left_out"] == 3
    again = fer("import", "fer2013", source, "-o", out)
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert warning in again.stderr


def test_bad_pictures_are_listed_and_the_rest_is_imported(fer, tmp_path, out):
    members = pictures(some_faces(3)) | {"train/happy/bad.png": picture(FACE)[:99]}
    folder = write_folder(tmp_path / "fer", members)
    result = fer("import", "fer2013", folder, "-o", out)
    assert result.exit_code == 3
    assert f"{folder / 'train/happy/bad.png'}  no whole picture" in result.stderr
    with open_dataset(out) as dataset:
        assert len(dataset) == 3


def test_a_long_list_is_cut_short_until_more_is_asked_for(fer, tmp_path, out):
    source = write_table(tmp_path / "fer2013.csv", some_faces(1), ["x"] * 1100)
    result = fer("import", "fer2013", source, "-o", out)
    assert "cannot be used: 1100 rows or files" in result.stderr
    assert result.stderr.count(", line ") == 20
    assert result.stderr.splitlines()[-1] == "and 1080 more; -v lists up to 1000"
    result = fer("import", "fer2013", source, "-o", out, "--overwrite", "-v")
    assert result.stderr.count(", line ") == 1000
    assert result.stderr.splitlines()[-1].startswith("and 100 more")


def test_nothing_usable_is_an_error_and_leaves_nothing(fer, tmp_path, out):
    source = write_table(tmp_path / "fer2013.csv", [], ["x", "y"])
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert f"{source}: none of its 2 rows or files can be used; " in line
    assert "columns: 1 instead of 3" in line
    empty = write_table(tmp_path / "empty.csv", [])
    assert "holds no faces" in error_line(fer("import", "fer2013", empty, "-o", out))
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "the first line lacks"), (f"emotion,pixels\n3,{row(FACE)}\n", "lacks usage")],
)
def test_what_is_no_fer2013_is_an_error_and_leaves_nothing(content, problem, fer, tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text(content)
    assert problem in error_line(fer("import", "fer2013", source, "-o", out))
    missing = tmp_path / "nowhere.csv"
    assert f"{missing}: no such file" in error_line(fer("import", "fer2013", missing, "-o", out))
    assert not out.parent.exists()


@pytest.mark.parametrize("arguments", [[], ["fer2013"], ["unheard-of", "fer2013.csv"]])
def test_wrong_usage_is_told_as_such(arguments, fer):
    assert fer("import", *arguments).exit_code == 2
