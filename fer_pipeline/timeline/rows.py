"""The rows of a timeline, and how their values are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

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

Derived = Literal["baseline", "smoothed"]
"""What may stand behind the probabilities: a column for each emotion, so prefixed."""

DERIVED: tuple[Derived, ...] = get_args(Derived)

TIME_DECIMALS = 6
SHARE_DECIMALS = 6

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
        baseline: What each is above the person's neutral reference, -1 to 1; None if not asked for.
        smoothed: The step before, smoothed over time; None if not asked for.
    """

    video: str
    frame: int
    time: float
    status: Status
    face: int | None = None
    box: Box | None = None
    score: float | None = None
    probabilities: tuple[float, ...] | None = None
    baseline: tuple[float, ...] | None = None
    smoothed: tuple[float, ...] | None = None

    @property
    def latest(self) -> tuple[float, ...] | None:
        """One value for each emotion, of the last step that was done; None without a face."""
        return self.smoothed or self.baseline or self.probabilities

    def dominant(self, emotions: Sequence[str]) -> tuple[str, float] | None:
        """Return the likeliest emotion and its probability; None without a face."""
        if self.probabilities is None:
            return None
        confidence = max(self.probabilities)
        return emotions[self.probabilities.index(confidence)], confidence

    def values(self, emotions: Sequence[str], derived: Sequence[Derived] = ()) -> dict[str, Value]:
        """Return the row by column, with the digits that are written."""
        emotion, confidence = self.dominant(emotions) or (None, None)
        box = (None,) * 4 if self.box is None else _corners(self.box)
        leading: tuple[Value, ...] = (
            self.video,
            self.frame,
            rounded(self.time, TIME_DECIMALS),
            self.status.value,
            self.face,
            *box,
            rounded(self.score, 4),
            emotion,
            rounded(confidence, SHARE_DECIMALS),
        )
        told = [self.probabilities, *(getattr(self, step) for step in derived)]
        shares = [
            rounded(share, SHARE_DECIMALS)
            for step in told
            for share in step or (None,) * len(emotions)
        ]
        return dict(zip(columns(emotions, derived), (*leading, *shares), strict=True))


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def rounded(number: float | None, decimals: int) -> float | None:
    """Round a number; nothing becomes a zero below zero."""
    return None if number is None else round(number, decimals) + 0.0


def columns(emotions: Sequence[str], derived: Sequence[Derived] = ()) -> tuple[str, ...]:
    """Return the columns of a timeline in their order."""
    added = (f"{step}_{emotion}" for step in derived for emotion in emotions)
    return (*LEADING_COLUMNS, *emotions, *added)


def cell(column: str, value: Value) -> str:
    """Write a value as the text of a table cell."""
    if value is None:
        return ""
    if column == "time":
        return f"{value:.{TIME_DECIMALS}f}"
    if isinstance(value, float):
        return f"{value:.4f}" if column == "score" else f"{value:.{SHARE_DECIMALS}f}"
    return str(value)
