"""Patterns that say where in a path the participant and the emotion stand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.labels import (
    LabelOptions,
    Stretch,
    Told,
    VideoLabels,
    label_videos,
    pattern_reader,
)


@pytest.mark.parametrize(
    ("pattern", "path", "participant", "emotion"),
    [
        ("{participant}/{emotion}_{take}", "P1/happy_03.mp4", "P1", "happiness"),
        ("{participant}/{emotion}_{take}", "P1/happy_03_b.mp4", "P1", "happiness"),
        ("{participant}_{emotion}", "P1_angry.mp4", "P1", "anger"),
        ("{participant}_{emotion}", "P1_very_angry.mp4", "P1", "very_angry"),
        ("{participant}_{emotion}_{take}", "P1_angry_2_b.mp4", "P1", "anger"),
        ("sub_{participant}_{emotion}", "sub_P1_bored.mp4", "P1", "bored"),
        ("{participant}--{emotion}--{take}", "P-1--sad--2.mp4", "P-1", "sadness"),
        ("{participant}_{emotion}_final", "P1_sad_final.mp4", "P1", "sadness"),
        ("{participant}/{participant}_{emotion}", "P_1/P_1_sad.mp4", "P_1", "sadness"),
        ("{study}/{participant}/{emotion}", "A/B/Calm .mp4", "B", "Calm"),
        ("{emotion}/{take 1}", "sad/x.mp4", None, "sadness"),
        ("{Participant}/{EMOTION}", "P1/sad.mp4", "P1", "sadness"),
        ("{participant}.{emotion}", "P1.sad.mp4", "P1", "sadness"),
        ("a+(b)/{emotion}", "a+(b)/sad.mp4", None, "sadness"),
        (r"{participant}\{emotion}", "P1/sad.mp4", "P1", "sadness"),
        ("./{participant}/{emotion}", "P1/sad.mp4", "P1", "sadness"),
        ("{participant}/{take}", "P1/sad.mp4", "P1", None),
    ],
)
def test_pattern(pattern: str, path: str, participant: str | None, emotion: str | None) -> None:
    assert pattern_reader(pattern)(path) == Told(participant, emotion)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{participant}_{emotion}", "P1/P1_sad.mp4"),
        ("{participant}/{emotion}", "P1/x/sad.mp4"),
        ("{participant}_{emotion}", "P1_.mp4"),
        ("{participant}_{emotion}", "P1-sad.mp4"),
        ("{participant}_{emotion}.mp4", "P1_sad.mp4"),
        ("Take_{emotion}", "take_sad.mp4"),
        ("a.b_{emotion}", "axb_sad.mp4"),
        ("{participant}/{participant}_{emotion}", "P1/P2_sad.mp4"),
        ("{participant}_{emotion}", "P1_ .mp4"),
    ],
)
def test_pattern_that_does_not_fit(pattern: str, path: str) -> None:
    with pytest.raises(LabelError, match=re.escape(pattern)):
        pattern_reader(pattern)(path)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("{participant", "brace without its partner"),
        ("participant}_{emotion}", "brace without its partner"),
        ("{{emotion}}", "brace without its partner"),
        ("{participant}{emotion}", "nothing between {participant} and {emotion}"),
        ("{}_{emotion}", "field without a name"),
        ("{take}_x", "neither {participant} nor {emotion}"),
        ("", "neither {participant} nor {emotion}"),
    ],
)
def test_malformed_pattern(pattern: str, fault: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{pattern}' has")) as caught:
        label_videos([], LabelOptions(pattern=pattern))
    assert fault in str(caught.value)


plain_words = st.text(st.characters(categories=["L", "N"]), min_size=1)


@given(
    fields=st.permutations(["participant", "emotion", "take", "day"]),
    separators=st.lists(
        st.sampled_from(["/", "_", "-", "__", " of ", "."]), min_size=3, max_size=3
    ),
    values=st.lists(plain_words, min_size=4, max_size=4),
)
def test_pattern_reads_what_was_formatted_with_it(
    fields: list[str], separators: tuple[str, ...], values: list[str]
) -> None:
    gaps = ["", *separators]
    pattern = "".join(gap + f"{{{field}}}" for gap, field in zip(gaps, fields, strict=True))
    value = dict(zip(fields, values, strict=True))
    value["emotion"] = "own " + value["emotion"]
    told = pattern_reader(pattern)(pattern.format(**value) + ".mp4")
    assert told == Told(value["participant"], value["emotion"])


def test_pattern_does_not_fall_back_on_guessing() -> None:
    options = LabelOptions(pattern="{participant}-{emotion}", skip_unlabelled=True)
    labelling = label_videos(["P0-sad.mp4", "P0_sad.mp4"], options)
    assert labelling.videos == {"P0-sad.mp4": VideoLabels((Stretch("sadness", "P0"),), "pattern")}
    assert [path for path, _ in labelling.untold] == ["P0_sad.mp4"]


def test_pattern_without_emotion() -> None:
    with pytest.raises(LabelError, match="no emotion"):
        label_videos(["P0/sad.mp4"], LabelOptions(pattern="{participant}/{take}"))
    labelling = label_videos(
        ["P0/sad.mp4"], LabelOptions(pattern="{participant}/{take}", unlabelled=True)
    )
    assert labelling.videos == {"P0/sad.mp4": VideoLabels((Stretch(None, "P0"),), "pattern")}
