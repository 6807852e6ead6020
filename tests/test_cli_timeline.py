"""``fer timeline``: what was written once is analysed, and handed over in other formats."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from pympi.Elan import Eaf

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import OutputError
from fer_pipeline.exports import FORMATS, write_timeline
from fer_pipeline.outputs import parse_outputs
from fer_pipeline.timeline import People, TimelineRow, open_timeline
from fer_pipeline.timeline_people import find_people
from tests.media import PARTICIPANTS

EMOTIONS = ("neutral", "happiness")
CLIP = PARTICIPANTS / "P00_happy.mp4"


def clip(video: str, shares: list[float | None]) -> list[TimelineRow]:
    return [
        TimelineRow(video, i, i / 10, Status.NO_FACE)
        if share is None
        else TimelineRow(
            video, i, i / 10, Status.OK, 0, Box(1, 2, 30, 40), 5.0, (round(1 - share, 6), share)
        )
        for i, share in enumerate(shares)
    ]


HAPPY = clip("P1_happy.mp4", [0.2] * 10 + [0.9] * 10 + [None] * 5)
NEUTRAL = clip("P1_neutral.mp4", [0.3] * 20)


@pytest.fixture
def labels(tmp_path) -> Path:
    path = tmp_path / "labels.csv"
    write_timeline(path, "csv", [*HAPPY, *NEUTRAL], EMOTIONS)
    return path


@pytest.fixture
def happy(tmp_path) -> Path:
    path = tmp_path / "happy.csv"
    write_timeline(path, "csv", HAPPY, EMOTIONS)
    return path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_summary_tells_how_often_and_how_long(labels, fer):
    result = fer("timeline", labels)
    assert result.exit_code == 0
    cells = [line.split() for line in result.stdout.splitlines()]
    assert ["P1_happy.mp4", "0", "happiness", "1", "1.00", "0.90"] in cells
    assert ["all", "neutral", "2", "3.00", "0.80"] in cells


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_timeline_becomes_any_format_by_the_end_of_the_name(format_name, happy, tmp_path, fer):
    path = tmp_path / "out" / f"a{FORMATS[format_name].suffix}"
    assert fer("timeline", happy, "--out", path).exit_code == 0
    assert path.stat().st_size
    assert not [name for name in files(tmp_path) if name.endswith((".unfinished", ".lock"))]


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_folder_gets_a_file_of_each_clip(format_name, labels, tmp_path, fer):
    assert (
        fer("timeline", labels, "--out", f"{tmp_path}/o/", "--format", format_name).exit_code == 0
    )
    suffix = FORMATS[format_name].suffix
    assert {f"P1_happy{suffix}", f"P1_neutral{suffix}"} <= files(tmp_path / "o")


def test_rows_go_through_all_formats_and_come_back_the_same(labels, tmp_path, fer):
    before = labels
    for name in ("a.tsv", "b.json", "c.jsonl", "d.parquet", "e.csv"):
        assert fer("timeline", before, "--out", tmp_path / name).exit_code == 0
        before = tmp_path / name
    assert before.read_bytes() == labels.read_bytes()


def test_several_timelines_and_folders_make_one_table(tmp_path, fer):
    write_timeline(tmp_path / "t" / "x" / "a.csv", "csv", HAPPY, EMOTIONS)
    write_timeline(tmp_path / "t" / "b.json", "json", NEUTRAL, EMOTIONS)
    (tmp_path / "t" / "fer-annotation.jsonl").write_text("{}\n")
    (tmp_path / "t" / "notes.csv").write_text("a,b\n")
    table = (tmp_path / "t" / "x" / "a.csv").read_text()
    (tmp_path / "t" / "x" / "a.csv").write_text("\ufeff" + table.replace(",", ";"), "utf-8")
    result = fer("timeline", tmp_path / "t", "--out", tmp_path / "all.csv")
    assert result.exit_code == 0, result.stderr
    rows = list(open_timeline(tmp_path / "all.csv").rows())
    assert sorted(rows, key=lambda row: (row.video, row.frame)) == [*HAPPY, *NEUTRAL]


def test_baseline_and_smoothing_are_columns_beside_the_raw_ones(labels, tmp_path, fer):
    out = tmp_path / "out.csv"
    result = fer(
        "timeline", labels, "--baseline", "*_neutral", "--smooth", "mean:0.3", "--out", out
    )
    assert result.exit_code == 0, result.stderr
    raw, made = pd.read_csv(labels), pd.read_csv(out)
    pd.testing.assert_frame_equal(made[list(raw.columns)], raw)
    assert list(made.columns[len(raw.columns) :]) == [
        "baseline_neutral", "baseline_happiness", "smoothed_neutral", "smoothed_happiness",
    ]  # fmt: skip
    assert made.baseline_happiness[0] == pytest.approx(-0.1)
    assert made.smoothed_happiness[10] == pytest.approx((-0.1 + 0.6 + 0.6) / 3, abs=1e-6)
    assert made.smoothed_happiness[20:25].isna().all()


def test_how_it_was_made_stands_beside_it(labels, tmp_path, fer):
    fer(
        "timeline",
        labels,
        "--baseline",
        "auto",
        "--smooth",
        "median:0.3",
        "--out",
        f"{tmp_path}/o/",
    )
    told = json.loads((tmp_path / "o" / "fer-timeline.json").read_text("utf-8"))
    assert told["smoothing"] == {"method": "median", "seconds": 0.3, "of": "baseline"}
    (one,) = told["baseline"]["people"].values()
    assert (one["person"], one["clips"]) == ("P1", ["P1_neutral.mp4"])
    assert (one["start"], one["end"], one["frames"]) == (0.0, 2.0, 20)
    assert one["means"] == {"neutral": 0.7, "happiness": 0.3}
    assert told["participants"] == {"P1_happy.mp4": "P1", "P1_neutral.mp4": "P1"}
    assert told["sources"][0]["path"] == str(labels)


def test_a_mere_change_of_format_leaves_no_record(labels, tmp_path, fer):
    fer("timeline", labels, "--out", f"{tmp_path}/o/")
    assert files(tmp_path / "o") == {"P1_happy.csv", "P1_neutral.csv"}


def test_smoothed_values_are_the_ones_that_make_segments(tmp_path, fer):
    write_timeline(tmp_path / "a.csv", "csv", clip("a.mp4", [0.1, 0.9] * 20), EMOTIONS)
    calm = ("--smooth", "median:2", "--leave", "0.5", "--merge", 0, "--min-duration", 0)
    fer("timeline", tmp_path / "a.csv", "--out", tmp_path / "r.segments.csv", *calm[2:])
    fer("timeline", tmp_path / "a.csv", "--out", tmp_path / "s.segments.csv", *calm)
    raw, smooth = (len(pd.read_csv(tmp_path / f"{name}.segments.csv")) for name in "rs")
    assert raw == 40
    assert smooth < raw
    # What is smoothed already needs not be smoothed again.
    fer("timeline", tmp_path / "a.csv", "--out", tmp_path / "s.csv", *calm[:2])
    fer("timeline", tmp_path / "s.csv", "--out", tmp_path / "t.segments.csv", *calm[2:])
    assert (tmp_path / "t.segments.csv").read_bytes() == (tmp_path / "s.segments.csv").read_bytes()


def test_an_elan_file_links_the_clip_in_the_folder_of_media(tmp_path, fer):
    media = tmp_path / "videos"
    media.mkdir()
    shutil.copy2(CLIP, media / "a.mp4")
    write_timeline(tmp_path / "a.csv", "csv", clip("a.mp4", [0.9] * 9), EMOTIONS)
    fer("timeline", tmp_path / "a.csv", "--media", media, "--out", tmp_path / "o" / "a.eaf")
    (linked,) = Eaf(tmp_path / "o" / "a.eaf").get_linked_files()
    assert linked["RELATIVE_MEDIA_URL"] == "../videos/a.mp4"
    assert (tmp_path / "o" / linked["RELATIVE_MEDIA_URL"]).exists()


def test_a_timeline_of_annotate_goes_on(model_folder, tmp_path, fer):
    labels = tmp_path / "labels.csv"
    assert fer("annotate", CLIP, "--model", model_folder, "--out", labels).exit_code == 0
    result = fer("timeline", labels, "--smooth", "savgol:0.5", "--out", tmp_path / "a.TextGrid")
    assert result.exit_code == 0, result.stderr
    fer("timeline", labels, "--out", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == labels.read_bytes()


def test_annotate_writes_the_other_formats_too(model_folder, tmp_path, fer):
    outs = [part for name in ("a.eaf", "a.parquet", "a.vtt") for part in ("--out", tmp_path / name)]
    result = fer("annotate", CLIP, "--every", 10, "--model", model_folder, *outs)
    assert result.exit_code == 0, result.stderr
    assert {"a.eaf", "a.parquet", "a.vtt"} <= files(tmp_path)
    two = (CLIP, PARTICIPANTS / "P00_sad.mp4")
    result = fer("annotate", *two, "--model", model_folder, "--out", tmp_path / "b.eaf")
    assert result.exit_code == 1
    assert "b.eaf: such a file holds one clip, and there are 2; give a folder" in result.stderr


# Overwriting


def test_what_fer_wrote_is_replaced_and_told(happy, tmp_path, fer):
    out = ("--out", tmp_path / "a.eaf", "--out", tmp_path / "a_events.tsv", "--smooth", "mean:1")
    assert fer("timeline", happy, *out).exit_code == 0
    result = fer("timeline", happy, *out)
    assert result.exit_code == 0
    assert "a.eaf: written by an earlier run, will be replaced" in result.stderr


@pytest.mark.parametrize(
    "name", ["a.csv", "a.eaf", "a.srt", "a_events.tsv", "a_events.json", "a.eaf.analysis.json"]
)
def test_anything_else_is_left_alone_until_asked(name, happy, tmp_path, fer):
    (tmp_path / name).write_text("mine")
    out = {"a_events.json": "a_events.tsv", "a.eaf.analysis.json": "a.eaf"}.get(name, name)
    result = fer("timeline", happy, "--out", tmp_path / out)
    assert result.exit_code == 1
    assert f"{name}: exists and is no" in result.stderr
    assert (tmp_path / name).read_text() == "mine"
    assert fer("timeline", happy, "--out", tmp_path / out, "--overwrite").exit_code == 0
    assert (tmp_path / name).read_text() != "mine"


def test_work_done_in_elan_is_left_alone(happy, tmp_path, fer):
    fer("timeline", happy, "--out", tmp_path / "a.eaf")
    eaf = Eaf(tmp_path / "a.eaf")
    eaf.add_tier("mine")
    eaf.to_file(tmp_path / "a.eaf")
    result = fer("timeline", happy, "--out", tmp_path / "a.eaf")
    assert result.exit_code == 1
    assert "was changed since" in result.stderr


def test_what_is_read_is_never_written(happy, fer):
    before = happy.read_bytes()
    result = fer("timeline", happy, "--out", happy, "--overwrite", "--smooth", "mean:1")
    assert result.exit_code == 1
    assert "is one of the timelines read" in result.stderr
    assert happy.read_bytes() == before


# What goes wrong


def test_of_several_the_others_are_done(happy, tmp_path, fer):
    (tmp_path / "bad.csv").write_text(happy.read_text().replace("0.100000,0.900000", "0.1,high"))
    out = tmp_path / "o"
    result = fer("timeline", happy, tmp_path / "bad.csv", "--out", f"{out}/")
    assert result.exit_code == 3
    assert files(out) == {"P1_happy.csv"}
    assert "bad.csv" in result.stderr
    assert "line 12: the happiness 'high' is no number" in result.stderr


def test_one_that_cannot_be_read_is_one_line(tmp_path, fer):
    (tmp_path / "bad.csv").write_text("a,b\n")
    result = fer("timeline", tmp_path / "bad.csv", "--out", tmp_path / "o.csv")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"fer: {tmp_path / 'bad.csv'}: is no timeline made by fer")
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("given", ["missing.csv", "empty"])
def test_what_is_not_there_is_told(given, tmp_path, fer):
    (tmp_path / "empty").mkdir()
    result = fer("timeline", tmp_path / given)
    assert result.exit_code == 1
    assert given in result.stderr


def test_one_clip_in_two_timelines_is_told(happy, tmp_path, fer):
    shutil.copy2(happy, tmp_path / "copy.csv")
    result = fer("timeline", happy, tmp_path / "copy.csv")
    assert result.exit_code == 1
    assert "holds the clip P1_happy.mp4, as" in result.stderr


def test_timelines_of_two_models_do_not_make_one_table(happy, tmp_path, fer):
    write_timeline(tmp_path / "b.csv", "csv", clip("b.mp4", [0.5] * 3), ("neutral", "joy"))
    result = fer("timeline", happy, tmp_path / "b.csv", "--out", tmp_path / "o.csv")
    assert result.exit_code == 1
    assert "has other emotions than" in result.stderr
    out = tmp_path / "o"
    assert fer("timeline", happy, tmp_path / "b.csv", "--out", f"{out}/").exit_code == 0


@pytest.mark.parametrize("name", ["a.eaf", "a.vtt", "a_events.tsv"])
def test_several_clips_in_a_file_for_one_are_refused(name, labels, tmp_path, fer):
    result = fer("timeline", labels, "--out", tmp_path / name)
    assert result.exit_code == 1
    assert "such a file holds one clip, and there are 2" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--smooth", "median"),
        ("--baseline", "3-2"),
        ("--enter", "0.2", "--leave", "0.5"),
        ("--enter", "2"),
        ("--out", "a.doc"),
    ],
)
def test_wrong_usage(arguments, happy, fer):
    assert fer("timeline", happy, *arguments).exit_code == 2


def test_a_library_that_is_missing_is_one_line_before_anything_is_done(
    happy, tmp_path, fer, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = fer("timeline", happy, "--out", tmp_path / "a.parquet")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith("needs pyarrow; pip install 'fer-pipeline[timeline]'")


# Who is who


def people_table(folder: Path, text: str) -> Path:
    path = folder / "people.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_names_people_and_faces(tmp_path):
    table = people_table(
        tmp_path, "Video;Participant;face\nx/a.mp4;P1;0\na.mp4;P2;1\nb.mp4;P3;\nz.mp4;P4;\n"
    )
    found = find_people(["x/a.mp4", "b.mp4"], People(), table)
    assert found.people.by_face == {("x/a.mp4", 0): "P1", ("x/a.mp4", 1): "P2"}
    assert found.people.by_clip == {"b.mp4": "P3"}
    assert found.strangers == ("z.mp4",)


def test_names_tell_where_nobody_does():
    found = find_people(
        ["P1_happy.mp4", "P2/talk.mp4", "talk.mp4", "happy_take1.mp4"], People(), None
    )
    assert found.guessed == {"P1_happy.mp4": "P1", "P2/talk.mp4": "P2"}
    assert found.untold == ("talk.mp4", "happy_take1.mp4")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("video\na.mp4\n", "the header lacks participant"),
        ("video,participant\na.mp4,\n", "line 2: a cell is empty"),
        ("video,participant,face\na.mp4,P1,left\n", "line 2: the face 'left' is none"),
        ("video,participant\na.mp4,P1\n", "may be x/a.mp4 or y/a.mp4"),
    ],
)
def test_a_table_that_makes_no_sense_is_told(text, problem, tmp_path, fer):
    rows = [*clip("x/a.mp4", [0.9]), *clip("y/a.mp4", [0.9])]
    write_timeline(tmp_path / "t.csv", "csv", rows, EMOTIONS)
    table = people_table(tmp_path, text)
    result = fer("timeline", tmp_path / "t.csv", "--participants", table)
    assert result.exit_code == 1
    assert problem in result.stderr


def test_a_column_of_participants_names_people(tmp_path, fer):
    rows = [*clip("a.mp4", [0.1] * 4), *clip("b.mp4", [0.9] * 4)]
    write_timeline(tmp_path / "t.csv", "csv", rows, EMOTIONS)
    table = pd.read_csv(tmp_path / "t.csv")
    table["participant"] = "P9"
    table.to_csv(tmp_path / "t.csv", index=False)
    result = fer("timeline", tmp_path / "t.csv", "--baseline", "a", "--out", tmp_path / "o.csv")
    assert result.exit_code == 0, result.stderr
    assert pd.read_csv(tmp_path / "o.csv").baseline_happiness.iloc[-1] == pytest.approx(0.8)


def test_a_person_without_the_reference_is_named(labels, fer):
    result = fer("timeline", labels, "--baseline", "7-9")
    assert result.exit_code == 1
    assert "--baseline 7-9: nothing is seen there of P1" in result.stderr


def test_two_outputs_that_are_one_file_are_refused(tmp_path):
    with pytest.raises(OutputError, match="would be written twice"):
        parse_outputs([str(tmp_path / "a_events.tsv"), str(tmp_path / "a_events.json")], None)


def test_cells_of_a_csv_stay_cells(tmp_path, fer):
    name = '=HYPERLINK("x")\n<script>.mp4'
    write_timeline(tmp_path / "t.csv", "csv", clip(name, [0.9] * 5), EMOTIONS)
    assert fer("timeline", tmp_path / "t.csv", "--out", tmp_path / "o.csv").exit_code == 0
    with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as file:
        assert {row["video"] for row in csv.DictReader(file)} == {f"'{name}"}
    assert {row.video for row in open_timeline(tmp_path / "o.csv").rows()} == {name}


# Results among what is read


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of two timelines."""
    path = tmp_path / "t"
    write_timeline(path / "P1_happy.csv", "csv", HAPPY, EMOTIONS)
    write_timeline(path / "P1_neutral.csv", "csv", NEUTRAL, EMOTIONS)
    return path


