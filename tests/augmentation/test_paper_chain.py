"""The steps of the paper. PAPERS: Yudin, Dolzhenko, Kapustina 2019."""

from __future__ import annotations

import numpy as np
import pytest

from fer_pipeline.augmentation import paper_chain as chain
from fer_pipeline.augmentation import papers
from tests.augmentation.measuring import (
    DRAWS,
    distance_from_uniform,
    motions_of,
    name_of,
    noise_faces,
)


def edges(mask: np.ndarray) -> set[int]:
    """Return the rows at which something begins or ends."""
    changes = np.diff(mask.astype(int), axis=0, prepend=0, append=0)
    return set(np.flatnonzero(changes.any(axis=1)).tolist())


def is_on_a_grid(found: set[int], pixels: int) -> bool:
    """Tell whether there is a grid of an allowed size with lines at all these places."""
    for cells in range(4, max(4, pixels // 4) + 1):
        shown = np.arange(pixels) * cells // pixels  # nearest neighbour
        if found <= {0, pixels, *(np.flatnonzero(np.diff(shown)) + 1).tolist()}:
            return True
    return False


@pytest.mark.parametrize("shape", [(48, 48, 1), (120, 80, 3), (13, 30, 1)])
def test_dropout_blackens_cells_of_a_coarse_grid_in_all_channels(shape):
    dropped = chain.coarse_dropout(
        np.full((DRAWS, *shape), 255, np.uint8), np.random.default_rng(0)
    )
    assert set(np.unique(dropped)) == {0, 255}
    assert (dropped == dropped[..., :1]).all()
    masks = dropped[dropped.min(axis=(1, 2, 3)) == 0, ..., 0] == 0
    assert len(masks) > 10
    for mask in masks:
        assert is_on_a_grid(edges(mask), shape[0])
        assert is_on_a_grid(edges(mask.T), shape[1])


def test_dropout_takes_one_share_a_face_uniform_up_to_two_percent():
    # A grid of 8 to 100 cells a side; the share of a face's dropped cells estimates its own p.
    white = np.full((500, 400, 400, 1), 255, np.uint8)
    shares = (chain.coarse_dropout(white, np.random.default_rng(0)) == 0).mean(axis=(1, 2, 3))
    sides = np.arange(8, 100)
    from_p, from_cells = 0.02**2 / 12, 0.01 * (1 / sides).mean() ** 2
    assert shares.mean() == pytest.approx(0.01, abs=5 * ((from_p + from_cells) / 500) ** 0.5)
    assert shares.std() == pytest.approx((from_p + from_cells) ** 0.5, rel=0.1)


@pytest.mark.parametrize("pixels", [48, 120, 400])
def test_the_sides_of_the_grid_are_two_to_25_percent_and_at_least_four_cells(pixels):
    sides = chain._grid_sides(pixels, 20_000, np.random.default_rng(0))
    found, counts = np.unique(sides, return_counts=True)
    lowest = max(4, int(0.02 * pixels))
    assert found.tolist() == list(range(lowest, pixels // 4))
    # Above those raised to four, each number of cells is as likely as any other.
    alike = counts[1:] if lowest == 4 else counts
    each = 20_000 / (0.23 * pixels)
    assert np.abs(alike - each).max() < 5 * each**0.5


def test_height_and_width_of_the_grid_are_independent():
    # Were they one draw, a cell of a square face would be a square but for rounding.
    white = np.full((4000, 60, 60, 1), 255, np.uint8)
    dropped = chain.coarse_dropout(white, np.random.default_rng(0))[..., 0] == 0
    sides = np.array(
        [(mask.any(axis=1).sum(), mask.any(axis=0).sum()) for mask in dropped if mask.any()]
    )
    cells = sides[(sides <= 15).all(axis=1)]
    assert (np.abs(cells[:, 0] - cells[:, 1]) > 1).mean() > 0.5


@pytest.fixture(scope="module")
def turns() -> dict[str, np.ndarray]:
    return motions_of(chain.rotate, 3000)


def test_rotation_is_uniform_in_15_degrees_both_ways(turns):
    assert distance_from_uniform(turns["turn"], -15, 15) < 1.95


def test_rotation_is_about_the_middle_and_nothing_else(turns):
    assert not turns["mirrored"].any()
    assert np.abs(turns["shift"]).max() < 0.3
    assert np.abs(turns["zoom"] - 1).max() < 0.02


def test_rotation_is_bilinear_and_black_outside():
    halves = np.zeros((200, 48, 48, 1), np.uint8)
    halves[:, :, 24:] = 200
    turned = chain.rotate(halves, np.random.default_rng(0))
    inside = turned[:, 16:32, 16:32]
    assert ((inside > 0) & (inside < 200)).any(axis=(1, 2, 3)).mean() > 0.9
    white = chain.rotate(np.full((200, 48, 48, 1), 255, np.uint8), np.random.default_rng(0))
    corners = white[:, [0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert (corners == 0).all(axis=1).mean() > 0.8
    assert (white[:, 12:36, 12:36] == 255).all()


def test_nine_faces_of_ten_are_mirrored_left_to_right():
    faces = noise_faces(20_000, 6, 8, 3)
    varied = chain.mirror(faces, np.random.default_rng(0))
    mirrored = (varied == faces[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (varied[~mirrored] == faces[~mirrored]).all()
    assert mirrored.mean() == pytest.approx(0.9, abs=4 * (0.9 * 0.1 / 20_000) ** 0.5)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """What is added to 2,000 faces of middle gray, float."""
    gray = np.full((2000, 48, 48, 3), 128, np.uint8)
    return chain.add_noise(gray, np.random.default_rng(0)).astype(float) - 128


def test_noise_is_the_same_in_all_channels_and_fresh_for_each_pixel_and_face(noise):
    assert (noise == noise[..., :1]).all()
    one = noise[..., 0]
    for moved in (np.roll(one, 1, axis) for axis in (0, 1, 2)):
        assert abs((one * moved).mean()) < 5 * one.var() / one.size**0.5


def test_noise_has_one_deviation_a_face_uniform_up_to_15(noise):
    deviations = noise[..., 0].std(axis=(1, 2))
    deviations = np.sqrt(np.maximum(deviations**2 - 1 / 12, 0))  # rounding adds a twelfth
    assert distance_from_uniform(deviations, 0, 15) < 1.95
    halves = noise[:, :24, :, 0].std(axis=(1, 2)) / np.maximum(noise[:, 24:, :, 0].std((1, 2)), 0.1)
    assert np.abs(halves[deviations > 1] - 1).max() < 0.2


def test_noise_is_gaussian_and_makes_faces_neither_brighter_nor_darker(noise):
    strong = noise[noise[..., 0].std(axis=(1, 2)) > 5][..., 0]
    standard = strong / strong.std(axis=(1, 2), keepdims=True)
    assert abs(strong.mean()) < 5 * strong.std() / strong.size**0.5
    for reach, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert (np.abs(standard) < reach).mean() == pytest.approx(share, abs=0.003)
    assert (standard**4).mean() == pytest.approx(3, abs=0.03)
    assert np.abs(standard).max() > 4


@pytest.mark.parametrize("value", [0, 255])
def test_noise_is_cut_at_the_ends_and_never_wraps(value):
    noisy = chain.add_noise(np.full((50, 24, 24, 1), value, np.uint8), np.random.default_rng(0))
    assert np.abs(noisy.astype(int) - value).max() < 5 * 15
    assert (noisy == value).mean() > 0.5


def test_crops_take_up_to_ten_percent_off_each_side_independently():
    height, width, count = 64, 100, 3000
    face = np.zeros((height, width, 3), np.uint8)
    face[..., 0], face[..., 1] = 2 * np.arange(width), 3 * np.arange(height)[:, np.newaxis]
    cut = chain.crop_and_resize(
        np.repeat(face[np.newaxis], count, axis=0), np.random.default_rng(0)
    ).astype(float)
    margins = []
    for profile, rise in ((cut[:, 32, :, 0], 2), (cut[:, :, 50, 1], 3)):
        pixels = profile.shape[1]
        # Away from the ends, where the edge pixel is repeated.
        inner = np.arange(pixels)[2:-2]
        slope, start = np.polyfit(inner, profile[:, 2:-2].T / rise, 1)
        near = (start + 0.5 - slope / 2) / pixels
        margins += [near, 1 - slope - near]
    for margin in margins:
        assert distance_from_uniform(margin, 0, 0.10) < 1.95
    drawn = np.random.default_rng(0).uniform(0, 0.10, (4, count))  # no twentieth of a pixel beside
    assert np.abs(np.mean(margins - drawn, axis=1)).max() < 2e-4
    between = np.corrcoef(margins) - np.eye(4)
    assert np.abs(between).max() < 4 / count**0.5


def test_a_crop_is_all_picture_without_a_border():
    white = np.full((3000, 24, 24, 1), 255, np.uint8)
    assert (chain.crop_and_resize(white, np.random.default_rng(0)) == 255).all()


def test_the_paper_does_its_five_steps_in_its_order():
    assert [name_of(step) for step in chain.STEPS] == [
        "coarse_dropout",
        "rotate",
        "mirror",
        "add_noise",
        "crop_and_resize",
    ]
    faces = noise_faces(6, 40, 40, 1)
    rng, expected = np.random.default_rng(3), faces
    for step in chain.STEPS:
        expected = step(expected, rng)
    assert np.array_equal(papers(faces, np.random.default_rng(3)), expected)


def test_the_blackened_is_noisy_and_the_noise_is_resized():
    # What only this order gives: noise on black corners, and smoothed by the crop that follows.
    varied = papers(np.full((400, 48, 48, 1), 128, np.uint8), np.random.default_rng(0))[..., 0]
    corners = varied[:, 0, 0]
    assert ((corners > 0) & (corners < 60)).mean() > 0.2
    noise = varied[:, 12:36, 12:36].astype(float) - 128
    alone = chain.add_noise(np.full((400, 48, 48, 1), 128, np.uint8), np.random.default_rng(0))
    unsmoothed = alone[:, 12:36, 12:36, 0].astype(float) - 128
    assert smoothness(noise[np.abs(noise).max(axis=(1, 2)) < 100]) > 0.1
    assert abs(smoothness(unsmoothed)) < 0.02


def smoothness(noise: np.ndarray) -> float:
    """Return the correlation of neighbours."""
    return float(np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1])
