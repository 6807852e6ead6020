"""What may happen to the bytes and to the text of any file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _flip(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 2, 8, 64))):
        data[_place(random, data)] ^= 1 << random.randrange(8)


def _place(random: Random, data: bytearray) -> int:
    """Choose a place: half of the time near the ends, where the headers are."""
    near = min(len(data), 1500)
    where = random.randrange(4)
    if where == 0:
        return random.randrange(near)
    if where == 1:
        return len(data) - 1 - random.randrange(near)
    return random.randrange(len(data))


def _number(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 1, 4))):
        size = random.choice((1, 2, 4, 8))
        value = random.choice((*_EDGES, 2**63 - 1, 2**64 - 1, 2**40)) % 2 ** (8 * size)
        place = _place(random, data)
        data[place : place + size] = value.to_bytes(size, random.choice(("big", "little")))


def _cut(random: Random, data: bytearray) -> None:
    del data[_place(random, data) :]


def _take_out(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    del data[place : place + random.choice((1, 2, 7, 100, 5000))]


def _repeat(random: Random, data: bytearray) -> None:
    place, length = _place(random, data), random.choice((1, 4, 100, 5000))
    data[place:place] = data[place : place + length] * random.choice((1, 3))


def _zero(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    length = min(random.choice((1, 16, 512, 4096)), len(data) - place)
    data[place : place + length] = bytes([random.choice((0, 255))]) * length


def _noise(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    length = min(random.choice((4, 64, 1024)), len(data) - place)
    data[place : place + length] = random.randbytes(length)


_WAYS: tuple[Callable[[Random, bytearray], None], ...] = (
    _flip,
    _flip,
    _number,
    _number,
    _number,
    _cut,
    _take_out,
    _repeat,
    _zero,
    _noise,
)


def damaged(random: Random, data: bytes) -> bytes:
    """Return a file with one kind of damage, or a few."""
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if result:
            random.choice(_WAYS)(random, result)
    return bytes(result)


def spliced(random: Random, head: bytes, tail: bytes) -> bytes:
    """Return the beginning of one file with the end of another."""
    return head[: random.randrange(len(head) + 1)] + tail[random.randrange(len(tail) + 1) :]


NASTY = (
    "",
    " ",
    "-1",
    "0",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "1e308",
    "-1e308",
    "9" * 400,
    "9" * 5000,
    "9223372036854775808",
    "0x10",
    "1_000",
    "٣",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"',
    '"""',
    "'",
    "../../escaped",
    "/tmp/fer-escaped",
    "..\\..\\escaped",
    "C:\\escaped",
    "CON",
    "\x00",
    "\x1b]0;owned\x07\x1b[31mred",
    "\u202egnp.exe",
    "a\nb",
    "a\rb",
    "a" * 300,
    "a" * 70000,
    "%s%n{0}{participant}",
    "\ufeff",
    "null",
    "true",
    "[]",
    "{}",
)
"""Cells, names and values that programs stumble over."""


def damaged_text(random: Random, text: str) -> bytes:
    """Return a text with other cells, other lines, or damaged bytes."""
    if random.random() < 0.2:
        return damaged(random, text.encode())
    for _ in range(random.choice((1, 1, 2, 5))):
        text = random.choice((_cell, _cell, _cell, _line, _delimiters))(random, text)
    encoding = random.choice(("utf-8",) * 8 + ("utf-8-sig", "utf-16"))
    return text.encode(encoding, "surrogatepass")


def _cell(random: Random, text: str) -> str:
    """Put something nasty where a word or a number stands."""
    words = list(re.finditer(r"[^,;\t\n\"<>= ]+", text))
    if not words:
        return text
    found = random.choice(words)
    return text[: found.start()] + random.choice(NASTY) + text[found.end() :]


def _line(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = random.randrange(len(lines))
    way = random.randrange(4)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(random.randrange(len(lines) + 1), lines[place])
    elif way == 2:
        lines[place] = lines[place].replace("\n", "")
    else:
        lines[place:place] = [random.choice(NASTY) + "\n"]
    return "".join(lines)


def _delimiters(random: Random, text: str) -> str:
    return text.replace(random.choice(",;\t\n"), random.choice((";", "\t", ",", '"', "\r", "\0")))


def damaged_json(random: Random, text: str) -> bytes:
    """Return a JSON text with other values, or damaged as any text."""
    way = random.random()
    if way < 0.15:
        return damaged_text(random, text)
    if way < 0.2:
        return b"[" * 200_000
    if way < 0.25:
        return b'{"a":' * 100_000
    values = json.loads(text)
    for _ in range(random.choice((1, 1, 2, 4))):
        values = _changed(random, values)
    return json.dumps(values).encode("utf-8", "surrogatepass")


_ODD = (
    *(None, True, False, 0, -1, 1, 1e308, 10**400, float("nan"), float("inf"), -(2**63), 2**31),
    *([], {}, [[]], {"": None}, "", [1, 2, 3], ["a"] * 1000),
    *NASTY,
)


def _changed(random: Random, values: Any) -> Any:
    """Change one value somewhere in a tree."""
    if not isinstance(values, (dict, list)) or not values or random.random() < 0.1:
        return random.choice(_ODD)
    keys = sorted(values) if isinstance(values, dict) else range(len(values))
    key = random.choice(keys)
    if random.random() < 0.1:
        del values[key]
    else:
        values[key] = _changed(random, values[key])
    return values