@pytest.mark.parametrize("out", ["smooth/", "below/all.csv", "all.json", "deep/down/"])
def test_results_inside_the_folder_are_not_taken_for_inputs(out, folder, fer):
    words = ["--smooth", "mean:0.3", "--out", f"{folder}/{out}"]
    assert fer("timeline", folder, *words).exit_code == 0
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    again = fer("timeline", folder, *words)
    assert again.exit_code == 0, again.output
    kept = {name for name in before if not name.endswith(".json") or "analysis" not in name}
    kept -= {name for name in before if name.endswith("fer-timeline.json")}
    assert {name: (folder / name).read_bytes() for name in kept} == {
        name: before[name] for name in kept
    }


def test_another_format_may_stand_beside_each_timeline(folder, fer):
    words = ["--format", "json", "--out", f"{folder}/"]
    for _ in range(2):
        result = fer("timeline", folder, *words)
        assert result.exit_code == 0, result.output
    assert files(folder) == {
        f"P1_{name}.{end}" for name in ("happy", "neutral") for end in ("csv", "json")
    }


def test_results_in_the_place_of_what_is_read_are_refused(folder, fer):
    for _ in range(2):
        result = fer("timeline", folder, "--smooth", "mean:0.3", "--out", f"{folder}/")
        assert result.exit_code == 1
        assert "is one of the timelines read; give another --out" in result.stderr
    assert files(folder) == {"P1_happy.csv", "P1_neutral.csv"}


def test_timelines_below_the_place_of_results_are_read_if_there_are_no_others(folder, fer):
    words = ["--format", "json", "--out", f"{folder}/"]
    for _ in range(2):
        assert fer("timeline", folder.parent, *words).exit_code == 0
    assert (folder / "P1_happy.json").exists()
