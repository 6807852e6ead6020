"""Clips and a model to timelines: what the rows say, and where they go."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.annotation import plan_annotation, publish, run_annotation
from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Box, Frame
from fer_pipeline.errors import ModelError, OutputError, UsageError, VideoError
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import CropOptions, crop
from fer_pipeline.outputs import (
    MANIFEST_FILE,
    Output,
    add_to_manifest,
    mirrored_targets,
    read_manifest,
    refuse_shared_paths,
)
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.sources import Source
from fer_pipeline.timeline import LEADING_COLUMNS
from fer_pipeline.video import open_video
from fer_pipeline.workers import Crew
from tests.media import PARTICIPANTS, SESSION, TWO_PEOPLE, noise, pictures_of, write_video

CLIP = PARTICIPANTS / "P00_happy.mp4"
EMOTIONS = ("neutral", "happiness", "surprise")

Rows = list[dict[str, str]]


def annotate(
    clips: Sequence[Path],
    model: Path,
    *outputs: Output,
    options: SearchOptions = SearchOptions(),
    workers: int = 1,
) -> dict[str, bool]:
    """Annotate clips; return by name of the clip whether it was damaged."""
    plan = plan_annotation(clips, model, options, outputs)
    done = {
        outcome.task.source.name: outcome.result
        for outcome in run_annotation(plan, Crew(workers), lambda _: None)
    }
    publish(plan, done, "fer annotate")
    return {name: record.damaged for name, record in done.items()}


def timeline(clip: Path, model: Path, folder: Path, **options) -> Rows:
    """Return the rows of a clip's timeline, as they are in the file."""
    path = folder / "labels.csv"
    annotate([clip], model, Output(path, "csv", folder=False), **options)
    return read(path)


