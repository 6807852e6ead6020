"""The figures that are reported, against figures made by hand and by plain loops."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.evaluation import (
    CalibrationBin,
    ClassScore,
    Scores,
    calibrate,
    participant_interval,
    score,
)

EMOTIONS = ("neutral", "happiness", "anger")

# Three faces are neutral, one is happy, none is angry; two of the four are told rightly.
TRUTH = np.array([0, 0, 0, 1])
TOLD = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.3, 0.1, 0.6], [0.5, 0.1, 0.4]], np.float32)
PEOPLE = np.array(["P1", "P1", "P2", "P2"])


@pytest.fixture
def scores() -> Scores:
    return score(TRUTH, TOLD, EMOTIONS, PEOPLE)


def test_the_figures_are_those_made_by_hand(scores):
    assert scores.faces == 4
    assert scores.accuracy == 2 / 4
    assert scores.top2 == 3 / 4
    assert scores.majority == 3 / 4
    assert scores.confusion == ((2, 0, 1), (1, 0, 0), (0, 0, 0))
    assert scores.participants == {"P1": 1.0, "P2": 0.0}
    assert scores.participant_faces == {"P1": 2, "P2": 2}
    # Shown 3, 1, 0 and named 3, 0, 1: chance agrees on 9 of 16, the model on 8 of 16.
    assert scores.kappa == pytest.approx((8 / 16 - 9 / 16) / (1 - 9 / 16))
    assert scores.brier == pytest.approx((0.26 + 0.42 + 0.86 + 1.22) / 4, abs=1e-6)
    # Confidence is 0.6, 0.5, 0.6, 0.5: of the two faces in either bin one is told rightly.
    assert scores.calibration.error == pytest.approx(2 / 4 * 0.1 + 2 / 4 * 0)
    assert scores.classes == (
        ClassScore("neutral", precision=2 / 3, recall=2 / 3, f1=2 / 3, faces=3),
        ClassScore("happiness", precision=0.0, recall=0.0, f1=0.0, faces=1),
        ClassScore("anger", precision=0.0, recall=0.0, f1=0.0, faces=0),
    )


def test_means_over_emotions_leave_out_those_that_nobody_shows(scores):
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 0) / 2)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_without_people_there_is_neither_an_interval_nor_a_figure_for_each():
    scores = score(TRUTH, TOLD, EMOTIONS)
    assert scores.interval is None
    assert scores.participants == {}


@st.composite
def judged(draw):
    classes = draw(st.integers(2, 5))
    truth = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=25))
    # Few distinct values, so that ties happen.
    row = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=classes, max_size=classes)
    told = draw(st.lists(row, min_size=len(truth), max_size=len(truth)))
    people = draw(st.lists(st.sampled_from("ABC"), min_size=len(truth), max_size=len(truth)))
    return truth, told, people


def likeliest(row: list[float]) -> list[int]:
    return sorted(range(len(row)), key=lambda index: (-row[index], index))


def weighted_kappa(truth: list[int], named: list[int]) -> float | None:
    """Cohen's kappa by the other formula, that of disagreement observed and expected."""
    size = max(truth + named) + 1
    pairs = list(zip(truth, named, strict=True))
    expected = sum(
        truth.count(a) * named.count(b) / len(pairs)
        for a in range(size)
        for b in range(size)
        if a != b
    )
    return 1 - sum(a != b for a, b in pairs) / expected if expected else None


def calibration_error(right: list[bool], confidences: list[float]) -> float:
    """Guo's ECE: bins exclude their lower edge and hold their upper one."""
    faces = list(zip(right, confidences, strict=True))
    total = 0.0
    for one in range(15):
        inside = [
            (ok, sure)
            for ok, sure in faces
            if one / 15 < sure <= (one + 1) / 15 or (one == 0 and sure == 0)
        ]
        total += abs(sum(ok - sure for ok, sure in inside))
    return total / len(faces)


