"""What the benchmarks measure with is what they say it is. How fast anything is, is not tested."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Box, Face, LostFrame
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import FaceDetector
from fer_pipeline.tracking import TrackedFrame

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def pictures(clip: Path) -> list[tuple[int, int, float]]:
    """Width, height and time of every frame."""
    with av.open(str(clip)) as source:
        return [(frame.width, frame.height, frame.time) for frame in source.decode(video=0)]


def first_picture(clip: Path) -> np.ndarray:
    with av.open(str(clip)) as source:
        return next(source.decode(video=0)).to_ndarray(format="gray")


def test_an_enlarged_clip_has_the_size_and_the_times_of_the_first_seconds(tmp_path):
    from made_clips import CLIP, Size, resized

    made = pictures(resized(CLIP, tmp_path / "made.mp4", Size(640, 360), 0.4))
    assert [(width, height) for width, height, _ in made] == [(640, 360)] * 10
    source = [time for _, _, time in pictures(CLIP)]
    assert [time for _, _, time in made] == pytest.approx(source[:10], abs=1e-3)


def test_an_enlarged_clip_shows_the_middle_unstretched(tmp_path):
    from made_clips import CLIP, Size, resized

    made = first_picture(resized(CLIP, tmp_path / "made.mp4", Size(640, 360), 0.04))
    halved = made.reshape(180, 2, 320, 2).mean(axis=(1, 3))
    # 320 × 240 fills 640 × 360 with 60 rows to spare, above and below: 30 of its own.
    middle = first_picture(CLIP)[30:210].astype(float)
    assert np.abs(halved - middle).mean() < 3
    assert np.abs(halved - first_picture(CLIP)[20:200]).mean() > 3


def test_a_repeated_clip_goes_on_without_a_gap(tmp_path):
    from made_clips import CLIP, repeated, resized, size_of

    short = resized(CLIP, tmp_path / "short.mp4", size_of(CLIP), 0.4)
    times = [time for _, _, time in pictures(repeated(short, tmp_path / "long.mp4", 1.2))]
    assert times == pytest.approx([number / 25 for number in range(30)], abs=1e-3)


# Clips that are hard to follow


@pytest.mark.parametrize("scene", ["fast", "zooming", "cut", "leaving", "two"])
def test_the_default_loses_nothing_on_clips_that_are_hard_to_follow(tmp_path, scene):
    from detection_modes import compare, run
    from hard_clips import SCENES, write_pictures

    clip = tmp_path / "clip.mp4"
    write_pictures(itertools.islice(SCENES[scene](), 80), clip)
    compared = compare(run(clip, "sparse"), run(clip, "every-frame"))
    assert compared.frames == 80
    assert compared.hit_rate > 0.5
    assert abs(compared.hit_rate_change) <= 0.01
    assert compared.added <= 0.01
    assert compared.lost <= 0.01
    assert compared.overlap >= 0.9
    assert compared.carried < 0.7


def test_in_the_tiles_of_a_face_nobody_is_found(tmp_path):
    from detection_modes import run
    from hard_clips import SCENES, write_pictures

    clip = tmp_path / "clip.mp4"
    write_pictures(itertools.islice(SCENES["nobody"](), 20), clip)
    assert run(clip, "sparse").rows == 0


def test_a_placed_picture_lies_where_it_should_and_its_edges_are_drawn_out():
    from hard_clips import placed
    from made_clips import Size

    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    whole = placed(picture, 1.0, 26.0, Size(64, 36))
    assert (whole[6:30, 10:42] == picture).all()
    assert (whole[6:30, :10] == picture[:, :1]).all()
    assert (whole[30:, 10:42] == picture[-1:]).all()


def face(x: int, score: float | None = 1.0, width: int = 100) -> Face:
    return Face(Box(x, 50, width, width), score, track=x)


def of_frames(*faces: list[Face]):
    from detection_modes import Run

    frames = [
        TrackedFrame(LostFrame(index, index / 25), tuple(some)) for index, some in enumerate(faces)
    ]
    return Run(frames, seconds=1.0)


def test_ways_of_detection_are_compared_face_by_face():
    from detection_modes import compare

    exact = of_frames([face(0), face(200)], [face(0)], [], [face(0)])
    found = of_frames([face(200), face(0)], [face(0, None)], [face(0)], [face(300)])
    compared = compare(found, exact)
    assert compared.hit_rate == 1.0
    assert compared.hit_rate_change == 0.25
    assert compared.added == 2 / 4
    assert compared.lost == 1 / 4
    assert compared.overlap == 1.0
    assert compared.carried == 1 / 5
    assert compared.same_emotion is None


def test_two_boxes_of_one_face_are_one_that_both_have_and_one_that_was_added():
    from detection_modes import compare

    compared = compare(of_frames([face(0), face(10)]), of_frames([face(2)]))
    assert compared.added == 1.0
    assert compared.lost == 0.0
    assert compared.overlap == pytest.approx(98 / 102)


def test_with_a_model_emotions_are_compared_and_those_in_equal_boxes_are_equal(
    model_folder, tmp_path
):
    from detection_modes import compare, run
    from made_clips import CLIP, resized, size_of

    clip = resized(CLIP, tmp_path / "clip.mp4", size_of(CLIP), 0.4)
    every = run(clip, "every-frame")
    same = compare(every, every, Classifier(model_folder))
    assert same.same_emotion == same.same_beside == 1.0
    sparse = compare(run(clip, "sparse"), every, Classifier(model_folder))
    assert 0.0 <= sparse.same_emotion <= 1.0


# The study of the settings of detection


def test_where_two_judges_agree_is_a_face_with_the_median_of_their_boxes():
    from detection_study import agreed

    near, far = Box(10, 10, 100, 100), Box(400, 10, 50, 50)
    judgements = [
        [near, far],
        [replace(near, x=14), far],
        [replace(near, x=18)],
        [Box(200, 200, 80, 80)],  # seen by one alone
    ]
    assert agreed(judgements) == [replace(near, x=14), far]
    assert agreed([[near], [], [], []]) == []
    assert agreed([[], [], [], []]) == []


def test_two_boxes_of_one_judge_are_no_agreement():
    from detection_study import agreed

    near = Box(10, 10, 100, 100)
    assert agreed([[near, replace(near, x=12)], [], []]) == []


def test_each_face_is_hit_once_and_every_other_box_is_false():
    from detection_study import Tally

    near, far = Box(10, 10, 100, 100), Box(400, 10, 50, 50)
    tally = Tally()
    tally.add([replace(near, x=20), near, Box(200, 200, 80, 80)], [near, far], 0.5)
    assert (tally.faces, tally.hits, tally.false, tally.frames) == (2, 1, 2, 1)
    assert tally.overlaps == [1.0]


def test_the_study_names_what_departs_from_the_defaults():
    from detection_study import DEFAULTS, one_at_a_time

    settings = one_at_a_time()
    assert settings["default"] == DEFAULTS
    assert settings["factor 1.05"] == replace(DEFAULTS, scale_factor=1.05)
    assert settings["3 neighbours"] == replace(DEFAULTS, neighbors=3)
    assert settings["640 pixels"] == replace(DEFAULTS, working_size=640)
    assert len(settings) == 1 + 4 + 3 + 2 + 4
    assert {"frontalface_alt", "frontalface_alt_tree", "frontalface_default"} <= {*settings}


def test_between_searched_pictures_a_box_is_between_theirs():
    from detection_study import Searched
    from made_clips import PARTICIPANTS

    pictures = Searched(PARTICIPANTS / "P00_happy.mp4", FaceDetector())
    (before,), whole = pictures.between(6, 3)
    (after,), _ = pictures.between(9, 3)
    (at,), third = pictures.between(7, 3)
    assert at == before.towards(after, 1 / 3)
    assert third == pytest.approx(whole)
    assert pictures.between(len(pictures) - 1, 3)[0]


# The profile of annotation


def test_a_profile_gives_each_stage_its_time_and_leaves_nothing_behind(model_folder, tmp_path):
    from made_clips import CLIP, resized, size_of
    from profile_annotation import CLOCKED, DECODING, KNOWN_SIZES, OTHERS, STAGES, profile

    plain = [getattr(owner, name) for owner, name, _ in CLOCKED]
    clip = resized(CLIP, tmp_path / "clip.mp4", size_of(CLIP), 1.6)
    stages = profile(clip, model_folder, SearchOptions(), rounds=1)
    assert [getattr(owner, name) for owner, name, _ in CLOCKED] == plain
    assert tuple(stages) == STAGES
    assert all(stages[stage] > 0 for stage in (DECODING, KNOWN_SIZES, OTHERS))
    whole = profile(clip, model_folder, SearchOptions(detect="every-frame"), rounds=1)
    assert whole[KNOWN_SIZES] == whole[OTHERS] == 0


def test_the_innermost_stage_that_works_gets_the_time():
    from profile_annotation import REST, Stopwatch

    def work() -> None:
        sum(range(300_000))

    watch = Stopwatch()
    with watch.stage("outer"):
        with watch.stage("inner"):
            work()
            work()
            work()
        work()
    assert watch.seconds["inner"] > watch.seconds["outer"] > watch.seconds[REST]


def test_ways_take_turns_and_ratios_are_those_of_neighbours():
    from turns import in_turns, ratio

    order: list[str] = []

    def way(name: str):
        return lambda: order.append(name) or float(len(order))

    results = in_turns({"a": way("a"), "b": way("b")}, 3)
    assert order == ["a", "b"] * 3
    assert results == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}
    assert ratio([3.0, 20.0, 10.0], [1.0, 10.0, 2.0]) == 3.0


def test_a_frame_with_two_faces_counts_once_and_as_found_if_one_of_them_was(tmp_path):
    from frames import statuses_of

    table = tmp_path / "labels.csv"
    rows = ["0,tracked", "0,ok", "1,ok", "1,tracked", "2,tracked", "3,no_face"]
    table.write_text("frame,status\n" + "\n".join(rows) + "\n")
    assert statuses_of(table) == {"0": "ok", "1": "ok", "2": "tracked", "3": "no_face"}


def test_what_a_command_takes_is_asked_of_its_help():
    from commands import has_option

    assert has_option("annotate", "--fps")
    assert not has_option("annotate", "--fp")


def test_without_a_way_to_packages_the_peer_is_left_out_with_the_reason(tmp_path):
    shutil.copy(BENCHMARKS / "peer.py", tmp_path)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, tmp_path / "peer.py"],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | offline,
        check=False,
    )
    assert done.returncode == 1
    assert "No matching distribution found for fer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_runs_by_itself_and_prints_its_table():
    command = [sys.executable, BENCHMARKS / "run.py", "--only", "startup", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert "start-up:" in done.stdout
    assert "10 × 4 s" not in done.stdout
