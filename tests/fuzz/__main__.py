"""``python -m tests.fuzz``: the long form, which ``make fuzz`` runs.

Every case follows from its kind, its seed and its number, so any one can be made again. What was
done is kept beside the report in a file, from which a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.case import Kind
from tests.fuzz.kinds import KINDS
from tests.fuzz.report import written
from tests.fuzz.running import load
from tests.fuzz.trying import Tried, try_case

_SHARES = {"videos": 6, "folders of videos": 0.2}
"""How many times as many cases a kind gets as the others."""


def share_of(kind: Kind, cases: int) -> int:
    """Return how many cases a kind gets where most get ``cases``."""
    return max(1, round(cases * _SHARES.get(kind.name, 1)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Try cases of some kinds; return 1 if any broke a promise."""
    given = _parser().parse_args(arguments)
    load()
    given.work.mkdir(parents=True, exist_ok=True)
    names = given.kinds.split(",") if given.kinds else [kind.name for kind in KINDS]
    for kind in KINDS:
        if kind.name in names:
            _try_kind(kind, given)
    done = [one for kind in KINDS for one in _read_log(given.work, kind)]
    text = written(done)
    sys.stdout.write(text)
    if given.report:
        given.report.write_text(text, "utf-8")
    return int(any(one.faults for one in done))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    known = ", ".join(kind.name for kind in KINDS)
    parser.add_argument("--kinds", default="", help=f"some of {known}; else all")
    parser.add_argument("--cases", type=int, default=350, help="of most kinds")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--work", type=Path, default=Path("build") / "fuzz", help="log, and inputs that failed"
    )
    parser.add_argument("--report", type=Path, help="where the table goes, as Markdown")
    return parser


def _try_kind(kind: Kind, given: argparse.Namespace) -> None:
    done = {(one.seed, one.number) for one in _read_log(given.work, kind)}
    cases = range(given.first, given.first + share_of(kind, given.cases))
    left = [number for number in cases if (given.seed, number) not in done]
    if not left:
        return
    with (
        tempfile.TemporaryDirectory() as scratch,
        _log(given.work, kind).open("a", encoding="utf-8") as log,
    ):
        seeds, place = Path(scratch, "seeds"), Path(scratch, "box", "case")
        seeds.mkdir()
        kind.prepare(seeds)
        for count, number in enumerate(left, 1):
            tried = try_case(kind, given.seed, number, seeds, place)
            log.write(json.dumps(tried.plain()) + "\n")
            log.flush()
            if tried.faults:
                kept = given.work / f"{kind.name}-{given.seed}-{number}"
                shutil.copytree(place, kept, dirs_exist_ok=True)
                _say(f"{kind.name} {number}: {tried.what}: {tried.faults}")
            if sys.stderr.isatty() or count % 100 == 0:
                _say(f"{kind.name}: {count} of {len(left)}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _log(work: Path, kind: Kind) -> Path:
    return work / f"{kind.name}.jsonl"


def _read_log(work: Path, kind: Kind) -> list[Tried]:
    path = _log(work, kind)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [Tried(**json.loads(line)) for line in lines if line.endswith("}")]


if __name__ == "__main__":
    sys.exit(main())
