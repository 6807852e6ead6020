"""What every way to vary faces has in common with the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.augmentation import AUGMENTATIONS, AUGMENTERS
from fer_pipeline.augmentation import paper_chain as chain
from tests.augmentation.measuring import WAYS, WHOLE, name_of, noise_faces


@pytest.mark.parametrize("way", WAYS, ids=name_of)
@given(
    count=st.integers(1, 5),
    size=st.integers(4, 70),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_shape_and_type_stay_and_the_given_faces_too(way, count, size, channels, seed):
    faces = noise_faces(count, size, size, channels, seed=seed)
    before = faces.copy()
    varied, again = (way(faces, np.random.default_rng(seed)) for _ in range(2))
    assert (varied.shape, varied.dtype) == (faces.shape, np.uint8)
    assert np.array_equal(faces, before)
    assert np.array_equal(varied, again)
    assert not np.shares_memory(varied, faces)


@pytest.mark.parametrize("step", chain.STEPS, ids=name_of)
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.sampled_from([1, 3]))
def test_a_step_takes_pictures_that_are_not_square(step, height, width, channels):
    faces = noise_faces(3, height, width, channels)
    assert step(faces, np.random.default_rng(0)).shape == faces.shape


@pytest.mark.parametrize("way", WHOLE, ids=name_of)
def test_the_same_randomness_gives_the_same_faces_in_any_thread(way):
    batches = [noise_faces(8, 64, 64, 3, seed=seed) for seed in range(16)]

    def vary(seed: int) -> np.ndarray:
        return way(batches[seed], np.random.default_rng([1, seed]))

    expected = [vary(seed) for seed in range(16)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(vary, range(16)))
    assert all(np.array_equal(one, other) for one, other in zip(expected, found, strict=True))
    assert not np.array_equal(way(batches[0], np.random.default_rng(9)), expected[0])


@pytest.mark.parametrize("way", WHOLE, ids=name_of)
def test_each_face_is_varied_on_its_own(way):
    varied = way(np.repeat(noise_faces(1, 24, 24, 1), 20, axis=0), np.random.default_rng(0))
    assert len({one.tobytes() for one in varied}) == 20


def test_every_name_has_its_way_and_none_has_none():
    assert set(AUGMENTERS) == set(AUGMENTATIONS) == {"light", "strong", "papers", "none"}
    assert [AUGMENTERS[name] for name in ("light", "strong", "papers")] == WHOLE
    assert AUGMENTERS["none"] is None
