"""Where the labels of a whole run come from, and which videos it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.labels import Labelling, LabelOptions, Stretch, VideoLabels, label_videos
from tests.labels.labelling import HEADER, label_from


def test_run_keeps_the_order_and_says_where_labels_come_from() -> None:
    labelling = label_videos(["P1_sad.mp4", "P0_joy.mp4"], LabelOptions())
    assert labelling == Labelling(
        {
            "P1_sad.mp4": VideoLabels((Stretch("sadness", "P1"),), "guess"),
            "P0_joy.mp4": VideoLabels((Stretch("happiness", "P0"),), "guess"),
        }
    )
    assert labelling.emotions == ("happiness", "sadness")


def test_videos_that_cannot_be_told_stop_the_run() -> None:
    paths = ["P0_sad.mp4", *(f"P{i}/clip.mp4" for i in range(21)), "P0_sad_joy.mp4"]
    with pytest.raises(LabelError) as caught:
        label_videos(paths, LabelOptions())
    first, *listed, last = str(caught.value).split("\n")
    assert "22 of 23 videos" in first
    assert listed[0] == "  P0/clip.mp4: no word of its path names an emotion"
    assert len(listed) == 21
    assert listed[-1] == "  and 2 more"
    for option in ("--labels", "--pattern", "--skip-unlabelled", "--unlabelled"):
        assert option in last


def test_twenty_videos_are_listed_without_a_count() -> None:
    with pytest.raises(LabelError) as caught:
        label_videos([f"{i}.mp4" for i in range(20)], LabelOptions())
    assert "more" not in str(caught.value)


def test_skip_unlabelled_leaves_them_out() -> None:
    labelling = label_videos(["P1/x.mp4", "P0_sad.mp4"], LabelOptions(skip_unlabelled=True))
    assert list(labelling.videos) == ["P0_sad.mp4"]
    assert labelling.untold == (("P1/x.mp4", "no word of its path names an emotion"),)


@pytest.mark.parametrize(
    ("path", "participant"),
    [("P1/x.mp4", "P1"), ("x.mp4", None), ("P1/sad_joy/x.mp4", "P1"), ("P1/sad_joy.mp4", "P1")],
)
def test_unlabelled_keeps_them(path: str, participant: str | None) -> None:
    labelling = label_videos([path], LabelOptions(unlabelled=True))
    assert labelling.videos == {path: VideoLabels((Stretch(None, participant),), "none")}
    assert labelling.emotions == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LabelOptions(labels=Path("x"), pattern="{emotion}"), "--labels and --pattern exclude"),
        (LabelOptions(labels=Path("x"), layout="mead"), "--labels and --layout exclude"),
        (LabelOptions(pattern="{emotion}", layout="mead"), "--pattern and --layout exclude"),
        (LabelOptions(unlabelled=True, skip_unlabelled=True), "exclude each other"),
        (LabelOptions(outside="neutral"), "--outside needs --labels"),
        (LabelOptions(outside="neutral", layout="mead"), "--outside needs --labels"),
        (LabelOptions(labels=Path("x"), outside=" "), "--outside is empty"),
        (LabelOptions(layout="nope"), "'nope'; there are ravdess, crema-d, savee, mead"),
    ],
)
def test_options_that_make_no_sense(options: LabelOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        label_videos([], options)


@pytest.mark.parametrize("outside", [None, "unlabelled", "neutral"])
def test_plain_form_survives_json(tmp_path: Path, outside: str | None) -> None:
    rows = "P.mp4,P0,sad,0.1,2\nP.mp4,,,3,\n"
    labels = label_from(tmp_path, HEADER + rows, "P.mp4", outside=outside).videos["P.mp4"]
    plain = labels.to_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["stretches"] == [
        {"emotion": "sadness", "participant": "P0", "start": 0.1, "end": 2.0, "face": None},
        {"emotion": None, "participant": None, "start": 3.0, "end": None, "face": None},
    ]
    assert (plain["outside"] is None) == (outside is None)


def test_plain_form_tells_other_labels_and_not_other_ways_to_them() -> None:
    def plain(**options: str) -> object:
        (labels,) = label_videos(["P0/sad.mp4"], LabelOptions(**options)).videos.values()  # type: ignore[arg-type]
        return labels.to_json()

    assert plain() == plain(pattern="{participant}/{emotion}")
    assert plain() != plain(pattern="{emotion}/{participant}")
