"""One colour for each emotion, the same in every picture: plots, videos and pages.

People with any colour vision can tell them apart: between any two of the canonical emotions, as
seen by people without one kind of cone (the model of Machado, Oliveira and Fernandes 2009,
doi:10.1109/TVCG.2009.113), there are at least 16 units of CIELAB. Most come from Okabe and Ito.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from itertools import count
from types import MappingProxyType

EMOTION_COLOURS = MappingProxyType(
    {
        "neutral": "#BBBBBB",
        "happiness": "#E69F00",
        "sadness": "#0072B2",
        "surprise": "#56B4E9",
        "fear": "#B35C90",
        "disgust": "#009E73",
        "anger": "#D55E00",
        "contempt": "#882255",
    }
)
"""The canonical emotions, in their order, as ``#RRGGBB``."""

# For a study's own classes; those before them are taken first where their emotions are absent.
_FURTHER = ("#999933", "#332288", "#DDCC77", "#6B4226")

# Turns of the colour circle that never come near each other twice: the golden section.
_TURN = 0.618034


def emotion_colours(emotions: Sequence[str]) -> dict[str, str]:
    """Return a colour for each emotion of a model.

    Canonical emotions always have the same one. A study's own classes get those that are free, in
    the order in which the model lists them, so they too are the same in all pictures of a model.

    Args:
        emotions: All emotions of the model, in its order.

    Returns:
        By emotion, as ``#RRGGBB``.
    """
    canonical = {name: EMOTION_COLOURS[name] for name in emotions if name in EMOTION_COLOURS}
    free = _free(set(canonical.values()))
    return {name: canonical.get(name) or next(free) for name in emotions}


def red_green_blue(colour: str) -> tuple[int, int, int]:
    """Return the parts of ``#RRGGBB``, each from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read more easily on a colour.

    The contrast is that of WCAG 2.2, by relative luminance.
    """
    red, green, blue = (_linear(part / 255) for part in red_green_blue(colour))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # (1 + 0.05) / (luminance + 0.05) is the contrast of white, the inverse over 0.05 of black.
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#FFFFFF"


def _free(taken: set[str]) -> Iterator[str]:
    yield from (one for one in (*EMOTION_COLOURS.values(), *_FURTHER) if one not in taken)
    for number in count():
        parts = colorsys.hls_to_rgb(number * _TURN % 1, (0.35, 0.65)[number % 2], 0.5)
        yield "#" + "".join(f"{round(255 * part):02X}" for part in parts)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
