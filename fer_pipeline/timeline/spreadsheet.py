"""Text that stays text where a spreadsheet opens a table: ``=cmd()`` must not become a formula."""

from __future__ import annotations

import re

# What spreadsheets take for the beginning of a formula, behind any number of our own marks.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")

_MARK = "'"


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would compute; it shows the rest as text.

    Text that has apostrophes there already gets one more, so that `unguarded` always finds back.
    """
    return _MARK + text if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return what `guarded` was given."""
    return text[1:] if text.startswith(_MARK) and _FORMULA.match(text) else text
