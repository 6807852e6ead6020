"""The choice of emotions as it is written, and what becomes of the labels of videos."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import EMOTIONS
from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.labels import EmotionChoice, LabelOptions, Stretch, VideoLabels, label_videos


def test_a_choice_understands_everyday_words_and_joins_classes():
    choice = EmotionChoice.parse("neutral, Happy,negative=angry+sad + fear,bored,x=y")
    assert choice.classes == {
        "neutral": "neutral",
        "happiness": "happiness",
        "anger": "negative",
        "sadness": "negative",
        "fear": "negative",
        "bored": "bored",
        "y": "x",
    }
    assert choice.names == ("neutral", "happiness", "bored", "negative", "x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a name is missing"),
        ("fear,", "a name is missing"),
        ("=fear", "a name is missing"),
        ("bad=", "a name is missing"),
        ("bad=fear+", "a name is missing"),
        ("fear+anger", "'fear+anger' has no name"),
        ("fear,scared", "fear is there twice"),
        ("fear,bad=anger+fear", "fear is there twice"),
        ("bad=anger,bad=fear", "bad is there twice"),
        ("happy,joy=fear", "happiness is there twice"),
    ],
)
def test_a_choice_that_makes_no_sense_is_wrong_usage(text, problem):
    with pytest.raises(UsageError, match=f"^--emotions .*{problem.replace('+', '.')}"):
        EmotionChoice.parse(text)


WORDS = st.text("abcdefgh", min_size=9, max_size=9)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_choice_that_is_written_is_read_again(classes):
    members = [member for several in classes.values() for member in several]
    text = ",".join(f"{name}={'+'.join(several)}" for name, several in classes.items())
    if len(set(members)) < len(members):
        with pytest.raises(UsageError):
            EmotionChoice.parse(text)
    else:
        assert EmotionChoice.parse(text).classes == {
            member: name for name, several in classes.items() for member in several
        }


def test_what_the_corpus_does_not_have_cannot_be_chosen():
    choice = EmotionChoice.parse("neutral,contempt")
    choice.check(EMOTIONS)
    choice.check(())
    with pytest.raises(UsageError, match="has no contempt; it has neutral, fear"):
        choice.check(("neutral", "fear"))


# Labels of videos

CHOICE = EmotionChoice.parse("calm,upset=sad+fear")


def test_videos_of_other_emotions_are_left_out():
    options = LabelOptions(pattern="{participant}_{emotion}", emotions=CHOICE)
    labelling = label_videos(["P1_sad.mp4", "P1_happy.mp4", "P2_calm.mp4"], options)
    assert [(s.emotion, s.participant) for v in labelling.videos.values() for s in v.stretches] == [
        ("upset", "P1"),
        ("calm", "P2"),
    ]
    assert labelling.emotions == ("calm", "upset")
    assert labelling.unchosen == ("P1_happy.mp4",)


def test_a_choice_that_leaves_nothing_is_told_with_what_there_is():
    options = LabelOptions(emotions=CHOICE)
    with pytest.raises(LabelError, match="not among --emotions") as caught:
        label_videos(["a_happy.mp4", "b_angry.mp4"], options)
    assert caught.value.remedy == "they show happiness, anger"


def test_videos_without_a_label_stay():
    options = LabelOptions(unlabelled=True, emotions=CHOICE)
    labelling = label_videos(["P1/one.mp4", "P1/happy.mp4"], options)
    assert labelling.videos["P1/one.mp4"].stretches == (Stretch(None, "P1"),)
    assert labelling.unchosen == ("P1/happy.mp4",)


def test_frames_of_another_emotion_are_not_outside():
    """Else what was said to be anger would be stored as neutral."""
    labels = VideoLabels(
        (Stretch("sadness", "P", 0.0, 1.0), Stretch("anger", "P", 1.0, 2.0)),
        "labels",
        Stretch("calm", "P"),
    )
    chosen = labels.chosen(CHOICE)
    emotions = [told.emotion if (told := chosen.at(time)) else None for time in (0.5, 1.5, 2.5)]
    assert emotions == ["upset", None, "calm"]
    of_face = [chosen.of_face(time, 0, lambda _: "left") for time in (0.5, 1.5, 2.5)]
    assert [told.emotion if told else None for told in of_face] == ["upset", None, "calm"]
    assert {stretch.emotion for stretch in chosen.all_stretches} == {"upset", "calm"}
    assert chosen.to_json() != labels.to_json()
    without = labels.chosen(EmotionChoice.parse("sad"))
    assert without.outside is None
    assert not without.concerns(1.1, 1.9)
    assert labels.chosen(EmotionChoice.parse("fear")) is None


def test_labels_of_people_apart_keep_to_what_was_chosen():
    labels = VideoLabels(
        (Stretch("anger", "A", 0.0, 1.0, "0"), Stretch("sadness", "B", 0.0, 1.0, "1")),
        "labels",
        Stretch("calm", None),
    )
    chosen = labels.chosen(CHOICE)
    assert chosen.at(0.5).emotion == "upset"  # else frames with both would not be looked at
    of_faces = [chosen.of_face(0.5, number, lambda _: "left") for number in (0, 1, 2)]
    assert [told.emotion if told else None for told in of_faces] == [None, "upset", None]
    later = chosen.of_face(1.5, 0, lambda _: "left")
    assert (later.emotion, later.participant) == ("calm", "A")
    assert chosen.without({"B"}) is None


def test_people_of_whom_nothing_was_chosen_are_still_named():
    """Else somebody who was withdrawn would be among the frames outside all stretches."""
    labels = VideoLabels(
        (Stretch("sadness", "A", 0.0, 1.0), Stretch("anger", "B", 1.0, 2.0)),
        "labels",
        Stretch(None, None),
    )
    chosen = labels.chosen(CHOICE)
    assert chosen.participants == {"A", "B"}
    assert chosen.without({"B"}).outside is None
    assert chosen.without({"B"}).to_json() == labels.without({"B"}).chosen(CHOICE).to_json()


def test_labels_that_were_all_chosen_are_recorded_as_before():
    labels = VideoLabels((Stretch("sadness", "P"),), "guess")
    chosen = labels.chosen(EmotionChoice.parse("sadness"))
    assert chosen == labels
    assert chosen.to_json()["stretches"] == [
        {"emotion": "sadness", "participant": "P", "start": None, "end": None, "face": None}
    ]
