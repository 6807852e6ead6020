"""Ctrl-C, the request to terminate and a closed terminal, as a wish to come to an orderly end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# What a terminal sends when it is closed; Windows has none.
_HANG_UP: int | None = getattr(signal, "SIGHUP", None)


class StopRequest:
    """Whether somebody asked from outside the window for the end.

    Attributes:
        terminated: Whether that was a request to terminate, as another program sends it.
        hung_up: Whether the terminal was closed, so that nobody can be told anything.
    """

    def __init__(self) -> None:
        self._asked = False
        self.terminated = False
        self.hung_up = False

    def __bool__(self) -> bool:
        return self._asked

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take a signal."""
        self._asked = True
        self.hung_up = self.hung_up or number == _HANG_UP
        self.terminated = self.terminated or number != signal.SIGINT


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note signals within the block instead of being interrupted by them."""
    request = StopRequest()
    before = {number: signal.signal(number, request.note) for number in _numbers()}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _numbers() -> list[int]:
    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    # Whoever started this with nohup wants it to go on without the terminal.
    if _HANG_UP is not None and signal.getsignal(_HANG_UP) != signal.SIG_IGN:
        numbers.append(_HANG_UP)
    return numbers
