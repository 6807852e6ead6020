"""Tables, plots and the model card, as a reader sees them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from fer_pipeline.evaluation import Scores, score
from fer_pipeline.fit_options import Epoch
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.report.model_card import model_card
from fer_pipeline.report.plots import plot_confusion, plot_learning_curves
from fer_pipeline.report.tables import doubts, markdown_table, percent, side_name, text_table
from tests.conftest import crop_record

EMOTIONS = ("neutral", "happiness")


def scores_of(*right: bool) -> Scores:
    """Return the figures of faces that are alternately neutral and happy."""
    truth = np.arange(len(right)) % 2
    told = np.eye(2, dtype=np.float32)[np.where(right, truth, 1 - truth)]
    people = np.array([f"P{index // 2}" for index in range(len(right))])
    return score(truth, told, EMOTIONS, people)


UNSEEN, SEEN = scores_of(True, True, True, False), scores_of(True, True)


COMMAND = "fer train --data 'my faces.h5'"


def card(
    kind: str = "participant", refitted: bool = False, command: str = COMMAND, run: int = 5
) -> str:
    spec = ModelSpec(
        network="lenet",
        emotions=EMOTIONS,
        input_size=48,
        input_channels="gray",
        crop=crop_record(),
        dataset={"file": "faces.h5", "faces": 99, "digest": "abc"},
        split={
            "kind": kind,
            "groups": {"training": ["P2", "P3"], "test": ["P0", "P1"]},
            "participants": {"training": ["P2", "P3"], "validation": [], "test": ["P0", "P1"]},
        },
        training={"epochs": 5, "epochs_run": run},
        provenance={
            "command": command,
            "seed": 7,
            "versions": {"keras": "3"},
            "backend": "tensorflow",
            "time": "2026-01-01",
        },
    )
    return model_card(spec, {"unseen": UNSEEN, "seen": SEEN}, refitted=refitted)


# Tables


def test_a_table_has_numbers_to_the_right_and_words_to_the_left():
    rows = [("a", 1, 0.5, "5.0 %", "1,000"), ("long word", 1000, -12.25, "100.0 %", "")]
    assert text_table(("who", "n", "loss", "share", "weights"), rows).splitlines() == [
        "who           n     loss    share  weights",
        "a             1    0.500    5.0 %    1,000",
        "long word  1000  -12.250  100.0 %",
    ]


def test_a_bar_in_a_cell_does_not_end_it_in_markdown():
    assert markdown_table(("a|b", "n"), [("c|d", 1)]).splitlines() == [
        r"| a\|b | n |",
        "| --- | --- |",
        r"| c\|d | 1 |",
    ]


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0.0 %"), (2 / 3, "66.7 %"), (0.9996, "100.0 %"), (1, "100.0 %")]
)
def test_a_share_is_shown_as_a_percentage(share, shown):
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("side", "kind", "name"),
    [
        ("unseen", "participant", "unseen people"),
        ("seen", "participant", "seen people"),
        ("unseen", "leave-one-participant-out", "unseen people"),
        ("unseen", "corpus", "test part of the corpus"),
        ("unseen", "video", "unseen videos (the same people may be in training)"),
        ("unseen", "random", "random frames (the same people are in training)"),
        ("validation", "random", "validation (used for choices)"),
    ],
)
def test_a_figure_says_whose_faces_it_is_of(side, kind, name):
    assert side_name(side, kind) == name


# Plots


def picture(path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    assert pixels.min() < 100 < pixels.max()
    return pixels


@pytest.mark.parametrize("validation", [0.5, math.nan])
@pytest.mark.parametrize("epochs", [1, 12])
def test_learning_curves_are_drawn(tmp_path, epochs, validation):
    history = [
        Epoch(n, 1 / n, 0.5, validation, validation, 1e-3, 1.0) for n in range(1, epochs + 1)
    ]
    plot_learning_curves(tmp_path / "curves.png", [history])
    picture(tmp_path / "curves.png")


def test_learning_curves_of_all_fits_are_drawn(tmp_path):
    def fit(start: float) -> list[Epoch]:
        return [Epoch(n, start / n, 0.5, start, 0.5, 1e-3, 1.0) for n in range(1, 5)]

    drawn = []
    for name, *arguments in (
        ("one.png", [fit(1)]),
        ("two.png", [fit(1), fit(2)]),
        ("another.png", [fit(1), fit(1.5)]),
        ("final.png", [fit(1), fit(2)], fit(3)),
    ):
        plot_learning_curves(tmp_path / name, *arguments)
        drawn.append(picture(tmp_path / name))
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[1], drawn[2])
    assert not np.array_equal(drawn[1], drawn[3])


def test_a_confusion_matrix_is_larger_for_more_emotions(tmp_path):
    heights = []
    for count in (2, 8):
        names = tuple(f"emotion {index}" for index in range(count))
        figures = score(np.array([0, 1]), np.eye(count, dtype=np.float32)[:2], names)
        plot_confusion(tmp_path / "confusion.png", figures, names)
        heights.append(picture(tmp_path / "confusion.png").shape[0])
    assert heights[0] < heights[1]


def test_a_confusion_matrix_is_dark_where_faces_are(tmp_path):
    plot_confusion(tmp_path / "right.png", scores_of(True, True), EMOTIONS)
    plot_confusion(tmp_path / "wrong.png", scores_of(False, False), EMOTIONS)
    right, wrong = picture(tmp_path / "right.png"), picture(tmp_path / "wrong.png")
    assert right.shape == wrong.shape
    assert np.mean(right != wrong) > 0.1


# The model card


def test_a_card_says_what_a_model_is_not_for():
    assert "posed expressions" in card()
    assert "does not tell what a person feels" in card()
    assert "not for decisions about individuals" in card()


def test_a_card_says_who_was_on_which_side_and_how_to_repeat_it():
    text = card()
    assert "99 faces of faces.h5, split by participant." in text
    assert "- training: P2, P3" in text
    assert "- test: P0, P1" in text
    assert "    fer train --data 'my faces.h5'" in text
    assert "Seed 7" in text


@pytest.mark.parametrize("kind", ["corpus", "video", "random"])
def test_a_card_names_the_people_where_something_else_decided(kind):
    lines = card(kind).splitlines()
    assert "- people in training: P2, P3" in lines
    assert "- people in test: P0, P1" in lines
    assert "people in" not in card()


def test_a_card_repeats_a_command_without_what_only_began_that_run():
    text = card(command=f"{COMMAND} --overwrite --seed 7 --resume")
    assert f"    {COMMAND} --seed 7\n" in text


@pytest.mark.parametrize(("run", "shown"), [(5, "5"), (9, "5, the best of 9")])
def test_the_epochs_of_a_card_are_those_of_the_saved_model(run, shown):
    assert f"| epochs | {shown} |" in card(run=run).splitlines()


def test_a_card_shows_seen_and_unseen_people_and_their_distance():
    text = card()
    assert "| unseen people | 4 | 75.0 % | 50.0 % to 100.0 % | 75.0 % | 73.3 % | 100.0 % |" in text
    assert "| seen people | 2 | 100.0 % |  | 100.0 % | 100.0 % | 100.0 % | 50.0 % |" in text
    assert "the one on seen people is 25.0 points higher" in text
    assert "These figures come from 2 people" in text


def test_a_card_shows_every_emotion_confusion_and_person():
    lines = card().splitlines()
    assert "| neutral | 2 | 66.7 % | 100.0 % | 80.0 % |" in lines
    assert "| happiness | 2 | 100.0 % | 50.0 % | 66.7 % |" in lines
    assert "| happiness | 1 | 1 |" in lines
    assert "| P0 | 100.0 % |" in lines
    assert "| P1 | 50.0 % |" in lines


@pytest.mark.parametrize(
    ("kind", "flatters"),
    [("participant", False), ("corpus", False), ("video", True), ("random", True)],
)
def test_a_split_that_flatters_is_called_so(kind, flatters):
    assert ("which flatters" in card(kind)) == flatters


@pytest.mark.parametrize("refitted", [True, False])
def test_a_model_fitted_once_more_is_told_from_the_one_with_the_figures(refitted):
    assert ("fitted once more on everyone" in card(refitted=refitted)) == refitted


@pytest.mark.parametrize(
    ("truth", "named", "said"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], []),
        ([0, 0, 0, 1], [0, 0, 0, 0], ["no better than always", "never recognised anger"]),
        ([0, 0, 1, 1], [0, 0, 0, 0], ["no better than always", "never recognised anger"]),
    ],
)
def test_a_model_that_is_of_no_use_is_told(truth, named, said):
    probabilities = np.eye(2, dtype=np.float32)[named]
    people = np.array([f"P{index}" for index in range(len(truth))] * 2)[: len(truth)]
    told = doubts(score(np.array(truth), probabilities, ("neutral", "anger"), people))
    assert "These figures come from 4 people" in told[0]
    assert len(told) == 1 + len(said)
    for text, part in zip(told[1:], said, strict=True):
        assert part in text


def test_figures_of_many_people_stand_without_a_doubt():
    people = np.array(list("abcdef"))
    perfect = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
    assert doubts(score(np.array([0, 1, 0, 1, 0, 1]), perfect, ("neutral", "anger"), people)) == []
