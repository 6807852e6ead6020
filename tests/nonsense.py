"""Plain values in which something is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NONSENSE = (None, 5, True, "x", "\ud800", [1], {"a": []})


def changes(values: Any) -> Iterator[Any]:
    """Yield values with nonsense in each of their places, and without each."""
    yield from NONSENSE
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        yield {name: one for name, one in values.items() if name != key}
        yield from (values | {key: one} for one in changes(value) if one != value)
