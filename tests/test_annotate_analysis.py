"""``fer annotate`` makes of a timeline at once what ``fer timeline`` makes of it later."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result

ANALYSIS = ["--baseline", "auto", "--smooth", "median:1", "--enter", "0.4", "--leave", "0.3"]


@pytest.fixture
def annotate(fer, model_folder):
    """Run ``fer annotate`` with a model, quickly."""

    def run(*arguments: object) -> Result:
        result = fer("annotate", "--every", 5, "--model", model_folder, *arguments)
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def clips(few_videos, tmp_path) -> Path:
    """Two clips of one person and one of another."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("P00_happy", "P00_neutral", "P07_happy"):
        shutil.copy2(few_videos / f"{name}.mp4", folder)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".csv", ".eaf", ".TextGrid", ".srt", "_events.tsv"])
def test_it_writes_what_the_timeline_command_writes(suffix, annotate, fer, clips, tmp_path):
    clip = clips / "P00_happy.mp4"
    plain, direct, later = (clips / f"{name}{suffix}" for name in ("plain", "direct", "later"))
    plain = clips / "plain.csv"
    annotate(clip, "--out", plain)
    annotate(clip, "--out", direct, *ANALYSIS)
    assert fer("timeline", plain, "--out", later, *ANALYSIS).exit_code == 0
    assert comparable(direct) == comparable(later)


def comparable(path: Path) -> list[str]:
    """Return the lines of a file without the times at which it was made and its own digest."""
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if "DATE" not in line and "fer" not in line]


def test_the_raw_columns_stay_as_they_are(annotate, clips, tmp_path):
    raw, analysed = tmp_path / "raw.csv", tmp_path / "analysed.csv"
    annotate(clips, "--out", raw)
    annotate(clips, "--out", analysed, *ANALYSIS)
    names = rows(raw)[0].keys()
    assert [{name: row[name] for name in names} for row in rows(analysed)] == rows(raw)
    assert {"baseline_happiness", "smoothed_happiness"} <= rows(analysed)[0].keys()


def test_a_baseline_is_over_all_clips_of_a_person(annotate, clips, tmp_path):
    out = tmp_path / "labels.csv"
    words = ["--baseline", "*neutral*", "--participants", people(tmp_path)]
    said = annotate(clips, "--out", out, *words).stderr
    assert "baseline of A: " in said
    told = json.loads((tmp_path / "labels.csv.analysis.json").read_text("utf-8"))
    assert told["baseline"]["people"].keys() == {"A"}
    assert {one["path"] for one in told["sources"]} == {str(path) for path in clips.iterdir()}


def people(folder: Path) -> Path:
    path = folder / "people.csv"
    names = ("P00_happy", "P00_neutral", "P07_happy")
    path.write_text("video,participant\n" + "".join(f"{name}.mp4,A\n" for name in names), "utf-8")
    return path


def test_a_folder_with_a_baseline_is_made_anew_when_a_clip_joins(annotate, clips, tmp_path):
    """The person may be calmer in the new one."""
    out = tmp_path / "timelines"
    kept = clips / "P00_neutral.mp4"
    aside = shutil.move(kept, tmp_path / kept.name)
    options = ["--out", f"{out}/", "--baseline", "auto"]
    annotate(clips, *options)
    assert "finished already" in annotate(clips, *options).stderr
    shutil.move(aside, kept)
    assert "finished already" not in annotate(clips, *options).stderr
    told = json.loads((out / "fer-timeline.json").read_text("utf-8"))
    assert {one["path"] for one in told["sources"]} == {str(path) for path in clips.iterdir()}


def test_other_segments_are_other_files(annotate, clips, tmp_path):
    out = tmp_path / "timelines"
    options = ["--out", f"{out}/", "--format", "srt"]
    annotate(clips, *options)
    assert "finished already" in annotate(clips, *options).stderr
    again = annotate(clips, *options, "--overwrite", "--enter", "0.9")
    assert "finished already" not in again.stderr


def test_several_clips_in_one_file_of_segments_are_refused(fer, clips, model_folder, tmp_path):
    result = fer("annotate", clips, "--model", model_folder, "--out", tmp_path / "all.eaf")
    assert result.exit_code in (1, 2)
    assert "such a file holds one clip, and there are 3; give a folder" in result.stderr
    assert not (tmp_path / "all.eaf").exists()


def test_one_clip_made_anew_keeps_the_references_of_all(annotate, clips, tmp_path):
    out = tmp_path / "timelines"
    options = ["--out", f"{out}/", "--baseline", "auto", "--participants", people(tmp_path)]
    annotate(clips, *options)
    before = rows(out / "P00_happy.csv")
    (out / "P00_happy.csv").unlink()
    annotate(clips, *options)
    assert rows(out / "P00_happy.csv") == before


def test_a_record_of_an_analysis_does_not_outlive_it(annotate, clips, tmp_path):
    out = tmp_path / "labels.csv"
    record = tmp_path / "labels.csv.analysis.json"
    annotate(clips, "--out", out, "--smooth", "median:1")
    assert record.exists()
    annotate(clips, "--out", out)
    assert not record.exists()
