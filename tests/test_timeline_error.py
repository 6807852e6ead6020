"""The benchmark of segments against the truth measures what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fer_pipeline.timeline import Segment
from tests.media import SAMPLES

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TRUTH = SAMPLES / "sessions" / "truth.csv"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def perfect() -> list[Segment]:
    from timeline_error import stretches

    return [
        Segment(
            one.video, one.side, one.emotion, one.onset, one.onset, one.offset, 1.0, 1.0, frames=1
        )
        for one in stretches(TRUTH)
    ]


SIDES = {("session.mp4", 0): 0, ("two_people.mp4", 0): 0, ("two_people.mp4", 1): 1}


def test_the_truth_is_where_an_emotion_has_half_its_intensity():
    from timeline_error import stretches

    found = stretches(TRUTH)
    assert [one.emotion for one in found if one.video == "session.mp4"] == [
        "happiness", "surprise", "sadness", "anger", "fear", "disgust",
    ]  # fmt: skip
    assert all(one.onset < one.offset for one in found)


def test_perfect_segments_have_no_error_and_shifted_ones_their_shift():
    from timeline_error import compared, stretches

    truth = stretches(TRUTH)
    assert compared(truth, perfect(), SIDES) == ["0.000", "0.000", "13 of 13", "0"]
    late = [replace(one, onset=one.onset + 0.1, offset=one.offset + 0.2) for one in perfect()]
    assert compared(truth, late, SIDES)[:2] == ["0.100", "0.200"]


def test_what_is_not_met_and_what_meets_nothing_is_counted():
    from timeline_error import compared, stretches

    first, *others = perfect()
    wrong = replace(first, emotion="contempt")
    assert compared(stretches(TRUTH), [wrong, *others], SIDES)[2:] == ["12 of 13", "1"]
    swapped = {key: 1 - side for key, side in SIDES.items()}
    assert compared(stretches(TRUTH), perfect(), swapped)[2].startswith("0 of")


def test_the_sessions_are_annotated(model_folder, tmp_path):
    from timeline_error import SETTINGS, annotated, segments_of, sides_of

    timeline = annotated(model_folder, tmp_path)
    assert sides_of(timeline)
    assert all(segments_of(timeline, setting) for setting in SETTINGS)
