"""A digest that a file carries of itself.

Files for ELAN or Praat are there to be worked on. One that was changed since we wrote it holds
somebody's work, and is not replaced.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

BLANK = f"fer-timeline 1 sha256={'0' * 64}"
"""Stands in the text once, in the place of the digest, until `signed` has seen it."""

_SIGNATURE = re.compile(r"fer-timeline 1 sha256=([0-9a-f]{64})")


def signed(text: str) -> str:
    """Return text with the digest of itself in the place of `BLANK`, its last one."""
    before, _, after = text.rpartition(BLANK)
    return f"{before}{_signature(text)}{after}"


def is_signed_file(path: Path, beginning: str) -> bool:
    """Tell a file that we wrote, that begins so, and that nobody changed since."""
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    return text.startswith(beginning) and is_signed(text)


def is_signed(text: str) -> bool:
    """Return whether text is just what `signed` returned."""
    found = list(_SIGNATURE.finditer(text))
    if not found:
        return False
    last = found[-1]
    blank = text[: last.start()] + BLANK + text[last.end() :]
    return last[0] == _signature(blank)


def _signature(text: str) -> str:
    return f"fer-timeline 1 sha256={hashlib.sha256(text.encode()).hexdigest()}"
