"""``fer annotate`` as it is typed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
from click.testing import Result

from fer_pipeline.annotation import plan_annotation, run_annotation
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.outputs import Output
from fer_pipeline.sampling import SamplingOptions
from tests.media import (
    PARTICIPANTS,
    TWO_PEOPLE,
    noise,
    write_sound,
    write_video,
)

CLIP = PARTICIPANTS / "P00_happy.mp4"
CLIPS = ("P00_happy", "P00_neutral", "P07_happy", "P07_neutral")

FOREIGN = "frame,emotion\n0,anger\n"

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def annotate(fer, model_folder):
    """Run ``fer annotate`` with a model, quickly: every tenth frame, in this process."""

    def run(*arguments: object) -> Result:
        quick = ["--every", 10, "--workers", 1, "--model", model_folder]
        return fer("annotate", *quick, *arguments)

    return run


@pytest.fixture
def clips(few_videos, tmp_path) -> Path:
    """A folder with four clips, two of them a level deeper."""
    folder = tmp_path / "clips"
    for name in CLIPS:
        below = folder / "second" if name.startswith("P07") else folder
        below.mkdir(parents=True, exist_ok=True)
        shutil.copy2(few_videos / f"{name}.mp4", below)
    return folder


MIRRORED = ("P00_happy", "P00_neutral", "second/P07_happy", "second/P07_neutral")


def files(folder: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def changed(folder: Path) -> dict[str, int]:
    """Return when each timeline in a folder was written."""
    return {name: (folder / name).stat().st_mtime_ns for name in files(folder) if "csv" in name}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(result: Result) -> list[str]:
    """Return the lines on standard error without the one that names the model."""
    return [line for line in result.stderr.splitlines() if not line.startswith("model: ")]


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


def _text(path: Path) -> None:
    path.write_text("not a video\n" * 100)


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
        ("text.mp4", _text, "not a video"),
        ("notes.txt", _text, "a text, not a video"),
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
        _text(tmp_path / name)
    result = annotate(tmp_path, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 1
    assert [name for name in ("a.mp4", "b.mp4") if name in result.stderr] == ["a.mp4", "b.mp4"]
    assert said(result)[-1] == "fer: no clip could be annotated; nothing was written"
    assert files(tmp_path) == ["a.mp4", "b.mp4"]


def test_if_some_clips_fail_the_others_are_done_and_the_status_is_3(annotate, clips, tmp_path):
    _text(clips / "broken.mp4")
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
    assert line == "fer: 'M\\udcfcller.mp4': this file name is not UTF-8; rename it"


# Outputs


def test_several_clips_in_one_table_are_told_apart_and_sorted(annotate, clips, tmp_path):
    assert annotate(clips, "--out", tmp_path / "labels.csv").exit_code == 0
    rows = [(row["video"], row["frame"]) for row in read(tmp_path / "labels.csv")]
    expected = [(f"{name}.mp4", str(frame)) for name in MIRRORED for frame in range(0, 50, 10)]
    assert rows == expected
    assert not list(tmp_path.glob("*.parts"))


def test_a_folder_gets_one_file_a_clip_in_the_same_tree(annotate, clips, tmp_path):
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 0
    expected = ["fer-annotation.jsonl", *(f"{name}.csv" for name in MIRRORED)]
    assert files(tmp_path / "out") == sorted(expected)
    assert {row["video"] for row in read(tmp_path / "out/second/P07_happy.csv")} == {
        "second/P07_happy.mp4"
    }


def test_the_files_of_a_folder_hold_what_one_table_holds(annotate, clips, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/", "--out", tmp_path / "labels.csv")
    each = [row for name in MIRRORED for row in read(tmp_path / "out" / f"{name}.csv")]
    assert each == read(tmp_path / "labels.csv")


def test_this_folder_is_a_folder_too(annotate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert annotate(CLIP, "--out", ".").exit_code == 0
    assert files(tmp_path) == ["P00_happy.csv", "fer-annotation.jsonl"]


def test_clips_of_one_name_and_two_suffixes_keep_them(annotate, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy2(CLIP, clips / "a.mp4")
    write_video(clips / "a.mov", noise(2))
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 0
    assert files(tmp_path / "out") == ["a.mov.csv", "a.mp4.csv", "fer-annotation.jsonl"]
    assert {row["status"] for row in read(tmp_path / "out/a.mov.csv")} == {"no_face"}


def test_several_outputs_at_once_each_in_its_format(annotate, tmp_path):
    outputs = [tmp_path / name for name in ("a.csv", "b.tsv", "c.json", "d.jsonl")]
    result = annotate(CLIP, *(part for path in outputs for part in ("--out", path)))
    assert result.exit_code == 0
    assert files(tmp_path) == ["a.csv", "b.tsv", "c.json", "d.jsonl"]
    assert result.stdout.split("\n\n")[2:] == [
        *(str(path) for path in outputs[:-1]),
        f"{outputs[-1]}\n",
    ]
    assert len(json.loads((tmp_path / "c.json").read_text("utf-8"))["rows"]) == 5


@pytest.mark.parametrize("out", ["labels.txt", "timelines/"])
def test_format_tells_the_format_where_no_suffix_does(out, annotate, tmp_path):
    assert annotate(CLIP, "--format", "json", "--out", f"{tmp_path}/{out}").exit_code == 0
    written = tmp_path / ("timelines/P00_happy.json" if out.endswith("/") else out)
    assert len(json.loads(written.read_text("utf-8"))["rows"]) == 5


@pytest.mark.parametrize("out", ["labels.xlsx", "labels"])
def test_an_unknown_suffix_is_refused_before_anything_is_done(out, annotate, tmp_path):
    result = annotate(CLIP, "--out", tmp_path / out)
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2
    assert out in line
    assert ".csv .tsv .json .jsonl" in line
    assert files(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_one_line(annotate, tmp_path):
    (tmp_path / "file").touch()
    result = annotate(CLIP, "-q", "--out", tmp_path / "file" / "labels.csv")
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert "cannot be written" in line
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("outs", [["d/", "d/"], ["d/", "d/P00_happy.csv"], ["x.csv", "x.csv"]])
def test_two_outputs_with_one_file_are_refused_before_anything_is_done(outs, annotate, tmp_path):
    typed = [part for out in outs for part in ("--out", f"{tmp_path}/{out}")]
    result = annotate(CLIP, "-q", *typed)
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert "would be written twice" in line
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="its limits are others")
@pytest.mark.parametrize("length", [245, 250])
def test_a_timeline_whose_name_is_too_long_costs_only_its_clip(length, annotate, clips, tmp_path):
    name = "a" * length + ".mp4"
    (clips / "P00_happy.mp4").rename(clips / name)
    for _ in range(2):
        result = annotate(clips, "--out", f"{tmp_path}/out/")
        assert result.exit_code == 3
        assert f"{name[:-4]}.csv: cannot be written (File name too long)" in result.stderr
        kept = [f"{stem}.csv" for stem in MIRRORED if stem != "P00_happy"]
        assert files(tmp_path / "out") == sorted(["fer-annotation.jsonl", *kept])


@pytest.mark.skipif(sys.platform == "win32", reason="its limits are others")
def test_a_finished_clip_whose_timeline_cannot_be_written_costs_only_itself(
    fer, model_folder, annotate, clips, tmp_path
):
    out = tmp_path / "out"
    (clips / "P00_happy.mp4").rename(clips / ("a" * 247 + ".mp4"))
    search = SearchOptions(sampling=SamplingOptions(every=10))
    outputs = [Output(out, "csv", folder=True)]
    plan = plan_annotation([clips], model_folder, search, outputs)
    list(run_annotation(plan, 1, lambda _: None))  # and is stopped before it clears up
    assert len(plan_annotation([clips], model_folder, search, outputs).finished) == 1
    result = annotate(clips, "--out", f"{out}/")
    assert result.exit_code == 3
    assert "cannot be written (File name too long)" in result.stderr
    kept = [f"{stem}.csv" for stem in MIRRORED if stem != "P00_happy"]
    assert files(out) == sorted(["fer-annotation.jsonl", *kept])


# What is there already


def test_our_own_timeline_is_replaced_with_a_note(annotate, tmp_path):
    out = tmp_path / "labels.csv"
    annotate(CLIP, "--out", out)
    result = annotate(TWO_PEOPLE, "--every", 40, "--out", out)
    assert result.exit_code == 0
    assert said(result) == [f"{out}: a timeline of an earlier run, will be replaced"]
    assert {row["video"] for row in read(out)} == {"two_people.mp4"}


@pytest.mark.parametrize(
    ("existing", "out"),
    [("labels.csv", "labels.csv"), ("labels.json", "labels.json"), ("out/P00_happy.csv", "out/")],
)
def test_any_other_file_is_refused_until_overwrite(existing, out, annotate, tmp_path):
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text(FOREIGN)
    refused = annotate(CLIP, "-q", "--out", f"{tmp_path}/{out}")
    (line,) = refused.stderr.splitlines()
    assert refused.exit_code == 1
    assert str(path) in line
    assert "--overwrite" in line
    assert path.read_text() == FOREIGN
    assert files(tmp_path) == [existing]
    assert annotate(CLIP, "--overwrite", "--out", f"{tmp_path}/{out}").exit_code == 0
    assert path.read_text() != FOREIGN


def test_one_file_in_the_way_stops_all_before_anything_is_done(annotate, clips, tmp_path):
    (tmp_path / "notes.csv").write_text(FOREIGN)
    result = annotate(clips, "--out", f"{tmp_path}/out/", "--out", tmp_path / "notes.csv")
    assert result.exit_code == 1
    assert not (tmp_path / "out").exists()


def test_a_failed_run_leaves_an_earlier_timeline_as_it_was(annotate, tmp_path):
    out = tmp_path / "labels.csv"
    annotate(CLIP, "--out", out)
    before = out.read_bytes()
    _text(tmp_path / "broken.mp4")
    assert annotate(tmp_path / "broken.mp4", "--out", out).exit_code == 1
    assert out.read_bytes() == before


def test_a_second_run_into_a_folder_skips_what_is_finished(annotate, clips, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/")
    before = changed(tmp_path / "out")
    result = annotate(clips, "--out", f"{tmp_path}/out/")
    assert result.exit_code == 0
    assert said(result) == ["4 clips finished already, not shown here"]
    assert changed(tmp_path / "out") == before


def rewritten(annotate, clips: Path, out: Path, *arguments: object) -> set[str]:
    """Return which timelines in a folder another run writes again."""
    before = changed(out)
    assert annotate(clips, "--out", f"{out}/", *arguments).exit_code == 0
    return {name for name, when in changed(out).items() if before.get(name) != when}


EVERYTHING = {f"{name}.csv" for name in MIRRORED}


def test_a_changed_clip_is_annotated_again(annotate, clips, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/")
    shutil.copy(TWO_PEOPLE, clips / "P00_happy.mp4")
    assert rewritten(annotate, clips, tmp_path / "out", "--every", 10) == {"P00_happy.csv"}
    assert {row["face"] for row in read(tmp_path / "out/P00_happy.csv")} == {"0", "1"}


def test_a_new_clip_is_added_and_a_lost_timeline_made_again(annotate, clips, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/")
    (tmp_path / "out/P00_neutral.csv").unlink()
    shutil.copy(CLIP, clips / "new.mp4")
    assert rewritten(annotate, clips, tmp_path / "out") == {"P00_neutral.csv", "new.csv"}


@pytest.mark.parametrize("options", [["--every", 25], ["--faces", "largest"], ["--overwrite"]])
def test_other_options_annotate_everything_again(options, annotate, clips, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/")
    assert rewritten(annotate, clips, tmp_path / "out", *options) == EVERYTHING


def test_another_model_annotates_everything_again(annotate, clips, model_folder, tmp_path):
    annotate(clips, "--out", f"{tmp_path}/out/")
    other = shutil.copytree(model_folder, tmp_path / "other")
    spec = json.loads((other / "spec.json").read_text("utf-8"))
    (other / "spec.json").write_text(json.dumps(spec | {"network": "other"}), "utf-8")
    assert rewritten(annotate, clips, tmp_path / "out", "--model", other) == EVERYTHING


def test_a_clip_that_failed_is_tried_again(annotate, clips, tmp_path):
    _text(clips / "broken.mp4")
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 3
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 3
    shutil.copy(CLIP, clips / "broken.mp4")
    assert rewritten(annotate, clips, tmp_path / "out") == {"broken.csv"}


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


# Runs that are stopped


def start(clips: Path, model: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Start ``fer annotate`` in a process of its own."""
    command = [sys.executable, "-m", "fer_pipeline", "annotate", str(clips), "--workers", "1"]
    command += ["--every", "3", "--model", str(model), *options]
    return subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str], below: Path, number: int) -> str:
    """Send a signal as soon as a first clip is finished; return what was said."""
    with process:
        while not any(below.rglob("*.json")):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02)
        process.send_signal(number)
        return process.communicate()[1]


