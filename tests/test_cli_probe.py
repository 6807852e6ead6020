"""What ``fer probe`` tells of clips, and that it is so."""

from __future__ import annotations

import re

import pytest

from tests.media import SESSION, TURNING_HEAD, TWO_PEOPLE, noise, punch_hole, write_video


def facts(output: str) -> dict[str, str]:
    """The lines of one clip's table, by their first word."""
    lines = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in output.splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def test_a_sound_clip(fer):
    result = fer("probe", SESSION)
    told = facts(result.stdout)
    assert result.exit_code == 0
    assert told["picture"] == "h264, 320 x 240 px"
    assert told["claimed"] == "480 frames, 19.200 s, 25 frames a second"
    assert told["packets"] == "480, 2 of them key frames"
    assert told["time"] == "from 0.000 to 19.160 s, constant rate, 0.0400 s a frame"
    assert told["faces"].startswith("in 10 of 10 pictures looked at")


def test_several_people_are_told(fer):
    assert facts(fer("probe", TWO_PEOPLE).stdout)["faces"].endswith("up to 2 at once")


def test_pictures_are_taken_from_all_over_a_clip_and_not_from_its_key_frames(fer):
    assert facts(fer("probe", TURNING_HEAD).stdout)["faces"].startswith("in 5 of 10 pictures")


def test_a_variable_rate_is_told(fer, tmp_path):
    times = [0, 0.04, 0.08, 0.5, 0.54, 0.58]
    clip = write_video(tmp_path / "phone.mp4", noise(6), times)
    assert "variable rate: 0.0400 to 0.4200 s a frame" in facts(fer("probe", clip).stdout)["time"]


@pytest.mark.parametrize(("rotation", "told"), [(90, "turned upright to 120 x 160 px"), (0, "px")])
def test_a_rotated_picture_is_told(fer, tmp_path, rotation, told):
    clip = write_video(tmp_path / "phone.mp4", noise(3), rotation=rotation)
    assert facts(fer("probe", clip).stdout)["picture"].endswith(told)


def test_what_is_lost_is_told_when_all_is_decoded(fer, tmp_path):
    whole = write_video(tmp_path / "clip.mp4", noise(40), options={"g": "10"})
    clip = punch_hole(whole, 0.4, 0.6)
    assert fer("probe", clip).exit_code == 0
    result = fer("probe", clip, "--decode")
    decoded, lost = map(int, re.findall(r"\d+", facts(result.stdout)["decoded"]))
    assert result.exit_code == 3
    assert lost > 0
    assert decoded + lost == 40
    assert f"{lost} frames lost" in result.stderr


def test_what_cannot_be_opened_does_not_stop_the_others(fer, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    write_video(tmp_path / "clip.mp4", noise(3))
    result = fer("probe", tmp_path)
    assert result.exit_code == 3
    assert facts(result.stdout)["claimed"].startswith("3 frames")
    assert re.search(r"^notes\.mp4 +not a video that can be read", result.stderr, re.MULTILINE)


def test_a_clip_that_cannot_be_opened_is_one_line(fer, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    result = fer("probe", tmp_path / "notes.mp4")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
