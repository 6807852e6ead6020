"""Is one model better than another? Against figures worked out by hand, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.paired import across_folds, over_faces, over_people, share_interval

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=10)


# Folds


def test_folds_are_compared_as_by_hand():
    # Differences 0.1, 0.2, 0.3: mean 0.2, variance 0.01, times 1/3 + 1/2 for three folds.
    told = across_folds([0.8, 0.8, 0.9], [0.7, 0.6, 0.6])
    spread = math.sqrt(0.01 * (1 / 3 + 1 / 2))
    reach = 4.302653 * spread  # t for 2 degrees of freedom and 97.5 %
    assert told.value == pytest.approx(0.2)
    assert told.interval == pytest.approx((0.2 - reach, 0.2 + reach), rel=1e-6)
    # With 2 degrees of freedom the distribution has a closed form.
    t = 0.2 / spread
    assert told.p == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert (told.unit, told.number) == ("folds", 3)


def test_an_ordinary_t_test_would_find_more():
    from scipy import stats

    first, second = [0.8, 0.8, 0.9, 0.7, 0.8], [0.7, 0.75, 0.65, 0.68, 0.75]
    told = across_folds(first, second)
    assert told.p is not None
    assert told.p > stats.ttest_rel(first, second).pvalue


@pytest.mark.parametrize(("first", "p"), [(0.5, 1.0), (0.75, 0.0)])
def test_equal_differences_leave_no_doubt(first, p):
    told = across_folds([first] * 4, [0.5] * 4)
    assert (told.value, told.interval, told.p) == (first - 0.5, (first - 0.5,) * 2, p)


@given(SHARES, st.randoms(use_true_random=False))
def test_which_of_both_is_the_first_changes_only_the_sign(first, rng):
    second = [rng.random() for _ in first]
    one, other = across_folds(first, second), across_folds(second, first)
    assert one.value == -other.value
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert one.p == pytest.approx(other.p)
    assert -1 <= one.interval[0] <= one.value <= one.interval[1] <= 1


def test_the_interval_holds_the_true_difference_where_folds_are_as_alike_as_the_test_takes_them():
    # The test takes accuracies of k folds to correlate by 1/k. 95 % of 1500 studies: ± 1.1 %.
    folds, studies, true, spread = 5, 1500, 0.03, 0.02
    rng = np.random.default_rng(7)
    common = rng.normal(size=(studies, 1)) * math.sqrt(1 / folds)
    own = rng.normal(size=(studies, folds)) * math.sqrt(1 - 1 / folds)
    differences = true + spread * (common + own)
    held, wrong = 0, 0
    for one in differences:
        low, high = across_folds(one, np.zeros(folds)).interval
        held += low <= true <= high
        wrong += across_folds(one - true, np.zeros(folds)).p < 0.05
    assert held / studies == pytest.approx(0.95, abs=0.02)
    assert wrong / studies == pytest.approx(0.05, abs=0.02)


# People


def test_people_are_drawn_and_not_their_faces():
    # The first is better by 0.5 on each person's faces: whoever is drawn, it is by 0.5.
    people = np.repeat(["P1", "P2", "P3"], [2, 4, 6])
    first = np.ones(12, bool)
    second = np.tile([True, False], 6)
    told = over_people(first, second, people, seed=0)
    assert (told.value, told.interval, told.p) == (0.5, (0.5, 0.5), None)
    assert (told.unit, told.number) == ("people", 3)


def test_one_person_with_many_faces_counts_as_one_person():
    # All gain is of one person: without them there is none, and with them alone it is 1.
    people = np.repeat(["P1", "P2"], 500)
    told = over_people(people == "P1", np.zeros(1000, bool), people, seed=0)
    assert told.value == 0.5
    assert told.interval == (0.0, 1.0)


def test_the_interval_over_people_holds_the_true_difference():
    rng = np.random.default_rng(3)
    people, studies, faces, held = 30, 300, 10, 0
    names = np.repeat([f"P{n:02}" for n in range(people)], faces)
    for study in range(studies):
        better = np.repeat(rng.random(people) < 0.5, faces)  # half of all people: true 0.5
        low, high = over_people(better, np.zeros(len(names), bool), names, study).interval
        held += low <= 0.5 <= high
    assert held / studies == pytest.approx(0.95, abs=0.04)


def test_the_same_seed_draws_the_same_people():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 300)) < 0.6
    people = rng.choice([f"P{n}" for n in range(20)], 300)
    one, same, other = (over_people(first, second, people, seed) for seed in (1, 1, 2))
    assert one == same != other


# Faces


def right(*counts: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces on which both are right, only the first is, only the second is, and none is."""
    cases = np.repeat([[True, True], [True, False], [False, True], [False, False]], counts, axis=0)
    return cases[:, 0], cases[:, 1]


def test_faces_are_compared_as_by_hand():
    told = over_faces(*right(50, 8, 2, 40))
    assert told.value == pytest.approx(0.06)
    # McNemar: of 10 that differ, 8 or more on one side, both ways: 2 (45 + 10 + 1) / 2 ** 10.
    assert told.p == pytest.approx(2 * 56 / 1024)
    reach = 1.959964 * math.sqrt((10 / 100 - 0.06**2) / 100)
    assert told.interval == pytest.approx((0.06 - reach, 0.06 + reach), rel=1e-6)
    assert (told.unit, told.number) == ("faces", 100)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_test_is_that_of_the_binomial_distribution(only_first, only_second):
    told = over_faces(*right(3, only_first, only_second, 3))
    n, least = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(least + 1)) / 2**n
    assert told.p == pytest.approx(min(1.0, 2 * tail))


def test_faces_on_which_both_agree_tell_nothing():
    assert over_faces(*right(3, 0, 0, 9)).p == 1.0
    assert over_faces(*right(0, 7, 3, 0)).p == over_faces(*right(90, 7, 3, 50)).p


@given(st.integers(1, 30), st.integers(0, 30))
def test_no_interval_leaves_what_can_be(only_first, none):
    low, high = over_faces(*right(0, only_first, 0, none)).interval
    assert -1 <= low <= high <= 1


# A share


def test_wilsons_interval_is_that_of_his_formula():
    low, high = share_interval(np.repeat([True, False], [8, 2]))
    z, p, n = 1.959964, 0.8, 10
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx((middle - reach, middle + reach), rel=1e-6)


@pytest.mark.parametrize("share", [True, False])
def test_all_or_none_of_few_faces_are_no_certainty(share):
    low, high = share_interval(np.full(10, share))
    assert high - low > 0.2
    assert 0 <= low <= high <= 1
