"""The CSV file of labels, as spreadsheets and people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_pipeline.errors import LabelError
from fer_pipeline.labels import LabelOptions, Stretch, VideoLabels, label_videos
from tests.labels.labelling import HEADER, label_from

PLAIN = HEADER + "a/P0_x.mp4,P0,angry,0.5,1.5\nP1.mp4,P1,bored,,\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n ,,\n"),
        "\n\n" + PLAIN.replace(",", ";"),
        PLAIN.replace(",", " , "),
        PLAIN.replace(",", ";").replace("0.5", "0,5"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("a/P0", "a\\P0"),
        PLAIN.replace("a/P0", "./a/P0"),
        PLAIN.replace("a/P0", "P0"),
        PLAIN.replace("angry", "ANGER").replace("video,", "Video,"),
        PLAIN.replace("P1,bored,,", "P1,bored"),
        PLAIN.replace("P1,bored,,", "P1,bored,,,,"),
        PLAIN.replace("\n", ",note\n", 1).replace("1.5", "1.5,loud"),
        '"emotion","video","start","participant","end"\n'
        '"angry", "a/P0_x.mp4","0.5","P0","1.5"\nbored,P1.mp4,,P1,\n',
        HEADER + "P1.mp4,P1,bored\na/P0_x.mp4,P0,angry,5e-1,1.5000000001",
    ],
)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str | bytes) -> None:
    labelling = label_from(tmp_path, text, "a/P0_x.mp4", "P1.mp4")
    assert labelling.videos == {
        "a/P0_x.mp4": VideoLabels((Stretch("anger", "P0", 0.5, 1.5),), "labels"),
        "P1.mp4": VideoLabels((Stretch("bored", "P1"),), "labels"),
    }
    assert labelling.emotions == ("anger", "bored")
    assert labelling.warnings == ()
    assert labelling.untold == ()


def test_csv_without_times_covers_whole_videos(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, "video,participant,emotion\nP0.mp4,,happy\n", "P0.mp4")
    assert labelling.videos["P0.mp4"].at(123.0) == Stretch("happiness", None)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "lacks video, participant, emotion"),
        ("video,emotion\nP0.mp4,sad\n", 1, "lacks participant"),
        ("\nP0.mp4,P0,sad\n", 2, "lacks video, participant, emotion"),
        ("video,participant,emotion,Emotion\n", 1, "'emotion' occurs twice"),
        (HEADER + "P0.mp4,P0,sad,abc,1\n", 2, "start 'abc' is no time"),
        (HEADER + "\nP0.mp4,P0,sad,0,nan\n", 3, "end 'nan' is no time"),
        (HEADER + "P0.mp4,P0,sad,inf,\n", 2, "start 'inf' is no time"),
        (HEADER + "P0.mp4,P0,sad,,1e999\n", 2, "end '1e999' is no time"),
        (HEADER + "P0.mp4,P0,sad,-1,1\n", 2, "start '-1' is no time"),
        (HEADER + "P0.mp4,P0,sad,0:01,1\n", 2, "start '0:01' is no time"),
        (HEADER + 'P0.mp4,P0,sad,"0,5",1\n', 2, "start '0,5' is no time"),
        (HEADER + "P0.mp4,P0,sad,2,1\n", 2, "end 1 is not after the start 2"),
        (HEADER + "P0.mp4,P0,sad,2,2\n", 2, "end 2 is not after the start 2"),
        (HEADER + "P0.mp4,P0,sad,,0\n", 2, "end 0 is not after the start 0"),
        (HEADER + "P0.mp4,P0,sad,1,1.0000001\n", 2, "is not after"),
        (HEADER + "P0.mp4,P0,sad,0,640,1,600\n", 2, "7 cells and the header 5"),
        (HEADER + "P0.mp4,P0\n", 2, "2 cells and the header 5"),
        (HEADER + ",P0,sad,1,2\n", 2, "'video' is empty"),
        (HEADER + 'P0.mp4,"P0,sad,1,2\n', 2, "cannot be read as CSV"),
        (HEADER.encode() + "Zoë.mp4,P0,sad,1,2\n".encode("latin-1"), 2, "not encoded as UTF-8"),
        (HEADER.encode("utf-16"), 1, "not encoded as UTF-8"),
        (HEADER + "P0.mp4,P0,sad,1,2\nP0.mp4,P0,fear,1.5,3\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,1,2\nP0.mp4,P0,fear,0,1.5\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,1,\nP0.mp4,P0,fear,5,6\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,,2\nP0.mp4,P0,fear,,1\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad\nP0.mp4,P0,sad\n", 3, "overlaps that of line 2"),
        (HEADER + "a/P0.mp4,P0,sad,0,2\na\\P0.mp4,P0,sad,1,3\n", 3, "overlaps that of line 2"),
        (HEADER + "P2.mp4,P0,sad\n", 2, "may be any of x/P2.mp4, y/P2.mp4"),
    ],
)
def test_csv_errors_name_the_line(
    tmp_path: Path, text: str | bytes, line: int, problem: str
) -> None:
    with pytest.raises(LabelError) as caught:
        label_from(tmp_path, text, "P0.mp4", "a/P0.mp4", "x/P2.mp4", "y/P2.mp4")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'segments.csv'}, line {line}: ")
    assert problem in message
    assert "; " in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_csv_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabelError, match=r"cannot be read: .*; check --labels"):
        label_videos(["P0.mp4"], LabelOptions(labels=tmp_path / name))


def test_equal_path_goes_before_equal_file_name(tmp_path: Path) -> None:
    labelling = label_from(
        tmp_path, HEADER + "P0.mp4,P0,sad\na/P0.mp4,P1,fear\n", "P0.mp4", "a/P0.mp4"
    )
    assert [v.stretches[0].participant for v in labelling.videos.values()] == ["P0", "P1"]


def test_file_name_with_the_accent_written_apart(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, HEADER + "Zo\u00eb.mp4,Z,sad\n", "Zoe\u0308.mp4")
    assert labelling.videos["Zoe\u0308.mp4"].stretches == (Stretch("sadness", "Z"),)


def test_video_among_the_rows_only_makes_one_warning(tmp_path: Path) -> None:
    rows = "".join(f"X{i}.mp4,P,sad,{j},{j + 1}\n" for i in range(22) for j in range(2))
    labelling = label_from(tmp_path, HEADER + rows + "P0.mp4,P,sad\n", "P0.mp4")
    (warning,) = labelling.warnings
    assert "X0.mp4 (line 2), X1.mp4 (line 4)" in warning
    assert warning.endswith("X19.mp4 (line 40), and 2 more")


def test_names_that_differ_in_capitals_make_a_warning(tmp_path: Path) -> None:
    text = HEADER + "a.mp4,p1,Bored\nb.mp4,P1,bored\nc.mp4,P2,SAD\nd.mp4,P2,sad\n"
    labelling = label_from(tmp_path, text, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    assert labelling.warnings == (
        "participant P1 and p1 differ only in capitals: kept apart",
        "emotion Bored and bored differ only in capitals: kept apart",
    )


def test_blank_emotion_is_an_unlabelled_stretch(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, HEADER + "P0.mp4,P0,,1,2\n", "P0.mp4")
    assert labelling.videos["P0.mp4"].at(1.5) == Stretch(None, "P0", 1.0, 2.0)
    assert labelling.emotions == ()


def test_video_that_the_csv_does_not_name_cannot_be_told(tmp_path: Path) -> None:
    labelling = label_from(
        tmp_path, HEADER + "P0_sad.mp4,P0,sad\n", "P0_sad.mp4", "P1_joy.mp4", skip_unlabelled=True
    )
    assert list(labelling.videos) == ["P0_sad.mp4"]
    assert labelling.untold == (("P1_joy.mp4", f"{tmp_path / 'segments.csv'} does not name it"),)
