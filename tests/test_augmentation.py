"""How faces are varied, measured on pictures whose every change can be told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from fer_pipeline.augmentation import (
    AUGMENTATIONS,
    AUGMENTERS,
    light,
    papers,
    strong,
    strong_variation,
)
from fer_pipeline.augmentation import paper_chain as chain
from fer_pipeline.augmentation.light_variation import (
    GAIN_SHARE,
    OFFSET,
    ROTATION_DEGREES,
    SHIFT_SHARE,
    ZOOM_SHARE,
)

SIZE, APART, DRAWS = 64, 28, 600
WHOLE = [light, strong, papers]
WAYS = [*WHOLE, *chain.STEPS]


def name_of(way) -> str:
    return way.__name__


def noise_faces(*shape: int, seed: int = 0) -> np.ndarray:
    """Return faces of random pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


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


def motions_of(way, draws: int) -> dict[str, np.ndarray]:
    """Vary a face with one dot in red and one in green, and measure what became of each copy."""
    face = np.zeros((SIZE, SIZE, 3), np.uint8)
    face[..., 0], face[..., 1] = dot((SIZE - APART) / 2), dot((SIZE + APART) / 2)
    varied = way(np.repeat(face[np.newaxis], draws, axis=0), np.random.default_rng(0))
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


def distance_from_uniform(values: np.ndarray, low: float, high: float) -> float:
    """Return the statistic of Kolmogorov and Smirnov, times the root of the number of values.

    By chance it exceeds 1.95 once in a thousand times.
    """
    shares = (np.sort(values) - low) / (high - low)
    steps = np.arange(len(values) + 1) / len(values)
    distance = max(np.abs(shares - steps[1:]).max(), np.abs(shares - steps[:-1]).max())
    return distance * len(values) ** 0.5


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


# The steps of the paper. PAPERS: Yudin, Dolzhenko, Kapustina 2019.


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


# Strongly.


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


# All ways.


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
