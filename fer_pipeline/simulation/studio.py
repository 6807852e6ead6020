"""Where a take is recorded: background, light and camera, the same for all expressions of a take.

So nothing but the face tells the expression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.numeric import blurred, linear, single, unit

_FACE_HEIGHT, _FACE_DEPTH = 7.1, 1.245

_FAR_ROW = 0.68


@dataclass(frozen=True, slots=True)
class Light:
    """What lights a face; colours are linear RGB.

    Attributes:
        direction: Towards the main lamp, length 1.
        key: Colour of the lamp.
        sky: What comes from above.
        ground: What comes from below.
        fill_direction: Towards the fill light, length 1.
        fill: Its colour.
        softness: Radius of the blur of shadows, in decimetres.
    """

    direction: FloatArray
    key: FloatArray
    sky: FloatArray
    ground: FloatArray
    fill_direction: FloatArray
    fill: FloatArray
    softness: float


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera that looks along the z axis.

    Attributes:
        focal: Focal length in heights of the picture.
        distance: From the origin along z, in decimetres.
        position: Horizontal and vertical, in decimetres.
        centre: Where its axis meets the picture, in shares of width and height.
    """

    focal: float
    distance: float
    position: tuple[float, float]
    centre: tuple[float, float]

    @property
    def place(self) -> FloatArray:
        """Where it is, shape (3,)."""
        return single([*self.position, self.distance])

    def projected(self, points: FloatArray, size: tuple[int, int]) -> FloatArray:
        """Return columns, rows and depth of points, shape (n, 3), in a picture of some size."""
        width, height = size
        depth = self.distance - points[:, 2]
        scale = self.focal * height / depth
        column = width * self.centre[0] + scale * (points[:, 0] - self.position[0])
        row = height * self.centre[1] - scale * (points[:, 1] - self.position[1])
        return single(np.stack([column, row, depth], 1))

    def pixels_a_decimetre(self, height: int) -> float:
        """Return the scale at the origin's distance in a picture of some height."""
        return self.focal * height / self.distance


@dataclass(frozen=True, slots=True)
class Studio:
    """Where a take is recorded.

    Attributes:
        background: Linear RGB, shape (height, width, 3).
        light: The light.
        camera: The camera, of the first person if several are in the picture.
    """

    background: FloatArray
    light: Light
    camera: Camera

    def beside(self, shares: tuple[float, float]) -> tuple[Camera, Camera]:
        """Return cameras that put two people beside each other, at these shares of the width."""
        left, right = (
            replace(self.camera, centre=(share, self.camera.centre[1])) for share in shares
        )
        return left, right


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked of a studio.

    Attributes:
        light: Strength, 1 for a well lit room.
        dim: Whether only a little, warm light is left.
        far: Whether the camera is far away.
        off_centre: Whether it looks past the face.
    """

    light: float = 1.0
    dim: bool = False
    far: bool = False
    off_centre: bool = False


def draw_studio(rng: np.random.Generator, size: tuple[int, int], setting: Setting) -> Studio:
    """Draw a studio; the setting changes nothing else of what is drawn."""
    background = _background(rng, size)
    light = _light(rng)
    strength = setting.light * (0.16 if setting.dim else 1.0)
    tint = single([1.0, 0.86, 0.68] if setting.dim else [1.0, 1.0, 1.0]) * np.float32(strength)
    camera = Camera(
        focal=float(rng.uniform(1.55, 1.9)) * 1.2,
        distance=_FACE_DEPTH + float(rng.uniform(7.0, 9.0)) * (2.1 if setting.far else 1.0),
        position=(float(rng.normal(0, 0.05)), _FACE_HEIGHT + float(rng.normal(0, 0.05))),
        centre=(0.5 + float(np.clip(rng.normal(0, 0.03), -0.07, 0.07)), 0.5),
    )
    across = float(rng.uniform(0.2, 0.28) * rng.choice([-1, 1]))
    down = float(rng.uniform(-0.12, 0.12))
    column, row = camera.centre
    if setting.far:  # people end at the chest, and that must not be seen
        row, down = _FAR_ROW, abs(down)
    if setting.off_centre:
        column, row = 0.5 + across, row + down
    camera = replace(camera, centre=(column, row))
    lit = replace(
        light,
        key=single(light.key * tint),
        sky=single(light.sky * tint),
        ground=single(light.ground * tint),
        fill=single(light.fill * tint),
    )
    return Studio(single(background * tint), lit, camera)


def _background(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    """A wall, often with things on it that are out of focus."""
    import cv2

    width, height = size
    wall = linear(rng.integers(60, 225, 3) * 0.5 + rng.integers(60, 215) * 0.5)
    down = single(np.linspace(1.1, 0.8, height))[:, None, None]
    across = np.linspace(rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.1), width)
    background = single(np.ones((height, width, 3)) * wall * down * single(across)[None, :, None])
    if rng.integers(0, 3) == 0:
        return background
    for _ in range(rng.integers(2, 7)):
        x, y, w, h = (
            float(rng.uniform(low, high)) for low, high in ((0, 1), (0, 1), (0.08, 0.33), (0.12, 1))
        )
        colour = linear(rng.integers(30, 235) * 0.6 + rng.integers(30, 235, 3) * 0.4)
        corner, opposite = (x * width, y * height), ((x + w) * width, (y + h) * height)
        (x0, y0), (x1, y1) = (tuple(map(int, one)) for one in (corner, opposite))
        cv2.rectangle(background, (x0, y0), (x1, y1), colour.tolist(), -1)
    return blurred(background, height / float(rng.uniform(19, 52)))


def _light(rng: np.random.Generator) -> Light:
    side, up = rng.uniform(-1.0, 1.0), rng.uniform(0.15, 0.8)
    warmth = single([1.0, rng.uniform(0.9, 1.0), rng.uniform(0.8, 1.02)])
    direction = [np.sin(side) * np.cos(up), np.sin(up), np.cos(side) * np.cos(up)]
    return Light(
        direction=unit(direction),
        key=single(warmth * rng.uniform(0.6, 0.95)),
        sky=single(single([0.30, 0.31, 0.33]) * rng.uniform(0.7, 1.3)),
        ground=single(single([0.2, 0.18, 0.16]) * rng.uniform(0.7, 1.2)),
        fill_direction=unit([-np.sin(side), 0.1, 0.8]),
        fill=single(single([0.22, 0.22, 0.22]) * rng.uniform(0.4, 1.4)),
        softness=float(rng.uniform(0.03, 0.1)),
    )
