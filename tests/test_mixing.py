"""Mixup: faces and what is to be told of them are blended alike, and by no more than half."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fer_pipeline.augmentation.mixing import mix

ALPHAS = st.sampled_from([0.05, 0.2, 0.4, 1.0, 10.0])


def drawn_targets(faces: int, emotions: int, rng: np.random.Generator) -> np.ndarray:
    """Draw shares of emotions that add up to 1."""
    shares = rng.random((faces, emotions)) + 1e-3
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


@given(
    count=st.integers(1, 12),
    emotions=st.integers(2, 8),
    channels=st.sampled_from([1, 3]),
    alpha=ALPHAS,
    seed=st.integers(0, 99),
)
def test_shapes_types_and_sums_stay_and_the_given_arrays_too(
    count, emotions, channels, alpha, seed
):
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 256, (count, 6, 5, channels), dtype=np.uint8)
    targets = drawn_targets(count, emotions, rng)
    given_faces, given_targets = faces.copy(), targets.copy()
    mixed, told = mix(faces, targets, alpha, np.random.default_rng(seed))
    again = mix(faces, targets, alpha, np.random.default_rng(seed))
    assert (mixed.shape, mixed.dtype) == (faces.shape, np.uint8)
    assert (told.shape, told.dtype) == (targets.shape, np.float32)
    assert told.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert told.min() >= 0
    assert np.array_equal(faces, given_faces)
    assert np.array_equal(targets, given_targets)
    assert np.array_equal(mixed, again[0])
    assert np.array_equal(told, again[1])


@given(count=st.integers(1, 40), alpha=ALPHAS, seed=st.integers(0, 99))
def test_pixels_are_blended_exactly_as_targets_are(count, alpha, seed):
    # With an emotion of its own for each face, the targets tell which two it is made of.
    faces = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    mixed, told = mix(faces, np.eye(count, dtype=np.float32), alpha, np.random.default_rng(seed))
    blended = np.einsum("ij,jhwc->ihwc", told.astype(float), faces.astype(float))
    assert np.abs(mixed - blended).max() <= 0.5 + 1e-4  # rounded, not cut


@given(count=st.integers(1, 40), alpha=ALPHAS, seed=st.integers(0, 99))
def test_a_face_is_at_least_half_itself_and_the_rest_is_one_other(count, alpha, seed):
    faces = np.zeros((count, 2, 2, 1), np.uint8)
    _, told = mix(faces, np.eye(count, dtype=np.float32), alpha, np.random.default_rng(seed))
    assert told.diagonal().min() >= 0.5
    assert ((told > 0).sum(axis=1) <= 2).all()


def test_every_face_is_the_other_one_of_at_most_one():
    faces = np.zeros((500, 1, 1, 1), np.uint8)
    _, told = mix(faces, np.eye(500, dtype=np.float32), 1, np.random.default_rng(0))
    others = told - np.diag(told.diagonal())
    assert ((others > 0).sum(axis=0) <= 1).all()
    assert (others > 0).sum() > 450


@pytest.mark.parametrize("alpha", [0.2, 0.4, 1, 10])
def test_the_share_of_the_other_face_is_of_the_folded_beta_distribution(alpha):
    faces = np.zeros((2000, 1, 1, 1), np.uint8)
    _, told = mix(faces, np.eye(2000, dtype=np.float32), alpha, np.random.default_rng(1))
    own = told.diagonal().astype(float)
    share = 1 - own[own < 1]
    wanted = stats.beta(alpha, alpha)
    # Those too small for 32 bits are lost with the faces that are blended with themselves.
    lost = 1 - len(share) / 2000
    tested = stats.kstest(
        np.concatenate([np.zeros(round(2000 * lost)), share]),
        lambda x: np.where(x > 0, wanted.cdf(x) + wanted.sf(1 - x), lost),
    )
    assert tested.statistic < 1.95 / 2000**0.5


def test_other_randomness_gives_other_blends():
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    targets = drawn_targets(20, 4, rng)
    one, other = (mix(faces, targets, 1, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[1], other[1])
