"""Simulated studies: the same every time, true in every frame, and food for `fer extract`."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from fer_pipeline.cli.root import root
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.faces import FaceDetector
from fer_pipeline.simulation import WARNING, StudyOptions, plan_study
from fer_pipeline.simulation.expressions import SEVEN

EMOTIONS = ("neutral", "happiness", "surprise", "fear")

SMALL = ("--size", "160x120", "--seconds", "0.4", "--takes", "1", "--emotions", ",".join(EMOTIONS))
FRAMES = 10


def simulate(out: Path, *arguments: object):
    return CliRunner().invoke(root, ["simulate", str(out), *map(str, arguments)])


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """Two people, four emotions, a session each, and a clip of both."""
    out = tmp_path_factory.mktemp("simulated") / "study"
    amount = ("--participants", 2, "--sessions", 1, "--pairs", 1, "--workers", 1)
    result = simulate(out, *SMALL, *amount)
    assert result.exit_code == 0, result.output
    assert "rendered people" in result.stdout
    assert WARNING in result.stderr
    return out


@pytest.fixture
def own_study(study, tmp_path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(study, tmp_path / "study"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truth_by_video(study: Path) -> dict[str, list[dict[str, str]]]:
    by_video: dict[str, list[dict[str, str]]] = {}
    for row in rows_of(study / "truth.csv"):
        by_video.setdefault(row["video"], []).append(row)
    return by_video


def decoded(clip: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(clip)) as container:
        frames = container.decode(video=0)
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in frames]


def clips_in(study: Path) -> list[str]:
    return sorted(path.relative_to(study).as_posix() for path in study.rglob("*.mp4"))


def states(study: Path) -> dict[str, int]:
    return {name: (study / name).stat().st_mtime_ns for name in clips_in(study)}


def test_the_default_study_is_that_of_forty_people(tmp_path):
    plan = plan_study(tmp_path / "study", StudyOptions())
    assert [task.identity.code for task in plan.tasks[:2]] == ["P01", "P02"]
    sexes = Counter(task.identity.sex for task in plan.tasks)
    assert sexes == {"female": 20, "male": 20}
    shown = Counter(role.emotions for clip in plan.clips for role in clip.roles)
    assert shown == {(emotion,): 40 * 3 for emotion in SEVEN}
    assert plan.frames == 40 * 3 * 7 * 50
    assert not (tmp_path / "study").exists()


def test_there_is_a_clip_for_everybody_and_everything(study):
    names = clips_in(study)
    singles = {f"{p}/{p}_{emotion}_1.mp4" for p in ("P01", "P02") for emotion in EMOTIONS}
    together = {"P01/P01_P02_pair_1.mp4", "P01/P01_session_1.mp4", "P02/P02_session_1.mp4"}
    assert set(names) == singles | together
    assert set(truth_by_video(study)) == set(names)
    assert sorted(path.name for path in study.iterdir()) == [
        "P01", "P02", "README.md", "segments.csv", "study.json", "truth.csv",
    ]  # fmt: skip
    sexes = {row["participant"]: row["sex"] for row in rows_of(study / "truth.csv")}
    assert sexes == {"P01": "female", "P02": "male"}


def test_it_says_everywhere_that_people_are_rendered(study, fer):
    described = json.loads((study / "study.json").read_text("utf-8"))
    assert described["rendered"] is True
    assert described["complete"] is True
    assert described["warning"] == WARNING
    assert set(described["columns"]["truth.csv"]) == set(rows_of(study / "truth.csv")[0])
    assert WARNING in (study / "README.md").read_text("utf-8")
    assert "rendered, not filmed" in " ".join(fer("simulate", "--help").stdout.split())
    with av.open(str(study / "P01" / "P01_fear_1.mp4")) as container:
        assert "rendered people" in container.metadata["comment"]


def test_truth_has_a_row_for_every_frame_at_its_time(study):
    for name, rows in truth_by_video(study).items():
        faces = 2 if "pair" in name else 1
        pictures = decoded(study / name)
        assert len(rows) == faces * len(pictures), name
        assert [int(row["frame"]) for row in rows[::faces]] == list(range(len(pictures)))
        times = [float(row["time"]) for row in rows[::faces]]
        assert times == pytest.approx([time for time, _ in pictures], abs=1e-6)
        assert pictures[0][1].shape == (120, 160 * faces, 3)


def test_intensity_goes_from_rest_to_the_apex_and_back(study):
    for name, rows in truth_by_video(study).items():
        for person in {row["participant"] for row in rows}:
            own = [row for row in rows if row["participant"] == person]
            for start in range(0, len(own), FRAMES):
                expression = own[start : start + FRAMES]
                (emotion,) = {row["emotion"] for row in expression}
                intensity = [float(row["intensity"]) for row in expression]
                if emotion == "neutral":
                    assert not any(intensity)
                    continue
                assert (intensity[0], max(intensity), intensity[-1]) == (0, 1, 0), name
                top = intensity.index(1)
                assert intensity[: top + 1] == sorted(intensity[: top + 1])


def test_expressions_show_and_neutral_faces_rest(study):
    """Mouths move at the apex: pixels change far more than by sway and noise."""

    def change(emotion: str) -> float:
        pictures = [picture.astype(float) for _, picture in decoded(of("P01", emotion))]
        apex = truth_by_video(study)[f"P01/P01_{emotion}_1.mp4"][5]
        box = Box(*(int(apex[key]) for key in ("x", "y", "width", "height")))
        return float(np.abs(pictures[5] - pictures[0])[box.slices].mean())

    def of(person: str, emotion: str) -> Path:
        return study / person / f"{person}_{emotion}_1.mp4"

    assert change("surprise") > 1.5 * change("neutral")
    assert change("fear") > 1.5 * change("neutral")


def test_the_truth_is_where_the_detector_finds_faces(study):
    detector = FaceDetector()
    overlaps, found, total = [], 0, 0
    for name, rows in truth_by_video(study).items():
        if "pair" in name:
            continue
        for row, (_, picture) in zip(rows[::3], decoded(study / name)[::3], strict=True):
            faces = detector.detect(np.ascontiguousarray(picture[..., 1]))
            true = Box(*(int(row[key]) for key in ("x", "y", "width", "height")))
            total += 1
            found += bool(faces)
            overlaps += [max(face.box.overlap(true) for face in faces)] if faces else []
    assert found == total
    assert np.median(overlaps) > 0.5


def test_two_people_have_a_box_each(study):
    (rows,) = [rows for name, rows in truth_by_video(study).items() if "pair" in name]
    detector = FaceDetector()
    for frame, (_, picture) in enumerate(decoded(study / rows[0]["video"])):
        left, right = rows[2 * frame : 2 * frame + 2]
        assert (left["participant"], left["face"]) == ("P01", "left")
        assert (right["participant"], right["face"]) == ("P02", "right")
        assert int(left["x"]) + int(left["width"]) < 160 < int(right["x"])
        if frame % 6 == 0:
            faces = detector.detect(np.ascontiguousarray(picture[..., 1]))
            assert len(faces) == 2
            for row, face in zip((left, right), faces, strict=True):
                true = Box(*(int(row[key]) for key in ("x", "y", "width", "height")))
                assert face.box.overlap(true) > 0.4
    assert [row["emotion"] for row in rows[::2]] != [row["emotion"] for row in rows[1::2]]


def test_a_session_shows_everything_once(study):
    sessions = {
        name: [row["emotion"] for row in rows[::FRAMES]]
        for name, rows in truth_by_video(study).items()
        if "session" in name
    }
    for emotions in sessions.values():
        assert sorted(emotions) == sorted(EMOTIONS)
    assert len({tuple(emotions) for emotions in sessions.values()}) == len(sessions)


def test_extraction_takes_the_segments_and_finds_every_class(study, fer, tmp_path):
    out = tmp_path / "faces.h5"
    labels = ("--labels", study / "segments.csv", "--faces", "all", "--workers", 1)
    result = fer("extract", study, *labels, "-o", out)
    assert result.exit_code == 0, result.output
    labelled = Counter()
    for row in rows_of(study / "segments.csv"):
        labelled[row["video"], row["participant"], row["emotion"]] += round(
            (float(row["end"]) - float(row["start"])) * 25
        )
    stored = Counter()
    with open_dataset(out) as dataset:
        assert dataset.emotions == EMOTIONS
        columns = [dataset.column(name) for name in ("video", "participant", "label")]
        for video, person, label in zip(*columns, strict=True):
            key = dataset.videos[video], dataset.participants[person], dataset.emotions[label]
            stored[key] += 1
    assert stored.keys() == labelled.keys()
    assert stored.total() > 0.98 * labelled.total()
    assert not stored - labelled


def test_paths_alone_tell_extraction_as_much(study, fer, tmp_path):
    for person in ("P01", "P02"):
        shutil.copytree(study / person, tmp_path / "videos" / person)
    for clip in (tmp_path / "videos").rglob("*.mp4"):
        if "session" in clip.name or "pair" in clip.name:
            clip.unlink()
    told = fer("extract", tmp_path / "videos", "--dry-run").stdout
    assert "P02/P02_fear_1.mp4" in told
    assert {line.split()[1] for line in told.splitlines() if ".mp4" in line} == {"P01", "P02"}


def test_the_same_frames_whoever_renders_them_and_with_whomever(study, tmp_path):
    """More workers, more participants, fewer emotions, another run: P01 stays P01."""
    out = tmp_path / "again"
    some = ("--emotions", "surprised,neutral", "--participants", 3, "--workers", 2)
    assert simulate(out, *SMALL, *some).exit_code == 0
    for person in ("P01", "P02"):
        for emotion in ("surprise", "neutral"):
            name = f"{person}/{person}_{emotion}_1.mp4"
            ours, theirs = decoded(study / name), decoded(out / name)
            assert len(ours) == len(theirs) == FRAMES
            for (_, picture), (_, other) in zip(ours, theirs, strict=True):
                assert np.array_equal(picture, other)
            assert truth_by_video(study)[name] == truth_by_video(out)[name]


def test_people_takes_and_seeds_differ(study, own_study):
    assert simulate(own_study, *SMALL, "--takes", 2, *grown(2)).exit_code == 0
    first = decoded(study / "P01" / "P01_fear_1.mp4")[0][1].astype(int)
    second = decoded(own_study / "P01" / "P01_fear_2.mp4")[0][1].astype(int)
    other = decoded(study / "P02" / "P02_fear_1.mp4")[0][1].astype(int)
    assert np.abs(first - second).mean() > 5
    assert np.abs(first - other).mean() > 5


def grown(participants: int) -> tuple[object, ...]:
    return ("--participants", participants, "--sessions", 1, "--pairs", 1, "--workers", 1)


def test_a_second_run_does_nothing(own_study):
    before = states(own_study)
    texts = {name: (own_study / name).read_bytes() for name in ("truth.csv", "segments.csv")}
    result = simulate(own_study, *SMALL, *grown(2))
    assert result.exit_code == 0
    assert "nothing to do" in result.stderr
    assert states(own_study) == before
    assert {name: (own_study / name).read_bytes() for name in texts} == texts


def test_a_study_grows_and_keeps_what_it_has(own_study):
    before, rows = states(own_study), rows_of(own_study / "truth.csv")
    assert simulate(own_study, *SMALL, *grown(3)).exit_code == 0
    after = states(own_study)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + len(EMOTIONS) + 1
    now = rows_of(own_study / "truth.csv")
    assert [row for row in now if row["participant"] != "P03"] == rows


def test_a_clip_that_is_gone_is_made_again(study, own_study):
    name = "P02/P02_happiness_1.mp4"
    (own_study / name).unlink()
    assert simulate(own_study, *SMALL, *grown(2)).exit_code == 0
    assert (own_study / name).read_bytes() == (study / name).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_where_it_was(study, tmp_path):
    out = tmp_path / "study"
    arguments = [*SMALL, "--participants", "2", "--workers", "1"]
    command = [sys.executable, "-m", "fer_pipeline", "simulate", str(out), *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while len(list(out.rglob("*.mp4"))) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert json.loads((out / "study.json").read_text("utf-8"))["complete"] is False
    assert not (out / "truth.csv").exists()
    before = states(out)
    result = simulate(out, *arguments)
    assert result.exit_code == 0
    assert f"finished by an earlier run: {len(before)} clips" in result.stderr
    after = states(out)
    assert {name: after[name] for name in before} == before
    assert len(after) == 2 * len(EMOTIONS)
    for name in after:
        assert (out / name).read_bytes() == (study / name).read_bytes()
        assert truth_by_video(out)[name] == truth_by_video(study)[name]
    assert not [path for path in out.rglob("*") if path.suffix in (".unfinished", ".parts")]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("--seed", 1), "other settings (seed)"),
        (("--light", 0.5), "other settings (light)"),
        (("--condition", "far", "--no-pitch"), "other settings (conditions, pitch)"),
        (("--emotions", "fear"), "other settings (emotions)"),
        (("--participants", 1, "--pairs", 0), "has 2 participants, more than the 1 asked for"),
        (("--sessions", 0), "has 1 sessions, more than the 0 asked for"),
    ],
)
def test_another_study_is_not_mixed_in(study, changed, told):
    before = states(study)
    result = simulate(study, *SMALL, *grown(2), *changed)
    assert result.exit_code == 1
    assert told in result.stderr
    assert "--overwrite" in result.stderr
    assert states(study) == before


def test_overwriting_replaces_the_study_and_nothing_else(own_study):
    note = own_study / "P01" / "notes.txt"
    note.write_text("mine")
    one = ("--participants", 1, "--emotions", "fear", "--workers", 1, "--overwrite")
    assert simulate(own_study, *SMALL, *one).exit_code == 0
    assert clips_in(own_study) == ["P01/P01_fear_1.mp4"]
    assert note.read_text() == "mine"
    assert {row["participant"] for row in rows_of(own_study / "truth.csv")} == {"P01"}


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_a_folder_of_something_else_is_left_alone(tmp_path, overwrite):
    holiday = tmp_path / "holiday.mp4"
    holiday.write_bytes(b"film")
    result = simulate(tmp_path, *SMALL, *overwrite)
    assert result.exit_code == 1
    assert "holds something that is no simulated study" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mp4"]


def test_a_file_is_no_place_for_a_study(tmp_path):
    (tmp_path / "study").write_text("x")
    result = simulate(tmp_path / "study", *SMALL)
    assert (result.exit_code, "is no folder" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "cannot be read"),
        ('{"format": "other"}', "is of no simulated study"),
        ('{"format": "fer-simulated-study", "version": 99}', "version 99 of another fer"),
    ],
)
def test_a_broken_description_is_told(own_study, content, told):
    (own_study / "study.json").write_text(content)
    result = simulate(own_study, *SMALL, *grown(2))
    assert (result.exit_code, told in result.stderr) == (1, True)


def test_broken_truth_is_told(own_study):
    (own_study / "truth.csv").write_text("video,take\nP01,one\n")
    result = simulate(own_study, *SMALL, *grown(2))
    assert result.exit_code == 1
    assert "truth.csv: is broken; --overwrite begins the study anew" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--size", "321x240"), "even numbers"),
        (("--size", "320"), "width and height"),
        (("--size", "20x20"), "48x48 to 1920x1920"),
        (("--seconds", "0.2"), "5 frames of an expression, fewer than 10"),
        (("--emotions", "happy,bored"), "bored: can be acted are neutral, happiness"),
        (("--emotions", ","), "no emotion"),
        (("--participants", "1", "--pairs", "1"), "--pairs needs two participants"),
        (("--takes", "0"), "nothing is to be recorded"),
        (("--condition", "foggy"), "'dim', 'off-centre', 'tilted', 'far', 'compressed'"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(tmp_path, arguments, told):
    out = tmp_path / "study"
    result = simulate(out, *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told_and_the_rest_is_made(own_study):
    shutil.rmtree(own_study / "P02")
    (own_study / "P02").write_text("in the way")
    result = simulate(own_study, *SMALL, *grown(2))
    assert result.exit_code == 3
    assert "P02" in result.stderr
    assert {row["participant"] for row in rows_of(own_study / "truth.csv")} >= {"P01"}
    assert json.loads((own_study / "study.json").read_text("utf-8"))["complete"] is False
    (own_study / "P02").unlink()
    assert simulate(own_study, *SMALL, *grown(2)).exit_code == 0
    assert len(clips_in(own_study)) == 2 * (len(EMOTIONS) + 1) + 1


def test_segments_do_not_overlap(study):
    stretches: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows_of(study / "segments.csv"):
        times = float(row["start"]), float(row["end"])
        stretches.setdefault((row["video"], row["face"]), []).append(times)
    for own in stretches.values():
        assert all(start < end for start, end in own)
        assert all(one[1] <= following[0] for one, following in pairwise(own))
