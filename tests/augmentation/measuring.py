"""Faces whose every change can be told, and what is measured on them."""

from __future__ import annotations

import cv2
import numpy as np

from fer_pipeline.augmentation import light, papers, strong
from fer_pipeline.augmentation import paper_chain as chain

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
