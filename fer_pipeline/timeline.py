"""The timeline: one row for each frame looked at, with true media time, and what it adds up to."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.domain import Box, Status

LEADING_COLUMNS = (
    "video",
    "frame",
    "time",
    "status",
    "face",
    "x",
    "y",
    "width",
    "height",
    "score",
    "emotion",
    "confidence",
)
"""The columns before those of the probabilities, one for each emotion of the model by name."""

TIME_DECIMALS = 6

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One face in one frame, or one frame without a face.

    Attributes:
        video: Path of the clip below the folder given.
        frame: Number of the frame in its source.
        time: Seconds from the container's start.
        status: What the row says about its frame.
        face: Number of the person within the clip; None without a face, as all that follows.
        box: Where the face is.
        score: The detector's score; None where the box was carried or interpolated, too.
        probabilities: One for each emotion of the model.
    """

    video: str
    frame: int
    time: float
    status: Status
    face: int | None = None
    box: Box | None = None
    score: float | None = None
    probabilities: tuple[float, ...] | None = None

    def dominant(self, emotions: Sequence[str]) -> tuple[str, float] | None:
        """Return the likeliest emotion and its probability; None without a face."""
        if self.probabilities is None:
            return None
        confidence = max(self.probabilities)
        return emotions[self.probabilities.index(confidence)], confidence

    def values(self, emotions: Sequence[str]) -> dict[str, Value]:
        """Return the row by column, with the digits that are written."""
        emotion, confidence = self.dominant(emotions) or (None, None)
        box = (None,) * 4 if self.box is None else _corners(self.box)
        leading: tuple[Value, ...] = (
            self.video,
            self.frame,
            round(self.time, TIME_DECIMALS),
            self.status.value,
            self.face,
            *box,
            _rounded(self.score, 4),
            emotion,
            _rounded(confidence, 6),
        )
        told = self.probabilities or (None,) * len(emotions)
        return {
            **dict(zip(LEADING_COLUMNS, leading, strict=True)),
            **{name: _rounded(share, 6) for name, share in zip(emotions, told, strict=True)},
        }


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def _rounded(number: float | None, decimals: int) -> float | None:
    return None if number is None else round(number, decimals)


def columns(emotions: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a timeline in their order."""
    return (*LEADING_COLUMNS, *emotions)


def cell(column: str, value: Value) -> str:
    """Write a value as the text of a table cell."""
    if value is None:
        return ""
    if column == "time":
        return f"{value:.{TIME_DECIMALS}f}"
    if isinstance(value, float):
        return f"{value:.4f}" if column == "score" else f"{value:.6f}"
    return str(value)


def read_rows(path: Path) -> Iterator[TimelineRow]:
    """Read back the rows of a timeline that was written as CSV, one by one."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        emotions = (reader.fieldnames or ())[len(LEADING_COLUMNS) :]
        for values in reader:
            yield _parse(values, emotions)


def _parse(values: dict[str, str], emotions: Sequence[str]) -> TimelineRow:
    seen = bool(values["face"])
    return TimelineRow(
        video=values["video"],
        frame=int(values["frame"]),
        time=float(values["time"]),
        status=Status(values["status"]),
        face=int(values["face"]) if seen else None,
        box=Box(*(int(values[name]) for name in ("x", "y", "width", "height"))) if seen else None,
        score=float(values["score"]) if values["score"] else None,
        probabilities=tuple(float(values[name]) for name in emotions) if seen else None,
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows of one clip add up to.

    Attributes:
        frames: Frames looked at.
        with_face: Frames of these with at least one face.
        errors: Frames that did not decode.
        seconds: By face, then by dominant emotion: time in seconds.
    """

    frames: int
    with_face: int
    errors: int
    seconds: dict[int, dict[str, float]]


class Tally:
    """Adds up the rows of one clip as they come.

    A frame stands for the time until the next one; the last for as long as the one before it.

    Args:
        emotions: The model's emotions.
    """

    def __init__(self, emotions: Sequence[str]) -> None:
        self._emotions = emotions
        self._frames = self._with_face = self._errors = 0
        self._seconds: dict[int, dict[str, float]] = {}
        self._frame: list[TimelineRow] = []
        self._last_step = 0.0

    def add(self, row: TimelineRow) -> None:
        """Take the next row of the clip."""
        if self._frame and row.frame != self._frame[0].frame:
            self._last_step = max(0.0, row.time - self._frame[0].time)
            self._close_frame()
        if not self._frame:
            self._frames += 1
            self._with_face += row.face is not None
            self._errors += row.status is Status.DECODE_ERROR
        self._frame.append(row)

    def totals(self) -> Totals:
        """Return what all rows add up to; call it once, after the last."""
        self._close_frame()
        seconds = dict(sorted(self._seconds.items()))
        return Totals(self._frames, self._with_face, self._errors, seconds)

    def _close_frame(self) -> None:
        for row in self._frame:
            dominant = row.dominant(self._emotions)
            if dominant is not None and row.face is not None:
                times = self._seconds.setdefault(row.face, {})
                times[dominant[0]] = times.get(dominant[0], 0.0) + self._last_step
        self._frame.clear()
