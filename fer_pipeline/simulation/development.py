"""Linear light → the 8-bit picture that a camera gives: exposure, tone, noise."""

from __future__ import annotations

import numpy as np

from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.simulation.numeric import blurred, single

_TARGET = 0.22
_SLOW = 0.9


class Development:
    """A camera that follows the light slowly.

    Args:
        rng: Draws its noise.
        noise: Standard deviation of a pixel, in 8-bit values.
    """

    def __init__(self, rng: np.random.Generator, noise: float) -> None:
        self._rng = rng
        self._noise = noise
        self._exposure: float | None = None

    def picture(self, light: FloatArray, size: tuple[int, int]) -> UInt8Array:
        """Return one frame, RGB, of a width and height not above those of ``light``."""
        import cv2

        if light.shape[1::-1] != size:
            light = single(cv2.resize(light, size, interpolation=cv2.INTER_AREA))
        wanted = _exposure_of(light)
        before = wanted if self._exposure is None else self._exposure
        self._exposure = _SLOW * before + (1 - _SLOW) * wanted
        exposed = np.clip(light * np.float32(self._exposure), 0, 4)
        # A soft shoulder instead of burnt lights.
        toned = exposed * (1 + exposed * 0.12) / (1 + exposed * 0.42)
        screen = single(np.clip(toned * 1.18, 0, 1) ** (1 / 2.2) * 255)
        seen = np.clip(blurred(screen, 0.55) + self._grain(size), 0, 255)
        return np.asarray(seen, np.uint8)

    def _grain(self, size: tuple[int, int]) -> FloatArray:
        width, height = size
        brightness = self._rng.standard_normal((height, width, 1), np.float32)
        colour = self._rng.standard_normal((height, width, 3), np.float32)
        return single((brightness + colour / 2) * np.float32(self._noise))


def _exposure_of(light: FloatArray) -> float:
    """Return the exposure for the middle of the picture, half way to what would be right."""
    height, width, _ = light.shape
    middle = light[height // 4 : height * 3 // 4, width * 3 // 8 : width * 5 // 8].mean(-1)
    return float(np.clip((_TARGET / max(1e-3, float(np.median(middle)))) ** 0.6, 0.6, 2.2))
