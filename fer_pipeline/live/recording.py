"""What a live view leaves behind: rows and events, on the disk as soon as they are known.

They grow in files of their own, which take their final names at the end. After a crash these files
are still there, complete up to their last line, and no later run replaces them unasked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.exports.tables import table_line, timeline_header, timeline_line
from fer_pipeline.files import PathKind, kind_of, replacing, writing
from fer_pipeline.model_folder import write_json
from fer_pipeline.timeline import TIME_DECIMALS, TimelineRow, guarded

RECORDING_SUFFIX = ".recording"

EVENT_COLUMNS = ("onset", "duration", "trial_type", "frame")
"""The first two as BIDS has them; an event has no duration, and the frame is the one shown."""

_FORMAT, _VERSION = "fer-live", 1

# So often the system is asked to put on the disk what it may hold in memory.
_SYNC_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """Where a recording goes.

    Attributes:
        timeline: The rows.
    """

    timeline: Path

    @property
    def events(self) -> Path:
        """The events."""
        return self.timeline.with_name(f"{self.timeline.stem}-events{self.timeline.suffix}")

    @property
    def record(self) -> Path:
        """How and when it was made."""
        return self.timeline.with_name(self.timeline.name + ".live.json")

    @property
    def growing(self) -> tuple[Path, Path]:
        """Where rows and events are until the end."""
        return _growing(self.timeline), _growing(self.events)

    def check_name(self) -> None:
        """Make sure of the format.

        Raises:
            UsageError: The suffix is another one than that of CSV.
        """
        if self.timeline.suffix.lower() != ".csv":
            raise UsageError(
                f"{self.timeline}: a live view is recorded as .csv; "
                "fer timeline makes the other formats of it"
            )

    def check(self, *, overwrite: bool) -> None:
        """Make sure that nothing is lost.

        Args:
            overwrite: Whether what is there may be replaced.

        Raises:
            OutputError: Something is there.
        """
        final = (self.timeline, self.events, self.record)
        for path in (*final, *self.growing):
            kind = kind_of(path, OutputError)
            if kind not in (PathKind.MISSING, PathKind.FILE):
                raise OutputError(f"{path}: is no file", "give another --out")
            if kind is PathKind.MISSING or overwrite:
                continue
            if path in final:
                raise OutputError(f"{path}: exists", "give another --out, or --overwrite")
            raise OutputError(
                f"{path}: is what an earlier run recorded that did not come to its end",
                "rename it to a name that ends with .csv to keep it, or --overwrite",
            )


class Recording:
    """Writes a recording; `finish` gives it its names, and without that it stays as it is.

    Args:
        files: Where it goes; what is there is replaced.
        emotions: The model's.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(self, files: RecordingFiles, emotions: Sequence[str]) -> None:
        self.files = files
        self.events = 0
        self._empty = True
        self._emotions = tuple(emotions)
        self._rows = _GrowingFile(files.timeline)
        self._marks = _GrowingFile(files.events)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._rows.open(timeline_header(self._emotions))
            stack.callback(self._rows.discard)  # unless there are both
            self._marks.open(table_line(EVENT_COLUMNS, ","))
            stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in (self._rows, self._marks):
            if self._empty:  # nobody would miss it, and the next run would refuse
                file.discard()
            else:
                file.close()

    def add(self, rows: Iterable[TimelineRow]) -> None:
        """Write rows."""
        text = "".join(timeline_line(row, self._emotions) for row in rows)
        self._rows.write(text)
        self._empty = self._empty and not text

    def mark(self, onset: float, name: str, frame: int) -> None:
        """Write an event.

        Args:
            onset: Seconds of the source's time.
            name: What is marked.
            frame: The frame shown.
        """
        cells = (f"{onset:.{TIME_DECIMALS}f}", f"{0:.{TIME_DECIMALS}f}", guarded(name), str(frame))
        self._marks.write(table_line(cells, ","))
        self._empty = False
        self.events += 1

    def finish(self, values: dict[str, Any]) -> None:
        """Give all files their names.

        Args:
            values: How it was made, plain.

        Raises:
            OutputError: It cannot be done.
        """
        with replacing(self.files.record) as unfinished:
            write_json(unfinished, {"format": _FORMAT, "version": _VERSION, **values})
        self._marks.finish()
        self._rows.finish()


class _GrowingFile:
    """A file whose lines are handed to the system as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._growing = _growing(path)
        self._synced = time.monotonic()
        self._size = 0

    def open(self, header: str) -> None:
        with writing(self._growing):
            self._growing.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._growing.open("wb", buffering=0)
        try:
            self.write(header)
        except OutputError:
            self.discard()
            raise

    def write(self, text: str) -> None:
        if not text:
            return
        with writing(self._growing):
            self._append(text.encode())
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()

    def _append(self, lines: bytes) -> None:
        """Hand lines to the system, all of them or, if the disk is full, none."""
        left = memoryview(lines)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(lines)

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        self.close()
        with suppress(OSError):
            self._growing.unlink(missing_ok=True)

    def finish(self) -> None:
        with writing(self._path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._growing.replace(self._path)


def _growing(path: Path) -> Path:
    return path.with_name(path.name + RECORDING_SUFFIX)
