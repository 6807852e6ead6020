"""Rows of faces as one picture; matplotlib writes the names beside them, and changes no face."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fer_pipeline import __version__
from fer_pipeline.domain import UInt8Array
from fer_pipeline.faces import network_inputs
from fer_pipeline.report.tables import counted

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

# Small faces are enlarged by a whole number, so that each pixel stays one; huge ones are reduced.
_SMALLEST_TILE, _LARGEST_TILE = 96, 192

_MARGIN, _GAP, _LINE = 16, 6, 28
_NAME_SIZE, _REMARK_SIZE = 17, 14
_INK, _FAINT_INK = "#202020", "#707070"
_LONGEST_NAME = 28

# A power of two: with it, sizes in inches are whole numbers of pixels again without rounding.
_DOTS_PER_INCH = 128
_POINTS_PER_PIXEL = 72 / _DOTS_PER_INCH

_TITLE = "contact sheet by fer"
_BYTES_LOOKED_AT = 4096


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One row of a contact sheet.

    Attributes:
        name: The emotion or participant.
        faces: How many faces the dataset has of it.
        images: Those shown, shape (n, size, size, 3 or 1); as large in every row.
    """

    name: str
    faces: int
    images: UInt8Array


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand, in pixels from the top left corner."""

    left: int
    top: int
    tile: int
    apart: int

    def x(self, column: int) -> int:
        return self.left + column * (self.tile + _GAP) + (self.apart if column else 0)

    def y(self, row: int) -> int:
        return self.top + row * (self.tile + _GAP)


class _Text(NamedTuple):
    """A line that begins at x and whose middle is at y."""

    x: int
    y: int
    text: str
    size: int
    colour: str


def save_picture(
    path: Path, rows: Sequence[SheetRow], heading: str, column_names: Sequence[str] = ()
) -> None:
    """Write a contact sheet as PNG, which `is_sheet` knows again.

    Args:
        path: Where it goes.
        rows: From top to bottom, at least one.
        heading: Stands above all.
        column_names: If given, stand above the first columns, and the first of these stands apart.

    Raises:
        OSError: It cannot be written.
    """
    tiles = [_tiles(row.images) for row in rows]
    labels = [(_shortened(row.name), counted(row.faces, "face")) for row in rows]
    widest = max(
        max(_width(name, _NAME_SIZE), _width(count, _REMARK_SIZE)) for name, count in labels
    )
    layout = _Layout(
        left=_MARGIN + widest + _MARGIN,
        top=_MARGIN + _LINE * (2 if column_names else 1),
        tile=tiles[0].shape[1],
        apart=2 * _GAP if column_names else 0,
    )
    texts = _headings(heading, column_names, layout) + _row_labels(labels, layout)
    right_end = max(text.x + _width(text.text, text.size) for text in texts)
    _write(path, _picture(tiles, layout, right_end), texts)


def _headings(heading: str, column_names: Sequence[str], layout: _Layout) -> list[_Text]:
    above = _Text(layout.left, _MARGIN + _LINE // 3, _visible(heading), _REMARK_SIZE, _FAINT_INK)
    level = layout.top - _LINE // 2
    return [above] + [
        _Text(layout.x(column), level, name, _REMARK_SIZE, _INK)
        for column, name in enumerate(column_names)
    ]


def _row_labels(labels: Sequence[tuple[str, str]], layout: _Layout) -> list[_Text]:
    texts = []
    for row, (name, count) in enumerate(labels):
        middle = layout.y(row) + layout.tile // 2
        texts.append(_Text(_MARGIN, middle - 11, name, _NAME_SIZE, _INK))
        texts.append(_Text(_MARGIN, middle + 11, count, _REMARK_SIZE, _FAINT_INK))
    return texts


def is_sheet(path: Path) -> bool:
    """Return whether an existing file is a contact sheet that we wrote."""
    try:
        with path.open("rb") as file:
            return f"tEXtTitle\0{_TITLE}".encode() in file.read(_BYTES_LOOKED_AT)
    except OSError:
        return False


def _tiles(images: UInt8Array) -> UInt8Array:
    """Return images in colour and of a size to look at."""
    size = images.shape[1]
    tiles = network_inputs(images, min(size, _LARGEST_TILE), "rgb")
    times = math.ceil(_SMALLEST_TILE / size)
    return tiles.repeat(times, axis=1).repeat(times, axis=2)


def _visible(text: str) -> str:
    """Return a text without anything that would begin a line or could not be drawn at all."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _shortened(name: str) -> str:
    shown = _visible(name)
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + "…"


def _picture(tiles: Sequence[UInt8Array], layout: _Layout, least_width: int) -> UInt8Array:
    """Put all tiles onto white, shape (height, width, 3)."""
    last = max(map(len, tiles)) - 1
    width = max(layout.x(last) + layout.tile, least_width) + _MARGIN
    height = layout.y(len(tiles)) - _GAP + _MARGIN
    picture = np.full((height, width, 3), 255, np.uint8)
    for row, faces in enumerate(tiles):
        for column, face in enumerate(faces):
            x, y = layout.x(column), layout.y(row)
            picture[y : y + layout.tile, x : x + layout.tile] = face
    return picture


def _width(text: str, size: int) -> int:
    from matplotlib.textpath import TextToPath

    with _silent_about_letters():
        width, _, _ = TextToPath().get_text_width_height_descent(text, _font(size), ismath=False)
    return math.ceil(width / _POINTS_PER_PIXEL)


def _write(path: Path, picture: UInt8Array, texts: Sequence[_Text]) -> None:
    # Not pyplot: it would choose a window system and keep every figure alive.
    from matplotlib.figure import Figure

    height, width = picture.shape[:2]
    figure = Figure((width / _DOTS_PER_INCH, height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH)
    figure.figimage(picture, origin="upper")
    for x, y, text, size, colour in texts:
        figure.text(
            x,
            height - y,
            text,
            transform=None,  # pixels, from below
            font=_font(size),
            color=colour,
            va="center",
            parse_math=False,  # a name may hold a dollar
        )
    with _silent_about_letters():
        figure.savefig(
            path,
            format="png",
            dpi=_DOTS_PER_INCH,
            metadata={"Title": _TITLE, "Software": f"fer-pipeline {__version__}"},
        )


def _font(pixels: int) -> FontProperties:
    from matplotlib import font_manager

    return font_manager.FontProperties(size=pixels * _POINTS_PER_PIXEL)


def _silent_about_letters() -> warnings.catch_warnings[None]:
    """Say nothing of letters that the font lacks: a box stands for each."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
