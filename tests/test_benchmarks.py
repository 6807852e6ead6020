"""What the benchmarks measure with is what they say it is. How fast anything is, is not tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

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
    command = [sys.executable, BENCHMARKS / "run.py", "--only", "length", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert "10 × 4 s" in done.stdout
    assert "start-up:" not in done.stdout
