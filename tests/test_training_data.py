"""What is learned from: drawn evenly, weighted, shared out among emotions, and in which order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.fit_options import FitOptions
from fer_pipeline.training_data import balanced, class_weights, shares, shuffled


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    faces=st.integers(1, 50),
    seed=st.integers(0, 5),
)
def test_a_balanced_sample_has_exactly_so_many_of_each_class_as_evenly_as_can_be(
    labels, faces, seed
):
    of_row = np.array(labels)
    rows = 100 + np.arange(len(of_row))
    drawn = balanced(rows, of_row, faces, seed)
    assert np.array_equal(drawn, balanced(rows, of_row, faces, seed))
    for label in set(labels):
        times = [int((drawn == row).sum()) for row in rows[of_row == label]]
        assert sum(times) == faces
        assert max(times) - min(times) <= 1
    assert len(drawn) == faces * len(set(labels))


def test_class_weights_let_every_class_count_alike_and_average_to_one():
    labels = np.array([0] * 6 + [1] * 3 + [2] * 1)
    weights = class_weights(labels, 3)
    assert weights * np.bincount(labels) == pytest.approx([10 / 3] * 3)
    assert weights[labels].mean() == pytest.approx(1)


def test_a_face_is_shared_out_as_its_annotators_voted_or_else_is_its_label():
    nobody = [np.nan] * 3
    votes = np.array([[6, 3, 1], nobody, [0, 0, 0], [0, 0, 5], [1, 1, 0], nobody], np.float32)
    labels = np.array([0, 1, 2, 0, -1, -1])
    assert shares(labels, 3, votes) == pytest.approx(
        np.array([[0.6, 0.3, 0.1], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0.5, 0.5, 0], [0, 0, 0]])
    )
    assert shares(labels, 3, None).tolist() == [*np.eye(3)[labels[:4]].tolist(), [0] * 3, [0] * 3]


VOTES = st.one_of(
    st.just([np.nan] * 4),
    st.lists(st.integers(0, 10) | st.floats(0, 1, width=32), min_size=4, max_size=4),
)


@given(st.lists(st.tuples(st.integers(-1, 3), VOTES), min_size=1, max_size=30))
def test_shares_add_up_to_one_or_to_nothing_and_keep_the_proportions(faces):
    labels = np.array([label for label, _ in faces], np.int8)
    votes = np.array([of_face for _, of_face in faces], np.float32)
    before = votes.copy()
    found = shares(labels, 4, votes)
    assert found.dtype == np.float32
    assert np.array_equal(votes, before, equal_nan=True)
    for label, of_face, share in zip(labels, votes, found, strict=True):
        total = of_face.sum()
        if total > 0:
            assert share * total == pytest.approx(of_face, rel=1e-5)
        else:
            assert share.tolist() == (np.eye(4)[label] if label >= 0 else np.zeros(4)).tolist()


@pytest.mark.parametrize(
    ("options", "blurred"),
    [({}, False), ({"mixup": 0.1}, True), ({"target": "votes"}, True), ({"mixup": 0}, False)],
)
def test_a_face_is_one_emotion_unless_votes_or_mixup_say_otherwise(options, blurred):
    assert FitOptions(**options).blurred is blurred


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    rows = np.arange(60)
    assert np.array_equal(shuffled(rows, 1, 2), shuffled(rows, 1, 2))
    assert sorted(shuffled(rows, 1, 2)) == rows.tolist()
    orders = {tuple(shuffled(rows, seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}
    assert len(orders) == 4
