"""Timing in turns: every way has its go, round after round, so a busy minute strikes all alike.

What is compared are ratios within a round, which mean the same on a fast and on a slow machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

Name = TypeVar("Name")
Result = TypeVar("Result")


def in_turns(ways: Mapping[Name, Callable[[], Result]], rounds: int) -> dict[Name, list[Result]]:
    """Let the ways take turns.

    Args:
        ways: What is measured.
        rounds: How often each has its go.

    Returns:
        What each way gave, round by round.
    """
    results: dict[Name, list[Result]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, way in ways.items():
            tell(f"round {number} of {rounds}: {name}")
            results[name].append(way())
    return results


def timed(action: Callable[[], Result]) -> tuple[Result, float]:
    """Return what something gives, and the seconds that it takes."""
    started = time.perf_counter()
    result = action()
    return result, time.perf_counter() - started


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long something takes."""
    return timed(action)[1]


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios between neighbours in time."""
    return median(a / b for a, b in zip(values, others, strict=True))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write the least and the most."""
    return f"{min(values):,.{digits}f}–{max(values):,.{digits}f}"


def tell(what: str) -> None:
    """Show on a terminal what is under way; each line replaces the one before."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{what}\r")
        sys.stderr.flush()
