"""Inject every kind of fault into every command, many times, and write what was lost.

    python -m tests.faults.soak --kills 50

Goes on where it was stopped, also on another machine: its counts are kept in the repository. After
every fault the table in docs/reliability.md is written anew, so that it is always true.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from fer_pipeline.provenance import machine, provenance
from fer_pipeline.report.tables import markdown_table
from tests.faults.commands import CARE, COMMANDS
from tests.faults.kinds import FAULTS
from tests.faults.processes import ROOT, SUPPORTED, LostError
from tests.faults.scenes import Alone, Fault, Scene, strike, strike_in_turn

ALL = COMMANDS | CARE

PUBLISHED = ROOT / "docs" / "results" / "faults.json"
DOCUMENT = ROOT / "docs" / "reliability.md"

HEADING = "## Faults injected, and what was lost"

KILLS = ("kill", "kill-group")

SERIES = 5
"""Kills of one run, which is begun again after each and brought to its end after the last."""

# First a few of everything, then the rest.
SHARES = (0.2, 1.0)


@dataclass
class Counts:
    """What was injected so far.

    Attributes:
        path: Where it is kept.
        injected: How often, by command and kind of fault.
        impossible: Why not at all, likewise.
        lost: What was lost: command, kind, number, and what was found.
        code: Digests of the code that it was injected into.
    """

    path: Path
    injected: dict[str, dict[str, int]] = field(default_factory=dict)
    impossible: dict[str, dict[str, str]] = field(default_factory=dict)
    lost: list[dict[str, Any]] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Counts:
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return cls(path, **kept)

    def write(self) -> None:
        kept = {name: value for name, value in vars(self).items() if name != "path"}
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(kept, indent=1), "utf-8")
        unfinished.replace(self.path)

    def of(self, command: str, kind: str) -> int:
        return self.injected.get(command, {}).get(kind, 0)

    def add(self, command: str, kind: str, number: int) -> None:
        of_command = self.injected.setdefault(command, {})
        of_command[kind] = of_command.get(kind, 0) + number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each command, half of its group")
    parser.add_argument("--others", type=int, default=10, help="faults of each other kind")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(ALL))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "soak")
    parser.add_argument("--counts", type=Path, help="default: those that are published")
    parser.add_argument("--document", type=Path, help="default: the one of promises, or none")
    options = parser.parse_args()
    if not SUPPORTED:
        sys.exit("faults need the proc file system, which tells whether a process is left")
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.counts is None:  # a trial with counts of its own leaves the table alone
        options.counts, options.document = PUBLISHED, options.document or DOCUMENT
    counts = Counts.read(options.counts)
    if code_digest() not in counts.code:
        counts.code.append(code_digest())
    alone: dict[str, Alone] = {}
    for share in SHARES:
        for name in options.only:
            wanted = {
                kind: round(share * (options.kills / 2 if kind in KILLS else options.others))
                for kind in FAULTS
            }
            soak(name, wanted, counts, alone, options)
    sys.exit(bool(counts.lost))


def soak(
    name: str,
    wanted: dict[str, int],
    counts: Counts,
    alone: dict[str, Alone],
    options: argparse.Namespace,
) -> None:
    """Inject into one command what is missing of each kind."""
    command, folder = ALL[name], options.folder
    for kind, number in wanted.items():
        fault = FAULTS[kind]
        why_not = fault.impossible(command)
        if why_not:
            counts.impossible.setdefault(name, {})[kind] = why_not
            continue
        while counts.of(name, kind) < number:
            if name not in alone:
                shutil.rmtree(folder / name, ignore_errors=True)
                alone[name] = Alone.of(command, folder / name)
            done = counts.of(name, kind)
            together = min(SERIES, number - done) if kind in KILLS else 1
            scene = Scene(alone[name], folder / name / "scene")
            started = time.monotonic()
            lost = lost_by([fault] * together, scene, Random(f"{name}/{kind}/{done}"))
            last = done + together
            if lost is not None:
                found = {"command": name, "kind": kind, "number": last, "found": lost}
                counts.lost.append(found)
            told = "nothing lost" if lost is None else f"LOST: {lost}"
            seconds = time.monotonic() - started
            print(f"{name}, {kind}, {last} of {number}: {told}, {seconds:.0f} s", flush=True)
            counts.add(name, kind, together)
            counts.write()
            if options.document is not None:
                write_table(counts, options.document)


def lost_by(faults: list[Fault], scene: Scene, random: Random) -> str | None:
    """Inject one fault, or several into a run that goes on; return what was lost, if anything."""
    try:
        if len(faults) == 1:
            strike(faults[0], scene, random)
        else:
            strike_in_turn(faults, scene, random)
    except LostError as error:
        return str(error)
    return None


def code_digest() -> str:
    """Return what tells one state of the package from another."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "fer_pipeline").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def write_table(counts: Counts, document: Path) -> None:
    """Write the table to the end of a document, in place of the one that is there."""
    before = document.read_text("utf-8").partition(HEADING)[0] if document.exists() else ""
    unfinished = document.with_suffix(".unfinished")
    unfinished.write_text(f"{before.rstrip()}\n\n{report(counts)}", "utf-8")
    unfinished.replace(document)


def report(counts: Counts) -> str:
    """Return the table as Markdown."""
    names = [name for name in ALL if name in counts.injected]
    rows = [[FAULTS[kind].title, *(cell(counts, name, kind) for name in names)] for kind in FAULTS]
    total = sum(sum(of_command.values()) for of_command in counts.injected.values())
    made = provenance("python -m tests.faults.soak")
    versions = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
    described = ", ".join(f"{name}: {value}" for name, value in machine().items())
    lost = "nothing" if not counts.lost else f"**{len(counts.lost)} times something**, see below"
    text = f"""{HEADING}

{total} faults were injected into commands at random moments; lost was {lost}.

{markdown_table(["what happened", *names], rows)}

Each number counts runs that were disturbed; the next, if need be, was brought to its end. Of kills,
up to {SERIES} were given to a run that was begun again after each. A dash: it cannot happen to that
command. After the fault no file under its final name was anything but as before or complete, no
process went on, the exit status and the message were right, and nothing was left but what another
run goes on with. After the last run the result was that of an undisturbed one, and nothing else was
there.

Written by `make soak`, whose seeds give the same moments again, as shares of an undisturbed run;
last on {datetime.now(UTC).date().isoformat()}, with {versions} ({described}).
States of the code that faults were injected into: {", ".join(counts.code)}.
"""
    if counts.lost:
        text += "\nLost:\n\n" + "".join(
            f"- {one['command']}, {one['kind']}, number {one['number']}: {one_line(one['found'])}\n"
            for one in counts.lost
        )
    return text


def cell(counts: Counts, name: str, kind: str) -> str:
    return "–" if kind in counts.impossible.get(name, {}) else str(counts.of(name, kind))


def one_line(text: str) -> str:
    return " ".join(text.split())[:300]


if __name__ == "__main__":
    main()
