"""Hands frames from the thread that takes them to the one that shows them: always the newest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Condition

from fer_pipeline.domain import Frame
from fer_pipeline.tracking import Row


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame, and when it was there, by the clock of `time.monotonic`."""

    frame: Row
    at: float


class Newest:
    """Holds the newest frame; one that nobody fetched in time is passed over, and counted.

    What a source tells of frames that it lost is kept beside it, since it is no picture.

    Attributes:
        passed_over: Frames that nobody fetched.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._lost: list[Taken] = []
        self._newest: Taken | None = None
        self._ended = False
        self._error: BaseException | None = None
        self.passed_over = 0

    def put(self, frame: Row, at: float | None = None) -> None:
        """Offer a frame.

        Args:
            frame: The frame.
            at: When it was there; None for now.
        """
        taken = Taken(frame, time.monotonic() if at is None else at)
        with self._changed:
            if isinstance(frame, Frame):
                self.passed_over += self._newest is not None
                self._newest = taken
            else:
                self._lost.append(taken)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Tell that no more frames come, and why if that is no ordinary end."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def fetch(self, patience: float) -> list[Taken]:
        """Return what came since the last time, in order; empty if nothing came.

        Args:
            patience: Seconds to wait for something.

        Raises:
            FerError: Whatever ended the source.
        """
        with self._changed:
            self._changed.wait_for(self._is_waited_for, patience)
            fetched, self._lost = self._lost, []
            if self._newest is not None:
                fetched.append(self._newest)
                self._newest = None
            if not fetched and self._error is not None:
                raise self._error
            return sorted(fetched, key=lambda taken: taken.frame.index)

    def forget(self) -> None:
        """Let go of a frame that nobody wants any more."""
        with self._changed:
            self._newest = None

    @property
    def exhausted(self) -> bool:
        """Whether all was fetched and no more comes."""
        with self._changed:
            empty = self._newest is None and not self._lost
            return self._ended and empty and self._error is None

    def _is_waited_for(self) -> bool:
        return self._newest is not None or bool(self._lost) or self._ended
