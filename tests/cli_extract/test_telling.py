"""What `fer extract` says of what it understood and did."""

from __future__ import annotations

import shutil
import subprocess

from fer_pipeline.dataset import open_dataset
from tests.cli_extract.results import (
    FEW,
    ONE,
    fer_command,
    names_in,
    table,
)
from tests.media import (
    PARTICIPANTS,
    SEGMENTS,
    noise,
    write_video,
)


def test_the_summary_counts_frames_and_faces_with_right_sums(fer, videos, out):
    write_video(videos / "P07_sad.mp4", noise(20))
    result = fer("extract", videos, "-o", out, "--every", 7, "--size", 24, *ONE)
    assert result.exit_code == 0
    *clips, blank, total = table(result.stdout, "video ")
    assert [row[0] for row in clips] == names_in(videos)[:-1]
    assert all(row[1:] == ["50", "0", "8", "8", "100.0 %"] for row in clips)
    assert blank == ["P07_sad.mp4", "20", "0", "3", "0", "0.0 %"]
    assert total == ["5 videos", "220", "0", "35", "32", "91.4 %"]
    assert table(result.stdout, "participant") == [
        ["P00", "8", "8", "16"],
        ["P07", "8", "8", "16"],
        ["all", "16", "16", "32"],
    ]
    assert f"{out}: 32 faces of 5 videos" in result.stdout


def test_what_was_guessed_is_told_as_a_table(fer, videos, out):
    result = fer("extract", videos, "-o", out, *FEW)
    assert table(result.stderr, "video ")[0] == ["P00_happy.mp4", "P00", "happiness", "all"]
    assert "happiness" not in fer("extract", videos, "-o", out, *FEW, "--quiet").stderr


def test_a_dry_run_tells_what_was_understood_and_touches_nothing(fer, videos, out):
    before = {path: path.stat() for path in videos.iterdir()}
    result = fer("extract", videos, "-o", out, "--labels", SEGMENTS, "--dry-run")
    assert result.exit_code == 0
    assert table(result.stdout, "video ")[:2] == [
        ["P00_happy.mp4", "P00", "happiness", "0.52 to 1.52"],
        ["P00_neutral.mp4", "P00", "neutral", "0 to 2.0"],
    ]
    assert not out.parent.exists()
    assert {path: path.stat() for path in videos.iterdir()} == before


def test_a_dry_run_tells_which_emotions_were_chosen(fer, videos, out):
    result = fer("extract", videos, "-o", out, "--dry-run", "--emotions", "good=happy+surprised")
    assert result.exit_code == 0, result.output
    shown = {line.split()[2] for line in result.stdout.splitlines()[1:]} - {"-" * 7}
    assert shown == {"good"}
    assert "of emotions not among --emotions" in result.stderr


def test_a_dry_run_tells_what_would_be_left_out(fer, videos, out):
    shutil.copy2(videos / "P00_happy.mp4", videos / "P00_2.mp4")
    result = fer("extract", videos, "-o", out, "--dry-run", "--skip-unlabelled")
    assert "P00_2.mp4" not in result.stdout
    assert "1 left out" in result.stderr
    assert "P00_2.mp4: no word of its path names an emotion" in result.stderr


def test_a_dry_run_tells_what_was_understood_beside_a_dataset_of_other_settings(
    fer, videos, extracted
):
    result = fer("extract", videos, "-o", extracted, "--size", 99, "--dry-run")
    assert result.exit_code == 0
    assert "P00_happy.mp4" in result.stdout


def test_a_clip_without_a_face_is_told(fer, tmp_path, out):
    clip = write_video(tmp_path / "P1_happy.mp4", noise(4))
    result = fer("extract", clip, "-o", out, "--every", 2)
    assert result.exit_code == 0
    assert "warning: P1_happy.mp4: no face found" in result.stderr


def test_an_emotion_without_any_face_is_told_and_not_listed(fer, tmp_path, out):
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", tmp_path)
    write_video(tmp_path / "P00_contempt.mp4", noise(5))
    result = fer("extract", tmp_path, "-o", out, *FEW)
    assert "contempt: labelled, but no face of it was found" in result.stderr
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("happiness",)


def test_a_participant_taken_from_behind_the_emotion_is_doubted(fer, tmp_path, out):
    (tmp_path / "P07").mkdir()
    shutil.copy2(PARTICIPANTS / "P07_happy.mp4", tmp_path / "P07" / "happy_take1.mp4")
    doubted = fer("extract", tmp_path / "P07", "-o", out, "--dry-run")
    assert "participants taken from the word behind the emotion: take1" in doubted.stderr
    sure = fer("extract", tmp_path, "-o", out, "--dry-run")
    assert "taken from" not in sure.stderr


def test_pictures_of_videos_that_are_known_already_are_not_promised(
    fer, videos, extracted, tmp_path
):
    crops = tmp_path / "crops"
    result = fer("extract", videos, "-o", extracted, *FEW, "--keep-crops", crops)
    assert "no pictures of the 4 videos" in result.stderr
    assert not crops.exists()


def test_no_progress_is_shown_where_there_is_no_terminal(fer, videos, out):
    assert "frames/s" not in fer("extract", videos, "-o", out, *FEW).stderr


def test_the_command_is_kept_as_it_was_typed(videos, tmp_path):
    out = tmp_path / "a name.h5"
    typed = ["extract", videos, "-o", out, *FEW, "-q"]
    subprocess.run(fer_command(*typed), check=True, capture_output=True)
    with open_dataset(out) as dataset:
        command = dataset.provenance["command"]
    assert command == f"fer extract {videos} -o '{out}' --every 10 --size 24 --workers 1 -q"