@posix
def test_a_run_that_was_killed_goes_on_and_gives_the_same_bytes(fer, model_folder, clips, tmp_path):
    (tmp_path / "once").mkdir()
    command = ["annotate", clips, "--every", 3, "--model", model_folder]
    once = fer(*command, "--out", tmp_path / "once/labels.csv")
    out = tmp_path / "again" / "labels.csv"
    process = start(clips, model_folder, "--out", str(out))
    stop(process, tmp_path / "again", signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    again = fer(*command, "--out", out)
    assert again.exit_code == 0
    assert "finished by an earlier run" in again.stderr
    assert out.read_bytes() == (tmp_path / "once/labels.csv").read_bytes()
    assert again.stdout.replace("again", "once") == once.stdout
    assert [path.name for path in out.parent.iterdir()] == ["labels.csv"]


@posix
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupted_run_keeps_what_was_finished(
    number, status, word, fer, model_folder, clips, tmp_path
):
    out = tmp_path / "out"
    process = start(clips, model_folder, "--out", f"{out}/")
    stderr = stop(process, out, number)
    assert process.returncode == status
    assert stderr.splitlines()[-1].startswith(f"fer: {word}; ")
    assert "Traceback" not in stderr
    before = changed(out)
    assert before
    again = fer("annotate", clips, "--every", 3, "--model", model_folder, "--out", f"{out}/")
    assert again.exit_code == 0
    assert set(changed(out)) == EVERYTHING
    assert files(out) == sorted(["fer-annotation.jsonl", *EVERYTHING])


@posix
def test_an_interrupted_run_without_outputs_leaves_nothing(model_folder, clips, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(clips, model_folder, TMPDIR=str(scratch))
    stop(process, scratch, signal.SIGINT)
    assert process.returncode == 130
    assert not any(scratch.iterdir())


def test_a_full_disk_ends_the_run_in_one_line(fer, model_folder, few_videos, small_disk):
    filler = small_disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while file.write(bytes(2**16)):
            file.flush()
    words = ["annotate", few_videos, "--model", model_folder, "--out", small_disk / "labels.csv"]
    full = fer(*words, "-q", "--workers", 1)
    assert full.exit_code == 1
    assert full.stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in full.stderr
    assert not (small_disk / "labels.csv").exists()
    filler.unlink()
    assert fer(*words, "--every", 10).exit_code == 0
    assert sorted(path.name for path in small_disk.iterdir()) == ["labels.csv"]
