"""A display without a screen, and somebody before it who looks, presses keys, closes windows."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from Xlib import XK, X, display, protocol
from Xlib.error import XError
from Xlib.ext import xtest

SECONDS = 45
"""Longest wait, for machines with much else to do."""


def until(happened: Callable[[], Any], what: str) -> Any:
    """Wait until something is the case, and return it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: has not happened in {SECONDS} s")


class Desktop:
    """A display with at most one window of ours."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._display = display.Display(name)
        self._root = self._display.screen().root

    def window(self) -> Any:
        """Return the window, which has been drawn, or None."""
        try:
            for window in self._root.query_tree().children:
                if str(window.get_wm_name() or "").startswith("fer live"):
                    return window
        except XError:
            pass  # it vanished meanwhile
        return None

    def press(self, key: str) -> None:
        """Press a key and let it go, in the window."""
        self.window().set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        code = self._display.keysym_to_keycode(XK.string_to_keysym(key))
        xtest.fake_input(self._display, X.KeyPress, code)
        xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.sync()

    def close_window(self) -> None:
        """Ask the window to close, as its cross does."""
        protocols, delete = map(self._display.intern_atom, ("WM_PROTOCOLS", "WM_DELETE_WINDOW"))
        window = self.window()
        data = (32, [delete, X.CurrentTime, 0, 0, 0])
        window.send_event(
            protocol.event.ClientMessage(window=window, client_type=protocols, data=data)
        )
        self._display.sync()

    def look(self) -> np.ndarray:
        """Return what the window shows as RGB."""
        size = self.window().get_geometry()
        image = self._root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF)
        pixels = np.frombuffer(image.data, np.uint8).reshape(size.height, size.width, 4)
        return pixels[:, :, 2::-1].astype(np.int16)

    def close(self) -> None:
        """Leave it."""
        self._display.close()


@contextmanager
def desktop() -> Iterator[Desktop]:
    """Start a display of its own."""
    if shutil.which("Xvfb") is None:
        assert "CI" not in os.environ, "install Xvfb"
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number, "Xvfb does not start"
        desk = Desktop(f":{number}")
        yield desk
        desk.close()
    finally:
        server.terminate()
        server.wait()
