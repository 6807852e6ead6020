"""One person's skin: its colour, brows and beard, and the wrinkles that expressions draw."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fer_pipeline.domain import FloatArray
from fer_pipeline.simulation.anatomy import Anatomy
from fer_pipeline.simulation.expressions import DIMPLER, Actions
from fer_pipeline.simulation.face_map import (
    HEIGHT,
    SCALE,
    SUBPIXEL_BITS,
    WIDTH,
    Line,
    fine_pixels,
    grid,
    grooves,
    pixels,
    spot,
)
from fer_pipeline.simulation.numeric import blurred, clouds, linear, single, smoothstep

# From light to dark, as a screen shows them.
_TONES = MappingProxyType(
    {
        "caucasian": ((240, 205, 186), (226, 184, 160), (205, 160, 132)),
        "asian": ((236, 200, 170), (217, 175, 140), (190, 145, 110)),
        "african": ((166, 120, 94), (130, 90, 70), (98, 68, 54)),
    }
)
_HAIR_COLOURS = (
    (25, 20, 18), (45, 32, 24), (82, 56, 36), (130, 92, 55), (170, 130, 80), (120, 60, 34),
)  # fmt: skip
_GREY = (175, 172, 168)
_IRISES = ((92, 58, 34), (62, 40, 26), (110, 120, 76), (82, 116, 150), (112, 92, 60))

_BEARDS = (0.0, 0.25, 0.45, 0.95)
_BEARD_SHARES = (0.25, 0.35, 0.25, 0.15)
_FULL_BEARD = 0.9

# Depth of each wrinkle: at rest, with age, and with the intensity of action units.
_WRINKLES: MappingProxyType[str, tuple[float, float, dict[int, float]]] = MappingProxyType(
    {
        "forehead": (0.0, 0.8, {1: 0.55, 2: 0.66}),
        "glabella": (0.0, 0.6, {4: 0.8}),
        "crow's feet": (0.0, 0.8, {6: 0.9, 7: 0.18}),
        "nose": (0.0, 0.0, {9: 0.8}),
        "nasolabial": (0.25, 0.7, {12: 0.72, 9: 0.4, 10: 0.4, 6: 0.24, 20: 0.24, DIMPLER: 0.4}),
        "marionette": (0.0, 0.5, {15: 0.54, 20: 0.24}),
    }
)
_WRINKLE_DEPTH = 0.02


@dataclass(frozen=True, eq=False)
class Skin:
    """What a person's surface is like.

    Attributes:
        base: Its mean colour, linear RGB.
        paint: The face map: linear RGB, and how much hair covers it; shape (HEIGHT, WIDTH, 4).
        shine: How much it reflects, about 0.5 to 1.
        lips: Linear RGB.
        lash_line: How dark lashes and their line are, 0 to 1.
        iris: Linear RGB.
        hair: Linear RGB.
        pores: Slopes and darkness of what is always there; shape (HEIGHT, WIDTH, 3).
        wrinkles: The same of each wrinkle at depth 1.
        age: 0 young to 1 old.
    """

    base: FloatArray
    paint: FloatArray
    shine: float
    lips: FloatArray
    lash_line: float
    iris: FloatArray
    hair: FloatArray
    pores: FloatArray
    wrinkles: dict[str, FloatArray]
    age: float

    def relief(self, actions: Actions) -> FloatArray:
        """Return slopes and darkness of the skin under some actions; (HEIGHT, WIDTH, 3)."""
        relief = self.pores.copy()
        for name, (rest, aged, by_unit) in _WRINKLES.items():
            moved = sum(actions.get(unit, 0.0) * weight for unit, weight in by_unit.items())
            depth = max(0.0, moved) + rest + aged * self.age
            if depth > 0.01:
                relief += np.float32(depth) * self.wrinkles[name]
        return relief


def draw_skin(anatomy: Anatomy, rng: np.random.Generator) -> Skin:
    """Draw a person's skin."""
    base = _tone(anatomy.origin, rng)
    shine = float(0.55 + 0.45 * smoothstep(0.02, 0.5, base.mean())) * rng.uniform(0.7, 1.2)
    hair = _hair_colour(anatomy, rng)
    paint = _complexion(anatomy, base, rng)
    paint, brows = _with_brows(paint, anatomy, base, hair, rng)
    paint, beard = _with_beard(paint, anatomy, base, hair, rng)
    fur = np.clip(brows + 0.5 * beard, 0, 1)
    made_up = anatomy.sex == "female" and rng.random() < 0.55
    choice = _IRISES if anatomy.origin == "caucasian" else _IRISES[:2]
    return Skin(
        base=base,
        paint=np.ascontiguousarray(np.dstack([paint, fur]), np.float32),
        shine=shine,
        lips=_lips(anatomy, base, rng, made_up=made_up),
        lash_line=0.85 if made_up else 0.55,
        iris=linear(choice[rng.integers(0, len(choice))]),
        hair=hair,
        pores=_pores(rng),
        wrinkles={name: _as_relief(depth) for name, depth in _draw_wrinkles(rng).items()},
        age=anatomy.age,
    )


