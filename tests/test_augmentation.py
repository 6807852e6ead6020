"""How faces are varied, measured on a picture of two dots whose every motion can be told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_pipeline.augmentation import (
    AUGMENTATIONS,
    AUGMENTERS,
    GAIN_SHARE,
    OFFSET,
    ROTATION_DEGREES,
    SHIFT_SHARE,
    ZOOM_SHARE,
    light,
)

SIZE, APART, DRAWS = 64, 28, 600


def dot(x: float) -> np.ndarray:
    """Return a soft spot beside the middle."""
    spot = np.zeros((SIZE, SIZE), np.float32)
    spot[SIZE // 2 - 1 : SIZE // 2 + 1, round(x) - 1 : round(x) + 1] = 255
    spot = cv2.GaussianBlur(spot, (0, 0), 2)
    return 150 * spot / spot.max()


def place_of(channel: np.ndarray) -> np.ndarray:
    """Return the middle (x, y) of the one spot in a channel."""
    weight = channel.astype(float) - np.median(channel)
    weight[weight < 10] = 0
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


@pytest.fixture(scope="module")
def motions() -> dict[str, np.ndarray]:
    """Vary a face with one dot in red and one in green, and measure what became of each copy."""
    face = np.zeros((SIZE, SIZE, 3), np.uint8)
    face[..., 0], face[..., 1] = dot((SIZE - APART) / 2), dot((SIZE + APART) / 2)
    varied = light(np.repeat(face[np.newaxis], DRAWS, axis=0), np.random.default_rng(0))
    red = np.array([place_of(one[..., 0]) for one in varied])
    green = np.array([place_of(one[..., 1]) for one in varied])
    across = green - red
    mirrored = across[:, 0] < 0
    across[mirrored] *= -1
    return {
        "mirrored": mirrored,
        "shift": (red + green) / 2 - (SIZE - 1) / 2,
        "turn": np.degrees(np.arctan2(across[:, 1], across[:, 0])),
        "zoom": np.linalg.norm(across, axis=1) / APART,
    }


def test_half_of_the_faces_are_mirrored(motions):
    # Five standard deviations of a fair coin.
    assert abs(motions["mirrored"].mean() - 0.5) < 5 * 0.5 / DRAWS**0.5


@pytest.mark.parametrize(
    ("motion", "middle", "reach", "tolerance"),
    [
        ("turn", 0, ROTATION_DEGREES, 0.8),
        ("shift", 0, SHIFT_SHARE * SIZE, 0.4),
        ("zoom", 1, ZOOM_SHARE, 0.015),
    ],
)
def test_a_motion_fills_its_documented_range_and_stays_in_it(
    motions, motion, middle, reach, tolerance
):
    values = motions[motion] - middle
    assert np.abs(values).max() <= reach + tolerance
    assert values.min() < -0.9 * reach
    assert values.max() > 0.9 * reach
    assert abs(values.mean()) < 0.1 * reach


def test_mirroring_does_not_come_with_a_direction(motions):
    left, right = motions["turn"][motions["mirrored"]], motions["turn"][~motions["mirrored"]]
    assert abs(left.mean() - right.mean()) < 0.15 * ROTATION_DEGREES


def test_brightness_and_contrast_stay_in_their_ranges():
    dark, bright = (
        light(np.full((DRAWS, 4, 4, 1), value, np.uint8), np.random.default_rng(0))[:, 0, 0, 0]
        for value in (50, 150)
    )
    gain = (bright.astype(float) - dark) / 100
    offset = dark - 50 * gain
    assert np.abs(gain - 1).max() <= GAIN_SHARE + 0.01
    assert np.abs(offset).max() <= OFFSET + 1
    assert np.ptp(gain) > 1.8 * GAIN_SHARE
    assert np.ptp(offset) > 1.8 * OFFSET


@pytest.mark.parametrize("value", [0, 255])
def test_values_are_cut_at_the_ends_and_never_wrap(value):
    varied = light(np.full((50, 8, 8, 1), value, np.uint8), np.random.default_rng(0))
    assert np.abs(varied.astype(int) - value).max() <= 255 * GAIN_SHARE + OFFSET
    assert (varied == value).any()


def test_edge_pixels_are_repeated_outside():
    varied = light(np.full((50, 16, 16, 1), 200, np.uint8), np.random.default_rng(0))
    assert all(len(np.unique(one)) == 1 for one in varied)


@pytest.mark.parametrize("shape", [(3, 48, 48, 1), (2, 32, 32, 3)])
def test_shape_and_type_stay_and_the_given_faces_too(shape):
    faces = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = faces.copy()
    varied = light(faces, np.random.default_rng(1))
    assert (varied.shape, varied.dtype) == (faces.shape, np.uint8)
    assert np.array_equal(faces, before)
    assert not np.array_equal(varied, faces)


def test_the_same_randomness_gives_the_same_faces():
    faces = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 1), dtype=np.uint8)
    one, same, other = (light(faces, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_each_face_is_varied_on_its_own():
    face = np.random.default_rng(0).integers(0, 256, (24, 24, 1), dtype=np.uint8)
    one, other = light(np.stack([face, face]), np.random.default_rng(0))
    assert not np.array_equal(one, other)


def test_every_name_has_its_way_and_none_has_none():
    assert set(AUGMENTERS) == set(AUGMENTATIONS)
    assert AUGMENTERS["none"] is None
