"""How much faster do more workers of a Dask cluster extract, and beside as many processes here?

    python benchmarks/cluster.py
    python benchmarks/cluster.py --clips 24 --seconds 20 --rounds 5

Scheduler and workers run on this machine, so the figures say what the way over a cluster costs and
not what a network does. The ways take turns; seconds are from start to exit of `fer extract`, with
the cluster started before. More workers than cores show what too many cost. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from commands import run_fer
from made_clips import CLIP, resized, size_of
from turns import in_turns, ratio, seconds_of, spread, tell

from fer_pipeline.report.tables import markdown_table
from fer_pipeline.workers import available_cores

HERE = (1, 2)
THERE = (1, 2, 4)
HEADER = ("way", "seconds", "from–to", "speed-up over 1 process here", "of as many processes here")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=10, help="of each clip")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(measure(Path(scratch), options.clips, options.seconds, options.rounds))
    print(f"\n{options.clips} clips of {options.seconds:g} s, {available_cores()} cores")


def measure(scratch: Path, clips: int, seconds: float, rounds: int) -> str:
    """Extract the same clips in all ways.

    Args:
        scratch: A folder for clips and datasets.
        clips: How many.
        seconds: Length of each.
        rounds: How often each way has its go.
    """
    videos = scratch / "clips"
    videos.mkdir()
    first = resized(CLIP, videos / "P000_neutral.mp4", size_of(CLIP), seconds)
    for number in range(1, clips):
        (videos / f"P{number:03d}_neutral.mp4").write_bytes(first.read_bytes())
    goal = scratch / "faces.h5"

    def extract(*how: object) -> float:
        return seconds_of(lambda: run_fer("extract", videos, "-o", goal, "--overwrite", "-q", *how))

    def with_cluster(workers: int) -> float:
        with cluster(scratch, workers) as address:
            return extract("--scheduler", address)

    ways = {f"{n} processes here": lambda n=n: extract("--workers", n) for n in HERE}
    ways |= {f"{n} workers of Dask": lambda n=n: with_cluster(n) for n in THERE}
    taken = in_turns(ways, rounds)
    tell("")
    return markdown_table(HEADER, list(_rows(taken)))


def _rows(taken: dict[str, list[float]]) -> Iterator[Sequence[str]]:
    alone = taken["1 processes here"]
    for name, each in taken.items():
        beside = taken.get(f"{name.split()[0]} processes here")
        yield (
            name.replace("1 processes", "1 process").replace("1 workers", "1 worker"),
            f"{median(each):.1f}",
            spread(each, 1),
            f"{ratio(alone, each):.2f}",
            f"{ratio(beside, each):.2f}" if beside else "",
        )


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """Run a scheduler and workers of one task each; yield the scheduler's address."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    address = ("--host", "127.0.0.1", "--port", "0")
    scheduler = _dask("scheduler", *address, "--no-dashboard", "--scheduler-file", file)
    started = [scheduler]
    try:
        while not file.exists():
            time.sleep(0.1)
        told = str(json.loads(file.read_text())["address"])
        how = ("--nthreads", "1", "--nworkers", workers, "--local-directory", folder)
        started.append(_dask("worker", told, "--no-dashboard", *how))
        _wait_for(told, workers)
        yield told
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _dask(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(workers)


if __name__ == "__main__":
    main()