def read(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def every(count: int) -> SearchOptions:
    return SearchOptions(sampling=SamplingOptions(every=count))


def numbers(rows: Rows, column: str) -> list[float]:
    return [float(row[column]) for row in rows]


@pytest.fixture(scope="module")
def clip_rows(model_folder, tmp_path_factory) -> Rows:
    """The timeline of a clip of fifty frames with one face."""
    return timeline(CLIP, model_folder, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def two_people_rows(model_folder, tmp_path_factory) -> Rows:
    """The timeline of two people side by side, every fourth frame."""
    return timeline(TWO_PEOPLE, model_folder, tmp_path_factory.mktemp("two"), options=every(4))


def covered(path: Path, start: int, end: int) -> Path:
    """Write the clip with its picture painted over in some frames."""
    pictures = pictures_of(CLIP, 50)
    for picture in pictures[start:end]:
        picture[:] = 128
    return write_video(path, pictures)


def damaged(path: Path, first: int, last: int) -> Path:
    """Write the clip with the bytes of some frames zeroed; every tenth begins anew."""
    write_video(path, pictures_of(CLIP, 50), options={"g": "10", "bf": "0"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        start, end = packets[first].pos, packets[last].pos + packets[last].size
    content = bytearray(path.read_bytes())
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return path


# What the rows say


def test_every_frame_has_one_row_with_its_number_and_its_time(clip_rows):
    assert numbers(clip_rows, "frame") == list(range(50))
    assert numbers(clip_rows, "time") == pytest.approx([n / 25 for n in range(50)], abs=1e-3)
    assert {row["video"] for row in clip_rows} == {"P00_happy.mp4"}


def test_a_longer_clip_keeps_true_times_to_its_end(model_folder, tmp_path):
    rows = timeline(SESSION, model_folder, tmp_path, options=every(40))
    assert numbers(rows, "frame") == list(range(0, 480, 40))
    assert numbers(rows, "time") == pytest.approx([n / 25 for n in range(0, 480, 40)], abs=1e-3)


def test_the_columns_are_the_leading_ones_and_the_models_emotions(clip_rows):
    assert tuple(clip_rows[0]) == (*LEADING_COLUMNS, *EMOTIONS)


def test_one_person_is_face_0_in_every_frame(clip_rows):
    assert {row["face"] for row in clip_rows} == {"0"}
    assert {row["status"] for row in clip_rows} == {"ok", "tracked"}


def test_boxes_not_detected_in_their_frame_are_told_and_stay_under_70_percent(clip_rows):
    assert all((row["status"] == "tracked") == (row["score"] == "") for row in clip_rows)
    tracked = sum(row["status"] == "tracked" for row in clip_rows)
    assert 0.5 < tracked / len(clip_rows) < 0.7


def test_probabilities_add_up_to_1_and_the_largest_gives_emotion_and_confidence(clip_rows):
    for row in clip_rows:
        told = {name: float(row[name]) for name in EMOTIONS}
        assert sum(told.values()) == pytest.approx(1, abs=3e-6)
        assert all(0 <= share <= 1 for share in told.values())
        assert told[row["emotion"]] == max(told.values()) == float(row["confidence"])


def test_a_row_tells_what_the_model_says_of_the_face_in_its_box(clip_rows, model_folder):
    classifier = Classifier(model_folder)
    spec = classifier.spec.crop
    cut = CropOptions(spec.size, spec.margin, spec.channels)
    with open_video(CLIP) as video:
        frames = [frame for frame in video.frames() if isinstance(frame, Frame)]
        for row in clip_rows[::10]:
            box = Box(*(int(row[name]) for name in ("x", "y", "width", "height")))
            face = crop(frames[int(row["frame"])], box, cut)
            expected = classifier.classify(face[np.newaxis])[0]
            assert [float(row[name]) for name in EMOTIONS] == pytest.approx(expected, abs=1e-6)


def test_two_people_are_faces_0_and_1_in_every_frame(two_people_rows):
    found = [(int(row["frame"]), row["face"]) for row in two_people_rows]
    assert found == [(frame, face) for frame in range(0, 240, 4) for face in ("0", "1")]


def test_two_people_are_numbered_from_the_left_and_keep_to_their_sides(two_people_rows):
    sides = {(row["face"], int(row["x"]) + int(row["width"]) / 2 < 320) for row in two_people_rows}
    assert sides == {("0", True), ("1", False)}


def test_only_the_largest_face_of_each_frame_if_so_asked(model_folder, tmp_path):
    options = SearchOptions(sampling=SamplingOptions(every=40), faces="largest")
    rows = timeline(TWO_PEOPLE, model_folder, tmp_path, options=options)
    assert numbers(rows, "frame") == list(range(0, 240, 40))


def test_a_clip_without_a_face_has_its_rows_with_empty_cells(model_folder, tmp_path):
    clip = write_video(tmp_path / "noise.mp4", noise(10))
    rows = timeline(clip, model_folder, tmp_path)
    assert [int(row["frame"]) for row in rows] == list(range(10))
    assert {row["status"] for row in rows} == {"no_face"}
    assert {value for row in rows for value in list(row.values())[4:]} == {""}


def test_a_face_is_carried_over_a_short_gap_without_a_score(model_folder, tmp_path):
    clip = covered(tmp_path / "short.mp4", 15, 22)
    rows = timeline(clip, model_folder, tmp_path, options=SearchOptions(detect="dense"))
    tracked = [row for row in rows if row["status"] == "tracked"]
    assert [int(row["frame"]) for row in tracked] == list(range(15, 22))
    assert {row["status"] for row in rows} == {"ok", "tracked"}
    assert {row["face"] for row in rows} == {"0"}
    assert {row["score"] for row in tracked} == {""}
    assert all(row["width"] and row["emotion"] and row["happiness"] for row in tracked)


def test_a_long_gap_has_no_face_and_the_person_comes_back_with_the_same_number(
    model_folder, tmp_path
):
    rows = timeline(covered(tmp_path / "long.mp4", 12, 38), model_folder, tmp_path)
    assert [int(row["frame"]) for row in rows] == list(range(50))
    assert [int(row["frame"]) for row in rows if row["status"] == "no_face"] == [*range(12, 38)]
    assert {row["face"] for row in rows if row["status"] == "ok"} == {"0"}


def test_frames_that_do_not_decode_have_rows_in_their_places(model_folder, tmp_path):
    clip = damaged(tmp_path / "damaged.mp4", 20, 22)
    path = tmp_path / "labels.csv"
    assert annotate([clip], model_folder, Output(path, "csv", folder=False)) == {clip.name: True}
    rows = read(path)
    lost = [row for row in rows if row["status"] == "decode_error"]
    assert numbers(rows, "frame") == list(range(50))
    assert numbers(rows, "time") == pytest.approx([n / 25 for n in range(50)], abs=1e-3)
    assert {20, 21, 22} <= {int(row["frame"]) for row in lost} <= set(range(20, 30))
    assert {value for row in lost for value in list(row.values())[4:]} == {""}
    assert {row["face"] for row in rows if row["status"] == "ok"} == {"0"}


def test_a_clip_of_one_frame_has_one_row(model_folder, tmp_path):
    clip = write_video(tmp_path / "one.mp4", pictures_of(CLIP, 1))
    (row,) = timeline(clip, model_folder, tmp_path)
    assert (row["frame"], row["time"], row["status"], row["face"]) == ("0", "0.000000", "ok", "0")


def test_times_are_the_clips_own_where_the_rate_varies(model_folder, tmp_path):
    times = [0.0, 0.04, 0.2, 0.21, 1.0]
    clip = write_video(tmp_path / "uneven.mp4", noise(5), times)
    rows = timeline(clip, model_folder, tmp_path)
    assert numbers(rows, "time") == pytest.approx(times, abs=1e-3)
    assert numbers(rows, "frame") == list(range(5))


# Where they go


def test_any_number_of_workers_writes_the_same_bytes(model_folder, few_videos, tmp_path):
    for workers in (1, 2, 4):
        folder = tmp_path / str(workers)
        outputs = [
            Output(folder / "all.csv", "csv", folder=False),
            Output(folder / "each", "json", folder=True),
        ]
        annotate([few_videos], model_folder, *outputs, options=every(10), workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(tmp_path / "4")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder with what they hold."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST_FILE
    }


def test_all_formats_hold_the_same_table(model_folder, few_videos, tmp_path):
    outputs = [
        Output(tmp_path / f"labels.{name}", name, folder=False)
        for name in ("csv", "tsv", "json", "jsonl")
    ]
    annotate([few_videos], model_folder, *outputs, options=every(10))
    content = {path.suffix: path.read_text("utf-8") for path in tmp_path.iterdir()}
    document = json.loads(content[".json"])
    assert content[".tsv"] == content[".csv"].replace(",", "\t")
    assert [json.loads(line) for line in content[".jsonl"].splitlines()] == document["rows"]
    assert document["emotions"] == list(EMOTIONS)
    for row, values in zip(read(tmp_path / "labels.csv"), document["rows"], strict=True):
        assert tuple(row) == tuple(values)
        for name, value in values.items():
            assert row[name] == value if isinstance(value, str) else float(row[name]) == value


def test_the_clips_of_one_table_come_in_the_order_of_their_names(
    model_folder, few_videos, tmp_path
):
    output = Output(tmp_path / "labels.csv", "csv", folder=False)
    clips = sorted(few_videos.iterdir(), reverse=True)
    annotate(clips, model_folder, output, options=every(25))
    found = [row["video"] for row in read(output.path)]
    assert found == sorted(clip.name for clip in clips for _ in range(2))


def test_a_plan_touches_nothing(model_folder, few_videos, tmp_path):
    outputs = [
        Output(tmp_path / "all.csv", "csv", folder=False),
        Output(tmp_path / "each", "csv", folder=True),
    ]
    plan = plan_annotation([few_videos], model_folder, SearchOptions(), outputs)
    assert len(plan.tasks) == 4
    assert not any(tmp_path.iterdir())


def test_a_piece_counts_only_for_the_same_clip_and_the_same_options(
    model_folder, few_videos, tmp_path
):
    clips = shutil.copytree(few_videos, tmp_path / "clips")
    outputs = [Output(tmp_path / "labels.csv", "csv", folder=False)]
    plan = plan_annotation([clips], model_folder, every(25), outputs)
    list(run_annotation(plan, Crew(), lambda _: None))

    def finished(options: SearchOptions) -> set[str]:
        return set(plan_annotation([clips], model_folder, options, outputs).finished)

    names = {path.name for path in clips.iterdir()}
    assert finished(every(25)) == names
    assert finished(every(24)) == set()
    plan.piece("P00_happy.mp4").with_suffix(".json").write_text('{"settings": ')
    plan.piece("P00_neutral.mp4").unlink()
    os.utime(clips / "P07_happy.mp4")
    assert finished(every(25)) == {"P07_neutral.mp4"}


@pytest.mark.parametrize(
    ("clips", "error"),
    [
        (["missing.mp4"], VideoError),
        (["empty"], VideoError),
    ],
)
def test_clips_that_are_not_there_stop_a_plan(clips, error, model_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=clips[0]):
        plan_annotation([tmp_path / name for name in clips], model_folder, SearchOptions(), ())


def test_a_folder_that_is_no_model_stops_a_plan(tmp_path):
    with pytest.raises(ModelError, match="no model folder"):
        plan_annotation([CLIP], tmp_path, SearchOptions(), ())


@pytest.mark.parametrize(
    ("typed", "format_name", "expected"),
    [
        ("labels.csv", None, ("labels.csv", "csv", False)),
        ("labels.TSV", None, ("labels.TSV", "tsv", False)),
        ("labels.txt", "jsonl", ("labels.txt", "jsonl", False)),
        ("timelines/", None, ("timelines", "csv", True)),
        ("timelines/", "json", ("timelines", "json", True)),
        ("time.lines/", None, ("time.lines", "csv", True)),
        (".", None, (".", "csv", True)),
    ],
)
def test_a_slash_makes_a_folder_and_a_suffix_a_format(typed, format_name, expected):
    output = Output.parse(typed, format_name)
    assert (str(output.path), output.format, output.folder) == expected


def test_an_existing_folder_needs_no_slash(tmp_path):
    assert Output.parse(str(tmp_path), None) == Output(tmp_path, "csv", folder=True)


def test_a_suffix_that_stands_for_nothing_is_an_error():
    with pytest.raises(UsageError, match=r"labels\.xlsx: the suffix tells the format"):
        Output.parse("labels.xlsx", None)


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["a.mp4", "b.mov"], ["a.csv", "b.csv"]),
        (["P1/a.mp4", "P2/a.mp4"], ["P1/a.csv", "P2/a.csv"]),
        (["a.mov", "a.mp4", "b.mp4"], ["a.mov.csv", "a.mp4.csv", "b.csv"]),
        (["A.mov", "a.mp4"], ["A.mov.csv", "a.mp4.csv"]),
        (["a.b.mp4", "a.c.mp4"], ["a.b.csv", "a.c.csv"]),
        (["笑 顔, 1.mp4"], ["笑 顔, 1.csv"]),
        (["a.mp4", "a.mov", "a.mov.mp4"], ["a.mp4.csv", "a.mov.csv", "a.mov.mp4.csv"]),
        (["a.mp4", "a.avi", "A.AVI.mkv"], ["a.mp4.csv", "a.avi.csv", "A.AVI.mkv.csv"]),
        (
            ["a.mp4", "a.mov", "a.mov.mp4", "a.mov.mp4.avi", "b.mp4"],
            ["a.mp4.csv", "a.mov.csv", "a.mov.mp4.csv", "a.mov.mp4.avi.csv", "b.csv"],
        ),
    ],
)
def test_a_folder_of_timelines_mirrors_the_clips(names, files):
    output = Output(Path("out"), "csv", folder=True)
    targets = mirrored_targets([Source(Path(name), name) for name in names], [output])
    assert [targets[name][output].as_posix() for name in names] == [f"out/{file}" for file in files]


@pytest.mark.parametrize(
    ("names", "typed"),
    [
        (["x.mp4"], ["d/", "d/x.csv"]),
        (["x.mp4"], ["d/", "e/../d/X.csv"]),
        (["x.mp4"], ["d/", "d/"]),
        (["x.mp4"], ["x.csv", "x.csv"]),
        (["x.mp4"], ["d/", "d/fer-annotation.jsonl"]),
        (["x.mp4", "X.mp4"], ["d/"]),
    ],
)
def test_two_outputs_never_share_a_file(names, typed):
    outputs = [Output.parse(text, None) for text in typed]
    targets = mirrored_targets([Source(Path(name), name) for name in names], outputs)
    with pytest.raises(OutputError, match=r"would be written twice, for .* and for "):
        refuse_shared_paths(outputs, targets)


def test_outputs_beside_each_other_share_nothing():
    outputs = [Output.parse(text, None) for text in ("d/", "e/", "d/all.csv", "x.csv", "x.tsv")]
    names = ["x.mp4", "y.mp4", "below/x.mp4"]
    targets = mirrored_targets([Source(Path(name), name) for name in names], outputs)
    refuse_shared_paths(outputs, targets)


def test_of_two_notes_on_a_timeline_the_later_one_counts(tmp_path):
    output = Output(tmp_path, "csv", folder=True)
    add_to_manifest(output, "a.mp4", {"size": 1})
    add_to_manifest(output, "b, b.mp4", {"size": 2})
    add_to_manifest(output, "a.mp4", {"size": 3})
    assert read_manifest(output) == {"a.mp4": {"size": 3}, "b, b.mp4": {"size": 2}}


def test_notes_tell_the_formats_apart(tmp_path):
    add_to_manifest(Output(tmp_path, "csv", folder=True), "a.mp4", {"size": 1})
    assert read_manifest(Output(tmp_path, "json", folder=True)) == {}


def test_a_note_cut_short_is_passed_over(tmp_path):
    output = Output(tmp_path, "csv", folder=True)
    add_to_manifest(output, "a.mp4", {"size": 1})
    with (tmp_path / MANIFEST_FILE).open("a") as file:
        file.write('{"video": "b.mp4", "form\n[]\n')
    assert read_manifest(output) == {"a.mp4": {"size": 1}}
