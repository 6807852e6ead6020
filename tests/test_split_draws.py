"""How lots are drawn: classes as even as can be, whoever the groups are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION
from fer_pipeline.split_draws import deal_out, draw_sides, draw_validation

SEEDS = st.integers(0, 2**32 - 1)


def rows_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the group and the label of each row, from the number of rows of each class."""
    groups, classes = np.indices(counts.shape)
    return (
        np.repeat(groups.ravel(), counts.ravel()),
        np.repeat(classes.ravel(), counts.ravel()).astype(np.int8),
    )


def unevenness(counts: np.ndarray, fold_of_group: np.ndarray) -> float:
    """Return by how much the shares of a class differ between the folds, on average."""
    shares = counts / counts.sum(axis=0)
    folds = [shares[fold_of_group == fold].sum(axis=0) for fold in range(fold_of_group.max() + 1)]
    return float(np.std(folds, axis=0).mean())


@given(st.integers(2, 8), st.integers(0, 20), st.integers(1, 4), SEEDS)
def test_folds_have_equally_many_groups(folds, more, classes, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, (folds + more, classes))
    counts[:, 0] += 1
    of_row, labels = rows_of(counts)
    dealt = deal_out(of_row, labels, folds, rng)
    sizes = np.bincount(dealt, minlength=folds)
    assert dealt.shape == (folds + more,)
    assert sizes.min() >= 1
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 3), min_size=8, max_size=80), st.integers(2, 8), SEEDS)
def test_single_faces_are_dealt_so_that_no_class_differs_by_more_than_one(labels, folds, seed):
    of_row = np.arange(len(labels))
    dealt = deal_out(of_row, np.array(labels, np.int8), folds, np.random.default_rng(seed))
    for label in set(labels):
        of_class = np.bincount(dealt[np.array(labels) == label], minlength=folds)
        assert of_class.max() - of_class.min() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_one_sided_people_are_dealt_more_evenly_than_nearly_all_random_deals(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(4, (20, 4))
    counts[np.arange(20), rng.integers(4, size=20)] += rng.integers(10, 60, 20)
    of_row, labels = rows_of(counts)
    ours = unevenness(counts, deal_out(of_row, labels, 5, np.random.default_rng(seed)))
    by_chance = [unevenness(counts, rng.permutation(np.arange(20) % 5)) for _ in range(400)]
    assert ours < np.quantile(by_chance, 0.05)


def test_a_class_that_as_many_people_show_as_there_are_folds_is_in_every_fold():
    counts = np.full((20, 3), 10)
    counts[:, 2] = 0
    counts[[1, 4, 9, 11, 19], 2] = 10
    for seed in range(20):
        dealt = deal_out(*rows_of(counts), 5, np.random.default_rng(seed))
        assert sorted(dealt[[1, 4, 9, 11, 19]]) == [0, 1, 2, 3, 4]


def test_equals_are_dealt_by_chance():
    of_row, labels = rows_of(np.full((12, 2), 3))
    deals = {
        tuple(deal_out(of_row, labels, 3, np.random.default_rng(seed)).tolist())
        for seed in range(10)
    }
    assert len(deals) == 10


@given(st.integers(5, 20), SEEDS)
def test_as_many_groups_as_asked_are_tested_and_validated(groups, seed):
    rng = np.random.default_rng(seed)
    sides = draw_sides(*rows_of(np.ones((groups, 2), int)), tests=2, validations=1, rng=rng)
    assert np.sum(sides == SPLIT_TEST) == 2
    assert np.sum(sides == SPLIT_VALIDATION) == 1
    assert np.sum(sides == SPLIT_TRAINING) == groups - 3


@given(st.integers(2, 12), st.integers(1, 30), SEEDS)
def test_who_is_tested_stays_and_one_at_least_is_left_to_learn_from(groups, validations, seed):
    rng = np.random.default_rng(seed)
    tested = np.arange(groups + 1) == rng.integers(groups + 1)
    counts = np.ones((groups + 1, 2), int)
    sides = draw_validation(*rows_of(counts), tested, validations, rng)
    assert ((sides == SPLIT_TEST) == tested).all()
    assert np.sum(sides == SPLIT_VALIDATION) == min(validations, groups - 1)
    assert np.sum(sides == SPLIT_TRAINING) >= 1


def test_validation_and_training_have_a_rare_class_if_that_is_possible():
    counts = np.full((10, 2), 5)
    counts[:, 1] = 0
    counts[[3, 8], 1] = 5
    tested = np.arange(10) == 0
    for seed in range(10):
        sides = draw_validation(*rows_of(counts), tested, 2, np.random.default_rng(seed))
        assert sorted(sides[[3, 8]]) == [SPLIT_TRAINING, SPLIT_VALIDATION]
