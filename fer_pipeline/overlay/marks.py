"""What is drawn into a frame: boxes, numbers of faces, emotions with bars, time and frame.

All sizes are in proportion to the picture, by the size of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_pipeline.domain import Box
from fer_pipeline.overlay.canvas import Canvas
from fer_pipeline.overlay.lettering import plate, shortened, words
from fer_pipeline.palette import emotion_colours, ink_on
from fer_pipeline.timeline import Derived, TimelineRow

# Text is so many times smaller than the shorter side of the picture, but never unreadable.
_LINES_IN_PICTURE = 38
_SMALLEST_TEXT = 10

_PLATE, _PLATE_OPACITY = "#101418", 0.72
_TEXT, _FAINT_TEXT = "#FFFFFF", "#C2C8CE"
_TRACK, _TRACK_OPACITY = "#FFFFFF", 0.16

_STEPS: dict[Derived, str] = {"baseline": "above neutral", "smoothed": "smoothed"}
"""How the steps are called beside time and frame."""


@dataclass(frozen=True, slots=True)
class _Measures:
    """Sizes in pixels, all even but that of the text, so that edges are sharp in colour, too."""

    text: int
    line: int
    pad: int
    bar: int
    bar_height: int
    border: int
    radius: int

    @classmethod
    def of(cls, width: int, height: int) -> _Measures:
        text = max(_SMALLEST_TEXT, round(min(width, height) / _LINES_IN_PICTURE))
        return cls(
            text=text,
            line=_even(1.3 * text),
            pad=_even(0.5 * text),
            bar=_even(4.5 * text),
            bar_height=_even(0.55 * text),
            border=max(2, _even(text / 6)),
            radius=_even(0.35 * text),
        )


class Marker:
    """Draws what a timeline says into the frames of one clip, which come in their order.

    Args:
        emotions: The model's.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        derived: The steps that its rows hold beside the probabilities; the values of the last are
            drawn.
    """

    def __init__(
        self, emotions: Sequence[str], width: int, height: int, derived: Sequence[Derived] = ()
    ) -> None:
        self.steps = ", ".join(_STEPS[step] for step in derived)
        self._rises = "baseline" in derived
        self._emotions = emotions
        self._colours = emotion_colours(emotions)
        self._picture = Box(0, 0, width, height)
        self._sizes = _Measures.of(width, height)
        self._panel = self._panel_size()
        self._places: dict[int, tuple[int, int, int]] = {}  # by face: side, and where it was put

    def draw_faces(self, canvas: Canvas, faces: Sequence[TimelineRow]) -> None:
        """Draw boxes, numbers and emotions; bars where there is room for them beside the faces."""
        boxes = {row.face or 0: row.box for row in faces if row.box is not None}
        for row in faces:
            if row.box is not None:
                self._draw_box(canvas, row, row.box)
        labels = {row.face or 0: self._draw_label(canvas, row, row.box) for row in faces if row.box}
        placed: list[Box] = [self._footer_area(), *labels.values()]
        for row in faces:
            face = row.face or 0
            others = [box for number, box in boxes.items() if number != face]
            place = self._place(face, boxes[face], labels[face], [*others, *placed])
            if place is not None and row.probabilities is not None:
                self._draw_panel(canvas, place, row)
                placed.append(place)
        self._places = {face: at for face, at in self._places.items() if face in boxes}

    def draw_footer(self, canvas: Canvas, index: int, time: float, remark: str = "") -> None:
        """Write time and frame number into the lower left corner, and what is to be said of it."""
        text = f"{_clock(time)}   frame {index}" + (f"   {remark}" if remark else "")
        self._draw_plate_with_words(canvas, self._footer_area().x, self._footer_area().y, text)

    def draw_notice(self, canvas: Canvas, text: str) -> None:
        """Write a line into the middle of the picture."""
        mask = words(text, self._sizes.text)
        width, height = mask.width + 2 * self._sizes.pad, mask.height + self._sizes.pad
        x, y = (self._picture.width - width) // 2, (self._picture.height - height) // 2
        self._draw_plate_with_words(canvas, x, y, text)

    def draw_lines(self, canvas: Canvas, lines: Sequence[str]) -> None:
        """Write lines into the upper left corner."""
        sizes = self._sizes
        step = _even(words("0", sizes.text).height + sizes.pad)
        for number, line in enumerate(lines):
            self._draw_plate_with_words(canvas, sizes.pad, sizes.pad + number * step, line)

    def _draw_plate_with_words(self, canvas: Canvas, x: int, y: int, text: str) -> None:
        sizes = self._sizes
        mask = words(text, sizes.text)
        width, height = _even(mask.width + 2 * sizes.pad), _even(mask.height + sizes.pad / 2)
        canvas.stamp(plate(width, height, sizes.radius), x, y, _PLATE, _PLATE_OPACITY)
        canvas.stamp(mask, x + sizes.pad, y + (height - mask.height) // 2, _TEXT)

    def _footer_area(self) -> Box:
        sizes = self._sizes
        height = _even(words("0", sizes.text).height + sizes.pad / 2)
        top = self._picture.height - height - sizes.pad
        return Box(sizes.pad, top // 2 * 2, 14 * sizes.text, height)

    def _draw_box(self, canvas: Canvas, row: TimelineRow, box: Box) -> None:
        """Draw a box in the colour of its emotion, between dark lines that any ground lets see."""
        border = self._sizes.border
        box = _snapped(box)
        around = Box(box.x - 2, box.y - 2, box.width + 4, box.height + 4)
        within = Box(
            box.x + border, box.y + border, box.width - 2 * border, box.height - 2 * border
        )
        canvas.outline(around, 2, _PLATE, 0.45)
        canvas.outline(within, 2, _PLATE, 0.3)
        canvas.outline(box, border, self._colour(row))

    def _draw_label(self, canvas: Canvas, row: TimelineRow, box: Box) -> Box:
        """Write number, emotion and probability above a box, or into it where there is no room."""
        sizes, colour = self._sizes, self._colour(row)
        strongest = self._strongest(row)
        number = words(str(row.face), sizes.text, bold=True)
        told = f"{shortened(strongest[0])} {self._percent(strongest[1])}" if strongest else ""
        text = words(told, sizes.text)
        width = number.width + text.width + 3 * sizes.pad
        height = _even(max(number.height, text.height) + 2)
        box = _snapped(box)
        x = _within(box.x - 2, width, self._picture.width)
        above = box.y - height - 2
        y = above if above >= 0 else max(0, box.y)
        ink = ink_on(colour)
        canvas.stamp(plate(_even(width), height, sizes.radius), x, y, colour)
        canvas.stamp(number, x + sizes.pad, y + 1, ink)
        canvas.stamp(text, x + 2 * sizes.pad + number.width, y + 1, ink)
        return Box(x, y, width, height)

    def _strongest(self, row: TimelineRow) -> tuple[str, float] | None:
        """Return the strongest emotion of the last step, and its value; None without a face."""
        if row.latest is None:
            return None
        value = max(row.latest)
        return self._emotions[row.latest.index(value)], value

    def _percent(self, value: float) -> str:
        """Write a probability, or how far above a neutral reference it is."""
        return f"{100 * value:+.0f} %" if self._rises else f"{100 * value:.0f} %"

    def _colour(self, row: TimelineRow) -> str:
        strongest = self._strongest(row)
        return self._colours[strongest[0]] if strongest else _FAINT_TEXT

    def _panel_size(self) -> tuple[int, int]:
        sizes = self._sizes
        names = max(
            (words(shortened(name), sizes.text, bold=True).width for name in self._emotions),
            default=0,
        )
        return (
            _even(names + sizes.bar + 3 * sizes.pad),
            _even(len(self._emotions) * sizes.line + 1.5 * sizes.pad),
        )

    def _draw_panel(self, canvas: Canvas, place: Box, row: TimelineRow) -> None:
        """Draw a bar for each emotion."""
        sizes = self._sizes
        strongest = self._strongest(row)
        canvas.stamp(
            plate(place.width, place.height, sizes.radius), place.x, place.y, _PLATE, _PLATE_OPACITY
        )
        bar_x = place.x + place.width - sizes.pad - sizes.bar
        for number, emotion in enumerate(self._emotions):
            top = place.y + _even(0.75 * sizes.pad) + number * sizes.line
            leads = strongest is not None and strongest[0] == emotion
            name = words(shortened(emotion), sizes.text, bold=leads)
            text_y = top + (sizes.line - name.height) // 2
            canvas.stamp(name, place.x + sizes.pad, text_y, _TEXT if leads else _FAINT_TEXT)
            bar_y = top + (sizes.line - sizes.bar_height) // 4 * 2
            canvas.fill(Box(bar_x, bar_y, sizes.bar, sizes.bar_height), _TRACK, _TRACK_OPACITY)
            # Below a reference there is no bar; some ways of smoothing leave 0 to 1 a little.
            share = min(max(row.latest[number], 0.0), 1.0) if row.latest else 0.0
            filled = Box(bar_x, bar_y, round(share * sizes.bar), sizes.bar_height)
            canvas.fill(filled, self._colours[emotion])

    def _place(self, face: int, box: Box, label: Box, taken: Sequence[Box]) -> Box | None:
        """Return where the bars of a face go: beside it, on the side where they were before."""
        width, height = self._panel
        if width > self._picture.width or height > self._picture.height:
            return None
        free = {
            side: Box(x, y, width, height)
            for side, (x, y) in enumerate(self._sides(box, label))
            if not any(_meet(Box(x, y, width, height), other) for other in taken)
        }
        covered = {side: _shared(place, box) for side, place in free.items()}
        if not free:
            return None
        before = self._places.get(face)
        best = min(free, key=lambda side: (covered[side], side))
        if before is not None and before[0] in free and covered[before[0]] <= covered[best]:
            best = before[0]
        place = free[best]
        if before is not None and before[0] == best:
            place = self._steady(Box(before[1], before[2], width, height), place, box, taken)
        self._places[face] = best, place.x, place.y
        return place

    def _steady(self, old: Box, new: Box, box: Box, taken: Sequence[Box]) -> Box:
        """Return the old place while it is nearly the new one: boxes tremble, text should not."""
        near = max(abs(old.x - new.x), abs(old.y - new.y)) <= 0.12 * box.width
        clear = not any(_meet(old, other) for other in taken)
        return old if near and clear and _shared(old, box) <= _shared(new, box) else new

    def _sides(self, box: Box, label: Box) -> list[tuple[int, int]]:
        """Return the places for bars: right and left of a face, below, above, in the corners."""
        width, height = self._panel
        picture, gap = self._picture, self._sizes.pad
        clear = label.x + label.width <= box.x + box.width + gap  # else beside the box alone
        beside = _within(min(box.y, label.y) if clear else box.y + 2, height, picture.height)
        top = _within(min(box.y, label.y), height, picture.height)
        left = _within(box.x, width, picture.width)
        far_right, bottom = picture.width - width - gap, picture.height - height - gap
        places = [
            (box.x + box.width + gap, beside),
            (box.x - gap - width, top),
            (left, box.y + box.height + gap),
            (left, min(box.y, label.y) - gap - height),
            (far_right, gap),
            (gap, gap),
            (far_right, bottom),
            (gap, bottom),
        ]
        even = [(x // 2 * 2, y // 2 * 2) for x, y in places]
        return [
            (x, y)
            for x, y in even
            if 0 <= x <= picture.width - width and 0 <= y <= picture.height - height
        ]


def _clock(time: float) -> str:
    minutes, seconds = divmod(max(0.0, time), 60)
    hours, minutes = divmod(int(minutes), 60)
    seconds = min(seconds, 59.999)  # which would be rounded to 60
    return f"{hours}:{minutes:02d}:{seconds:06.3f}" if hours else f"{minutes}:{seconds:06.3f}"


def _even(size: float) -> int:
    return round(size / 2) * 2


def _snapped(box: Box) -> Box:
    """Return a box with even edges: the colour of pixels is shared in blocks of two."""
    left, top = box.x // 2 * 2, box.y // 2 * 2
    return Box(left, top, _even(box.x + box.width - left), _even(box.y + box.height - top))


def _within(start: int, size: int, room: int) -> int:
    return max(0, min(start, room - size)) // 2 * 2


def _shared(one: Box, other: Box) -> int:
    """Return how many pixels two boxes share."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0, width) * max(0, height)


def _meet(one: Box, other: Box) -> bool:
    return _shared(one, other) > 0
