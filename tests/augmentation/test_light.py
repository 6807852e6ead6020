"""How faces are lightly varied."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_pipeline.augmentation import light
from fer_pipeline.augmentation.light_variation import (
    GAIN_SHARE,
    OFFSET,
    ROTATION_DEGREES,
    SHIFT_SHARE,
    ZOOM_SHARE,
)
from tests.augmentation.measuring import DRAWS, SIZE, motions_of, noise_faces


@pytest.fixture(scope="module")
def motions() -> dict[str, np.ndarray]:
    return motions_of(light, DRAWS)


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


def test_light_is_what_its_constants_say_pixel_by_pixel():
    face = noise_faces(40, 40, 3)
    varied = light(face[np.newaxis], np.random.default_rng(5))[0]
    rng = np.random.default_rng(5)
    turn, zoom, right, down, gain, offset = rng.uniform(-1, 1, 6)
    if rng.random() < 0.5:
        face = np.ascontiguousarray(face[:, ::-1])
    motion = cv2.getRotationMatrix2D((19.5, 19.5), turn * 10.0, 1 + zoom * 0.10)
    motion[:, 2] += np.array([right, down]) * 0.08 * 40
    moved = cv2.warpAffine(face, motion, (40, 40), borderMode=cv2.BORDER_REPLICATE)
    lit = moved * (1 + gain * 0.20) + offset * 20.0
    assert np.array_equal(varied, lit.clip(0, 255).astype(np.uint8))
