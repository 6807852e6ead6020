"""JSON that others may have written, read without trust; and JSON that every file can hold."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

_HALF = re.compile(r"[\ud800-\udfff]")
# As itself, or as JSON writes it; two of them side by side are one character.
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")

Pattern = Any
"""A type, or several; ``[pattern]`` for a list; ``{str: pattern}`` for an object of any keys;
``{"key": pattern}`` for one with these, of which `Keys` says which must be there."""

Keys = Literal["any", "all", "only"]
"""Of a pattern: ``any`` that happen to be there, ``all``, or ``only`` they, all and no others."""


def parse_json(text: str | bytes) -> Any:
    """Return the values of a JSON text.

    Raises:
        ValueError: It is none, its values lie deeper in each other than Python can follow, or one
            is half a character, which no file can hold.
    """
    text = text.decode() if isinstance(text, bytes) else text
    try:
        values = json.loads(text)
        if _HALF_CHARACTER.search(text):
            json.dumps(values, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("its values lie too deep in each other") from error
    return values


def json_text(values: Any, *, indent: int | None = None, allow_nan: bool = True) -> str:
    """Return plain values as JSON, with letters as they are.

    Half a character, which is how Python tells of a byte of an old encoding in the name of a file,
    is written out by its number: what tells of a file must not fail at its end.
    """
    text = json.dumps(values, ensure_ascii=False, indent=indent, allow_nan=allow_nan)
    return _HALF.sub(lambda half: f"\\\\u{ord(half[0]):x}", text)


def fits(values: Any, pattern: Pattern, keys: Keys = "any") -> bool:
    """Tell whether values are of the kinds that a pattern asks for.

    Args:
        values: As they were read.
        pattern: What is asked for.
        keys: Which of the pattern's keys must be there.
    """
    if isinstance(pattern, list):
        return isinstance(values, list) and all(fits(one, pattern[0], keys) for one in values)
    if isinstance(pattern, dict):
        return isinstance(values, dict) and _object_fits(values, pattern, keys)
    if isinstance(values, bool):  # which Python takes for a number
        return pattern is bool
    return isinstance(values, pattern)


def _object_fits(values: dict[str, Any], pattern: dict[Any, Pattern], keys: Keys) -> bool:
    if str in pattern:
        return all(fits(one, pattern[str], keys) for one in values.values())
    there = pattern.keys() & values.keys()
    if keys != "any" and there < pattern.keys():
        return False
    if keys == "only" and pattern and there < values.keys():  # {} may hold anything
        return False
    return all(fits(values[key], pattern[key], keys) for key in there)
