"""What the path of a video tells of who is shown and which emotion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import EMOTIONS
from fer_pipeline.errors import LabelError
from fer_pipeline.labels import guess, nearest_folder


@pytest.mark.parametrize(
    ("path", "participant", "emotion"),
    [
        # The participant is the first word before the emotion in the file name ...
        ("P00_angry.mp4", "P00", "anger"),
        ("P00-angry-02.mp4", "P00", "anger"),
        ("P00.angry.mp4", "P00", "anger"),
        ("P00 HAPPY.MP4", "P00", "happiness"),
        ("P00_take_angry.mp4", "P00", "anger"),
        ("S1/P00_angry.mp4", "P00", "anger"),
        ("happy/P00_sad.mp4", "P00", "sadness"),
        # ... else the nearest folder that names no emotion ...
        ("P07/happy.mp4", "P07", "happiness"),
        ("P07/happy_2.mp4", "P07", "happiness"),
        ("P 07/session_1/happy.mp4", "session_1", "happiness"),
        ("P07/happy/clip_3.mp4", "P07", "happiness"),
        ("happy/P07/clip_3.mp4", "P07", "happiness"),
        (r"P07\happy\clip_3.mp4", "P07", "happiness"),
        ("./P07/happy.mp4", "P07", "happiness"),
        # ... else the first word after the emotion.
        ("happy_P09_1.mp4", "P09", "happiness"),
        ("happy/P09_1.mp4", "P09", "happiness"),
        ("P08_happy/P09_1.mp4", "P09", "happiness"),
        ("happy_smile_P09.mp4", "P09", "happiness"),
        ("happy.mp4", None, "happiness"),
        # The nearest folder that names one counts.
        ("sad/P07/happy/1.mp4", "P07", "happiness"),
        # Words for one emotion are one emotion; the suffix is no word.
        ("P00_happy_joy_happy.mp4", "P00", "happiness"),
        ("P00_angry.sad", "P00", "anger"),
        ("P00_angry", "P00", "anger"),
    ],
)
def test_guess(path: str, participant: str | None, emotion: str) -> None:
    told = guess(path)
    assert (told.participant, told.emotion) == (participant, emotion)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("P00_angry_sad.mp4", "file name names different emotions: sadness, anger"),
        ("happy/P00_angry_sad.mp4", "file name names different emotions: sadness, anger"),
        ("happy/sad_fear/P00.mp4", "folder 'sad_fear' names different emotions: sadness, fear"),
        ("P00/clip.mp4", "no word"),
        ("P00/clip.angry", "no word"),
        ("P00AngryTake.mp4", "no word"),
        ("unhappyish.mp4", "no word"),
        ("", "no word"),
    ],
)
def test_guess_refuses(path: str, reason: str) -> None:
    with pytest.raises(LabelError, match=reason):
        guess(path)


@given(st.text() | st.text("/\\_-. aAngryHppS1"))
def test_guess_fails_in_one_way_only(path: str) -> None:
    try:
        told = guess(path)
    except LabelError:
        return
    assert told.emotion in EMOTIONS
    assert told.participant is None or told.participant in path


@pytest.mark.parametrize(
    ("path", "folder"),
    [("a/P1/happy/x.mp4", "P1"), ("happy/x.mp4", None), ("x.mp4", None), ("", None)],
)
def test_nearest_folder(path: str, folder: str | None) -> None:
    assert nearest_folder(path) == folder
