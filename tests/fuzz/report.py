"""What a run came to, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.fuzz.trying import Tried

_HEAD = (
    "| input | cases | commands | done | done in part | refused | broken promises "
    "| slowest, s | most memory, MiB |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)


def written(tried: Sequence[Tried]) -> str:
    """Return a table with a row for each kind, and the cases that broke a promise."""
    kinds = dict.fromkeys(one.kind for one in tried)
    table = "".join(_row(kind, [one for one in tried if one.kind == kind]) for kind in kinds)
    broken = [
        f"- {one.kind}, seed {one.seed}, case {one.number} ({one.what}): {'; '.join(one.faults)}\n"
        for one in tried
        if one.faults
    ]
    return _HEAD + table + ("\n" + "".join(broken) if broken else "")


def _row(kind: str, tried: Sequence[Tried]) -> str:
    statuses = Counter(status for one in tried for status in one.statuses)
    refused = statuses[1] + statuses[2]
    cells = (
        kind,
        len(tried),
        statuses.total(),
        statuses[0],
        statuses[3],
        refused,
        sum(bool(one.faults) for one in tried),
        f"{max(one.seconds for one in tried):.1f}",
        round(max(one.memory for one in tried) / 2**20),
    )
    return f"| {' | '.join(map(str, cells))} |\n"
