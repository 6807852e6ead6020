"""Videos that fail, labels that cannot be told and options that contradict each other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from fer_pipeline.dataset import open_dataset
from tests.cli_extract.results import (
    FEW,
    content,
    error_line,
    names_in,
    table,
    videos_of,
)
from tests.media import (
    PARTICIPANTS,
    noise,
    punch_hole,
    write_sound,
    write_video,
)
from tests.test_extraction import plan, run, wanted


def test_one_broken_clip_costs_only_itself_and_is_tried_again(fer, videos, out, tmp_path):
    broken = videos / "P10_happy.mp4"
    broken.write_text("not a video")
    result = fer("extract", videos, "-o", out, *FEW)
    assert result.exit_code == 3
    assert "1 could not be done; they are tried again on the next run" in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "not a video" in line]
    assert line.startswith(broken.name)
    assert line.endswith("see whether a player shows it, or copy it again")
    assert len(videos_of(out)) == 4
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 3
    shutil.copy2(PARTICIPANTS / "P10_happy.mp4", broken)
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 0
    assert fer("extract", videos, "-o", tmp_path / "fresh.h5", *FEW).exit_code == 0
    assert content(out) == content(tmp_path / "fresh.h5")
    assert names_in(out.parent) == ["faces.h5"]


def test_when_all_clips_are_broken_nothing_is_written(fer, tmp_path, out):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a_happy.mp4").touch()
    (folder / "b_happy.mp4").write_text("text")
    write_sound(folder / "c_happy.mp4")
    result = fer("extract", folder, "-o", out, *FEW)
    assert "no video could be extracted" in error_line(result)
    for reason in ("is empty (0 bytes)", "not a video that can be read", "holds only sound"):
        assert reason in result.stderr
    assert not out.parent.exists()


def test_a_single_broken_clip_is_one_line(fer, tmp_path, out):
    (tmp_path / "a_happy.mp4").touch()
    result = fer("extract", tmp_path / "a_happy.mp4", "-o", out, "-q")
    assert "a_happy.mp4: the file is empty" in error_line(result)
    assert len(result.output.splitlines()) == 1


def test_a_damaged_clip_gives_what_it_holds_with_a_warning(fer, videos, out):
    clips = punch_hole(videos / "P00_happy.mp4", 0.35, 0.5), videos / "P07_happy.mp4"
    result = fer("extract", *clips, "-o", out, *FEW, "--every", 1)
    assert result.exit_code == 3
    assert re.search(r"warning: P00_happy.mp4: \d+ decoding errors, \d+ frames lost", result.stderr)
    damaged = next(row for row in table(result.stdout, "video ") if row[0] == "P00_happy.mp4")
    read, lost, looked_at, with_face = map(int, damaged[1:5])
    assert read + lost == 50
    assert lost > 0
    assert read == looked_at >= with_face > 0
    assert len(videos_of(out)) == 2
    assert fer("extract", *clips, "-o", out, *FEW, "--every", 1).exit_code == 0  # known by now


def test_a_damaged_clip_that_an_earlier_run_finished_is_still_told(fer, videos, out):
    clip = punch_hole(videos / "P00_happy.mp4", 0.35, 0.5)
    run(plan(clip, out, wanted()))  # to its part, but no further
    result = fer("extract", clip, "-o", out, *FEW)
    assert result.exit_code == 3
    assert "finished by an earlier run: 1 video" in result.stderr
    assert "warning: P00_happy.mp4: " in result.stderr


def test_a_video_that_takes_too_long_is_given_up(fer, tmp_path, out):
    write_video(tmp_path / "short_happy.mp4", noise(2))
    write_video(tmp_path / "long_happy.mp4", noise(2000), options={"preset": "ultrafast"})
    result = fer("extract", tmp_path, "-o", out, "--timeout", 2, "--workers", 1)
    assert result.exit_code == 3
    assert "took longer than 2 s" in result.stderr
    assert videos_of(out) == ("short_happy.mp4",)
    assert names_in(out.parent) == ["faces.h5"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("missing", "no such file or folder"),
        ("empty", "no videos in this folder"),
    ],
)
def test_inputs_that_are_not_there_are_one_line(fer, tmp_path, out, given, told):
    (tmp_path / "empty").mkdir()
    result = fer("extract", tmp_path / given, "-o", out)
    assert told in error_line(result)
    assert len(result.output.splitlines()) == 1


@pytest.fixture
def untold(videos) -> Path:
    """The folder with a fifth clip whose name tells nothing."""
    shutil.copy2(videos / "P00_happy.mp4", videos / "P00_2.mp4")
    return videos


def test_labels_that_cannot_be_told_stop_before_anything_is_extracted(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW)
    assert "the emotion cannot be told for 1 of 5 videos" in result.stderr
    assert "P00_2.mp4: no word of its path names an emotion" in result.stderr
    assert result.exit_code == 1
    assert not out.parent.exists()


def test_videos_that_cannot_be_told_are_left_out_when_asked_for(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW, "--skip-unlabelled")
    assert result.exit_code == 3
    assert "1 left out because it cannot be told what they show" in result.stderr
    assert "P00_2.mp4" not in videos_of(out)
    assert len(videos_of(out)) == 4


def test_videos_that_cannot_be_told_are_kept_without_a_label_when_asked_for(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW, "--unlabelled")
    assert result.exit_code == 0
    assert table(result.stdout, "participant")[-2:] == [
        ["(unknown)", "0", "0", "5", "5"],
        ["all", "10", "10", "5", "25"],
    ]
    with open_dataset(out) as dataset:
        kept = dataset.rows_by_video()["P00_2.mp4"]
        assert dataset.column("label")[kept].tolist() == [-1] * 5


@pytest.mark.parametrize(
    "options",
    [
        ("--every", 2, "--fps", 5),
        ("--every", 0),
        ("--fps", 0),
        ("--size", 7),
        ("--channels", "cmyk"),
        ("--layout", "unheard-of"),
        ("--faces", "some"),
    ],
)
def test_wrong_usage_is_told_as_such(fer, videos, out, options):
    assert fer("extract", videos, "-o", out, *options).exit_code == 2
    assert not out.parent.exists()


def test_wrong_usage_is_told_by_its_exit_status(fer, videos, out, tmp_path):
    (tmp_path / "l.csv").write_text("video,participant,emotion\n")
    for wrong in (
        ["--labels", tmp_path / "l.csv", "--pattern", "{emotion}"],
        ["--unlabelled", "--skip-unlabelled"],
        ["--outside", "neutral"],
        ["--pattern", "abc"],
    ):
        assert fer("extract", videos, "-o", out, *wrong).exit_code == 2
