"""Ctrl-C, and the request to terminate, as a wish to come to an orderly end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody asked from outside the window for the end.

    Attributes:
        terminated: Whether that was a request to terminate, as another program sends it.
    """

    def __init__(self) -> None:
        self._asked = False
        self.terminated = False

    def __bool__(self) -> bool:
        return self._asked

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take a signal."""
        self._asked = True
        self.terminated = self.terminated or number == signal.SIGTERM


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note signals within the block instead of being interrupted by them."""
    request = StopRequest()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, request.note) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
