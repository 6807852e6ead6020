"""Rows of a timeline, and what they add up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.timeline import Tally, TimelineRow, Totals, cell, columns

EMOTIONS = ("neutral", "happiness")
NEUTRAL, HAPPY = (0.75, 0.25), (0.25, 0.75)

NO_FACE, DECODE_ERROR = Status.NO_FACE, Status.DECODE_ERROR


def face_row(
    frame: int,
    time: float,
    face: int = 0,
    told: tuple[float, ...] = HAPPY,
    score: float | None = 5.0,
) -> TimelineRow:
    status = Status.TRACKED if score is None else Status.OK
    return TimelineRow("a.mp4", frame, time, status, face, Box(1, 2, 30, 40), score, told)


def empty_row(frame: int, time: float, status: Status = NO_FACE) -> TimelineRow:
    return TimelineRow("a.mp4", frame, time, status)


def totals(*rows: TimelineRow) -> Totals:
    tally = Tally(EMOTIONS)
    for row in rows:
        tally.add(row)
    return tally.totals()


def test_columns_come_in_their_order_with_the_emotions_last():
    assert columns(("neutral", "boredom")) == (
        "video",
        "frame",
        "time",
        "status",
        "face",
        "x",
        "y",
        "width",
        "height",
        "score",
        "emotion",
        "confidence",
        "neutral",
        "boredom",
    )


def test_a_face_fills_every_column():
    row = face_row(7, 0.28, face=1, told=(0.25, 0.75))
    assert row.values(EMOTIONS) == {
        "video": "a.mp4",
        "frame": 7,
        "time": 0.28,
        "status": "ok",
        "face": 1,
        "x": 1,
        "y": 2,
        "width": 30,
        "height": 40,
        "score": 5.0,
        "emotion": "happiness",
        "confidence": 0.75,
        "neutral": 0.25,
        "happiness": 0.75,
    }


@pytest.mark.parametrize("status", [NO_FACE, DECODE_ERROR])
def test_a_row_without_a_face_has_four_cells_and_the_others_empty(status):
    cells = [cell(*item) for item in empty_row(3, 0.12, status).values(EMOTIONS).items()]
    assert cells == ["a.mp4", "3", "0.120000", status.value, *[""] * 10]


def test_a_carried_face_has_no_score_but_all_the_rest():
    values = face_row(3, 0.12, score=None).values(EMOTIONS)
    assert [name for name, value in values.items() if value is None] == ["score"]
    assert values["status"] == "tracked"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("time", 0.0, "0.000000"),
        ("time", 1 / 3, "0.333333"),
        ("time", 86400, "86400.000000"),
        ("time", 1e-6, "0.000001"),
        ("frame", 12, "12"),
        ("face", 0, "0"),
        ("score", 12.5, "12.5000"),
        ("confidence", 1.0, "1.000000"),
        ("happiness", 1e-7, "0.000000"),
        ("emotion", None, ""),
        ("video", "a, b.mp4", "a, b.mp4"),
    ],
)
def test_cells_have_a_fixed_number_of_digits(column, value, text):
    assert cell(column, value) == text


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((0.2, 0.8), ("happiness", 0.8)),
        ((0.8, 0.2), ("neutral", 0.8)),
        ((0.5, 0.5), ("neutral", 0.5)),
    ],
)
def test_the_dominant_emotion_is_the_likeliest_and_of_equals_the_first(told, expected):
    assert face_row(0, 0.0, told=told).dominant(EMOTIONS) == expected


def test_without_a_face_no_emotion_is_dominant():
    assert empty_row(0, 0.0).dominant(EMOTIONS) is None


def test_a_frame_stands_for_the_time_until_the_next_one():
    counted = totals(
        face_row(0, 0.0, told=HAPPY),
        face_row(1, 0.1, told=NEUTRAL),
        face_row(2, 0.5, told=HAPPY),
        face_row(3, 0.7, told=NEUTRAL),
    )
    # The last frame stands for as long as the one before it.
    assert counted.seconds == {0: pytest.approx({"happiness": 0.3, "neutral": 0.6})}


def test_time_without_a_face_counts_for_nobody():
    counted = totals(
        face_row(0, 0.0), empty_row(1, 1.0), empty_row(2, 2.0), face_row(3, 4.0), face_row(4, 5.0)
    )
    assert counted.seconds == {0: pytest.approx({"happiness": 3.0})}


def test_frames_that_did_not_decode_are_counted_apart_and_give_nobody_time():
    counted = totals(
        face_row(0, 0.0),
        empty_row(1, 1.0, DECODE_ERROR),
        empty_row(2, 2.0, DECODE_ERROR),
        empty_row(3, 3.0),
        face_row(4, 4.0),
    )
    assert (counted.frames, counted.with_face, counted.errors) == (5, 2, 2)
    assert counted.seconds == {0: pytest.approx({"happiness": 2.0})}


def test_each_face_of_a_frame_gets_the_whole_of_its_time():
    counted = totals(
        face_row(0, 0.0, face=0, told=HAPPY),
        face_row(0, 0.0, face=1, told=NEUTRAL),
        face_row(1, 2.0, face=1, told=NEUTRAL),
        face_row(2, 3.0, face=0, told=HAPPY),
        face_row(2, 3.0, face=1, told=HAPPY),
    )
    assert (counted.frames, counted.with_face) == (3, 3)
    assert counted.seconds == {
        0: pytest.approx({"happiness": 3.0}),
        1: pytest.approx({"neutral": 3.0, "happiness": 1.0}),
    }


def test_faces_are_listed_by_number_whoever_came_first():
    counted = totals(face_row(0, 0.0, face=2), face_row(1, 1.0, face=0), face_row(2, 2.0, face=1))
    assert list(counted.seconds) == [0, 1, 2]


def test_a_single_frame_is_counted_but_has_no_duration():
    assert totals(face_row(0, 0.0)) == Totals(1, 1, 0, {0: {"happiness": 0.0}})


def test_no_rows_add_up_to_nothing():
    assert totals() == Totals(0, 0, 0, {})


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=30), st.data())
def test_one_face_that_is_always_there_gets_the_whole_time(steps, data):
    times = [sum(steps[:index]) for index in range(len(steps) + 1)]
    told = st.sampled_from([NEUTRAL, HAPPY])
    counted = totals(*(face_row(i, time, told=data.draw(told)) for i, time in enumerate(times)))
    assert sum(counted.seconds[0].values()) == pytest.approx(times[-1] + times[-1] - times[-2])
