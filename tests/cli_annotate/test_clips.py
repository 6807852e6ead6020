"""``fer annotate``: what is said, about clips that can be read and others, and by which model."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import av
import pytest

from fer_pipeline.domain import EMOTIONS
from tests.cli_annotate.results import (
    CLIP,
    files,
    not_a_video,
    read,
    said,
)
from tests.media import (
    TWO_PEOPLE,
    noise,
    write_sound,
    write_video,
)


def damage(path: Path) -> Path:
    """Zero bytes in the middle of a clip."""
    content = bytearray(CLIP.read_bytes())
    content[6000:8000] = bytes(2000)
    path.write_bytes(content)
    return path


# What is printed


def test_results_go_to_standard_output_and_all_else_to_standard_error(annotate, tmp_path):
    result = annotate(CLIP, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0
    table, seconds, out = result.stdout.strip().split("\n\n")
    assert table.splitlines()[1].split() == ["P00_happy.mp4", "5", "5", "100.0", "%", "0"]
    header, face = (line.split() for line in seconds.splitlines()[1:])
    assert header == ["clip", "face", "neutral", "happiness", "surprise"]
    assert face[:2] == ["P00_happy.mp4", "0"]
    assert sum(map(float, face[2:])) == pytest.approx(2.0)
    assert out == str(tmp_path / "labels.csv")
    assert said(result) == []


def test_without_an_output_only_the_summary_is_printed(annotate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = annotate(CLIP)
    assert result.exit_code == 0
    assert "P00_happy.mp4" in result.stdout
    assert files(tmp_path) == []


def test_quiet_says_nothing_but_results(annotate, tmp_path):
    result = annotate(CLIP, "-q", "--out", tmp_path / "labels.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "labels.csv" in result.stdout


def test_a_clip_without_a_face_gives_a_timeline_and_no_seconds(annotate, tmp_path):
    clip = write_video(tmp_path / "noise.mp4", noise(20))
    result = annotate(clip, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0
    assert "noise.mp4       2            0  0.0 %            0" in result.stdout
    assert "seconds" not in result.stdout
    assert [row["status"] for row in read(tmp_path / "labels.csv")] == ["no_face", "no_face"]


# Clips that cannot be read


def _sound(path: Path) -> None:
    write_sound(path, 0.2)


def _picture(path: Path) -> None:
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        container.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("sound.m4a", _sound, "only sound"),
        ("sound.mp4", _sound, "only sound"),
        ("empty.mp4", Path.touch, "0 bytes"),
        ("text.mp4", not_a_video, "not a video"),
        ("notes.txt", not_a_video, "a text, not a video"),
        ("face.png", _picture, "still picture"),
        ("missing.mp4", lambda path: None, "no such file"),
        ("folder", Path.mkdir, "no videos in this folder"),
    ],
)
def test_what_is_no_video_ends_with_one_line(name, make, reason, annotate, tmp_path):
    path = tmp_path / name
    make(path)
    before = files(tmp_path)
    result = annotate(path, "-q", "--out", tmp_path / "labels.csv")
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert line.startswith("fer: ")
    assert name in line
    assert reason in line
    assert result.stdout == ""
    assert files(tmp_path) == before


def test_if_every_clip_fails_each_is_listed_and_nothing_is_written(annotate, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        not_a_video(tmp_path / name)
    result = annotate(tmp_path, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 1
    assert [name for name in ("a.mp4", "b.mp4") if name in result.stderr] == ["a.mp4", "b.mp4"]
    assert said(result)[-1] == "fer: no clip could be annotated; nothing was written"
    assert files(tmp_path) == ["a.mp4", "b.mp4"]


def test_if_some_clips_fail_the_others_are_done_and_the_status_is_3(annotate, clips, tmp_path):
    not_a_video(clips / "broken.mp4")
    result = annotate(clips, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 3
    assert re.search(r"broken\.mp4 +not a video", result.stderr)
    assert len({row["video"] for row in read(tmp_path / "labels.csv")}) == 4
    assert [path.name for path in tmp_path.iterdir() if path != clips] == ["labels.csv"]


def test_damage_is_told_again_where_a_clip_was_finished_before(fer, model_folder, tmp_path):
    damage(tmp_path / "damaged.mp4")
    words = ["annotate", tmp_path / "damaged.mp4", "--every", 5, "--model", model_folder]
    first = fer(*words, "--out", f"{tmp_path / 'out'}/")
    again = fer(*words, "--out", f"{tmp_path / 'out'}/")
    assert "1 clip finished already" in again.stderr
    assert again.exit_code == first.exit_code == 3
    warnings = [line for line in first.stderr.splitlines() if line.startswith("warning: damaged")]
    assert set(warnings) <= set(again.stderr.splitlines())


def test_a_damaged_clip_is_done_with_a_warning_and_status_3(fer, model_folder, tmp_path):
    clip = damage(tmp_path / "damaged.mp4")
    out = tmp_path / "labels.csv"
    result = fer("annotate", clip, "-q", "--model", model_folder, "--out", out)
    lost = [row for row in read(out) if row["status"] == "decode_error"]
    assert result.exit_code == 3
    assert lost
    assert [int(row["frame"]) for row in read(out)] == list(range(50))
    (warning,) = result.stderr.splitlines()
    assert warning.startswith("warning: damaged.mp4: ")
    assert f"{len(lost)} frames lost" in warning
    assert result.stdout.splitlines()[1].split()[-1] == str(len(lost))


@pytest.mark.parametrize("name", ["a clip, twice.mp4", "Müller – 笑顔.mp4", "it's [1] #2 100%.mp4"])
def test_names_may_hold_spaces_commas_and_letters_of_any_script(name, annotate, tmp_path):
    shutil.copy2(CLIP, tmp_path / name)
    result = annotate(tmp_path, "--out", tmp_path / "labels.csv", "--out", f"{tmp_path}/each/")
    assert result.exit_code == 0, result.output
    assert {row["video"] for row in read(tmp_path / "labels.csv")} == {name}
    assert len(read(tmp_path / "each" / Path(name).with_suffix(".csv"))) == 5
    assert name in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_a_name_in_an_old_encoding_ends_with_one_line(annotate, tmp_path):
    shutil.copy2(CLIP, os.fsencode(tmp_path) + b"/M\xfcller.mp4")
    result = annotate(tmp_path, "-q", "--out", tmp_path / "labels.csv")
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert line.endswith(
        "M\\udcfcller.mp4': this name is not UTF-8; rename the file, or the folder"
    )


# Which frames and faces


@pytest.mark.parametrize(
    ("options", "times"),
    [
        (["--every", 20], [0.0, 0.8, 1.6]),
        (["--fps", 2], [0.0, 0.52, 1.0, 1.52]),
        (["--fps", 0.5], [0.0]),
        (["--every", 1000], [0.0]),
    ],
)
def test_every_and_fps_choose_the_frames(options, times, fer, model_folder, tmp_path):
    out = tmp_path / "labels.csv"
    assert fer("annotate", CLIP, *options, "--model", model_folder, "--out", out).exit_code == 0
    assert [float(row["time"]) for row in read(out)] == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        ["--every", 2, "--fps", 5],
        ["--every", 0],
        ["--fps", 0],
        ["--faces", "both"],
        ["--format", "xlsx"],
        ["--workers", 0],
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(options, fer, tmp_path):
    assert fer("annotate", CLIP, *options, "--out", tmp_path / "labels.csv").exit_code == 2
    assert files(tmp_path) == []


@pytest.mark.parametrize(("faces", "rows"), [("largest", 6), ("all", 12)])
def test_the_largest_face_or_all(faces, rows, annotate, tmp_path):
    out = tmp_path / "labels.csv"
    assert annotate(TWO_PEOPLE, "--every", 40, "--faces", faces, "--out", out).exit_code == 0
    assert len(read(out)) == rows


# Which model


@pytest.mark.parametrize("words", [[], ["--model", "default"]])
def test_the_bundled_model_annotates_where_there_is_no_other(words, fer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fer("annotate", CLIP, "--every", 25, "--out", "labels.csv", *words)
    assert result.exit_code == 0
    assert "model: the bundled model (seresnet, 8 emotions)" in result.stderr
    assert read(tmp_path / "labels.csv")[0].keys() >= set(EMOTIONS)


def test_the_model_in_this_folder_is_taken_and_said(fer, model_folder, tmp_path, monkeypatch):
    shutil.copytree(model_folder, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    result = fer("annotate", CLIP, "--every", 25)
    assert result.exit_code == 0
    assert result.stderr == "model: model (lenet5, 3 emotions)\n"


def test_a_model_that_is_named_comes_first(fer, model_folder, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()  # not one that could be used
    monkeypatch.chdir(tmp_path)
    result = fer("annotate", CLIP, "--every", 25, "--model", model_folder)
    assert result.exit_code == 0
    assert result.stderr == f"model: {model_folder} (lenet5, 3 emotions)\n"


@pytest.mark.parametrize("missing", [None, "spec.json", "model.tflite"])
def test_a_model_that_is_missing_or_incomplete_is_one_line(missing, fer, model_folder, tmp_path):
    model = tmp_path / "other"
    if missing:
        shutil.copytree(model_folder, model)
        (model / missing).unlink()
    result = fer("annotate", CLIP, "--model", model)
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert str(model) in line
