"""``fer annotate``: where timelines go, and what of an earlier run stays."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from fer_pipeline.annotation import plan_annotation, run_annotation
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.outputs import Output
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.workers import Crew
from tests.cli_annotate.results import (
    CLIP,
    EVERYTHING,
    MIRRORED,
    changed,
    files,
    not_a_video,
    read,
    said,
)
from tests.media import (
    TWO_PEOPLE,
    noise,
    write_video,
)

FOREIGN = "frame,emotion\n0,anger\n"

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
    list(run_annotation(plan, Crew(), lambda _: None))  # and is stopped before it clears up
    assert len(plan_annotation([clips], model_folder, search, outputs).finished) == 1
    result = annotate(clips, "--out", f"{out}/")
    assert result.exit_code == 3
    assert "cannot be written (File name too long)" in result.stderr
    kept = [f"{stem}.csv" for stem in MIRRORED if stem != "P00_happy"]
    assert files(out) == sorted(["fer-annotation.jsonl", *kept])


@pytest.mark.skipif(sys.platform == "win32", reason="its limits are others")
@pytest.mark.parametrize("format_name", ["segments", "bids"])
def test_a_suffix_that_makes_a_name_too_long_costs_only_its_clip(
    format_name, annotate, clips, tmp_path
):
    (clips / "P00_happy.mp4").rename(clips / ("a" * 250 + ".mp4"))
    result = annotate(clips, "--out", f"{tmp_path}/out/", "--format", format_name)
    assert result.exit_code == 3
    assert "cannot be written (File name too long)" in result.stderr
    assert {name.split(".")[0].removesuffix("_events") for name in files(tmp_path / "out")} == {
        "fer-annotation",
        "fer-timeline",
        *(stem for stem in MIRRORED if stem != "P00_happy"),
    }


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
    not_a_video(tmp_path / "broken.mp4")
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
    not_a_video(clips / "broken.mp4")
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 3
    assert annotate(clips, "--out", f"{tmp_path}/out/").exit_code == 3
    shutil.copy(CLIP, clips / "broken.mp4")
    assert rewritten(annotate, clips, tmp_path / "out") == {"broken.csv"}
