"""How faces are strongly varied."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from fer_pipeline.augmentation import strong, strong_variation
from tests.augmentation.measuring import (
    APART,
    DRAWS,
    SIZE,
    distance_from_uniform,
    dot,
    noise_faces,
    place_of,
)


def applied(change, faces: np.ndarray) -> np.ndarray:
    """Do one step of ``strong`` to each face."""
    rng = np.random.default_rng(0)
    return np.stack([change(face, rng) for face in faces])


@pytest.fixture(scope="module")
def affine() -> dict[str, np.ndarray]:
    """Move a face with a dot of each colour, and measure turn, zoom, stretch and shift."""
    middle, half = (SIZE - 1) / 2, APART / 2
    across = np.stack([dot(SIZE / 2 - half), dot(SIZE / 2 + half), dot(SIZE / 2)], axis=-1)
    across[..., 2] = np.roll(across[..., 2], -round(half), axis=0)
    face = across.astype(np.uint8)
    before = np.array([place_of(face[..., colour]) for colour in range(3)])
    moved = applied(strong_variation._moved, np.repeat(face[np.newaxis], DRAWS, axis=0))
    after = np.array([[place_of(one[..., colour]) for colour in range(3)] for one in moved])
    sides = np.stack([before[1] - before[0], before[2] - before[0]], axis=-1)
    sides_after = np.stack([after[:, 1] - after[:, 0], after[:, 2] - after[:, 0]], axis=-1)
    matrix = sides_after @ np.linalg.inv(sides)
    zoom = np.linalg.norm(matrix[:, 1], axis=1)  # of the rows, which nothing stretches
    return {
        "turn": np.degrees(np.arctan2(-matrix[:, 1, 0], matrix[:, 1, 1])),
        "zoom": zoom,
        "stretch": np.linalg.norm(matrix[:, 0], axis=1) / zoom,
        "right": after[:, :2, 0].mean(axis=1) - middle,
        "down": after[:, :2, 1].mean(axis=1) - middle,
    }


@pytest.mark.parametrize(
    ("motion", "low", "high"),
    [
        ("turn", -20, 20),
        ("zoom", 0.85, 1.15),
        ("stretch", 0.94, 1.06),
        ("right", -0.12 * SIZE, 0.12 * SIZE),
        ("down", -0.12 * SIZE, 0.12 * SIZE),
    ],
)
def test_a_strong_motion_is_uniform_in_its_documented_range(affine, motion, low, high):
    assert distance_from_uniform(affine[motion], low, high) < 1.95


def test_strong_motions_come_independently(affine):
    between = np.corrcoef(list(affine.values())) - np.eye(5)
    assert np.abs(between).max() < 4 / DRAWS**0.5


def test_half_of_the_faces_are_strongly_varied_after_a_mirror():
    face = np.zeros((32, 32, 1), np.uint8)
    face[:, 16:] = 200
    varied = strong(np.repeat(face[np.newaxis], DRAWS, axis=0), np.random.default_rng(0))
    mirrored = varied[:, :, :16].mean(axis=(1, 2, 3)) > varied[:, :, 16:].mean(axis=(1, 2, 3))
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / DRAWS**0.5


def test_strong_motions_repeat_edge_pixels_outside():
    flat = applied(strong_variation._moved, np.full((100, 16, 16, 1), 200, np.uint8))
    assert (flat == 200).all()


@pytest.fixture(scope="module")
def lighting() -> dict[str, np.ndarray]:
    """Find gamma, gain and offset of 300 tables again by fitting them."""
    rng = np.random.default_rng(0)
    found = [_fit(strong_variation._lighting(rng)) for _ in range(300)]
    return dict(zip(("gamma", "gain", "offset"), np.transpose(found), strict=True))


def _fit(table: np.ndarray) -> tuple[float, float, float]:
    inside = (table > 0) & (table < 255)
    values, lit = np.arange(256.0)[inside] / 255, table[inside] + 0.5  # it was cut, not rounded

    def line(gamma: float) -> tuple[np.ndarray, float]:
        terms, residual, *_ = np.polyfit(255 * values ** (2**gamma) - 128, lit, 1, full=True)
        return terms, float(residual[0])

    gamma = minimize_scalar(lambda one: line(one)[1], bounds=(-1, 1), method="bounded").x
    gain, middle = line(gamma)[0]
    return gamma, gain, middle - 128


@pytest.mark.parametrize(
    ("figure", "low", "high"), [("gamma", -0.5, 0.5), ("gain", 0.7, 1.3), ("offset", -30, 30)]
)
def test_strong_lighting_is_uniform_in_its_documented_ranges(lighting, figure, low, high):
    assert distance_from_uniform(lighting[figure], low, high) < 1.95


def test_strong_lighting_never_turns_dark_into_bright():
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert (np.diff(strong_variation._lighting(rng).astype(int)) >= 0).all()


@given(share=st.floats(0.4, 1), channels=st.sampled_from([1, 3]), size=st.integers(8, 50))
def test_a_coarser_face_keeps_its_brightness_and_loses_its_detail(share, channels, size):
    face = noise_faces(size, size, channels)
    coarse = strong_variation._coarser(face, share)
    assert (coarse.shape, coarse.dtype) == (face.shape, np.uint8)
    assert abs(coarse.mean() - face.mean()) < 12
    if round(size * share) == size:
        assert np.array_equal(coarse, face)
    else:
        assert coarse.std() < face.std()


def test_a_coarser_face_has_as_much_detail_as_a_face_of_that_size():
    # The wave of one and a half small pixels is gone, that of six is there.
    columns = np.arange(96)
    for share, waves in ((0.5, (3, 12)), (0.75, (2, 8))):
        short, long = (
            np.broadcast_to(128 + 100 * np.cos(2 * np.pi * columns / wave), (96, 96))
            for wave in waves
        )
        left = [
            strong_variation._coarser(face[..., np.newaxis].astype(np.uint8), share)[:, 8:-8].std()
            / face.std()
            for face in (short, long)
        ]
        assert left[0] < 0.5
        assert left[1] > 0.8


@pytest.fixture(scope="module")
def erased() -> np.ndarray:
    """Return which pixels of 2,000 strongly varied flat faces are noise."""
    flat = np.full((2000, 60, 60, 1), 128, np.uint8)
    varied = strong(flat, np.random.default_rng(0))[..., 0]
    return varied != np.median(varied, axis=(1, 2), keepdims=True).astype(np.uint8)


def test_half_of_the_strongly_varied_faces_have_a_part_erased(erased):
    share = erased.any(axis=(1, 2)).mean()
    assert share == pytest.approx(0.5, abs=5 * 0.5 / 2000**0.5)


def test_an_erased_part_is_a_rectangle_of_15_to_45_percent_anywhere(erased):
    masks = erased[erased.any(axis=(1, 2))]
    for axis in (1, 2):
        lines = masks.any(axis=3 - axis)
        first, after = lines.argmax(axis=1), 60 - lines[:, ::-1].argmax(axis=1)
        sides = after - first
        assert (sides.min(), sides.max()) == (9, 27)
        # Rounded to pixels: the two outermost sides take half a pixel.
        assert distance_from_uniform(sides + jitter(len(sides)), 9, 27) < 1.95
        places = (first + jitter(len(first)) + 0.5) / (60 - sides + 1)
        assert distance_from_uniform(places, 0, 1) < 1.95


def jitter(count: int) -> np.ndarray:
    """Spread whole numbers over their pixels."""
    return np.random.default_rng(1).uniform(-0.5, 0.5, count)


def test_an_erased_part_is_noise_of_all_values_in_all_channels():
    face = np.full((200, 200, 3), 7, np.uint8)
    strong_variation._erase(face, np.random.default_rng(0))
    hidden = face[(face != 7).any(axis=2)].astype(float)
    assert len(hidden) >= (0.15 * 200) ** 2 - 1
    assert hidden.mean() == pytest.approx(127.5, abs=5 * 74 / hidden.size**0.5)
    assert hidden.std() == pytest.approx(73.9, rel=0.05)
    assert np.abs(np.corrcoef(hidden.T) - np.eye(3)).max() < 5 / len(hidden) ** 0.5
    assert (hidden.min(), hidden.max()) == (0, 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_strong_is_what_its_constants_say_pixel_by_pixel(channels):
    faces = noise_faces(40, 48, 48, channels)
    varied = strong(faces, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for face, found in zip(faces, varied, strict=True):
        assert np.array_equal(found, strongly_varied(face, rng))


def strongly_varied(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what mirror, motion, light, blur and erasing make of a face, in this order."""
    if rng.random() < 0.5:
        face = np.ascontiguousarray(face[:, ::-1])
    turn, zoom, stretch, right, down = rng.uniform(-1, 1, 5)
    motion = cv2.getRotationMatrix2D((23.5, 23.5), 20.0 * turn, 1 + 0.15 * zoom)
    wider = 1 + 0.06 * stretch
    motion = np.array([[wider, 0, 23.5 * (1 - wider)], [0, 1, 0]]) @ np.vstack([motion, [0, 0, 1]])
    motion[:, 2] += 0.12 * 48 * right, 0.12 * 48 * down
    moved = cv2.warpAffine(face, motion, (48, 48), borderMode=cv2.BORDER_REPLICATE)
    gamma, gain, offset = rng.uniform(-1, 1, 3)
    curved = 255 * (np.arange(256.0) / 255) ** (2 ** (0.5 * gamma))
    lit = (128 + (curved - 128) * (1 + 0.30 * gain) + 30.0 * offset).clip(0, 255).astype(np.uint8)
    varied = lit[moved].reshape(face.shape)
    if rng.random() < 0.2:
        fewer = round(48 * rng.uniform(0.4, 1))
        small = cv2.resize(varied, (fewer, fewer), interpolation=cv2.INTER_AREA)
        varied = cv2.resize(small, (48, 48)).reshape(face.shape)
    if rng.random() < 0.5:
        height, width = np.rint(48 * rng.uniform(0.15, 0.45, 2)).astype(int)
        top, left = rng.integers(0, 49 - height), rng.integers(0, 49 - width)
        noise = rng.integers(0, 256, (height, width, face.shape[2]), dtype=np.uint8)
        varied[top : top + height, left : left + width] = noise
    return varied
