"""Where faces may be, and what covers them so that nobody can uncover them.

What covers a face is made from the number of the face alone and from no pixel of it. A mosaic of
averages would still tell something: in one frame little, and far more in many frames, in which the
cells lie over the face in different ways.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fer_pipeline.domain import Box
from fer_pipeline.overlay.canvas import Canvas
from fer_pipeline.overlay.judgements import Judged, Sightings

CELLS = 6
"""Cells of a mosaic along each side of a covered area."""

_GREYS = ("#5A6066", "#666C73", "#737980", "#80868D", "#8D939A", "#999FA6")


@dataclass(frozen=True, slots=True)
class CoverOptions:
    """What is covered.

    Attributes:
        margin: Share of a box's width and height by which it is widened on each side, because the
            detector's boxes leave out ears, hair and chin.
        speed: Widths of a face a second that a face may move while it is not seen.
        carried: Seconds for which a face is covered before it is first seen and after it was last
            seen, whatever else holds.
        established: Seconds between first and last sight from which on a face counts as no mistake
            of the detector, so that it is covered for as long as it may be there.
        at_edge: Widths of a face between it and the left or right edge of the picture up to which
            it may have come in or gone out there.
        allow_uncovered: Cover what is seen and carried, and nothing else.
    """

    margin: float = 0.4
    speed: float = 2.0
    carried: float = 1.0
    established: float = 1.0
    at_edge: float = 0.5
    allow_uncovered: bool = False


@dataclass(frozen=True, slots=True)
class _Area:
    """A rectangle, which may reach beyond the picture: left, top, right, bottom in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, box: Box, margin: float) -> _Area:
        """Return a box widened on each side by a share of its size."""
        across, down = margin * box.width, margin * box.height
        return cls(
            box.x - across, box.y - down, box.x + box.width + across, box.y + box.height + down
        )

    def overlap(self, other: _Area) -> _Area | None:
        shared = _Area(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        return shared if shared.left < shared.right and shared.top < shared.bottom else None

    def hull(self, other: _Area) -> _Area:
        return _Area(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, width: int, height: int) -> Box | None:
        """Return the blocks of two pixels that it touches, where they lie in a picture."""
        left, top = (max(0, math.floor(edge / 2) * 2) for edge in (self.left, self.top))
        right = min(width, math.ceil(self.right / 2) * 2)
        bottom = min(height, math.ceil(self.bottom / 2) * 2)
        return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None


class Covers:
    """Tells what must be covered in each frame.

    A face that is seen before and after a frame, but not in it, may be anywhere that it can have
    gone to and come back from; so the area grows with the time since it was seen,
    and shrinks until it is seen again.

    Args:
        faces: All sightings of each face.
        picture: Width and height of the source in pixels.
        options: What is covered.
    """

    def __init__(
        self,
        faces: Mapping[int, Sightings],
        picture: tuple[int, int],
        options: CoverOptions = CoverOptions(),
    ) -> None:
        self._faces = faces
        self._width, self._height = picture
        self._options = options

    def at(self, time: float, judged: Judged | None) -> dict[int, Box]:
        """Return the areas that hold faces or may hold them, by face.

        Args:
            time: Of the frame, in seconds from the container's start.
            judged: What is known of this very frame, if it was judged.
        """
        seen = {row.face: row.box for row in judged.faces} if judged else {}
        areas: dict[int, Box] = {}
        for face, sightings in self._faces.items():
            box = seen.get(face)
            area = (
                self._unseen(sightings, time)
                if box is None
                else _Area.around(box, self._options.margin)
            )
            within = area.within(self._width, self._height) if area else None
            if within:
                areas[face] = within
        return areas

    def _unseen(self, sightings: Sightings, time: float) -> _Area | None:
        """Return where a face may be that was seen at other times than this."""
        after = int(np.searchsorted(sightings.times, time))
        before = after - 1
        last = before if before >= 0 else None
        coming = after if after < len(sightings.times) else None
        if not self._may_be_there(sightings, time, last, coming):
            return None
        reachable = [
            self._reach(sightings, number, time) for number in (last, coming) if number is not None
        ]
        if last is None or coming is None:
            return reachable[0]
        between = self._between(sightings, time, last, coming)
        shared = reachable[0].overlap(reachable[1])
        return shared.hull(between) if shared else between

    def _may_be_there(
        self, sightings: Sightings, time: float, last: int | None, coming: int | None
    ) -> bool:
        carried = self._options.carried
        near = [
            abs(time - float(sightings.times[number]))
            for number in (last, coming)
            if number is not None
        ]
        if min(near) <= carried:
            return True
        if self._options.allow_uncovered or sightings.span < self._options.established:
            return False
        if last is not None and coming is not None:
            return True
        return not self._at_edge(sightings.box(0 if last is None else -1))

    def _at_edge(self, box: Box) -> bool:
        room = self._options.at_edge * box.width
        return box.x < room or box.x + box.width > self._width - room

    def _reach(self, sightings: Sightings, number: int, time: float) -> _Area:
        """Return how far a face can have moved from where it was seen, or can still move there."""
        away = abs(time - float(sightings.times[number])) * self._options.speed
        return _Area.around(sightings.box(number), self._options.margin + away)

    def _between(self, sightings: Sightings, time: float, last: int, coming: int) -> _Area:
        start, end = float(sightings.times[last]), float(sightings.times[coming])
        share = (time - start) / (end - start)
        box = sightings.box(last).towards(sightings.box(coming), share)
        return _Area.around(box, self._options.margin)


def cover(canvas: Canvas, area: Box, face: int) -> None:
    """Put a mosaic over an area, and nothing of what was there shows in it.

    Args:
        canvas: The picture.
        area: Begins and ends at even pixels.
        face: Its number, which tells the pattern; -1 for the whole picture.
    """
    greys = np.random.default_rng(face + 1).integers(len(_GREYS), size=CELLS**2).tolist()
    for cell, grey in zip(cells(area), greys, strict=False):
        canvas.fill(cell, _GREYS[grey])


def cells(area: Box) -> Iterator[Box]:
    """Yield the cells of the mosaic over an area, row by row; there are fewer over tiny ones."""
    columns, rows = _cuts(area.x, area.width), _cuts(area.y, area.height)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Box(left, top, right - left, bottom - top)


def _cuts(start: int, size: int) -> list[int]:
    """Divide a stretch at even places, so that no cell shares a block of colour with another."""
    return sorted({start + round(size * step / CELLS / 2) * 2 for step in range(CELLS + 1)})
