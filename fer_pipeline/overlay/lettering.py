"""Words and rounded plates as anti-aliased shapes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_pipeline.overlay.canvas import Mask

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# Each plate is drawn so many times too large and made small again: Pillow's own curves are rough.
_FINER = 4

# A frame shows few words anew: the time, and a share. The rest are the same ones again and again.
_WORDS_KEPT = 1024

_LONGEST_WORD = 24


def shortened(name: str) -> str:
    """Return a name that fits into a picture, in one line."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in name)
    return shown if len(shown) <= _LONGEST_WORD else shown[: _LONGEST_WORD - 1] + "…"


@lru_cache(maxsize=_WORDS_KEPT)
def words(text: str, size: int, *, bold: bool = False) -> Mask:
    """Draw a line of text.

    Args:
        text: One line; a box stands for each letter that DejaVu Sans lacks.
        size: Of the font, in pixels.
        bold: Whether heavier.

    Returns:
        Its shape, as high for every text of that size, with the base line at the same height.
    """
    from PIL import Image, ImageDraw

    font = _font(size, bold=bold)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(text)))
    picture = Image.new("L", (_even(width), _even(ascent + descent)))
    ImageDraw.Draw(picture).text((0, ascent), text, fill=255, font=font, anchor="ls")
    return Mask(np.asarray(picture, np.uint8))


@lru_cache(maxsize=64)
def plate(width: int, height: int, radius: int) -> Mask:
    """Draw a rectangle with round corners, width and height even."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (_FINER * width, _FINER * height))
    corners = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(corners, _FINER * radius, fill=255)
    return Mask(np.asarray(large.resize((width, height), Image.Resampling.BOX), np.uint8))


@lru_cache(maxsize=16)
def _font(size: int, *, bold: bool) -> FreeTypeFont:
    import matplotlib as mpl  # which brings the font; the same one as in plots
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(mpl.get_data_path(), "fonts", "ttf", name)
    # Kerning and ligatures by FreeType alone, on every system: not all have the larger library.
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _even(size: int) -> int:
    return -(-size // 2) * 2