@settings(max_examples=100, deadline=None)
@given(judged())
def test_the_figures_are_those_of_plain_loops(case):
    truth, told, people = case
    emotions = [f"e{index}" for index in range(len(told[0]))]
    scores = score(np.array(truth), np.array(told, np.float32), tuple(emotions), np.array(people))
    pairs = [(true, likeliest(row)[0]) for true, row in zip(truth, told, strict=True)]
    right = [true == named for true, named in pairs]
    recalls, f1s = [], []
    for index, one in enumerate(scores.classes):
        hits = pairs.count((index, index))
        shown = sum(true == index for true, _ in pairs)
        named = sum(name == index for _, name in pairs)
        precision, recall = hits / named if named else 0, hits / shown if shown else 0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0
        assert (one.emotion, one.faces) == (emotions[index], shown)
        assert (one.precision, one.recall, one.f1) == pytest.approx((precision, recall, f1))
        assert scores.confusion[index] == tuple(
            pairs.count((index, n)) for n in range(len(emotions))
        )
        if shown:
            recalls.append(recall)
            f1s.append(f1)
    assert scores.faces == len(truth)
    assert scores.accuracy == pytest.approx(sum(right) / len(right))
    assert scores.top2 == pytest.approx(
        sum(true in likeliest(row)[:2] for true, row in zip(truth, told, strict=True)) / len(truth)
    )
    assert scores.balanced_accuracy == pytest.approx(sum(recalls) / len(recalls))
    assert scores.macro_f1 == pytest.approx(sum(f1s) / len(f1s))
    assert scores.majority == pytest.approx(max(map(truth.count, truth)) / len(truth))
    assert scores.kappa == pytest.approx(weighted_kappa(truth, [name for _, name in pairs]))
    confidences = [max(row) for row in told]
    assert scores.calibration.error == pytest.approx(calibration_error(right, confidences))
    assert sum(one.faces for one in scores.calibration.bins) == len(truth)
    assert scores.brier == pytest.approx(
        sum(
            sum((p - (index == true)) ** 2 for index, p in enumerate(row))
            for true, row in zip(truth, told, strict=True)
        )
        / len(truth)
    )
    for person in set(people):
        own = [ok for ok, whose in zip(right, people, strict=True) if whose == person]
        assert scores.participants[person] == pytest.approx(sum(own) / len(own))


# Beyond the ordinary


def test_a_model_that_is_always_right_and_sure():
    scores = score(np.array([0, 1, 2]), np.eye(3, dtype=np.float32), EMOTIONS)
    assert (scores.kappa, scores.brier, scores.calibration.error) == (1, 0, 0)
    assert scores.calibration.bins == (CalibrationBin(14 / 15, 1.0, 3, 1.0, 1.0),)


def test_naming_the_opposite_is_worse_than_chance():
    scores = score(np.array([0, 1, 0, 1]), np.eye(2, dtype=np.float32)[[1, 0, 1, 0]], ("a", "b"))
    assert (scores.kappa, scores.brier, scores.calibration.error) == (-1, 2, 1)


@pytest.mark.parametrize("number", [1, 5])
def test_where_all_show_and_are_called_one_emotion_kappa_is_not_defined(number):
    scores = score(np.zeros(number, int), np.tile(TOLD[:1], (number, 1)), EMOTIONS)
    assert scores.kappa is None
    assert scores.accuracy == scores.balanced_accuracy == scores.macro_f1 == scores.majority == 1


def test_where_all_show_one_emotion_but_are_called_several_kappa_is_that_of_chance():
    scores = score(np.zeros(4, int), TOLD, EMOTIONS)
    assert scores.kappa == 0
    assert scores.balanced_accuracy == scores.accuracy == 3 / 4


def test_of_two_that_are_equally_likely_the_first_is_named():
    scores = score(np.array([0, 1]), np.full((2, 3), 1 / 3, np.float32), EMOTIONS)
    assert scores.confusion == ((1, 0, 0), (1, 0, 0), (0, 0, 0))
    assert scores.top2 == 1


def test_a_single_emotion_is_always_among_the_two_likeliest():
    scores = score(np.zeros(2, int), np.ones((2, 1), np.float32), ("neutral",))
    assert (scores.top2, scores.accuracy) == (1, 1)


