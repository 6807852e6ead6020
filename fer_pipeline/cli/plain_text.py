"""Text of strangers in a terminal: what a name holds must not move the cursor or hide a word."""

from __future__ import annotations

import re

# Controls but the line feed and the tab; marks that turn the direction of writing; halves of
# characters beyond 16 bits. Each may make a terminal show what is not there.
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    r"""Return a text with what a terminal would obey written out, such as ``\x1b``."""
    return _NOT_SHOWN.sub(lambda found: ascii(found[0])[1:-1], text)