def _tone(origin: str, rng: np.random.Generator) -> FloatArray:
    tones = single(_TONES[origin])
    place = rng.uniform(0, 2)
    lighter = min(int(place), 1)
    tone = tones[lighter] + (tones[lighter + 1] - tones[lighter]) * (place - lighter)
    return single(linear(tone) * rng.uniform(0.93, 1.05))


def _hair_colour(anatomy: Anatomy, rng: np.random.Generator) -> FloatArray:
    most = {"caucasian": len(_HAIR_COLOURS), "asian": 1, "african": 2}[anatomy.origin]
    if anatomy.origin == "asian" and rng.random() < 0.2:
        most = 2
    colour = _HAIR_COLOURS[rng.integers(0, most)]
    grey = float(np.clip((anatomy.age - 0.35) * 1.8, 0, 0.9)) * rng.uniform(0.5, 1)
    return single(linear(colour) * (1 - grey) + linear(_GREY) * grey)


def _lips(
    anatomy: Anatomy, base: FloatArray, rng: np.random.Generator, *, made_up: bool
) -> FloatArray:
    if anatomy.sex == "male":
        return single(base * single([0.88, 0.62, 0.6]))
    if made_up:
        painted = linear([int(rng.integers(150, 190)), 40, 60])
        return single(np.clip(base * 0.55 + painted * 0.45, 0, 1))
    return single(base * single([0.86, 0.52, 0.52]))


