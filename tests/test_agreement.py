"""Figures of agreement, against published numbers and against somebody else's program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support

from fer_pipeline.agreement import agree, intraclass, kappa

# Four judges rate six targets: Shrout and Fleiss 1979, table 2.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    np.float64,
)

CLASSES = ("anger", "fear", "happiness", "none")

_moments = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES), st.floats(0.001, 2)),
    min_size=1,
    max_size=40,
)


def test_intraclass_correlations_are_the_published_ones():
    found = intraclass(SHROUT_FLEISS)
    assert round(found.icc21, 2) == 0.29
    assert round(found.icc31, 2) == 0.71
    # To four digits, as R's psych::ICC has them.
    assert found.icc21 == pytest.approx(0.2898, abs=5e-5)
    assert found.icc31 == pytest.approx(0.7148, abs=5e-5)


@given(st.floats(0.01, 100))
def test_equal_weights_change_nothing(weight):
    weighted, plain = intraclass(SHROUT_FLEISS, np.full(6, weight)), intraclass(SHROUT_FLEISS)
    assert weighted.icc21 == pytest.approx(plain.icc21)
    assert weighted.icc31 == pytest.approx(plain.icc31)


def test_a_target_of_twice_the_weight_shifts_the_means_as_two_would():
    twice = np.concatenate([SHROUT_FLEISS, SHROUT_FLEISS[:1]])
    weighted = intraclass(SHROUT_FLEISS, np.array([2, 1, 1, 1, 1, 1.0]))
    more = intraclass(twice)
    # The same but for the degrees of freedom: 6 targets in the one, 7 in the other.
    assert weighted.icc31 == pytest.approx(more.icc31, rel=1e-9)
    assert weighted.icc21 == pytest.approx(more.icc21, abs=0.01)


def test_a_judge_who_is_always_higher_is_consistent_and_does_not_agree():
    ratings = np.array([[0.1, 0.4], [0.2, 0.5], [0.5, 0.8], [0.6, 0.9]])
    found = intraclass(ratings)
    assert found.icc31 == pytest.approx(1)
    assert found.icc21 < 0.7


def test_numbers_that_never_differ_have_no_correlation():
    found = intraclass(np.full((5, 2), 0.5))
    assert (found.icc21, found.icc31) == (None, None)


@given(_moments)
def test_kappa_and_the_figures_of_classes_are_those_of_scikit_learn(moments):
    coder, fer, seconds = zip(*moments, strict=True)
    found = agree(coder, fer, np.array(seconds), CLASSES)
    if found.kappa is None:
        assert len({*coder, *fer}) == 1
    else:
        with np.errstate(invalid="ignore"):
            theirs = cohen_kappa_score(coder, fer, sample_weight=seconds)
        assert found.kappa == pytest.approx(theirs, abs=1e-9)
    precision, recall, f1, _ = precision_recall_fscore_support(
        coder, fer, labels=CLASSES, sample_weight=seconds, zero_division=np.nan
    )
    for index, one in enumerate(found.classes):
        for ours, told in (
            (one.precision, precision[index]),
            (one.recall, recall[index]),
            (one.positive_agreement, f1[index]),
        ):
            if ours is None:
                assert np.isnan(told)
            else:
                assert ours == pytest.approx(told, abs=1e-9)


@given(_moments)
def test_a_judge_agrees_with_himself_and_order_does_not_matter(moments):
    coder, fer, seconds = zip(*moments, strict=True)
    weights = np.array(seconds)
    same = agree(coder, coder, weights, CLASSES)
    assert same.observed == pytest.approx(1)
    assert same.kappa is None or same.kappa == pytest.approx(1)
    there, back = agree(coder, fer, weights, CLASSES), agree(fer, coder, weights, CLASSES)
    assert there.kappa == back.kappa or there.kappa == pytest.approx(back.kappa)


def test_time_counts_and_not_the_number_of_frames():
    # Nine short frames disagree, one long one agrees.
    coder = ["fear"] * 9 + ["anger"]
    fer = ["anger"] * 10
    found = agree(coder, fer, np.array([0.01] * 9 + [0.91]), CLASSES)
    assert found.observed == pytest.approx(0.91)
    assert found.seconds == pytest.approx(1)
    assert found.confusion[1][0] == pytest.approx(0.09)


def test_a_hand_made_table():
    # Two judges, 50 proposals: the table of many textbooks.
    assert kappa(np.array([[20, 5], [10, 15.0]])) == pytest.approx(0.4)
    assert kappa(np.array([[10, 0], [0, 0.0]])) is None


def test_the_kappa_of_a_class_is_that_against_all_others():
    coder = ["anger", "anger", "fear", "happiness"]
    fer = ["anger", "fear", "fear", "none"]
    found = agree(coder, fer, np.ones(4), CLASSES)
    mine = cohen_kappa_score([c == "anger" for c in coder], [f == "anger" for f in fer])
    assert found.classes[0].kappa == pytest.approx(mine)