def test_probabilities_that_rounding_has_lifted_beyond_one_stay_in_the_last_bin():
    confidence = np.nextafter(np.float32(1), np.float32(2))
    calibration = calibrate(np.array([True]), np.array([confidence]))
    assert [(one.low, one.high) for one in calibration.bins] == [(14 / 15, 1.0)]


def test_a_bin_holds_its_upper_edge_and_not_its_lower():
    edges = np.arange(1, 15) / 15
    at, beyond = (calibrate(np.ones(14, bool), sure) for sure in (edges, np.nextafter(edges, 2)))
    assert [one.high for one in at.bins] == edges.tolist()
    assert [one.low for one in beyond.bins] == edges.tolist()


def test_the_middle_of_a_bin_is_not_taken_for_its_confidence():
    calibration = calibrate(np.array([True, False]), np.array([0.94, 0.99]))
    assert calibration.bins[0].confidence == pytest.approx(0.965)
    assert calibration.error == pytest.approx(0.465)


def test_no_face_is_refused():
    with pytest.raises(ValueError, match="no face"):
        score(TRUTH[:0], TOLD[:0], EMOTIONS)


@settings(max_examples=50)
@given(judged())
def test_figures_can_be_written_as_json(case):
    truth, told, people = case
    emotions = tuple(f"e{index}" for index in range(len(told[0])))
    scores = score(np.array(truth), np.array(told, np.float32), emotions, np.array(people))
    read = json.loads(json.dumps(asdict(scores), allow_nan=False))
    assert math.isclose(read["calibration"]["error"], scores.calibration.error)
    assert len(read["calibration"]["bins"]) == len(scores.calibration.bins)


# The interval


def test_the_interval_is_of_people_drawn_anew():
    # Of two people one is told rightly and one wrongly: a quarter of the draws is all wrong, a
    # quarter all right.
    right = np.array([True, True, False, False])
    assert participant_interval(right, PEOPLE, seed=0) == (0.0, 1.0)


def test_people_who_are_alike_leave_no_doubt():
    right = np.array([True, False, True, False])
    assert participant_interval(right, PEOPLE, seed=0) == (0.5, 0.5)


def test_people_with_more_faces_weigh_more():
    # Nine people with one face told rightly, one with 91 told wrongly. In more than 2.5 % of the
    # draws he comes thrice: 7 of 10 people are told rightly then, but only 7 of 280 faces.
    people = np.array([f"P{n}" for n in range(9)] + ["many"] * 91)
    low, high = participant_interval(people != "many", people, seed=0)
    assert (low, high) == (7 / 280, 1.0)


def test_the_interval_of_many_people_holds_95_percent():
    right, people = np.arange(400) % 2 == 0, np.arange(400).astype(str)
    low, high = participant_interval(right, people, seed=0)
    standard_error = (0.5 * 0.5 / 400) ** 0.5
    assert (high - low) / 2 == pytest.approx(1.96 * standard_error, rel=0.08)
    assert (high + low) / 2 == pytest.approx(0.5, abs=0.005)


def test_the_interval_is_wider_than_one_that_takes_frames_for_independent():
    rng = np.random.default_rng(1)
    people = np.repeat([f"P{n}" for n in range(12)], 50)
    easy = np.repeat(rng.random(12), 50)
    right = rng.random(600) < easy
    by_person = participant_interval(right, people, seed=0)
    by_frame = participant_interval(right, np.arange(600).astype(str), seed=0)
    assert by_person[0] < right.mean() < by_person[1]
    assert by_person[1] - by_person[0] > 3 * (by_frame[1] - by_frame[0])


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    rng = np.random.default_rng(1)
    people, right = np.repeat([f"P{n}" for n in range(20)], 7), rng.random(140) < 0.5
    one, same, other = (participant_interval(right, people, seed) for seed in (5, 5, 6))
    assert one == same != other


def test_one_person_gives_no_interval():
    assert participant_interval(np.array([True, False]), np.array(["P1", "P1"]), seed=0) is None
