"""The values that travel through the pipeline, and the names of emotions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import (
    EMOTION_WORDS,
    EMOTIONS,
    Box,
    Frame,
    Pixels,
    Status,
    canonical_emotion,
    order_emotions,
)

# Emotions


def test_canonical_emotions_have_their_names_and_order():
    assert " ".join(EMOTIONS) == ("neutral happiness sadness surprise fear disgust anger contempt")


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("happy", "happiness"),
        ("joy", "happiness"),
        ("sad", "sadness"),
        ("surprised", "surprise"),
        ("scared", "fear"),
        ("afraid", "fear"),
        ("fearful", "fear"),
        ("disgusted", "disgust"),
        ("angry", "anger"),
        ("HAPPY", "happiness"),
        (" Angry ", "anger"),
        ("boredom", None),
        ("", None),
        ("happy-ish", None),
    ],
)
def test_everyday_words_stand_for_canonical_names(word, emotion):
    assert canonical_emotion(word) == emotion


def test_every_canonical_name_stands_for_itself():
    assert [canonical_emotion(name) for name in EMOTIONS] == list(EMOTIONS)
    assert set(EMOTION_WORDS.values()) == set(EMOTIONS)


def test_canonical_emotions_come_first_and_others_alphabetically():
    names = ["pride", "anger", "boredom", "neutral", "anger", "Awe"]
    assert order_emotions(names) == ("neutral", "anger", "Awe", "boredom", "pride")
    assert order_emotions([]) == ()


# Boxes

boxes = st.builds(
    Box, st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99), st.integers(1, 99)
)


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 10, 10), 1 / 3),
        (Box(0, 0, 5, 10), 0.5),
        (Box(10, 0, 10, 10), 0.0),
        (Box(50, 50, 10, 10), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other, overlap):
    assert Box(0, 0, 10, 10).overlap(other) == pytest.approx(overlap)


@given(one=boxes, other=boxes)
def test_overlap_is_mutual_and_a_share(one, other):
    assert one.overlap(other) == other.overlap(one)
    assert 0 <= one.overlap(other) <= 1
    assert one.overlap(one) == 1


def test_a_box_moves_in_a_straight_line_towards_another():
    start, end = Box(0, 10, 20, 30), Box(100, 20, 40, 10)
    assert start.towards(end, 0.0) == start
    assert start.towards(end, 0.25) == Box(25, 12, 25, 25)
    assert start.towards(end, 1.0) == end


def test_a_box_knows_its_middle_and_area():
    assert Box(10, 20, 5, 8).center == (12.5, 24.0)
    assert Box(10, 20, 5, 8).area == 40


# Frames and statuses


class CountedPixels(Pixels):
    """A picture that counts its conversions."""

    def __init__(self) -> None:
        self.conversions: list[str] = []

    def luma(self):
        self.conversions.append("luma")
        return np.zeros((2, 3), np.uint8)

    def rgb(self):
        self.conversions.append("rgb")
        return np.zeros((2, 3, 3), np.uint8)


def test_a_frame_converts_its_pixels_once_and_only_when_asked():
    pixels = CountedPixels()
    frame = Frame(0, 0.0, pixels)
    assert pixels.conversions == []
    assert frame.luma is frame.luma
    assert frame.rgb is frame.rgb
    assert pixels.conversions == ["luma", "rgb"]


def test_statuses_are_written_as_their_words():
    assert [str(status) for status in Status] == ["ok", "tracked", "no_face", "decode_error"]
