"""Ctrl-C and the request to terminate, held back for a moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let no signal that ends a command disturb a block; what came meanwhile is heard after it.

    Other threads than the main one hear of none anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held_back: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _ENDS}
    heard = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in heard:
        signal.signal(number, lambda number, _: held_back.append(number))
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
        if held_back:
            signal.raise_signal(held_back[0])
