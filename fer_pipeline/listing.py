"""Lists within a message, kept short."""

from __future__ import annotations

from collections.abc import Iterable


def few(items: Iterable[object], most: int = 8, between: str = ", ") -> str:
    """Return the first of some items, and how many more there are.

    Args:
        items: Told as text.
        most: How many are told.
        between: What stands between two of them.
    """
    told = [str(item) for item in items]
    rest = len(told) - most
    return between.join([*told[:most], *([f"and {rest} more"] if rest > 0 else [])])
