"""The one window, and whether there can be one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from fer_pipeline.domain import UInt8Array
from fer_pipeline.errors import DisplayError
from fer_pipeline.faces import require_opencv
from fer_pipeline.quiet import quiet

CLOSED = "closed"
"""Stands for a key when the user has closed the window."""

ESCAPE = "\x1b"

# Where windows are the system's own there is always a display.
_ALWAYS_A_DISPLAY = frozenset({"darwin", "win32", "cygwin"})

_ATTEMPT = "import cv2; cv2.namedWindow('fer', cv2.WINDOW_NORMAL); cv2.destroyAllWindows()"
_ATTEMPT_SECONDS = 30

# So high a window may be to begin with, for laptops.
_TALLEST = 800

_ELSEWHERE = "run it on a desktop, or record a video and give it to fer annotate"


def require_window() -> None:
    """Make sure that a window can be opened, by opening one in another process if need be.

    Where the display does not answer, the library behind the window ends the process that asks.

    Raises:
        DisplayError: There is no display, it does not answer, or OpenCV was built without windows.
    """
    cv2 = require_opencv()
    if not _has_windows(cv2):
        raise DisplayError(
            "the OpenCV that is installed cannot open windows",
            "pip uninstall opencv-python-headless, then pip install --force-reinstall "
            "'opencv-python<5'",
        )
    if sys.platform in _ALWAYS_A_DISPLAY:
        return
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not display:
        raise DisplayError("there is no display to open a window on", _ELSEWHERE)
    if reason := _reason_against_a_window():
        raise DisplayError(f"no window can be opened on the display {display} ({reason})", _REMEDY)


_REMEDY = f"check DISPLAY; over ssh use ssh -X; or {_ELSEWHERE}"


def _has_windows(cv2: Any) -> bool:
    framework = getattr(cv2, "currentUIFramework", lambda: "unknown")  # older ones do not tell
    return bool(framework())


def _reason_against_a_window() -> str:
    """Open a window in a process of its own; return why that failed, empty if it did not."""
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, a fixed line
            [sys.executable, "-c", _ATTEMPT],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ATTEMPT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it does not answer"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[0].removeprefix("qt.qpa.xcb: ") if lines else f"status {done.returncode}"


class Window:
    """A window that shows one picture after the other.

    Use it in the thread that made it, which must be the first one of the process.

    Args:
        title: Its title.
        size: Width and height in pixels to begin with; the user may change it.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self._cv2 = require_opencv()
        self._title = title
        width, height = size
        fit = min(1.0, _TALLEST / height)
        flags = self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO | self._cv2.WINDOW_GUI_NORMAL
        self._closed = False
        with quiet():  # Qt misses fonts that nothing here needs
            self._cv2.namedWindow(title, flags)
            try:
                self._cv2.resizeWindow(title, round(fit * width), round(fit * height))
            except self._cv2.error:  # somebody has closed it at once
                self._closed = True

    def show(self, picture: UInt8Array) -> None:
        """Show a picture, blue first, from the next call of `key` on."""
        if not self._closed:  # else it would be opened anew
            self._cv2.imshow(self._title, picture)

    def key(self) -> str:
        """Let the window work, and return the key that was pressed; empty if none was."""
        code = self._cv2.waitKeyEx(1)
        self._closed = self._closed or not self.is_open
        if self._closed:
            return CLOSED
        return chr(code) if 0 < code < 128 else ""

    @property
    def is_open(self) -> bool:
        """Whether the user has not closed it."""
        try:
            visible = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE)
        except self._cv2.error:  # with its last window, Qt ends
            return False
        return bool(visible >= 1)

    def close(self) -> None:
        """Close it."""
        if self.is_open:
            self._cv2.destroyAllWindows()
            self._cv2.waitKeyEx(1)
