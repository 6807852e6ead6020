"""Lists about very many clips: what a person can read, all of them only if asked for."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from fer_pipeline.cli import summaries
from fer_pipeline.cli.console import Console
from fer_pipeline.splits import Split
from fer_pipeline.training_plan import TrainingOptions, announcement
from tests.media import PARTICIPANTS, pictures_of, write_video

NOBODY = "Q9_neutral.mp4"
CLIPS = ("P00_happy.mp4", "P07_sad.mp4", "P10_angry.mp4")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Four clips, of which one shows nobody."""
    folder = tmp_path_factory.mktemp("many")
    for name in CLIPS:
        shutil.copy(PARTICIPANTS / name, folder)
    empty = [0 * picture + 90 for picture in pictures_of(PARTICIPANTS / CLIPS[0], 5)]
    write_video(folder / NOBODY, empty)
    return folder


@pytest.fixture
def four_are_many(monkeypatch):
    monkeypatch.setattr(summaries, "_MOST_LINES", 3)
    monkeypatch.setattr(summaries, "_FEW_LINES", 2)


def named(text: str) -> list[str]:
    """Return the clips that begin a line, in order."""
    return [line.split()[0] for line in text.splitlines() if line.startswith(("P", "Q9_"))]


@pytest.mark.usefixtures("four_are_many")
def test_of_many_videos_extract_shows_those_that_need_a_look_and_the_sums(fer, many, tmp_path):
    words = ("extract", many, "-o", tmp_path / "f.h5", "--every", "10", "--size", "48")
    result = fer(*words)
    assert result.exit_code == 0
    table = result.stdout.partition("\n\n")[0]
    assert named(table) == [NOBODY, "P00_happy.mp4"]
    assert table.splitlines()[-2].split()[:2] == ["4", "videos"]
    assert table.splitlines()[-2].split()[-4:] == ["16", "15", "93.8", "%"]
    assert table.splitlines()[-1] == "(the 2 most in need of a look of 4; -v lists all)"
    guessed = result.stderr.partition("warning:")[0]
    assert named(guessed) == ["P00_happy.mp4", "P07_sad.mp4"]
    assert guessed.splitlines()[-1] == "(the 2 first of 4; -v lists all)"
    everything = fer(*words, "--overwrite", "-v")
    assert named(everything.stdout.partition("\n\n")[0]) == [*CLIPS, NOBODY]
    assert "lists all" not in everything.output


@pytest.mark.usefixtures("four_are_many")
def test_of_many_clips_annotate_shows_those_that_need_a_look(fer, many, model_folder, tmp_path):
    words = ("annotate", many, "--model", model_folder, "--every", "10", "--out", f"{tmp_path}/a/")
    result = fer(*words)
    assert result.exit_code == 0
    clips, _, times = result.stdout.partition("\n\n")
    assert named(clips) == [NOBODY, "P00_happy.mp4"]
    assert clips.splitlines()[-1] == "(the 2 most in need of a look of 4; -v lists all)"
    assert named(times) == ["P00_happy.mp4"]
    assert len([*(tmp_path / "a").glob("*.csv")]) == 4
    everything = fer(*words, "--overwrite", "-v")
    assert named(everything.stdout.partition("\n\n")[0]) == [*CLIPS, NOBODY]
    assert "lists all" not in everything.output


def test_up_to_two_hundred_lines_are_all_shown_and_of_more_the_twenty_most_urgent():
    items = [*range(200)]
    assert summaries.readable(Console(), items) == (items, "")
    shown, left = summaries.readable(Console(), [*items, 200], lambda item: -item)
    assert shown == [*range(200, 180, -1)]
    assert left == "(the 20 most in need of a look of 201; -v lists all)"
    assert summaries.readable(Console(), [*items, 200])[0] == [*range(20)]
    assert summaries.readable(Console(verbose=1), [*items, 200]) == ([*items, 200], "")


def test_of_very_many_warnings_the_first_are_given(capsys):
    summaries.warn_each(Console(quiet=True), [f"clip {number}" for number in range(300)])
    said = capsys.readouterr().err.splitlines()
    assert said[:20] == [f"warning: clip {number}" for number in range(20)]
    assert said[20:] == ["(the 20 first of 300; -v lists all)"]


def test_of_a_split_over_a_hundred_people_are_counted():
    groups = {
        "training": tuple(f"P{number:03d}" for number in range(101)),
        "validation": tuple(f"Q{number:03d}" for number in range(100)),
        "test": ("R1", "R2"),
    }
    nobody = np.arange(0)
    split = Split("participant", nobody, nobody, nobody, nobody, groups)
    said = announcement((split,), TrainingOptions())
    validation = " ".join(groups["validation"])
    training = "training 101 people, whom spec.json names"
    assert said == f"split by participant: {training}; validation {validation}; test R1 R2"