def _complexion(anatomy: Anatomy, base: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Paint the bare skin: blotches, red cheeks, dark sockets, freckles, moles."""
    import cv2

    size = WIDTH, HEIGHT
    mottled = 1 + 0.05 * clouds(rng, size, 4) + 0.05 * clouds(rng, size, 60, 2)
    paint = single(mottled[..., None] * base)
    red = 0.55 * spot(0.5, 6.95, 0.24, 0.2) + 0.6 * spot(0, 6.98, 0.16, 0.14)
    red = (red + 0.25 * spot(0, 6.35, 0.2, 0.1)) * rng.uniform(0.4, 1)
    paint *= 1 - red[..., None] * single([0.04, 0.26, 0.24])
    sockets = 0.9 * spot(0.31, 7.31, 0.2, 0.11)
    sockets += (rng.uniform(0.3, 0.9) + 0.4 * anatomy.age) * spot(0.3, 7.13, 0.16, 0.06)
    paint *= 1 - sockets[..., None] * single([0.16, 0.24, 0.2])
    if anatomy.age > 0.35:  # age spots
        spots = np.clip(clouds(rng, size, 24, 2) - 0.35, 0, 1) * (anatomy.age - 0.35)
        paint *= 1 - spots[..., None] * single([0.5, 0.8, 0.9])
    if anatomy.origin == "caucasian" and rng.random() < 0.3:
        for _ in range(220):
            x, y = (int(value) for value in pixels(rng.normal(0, 0.42), rng.normal(7.0, 0.14)))
            colour = base * single([0.75, 0.6, 0.5])
            cv2.circle(paint, (x, y), 1, colour.tolist(), -1, cv2.LINE_AA)
    for _ in range(rng.integers(0, 4)):
        x, y = (int(value) for value in pixels(rng.uniform(-0.6, 0.6), rng.uniform(6.4, 7.9)))
        cv2.circle(paint, (x, y), 2, (base * 0.35).tolist(), -1, cv2.LINE_AA)
    return paint


def _with_brows(
    paint: FloatArray,
    anatomy: Anatomy,
    base: FloatArray,
    hair: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Paint brows, hair by hair; return also how much they cover."""
    import cv2

    male = anatomy.sex == "male"
    hairs = np.zeros((HEIGHT, WIDTH), np.uint8)
    bed = np.zeros((HEIGHT, WIDTH), np.uint8)
    thick = rng.uniform(0.026, 0.042) if male else rng.uniform(0.016, 0.028)
    arch = rng.uniform(0.02, 0.06)
    for side in (1, -1):
        for _ in range(420 if male else 330):
            along = rng.random()
            x = 0.115 + 0.42 * along
            y = 7.44 + arch * np.sin(min(along * 1.35, 1) * np.pi * 0.75) * 1.6
            y += rng.normal(0, thick * (1.1 - 0.75 * along) * 0.6) - 0.07 * max(0, along - 0.6)
            angle = np.deg2rad(75 - 75 * min(1, along * 1.6) + rng.normal(0, 14))
            length = rng.uniform(0.03, 0.065)
            root = fine_pixels(side * x, y)
            end_x = side * (x + length * np.cos(angle))
            tip = fine_pixels(end_x, y + length * np.sin(angle) * 0.6)
            cv2.line(hairs, root, tip, 255, 1, cv2.LINE_AA, SUBPIXEL_BITS)
            radius = int(thick * SCALE * 6)
            cv2.circle(bed, root, radius, 255, -1, cv2.LINE_AA, SUBPIXEL_BITS)
    density = rng.uniform(0.75, 0.95) if male else rng.uniform(0.6, 0.9)
    cover = single(blurred(hairs / 255, 0.8) * 1.5 + 0.55 * blurred(bed / 255, 2.5))
    cover = single(np.clip(cover, 0, 1) * density)
    return _covered(paint, cover, hair * 0.7 + base * 0.03), cover


def _with_beard(
    paint: FloatArray,
    anatomy: Anatomy,
    base: FloatArray,
    hair: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Paint stubble or a full beard; return also how much it covers."""
    if anatomy.sex == "female":
        return paint, single(np.zeros((HEIGHT, WIDTH)))
    strength = float(rng.choice(_BEARDS, p=_BEARD_SHARES))
    full = strength >= _FULL_BEARD
    across, up = grid()
    edge = np.interp(np.abs(across), [0, 0.22, 0.45, 0.62, 0.8], [6.86, 6.84, 6.72, 6.85, 7.25])
    softness = np.clip((up - edge + 0.05) / -0.1 + 1, 0, 1)
    where = softness * softness * (3 - 2 * softness) * smoothstep(5.85, 6.05, up)
    where = np.clip(where * (1 - spot(0, 6.6, 0.27, 0.09)), 0, 1)
    if full:
        stubble = np.clip(0.85 + 0.4 * clouds(rng, (WIDTH, HEIGHT), 110, 2), 0, 1)
    else:
        stubble = np.clip(0.5 + 0.5 * clouds(rng, (WIDTH, HEIGHT), 150, 2), 0, 1)
    cover = single(where * stubble * strength)
    return _covered(paint, cover, hair * 0.7 + base * (0.02 if full else 0.12)), cover


def _covered(paint: FloatArray, cover: FloatArray, colour: FloatArray) -> FloatArray:
    return single(paint * (1 - cover[..., None]) + colour * cover[..., None])


def _pores(rng: np.random.Generator) -> FloatArray:
    size = WIDTH, HEIGHT
    bumps = clouds(rng, size, 90, 2) * 0.0022 + clouds(rng, size, 30, 2) * 0.0012
    relief = _as_relief(single(-bumps / _WRINKLE_DEPTH))
    relief[..., 2] = 0
    return relief


def _as_relief(depth: FloatArray) -> FloatArray:
    """Return slopes across and up, and darkness, of grooves of some depth."""
    import cv2

    height = -depth * _WRINKLE_DEPTH * SCALE
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    up = -cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    return single(np.stack([across, up, depth * _WRINKLE_DEPTH * 8], -1))


def _draw_wrinkles(rng: np.random.Generator) -> dict[str, FloatArray]:
    """Draw where a person's wrinkles are."""
    t = single(np.linspace(0, 1, 12))

    def jitter(spread: float) -> float:
        return float(rng.normal(0, spread))

    def line(x: FloatArray, y: FloatArray) -> Line:
        return single(x), single(y)

    forehead = [
        line(t * 0.5, y + jitter(0.01) + 0.05 * t**2 + 0.012 * np.sin(5 * t + jitter(1)))
        for y in (7.68, 7.78, 7.88)
    ]
    glabella = [line(0.065 + 0.02 * t + jitter(0.004), 7.43 + 0.17 * t)]
    crows_feet = [line(0.53 + 0.16 * t, 7.28 + slope * t) for slope in (0.1, 0.02, -0.06)]
    nose = [line(t * 0.10, y + 0.05 * t) for y in (7.2, 7.27, 7.34)]
    nose.append(line(0.12 + 0.1 * t, 7.2 - 0.16 * t))
    nasolabial = [line(0.2 + 0.2 * np.sin(t * 1.4), 6.95 - 0.37 * t)]
    marionette = [line(0.34 + 0.05 * t, 6.57 - 0.2 * t)]
    return {
        "forehead": grooves(forehead, 0.02),
        "glabella": grooves(glabella, 0.02),
        "crow's feet": grooves(crows_feet, 0.012),
        "nose": grooves(nose, 0.014),
        "nasolabial": grooves(nasolabial, 0.024),
        "marionette": grooves(marionette, 0.02),
    }
