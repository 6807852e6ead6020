"""The cells of a row of a timeline, made sense of, and whether it stands in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import TimelineError
from fer_pipeline.timeline.opening import Opened, Record
from fer_pipeline.timeline.rows import Derived, TimelineRow
from fer_pipeline.timeline.spreadsheet import unguarded

_TIME_ROUNDING = 1e-6
# Printed shares of six digits may be above 1 by rounding of somebody's.
_SHARE_ROUNDING = 1e-6


class RowParser:
    """Makes sense of the cells of one row."""

    def __init__(self, path: Path, line: int, record: Record, opened: Opened) -> None:
        self._place = f"{path}, {opened.unit} {line}"
        self._record = record
        self._opened = opened

    def fail(self, problem: str, advice: str) -> NoReturn:
        """Say what is wrong with the row."""
        raise TimelineError(f"{self._place}: {problem}", advice)

    def row(self, emotions: Sequence[str], derived: Sequence[Derived]) -> TimelineRow:
        """Return the row."""
        video, frame = self.text("video"), self._whole("frame")
        time, status = self._time(), self._status()
        if not video or frame is None:
            self.fail(f"the cell '{'frame' if video else 'video'}' is empty", "fill it")
        if status in (Status.NO_FACE, Status.DECODE_ERROR):
            return TimelineRow(video, frame, time, status)
        face = self._needed("face")
        box = self._box()
        steps = {step: self._shares([f"{step}_{e}" for e in emotions], -1) for step in derived}
        return TimelineRow(
            video=video,
            frame=frame,
            time=time,
            status=status,
            face=face,
            box=box,
            score=self._number("score"),
            probabilities=self._shares(emotions, 0),
            **steps,
        )

    def _box(self) -> Box:
        box = Box(*(self._needed(name) for name in ("x", "y", "width", "height")))
        for name, side in (("width", box.width), ("height", box.height)):
            if side < 1:
                self.fail(f"the {name} '{self._record[name]}' is none", "it is 1 or more")
        return box

    def text(self, column: str) -> str:
        """Return a cell as the text that was meant."""
        value = self._record.get(column)
        if value is None:
            return ""
        return unguarded(value) if self._opened.text else str(value)

    def _status(self) -> Status:
        text = self.text("status").strip()
        try:
            return Status(text)
        except ValueError:
            self.fail(f"the status '{text}' is none", f"it is one of {', '.join(Status)}")

    def _time(self) -> float:
        time = self._number("time")
        if time is None:
            self.fail("the cell 'time' is empty", "fill it with seconds")
        return time

    def _needed(self, column: str) -> int:
        number = self._whole(column)
        if number is None:
            self.fail(f"the cell '{column}' is empty", "a row with a face has it")
        return number

    def _whole(self, column: str) -> int | None:
        number = self._number(column)
        if number is not None and (not number.is_integer()):
            self.fail(f"the {column} '{self._record[column]}' is no whole number", "correct it")
        return None if number is None else int(number)

    def _shares(self, names: Sequence[str], least: int) -> tuple[float, ...]:
        shares = []
        for name in names:
            share = self._number(name)
            # What was smoothed with a parabola may be a little beyond.
            beyond = _SHARE_ROUNDING if least == 0 else 1.0
            if share is None or not least - beyond <= share <= 1 + beyond:
                shown = self._record.get(name)
                problem = f"the {name} '{'' if shown is None else shown}' is no probability"
                self.fail(problem, f"it is a number from {least} to 1; remove other columns")
            shares.append(share)
        return tuple(shares)

    def _number(self, column: str) -> float | None:
        value = self._record.get(column)
        if isinstance(value, bool):
            self._no_number(column)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            value = self._point(column, value.strip())
        try:
            number = float(value)
        except (TypeError, ValueError):
            self._no_number(column)
        if math.isnan(number) and not self._opened.text:
            return None  # a data frame's empty cell
        if not math.isfinite(number):
            self._no_number(column)
        return number

    def _point(self, column: str, text: str) -> str:
        """Return a number's text with a decimal point."""
        if "," not in text:
            return text
        if not self._opened.comma or "." in text or text.count(",") > 1:
            self._no_number(column)
        return text.replace(",", ".")

    def _no_number(self, column: str) -> NoReturn:
        self.fail(f"the {column} '{self._record[column]}' is no number", "write it such as 0.25")


class Order:
    """Sees to it that rows stand as we wrote them: clip by clip, frame by frame."""

    def __init__(self) -> None:
        self._clips: set[str] = set()
        self._before: TimelineRow | None = None
        self._faces: set[int | None] = set()

    def fault(self, row: TimelineRow) -> str | None:
        """Return what is wrong with the place of the next row; None if nothing is."""
        before, self._before = self._before, row
        if before is None or before.video != row.video:
            if row.video in self._clips:
                return f"the rows of {row.video} do not stand together"
            self._clips.add(row.video)
            self._faces = {row.face}
            return None
        if row.frame < before.frame or row.time < before.time - _TIME_ROUNDING:
            return f"frame {row.frame} comes behind frame {before.frame}, or earlier in time"
        if row.frame > before.frame:
            self._faces = {row.face}
            return None
        if row.face in self._faces or None in (row.face, *self._faces):
            return f"frame {row.frame} has the face twice, or none beside one"
        self._faces.add(row.face)
        return None
