"""What do very many videos cost? Measured on a few short ones and extrapolated openly.

    python benchmarks/cost_model.py
    python benchmarks/cost_model.py --videos 100000 --minutes 10 --per-second 5

A cost that grows with length and one that each video has anyway are told apart by two lengths, and
what joining costs by two numbers of videos. Seconds are the processor's, of the command and its
worker processes, so a busy machine changes them less than the time on the wall. The sample session
stands for all videos: a rendered person whom every frame shows, so the faces are as many as can be.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from commands import run_fer
from made_clips import CLIP, Size, repeated, resized
from turns import in_turns, tell

from fer_pipeline.dataset import open_dataset
from fer_pipeline.report.tables import markdown_table

SECONDS = (4, 24)
"""Lengths of the clips that tell what a second costs."""

CLIPS = (4, 24)
"""Numbers of clips of a second that tell what a video costs."""

HOUR = 3600
GIGABYTE = 1e9


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        hour: Seconds of processor time for an hour of video, by command.
        video: Seconds for each video, however short, by command.
        start: Seconds for the start of a process, once in a run for each task at a time.
        face: Bytes of a face in a dataset.
    """

    hour: dict[str, float]
    video: dict[str, float]
    start: float
    face: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=640, help="of the videos, 16:9")
    parser.add_argument("--videos", type=int, default=100_000, help="to extrapolate to")
    parser.add_argument("--minutes", type=float, default=10, help="of each of them")
    parser.add_argument(
        "--per-second",
        type=float,
        default=5,
        help="frames of a second of them whose faces are kept",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        costs = measure(Path(scratch), options.rounds, options.width)
    print(_measured(costs))
    print(f"\n{_extrapolated(costs, options.videos, options.minutes, options.per_second)}")


def measure(scratch: Path, rounds: int, width: int) -> Costs:
    """Measure what a second of video and a video cost.

    Args:
        scratch: A folder for clips and outputs.
        rounds: How often each way has its go.
        width: Of the clips in pixels.
    """
    piece = resized(CLIP, scratch / "piece.mp4", Size(width, width * 9 // 16), SECONDS[0])
    ways: dict[tuple[str, int, float], Callable[[], float]] = {}
    for command in _COMMANDS:
        for count, seconds in [(1, seconds) for seconds in SECONDS] + [(n, 1) for n in CLIPS]:
            folder = _clips(scratch / f"{count}x{seconds}", piece, count, seconds)
            goal = scratch / f"{command}-{count}x{seconds}"
            ways[command, count, seconds] = lambda c=command, f=folder, g=goal: _processor_seconds(
                lambda: run_fer(c, f, *_COMMANDS[c](g))
            )
    (short, long), (few, many) = SECONDS, CLIPS
    alone = scratch / f"1x{short}"
    ways["process", 1, short] = lambda: _processor_seconds(
        # With a limit of time even a single video has a process of its own.
        lambda: run_fer(
            "annotate", alone, *_COMMANDS["annotate"](scratch / "process"), "--timeout", HOUR
        )
    )
    taken = {way: median(each) for way, each in in_turns(ways, rounds).items()}
    tell("")
    start = taken["process", 1, short] - taken["annotate", 1, short]
    hour = {
        command: (taken[command, 1, long] - taken[command, 1, short]) / (long - short) * HOUR
        for command in _COMMANDS
    }
    video = {
        command: (taken[command, many, 1] - taken[command, few, 1]) / (many - few)
        - hour[command] / HOUR
        for command in _COMMANDS
    }
    (faces, size), (more_faces, larger) = (
        _faces(scratch / f"extract-1x{seconds}.h5") for seconds in SECONDS
    )
    return Costs(hour, video, start, (larger - size) / (more_faces - faces))


_COMMANDS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "extract": lambda goal: ("-o", f"{goal}.h5", "--workers", 1, "--overwrite", "-q"),
    "annotate": lambda goal: ("--out", f"{goal}/", "--workers", 1, "--overwrite", "-q"),
}


def _clips(folder: Path, piece: Path, count: int, seconds: float) -> Path:
    if not folder.exists():
        folder.mkdir()
        first = folder / "P000_neutral.mp4"
        if seconds < SECONDS[0]:
            resized(piece, first, _size(piece), seconds)
        else:
            repeated(piece, first, seconds)
        for number in range(1, count):
            (folder / f"P{number:03d}_neutral.mp4").write_bytes(first.read_bytes())
    return folder


def _size(clip: Path) -> Size:
    import av

    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        return Size(video.width, video.height)


def _processor_seconds(action: Callable[[], object]) -> float:
    """Return what children of this process, and theirs, took of the processor meanwhile."""
    before = os.times()
    action()
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def _faces(path: Path) -> tuple[int, int]:
    with open_dataset(path) as dataset:
        return len(dataset), path.stat().st_size


def _measured(costs: Costs) -> str:
    rows = [
        *(
            (f"`fer {command}`, processor's seconds for an hour of video", f"{seconds:,.0f}")
            for command, seconds in costs.hour.items()
        ),
        *(
            (f"`fer {command}`, processor's seconds for each video beside that", f"{seconds:.2f}")
            for command, seconds in costs.video.items()
        ),
        ("start of a process, once in a run for each task at a time", f"{costs.start:.2f}"),
        ("gigabytes of 100,000 faces", f"{costs.face * 1e5 / GIGABYTE:.2f}"),
    ]
    return markdown_table(("measured", ""), rows)


def _extrapolated(costs: Costs, videos: int, minutes: float, per_second: float) -> str:
    hours = videos * minutes / 60
    faces = hours * HOUR * per_second
    rows = [
        ("hours of video", f"{hours:,.0f}"),
        ("tasks", f"{videos:,}"),
        *(
            (
                f"`fer {command}`, hours of one core",
                f"{(hours * costs.hour[command] + videos * costs.video[command]) / HOUR:,.0f}",
            )
            for command in _COMMANDS
        ),
        (f"faces, {per_second:g} frames a second", f"{faces:,.0f}"),
        (
            "gigabytes of the dataset, and once more while parts are joined",
            _gigabytes(costs, faces),
        ),
        ("files in the folder of parts of `fer extract`", f"{videos:,}"),
        ("files in the folder of pieces of `fer annotate`", f"{2 * videos:,}"),
        ("timelines that it leaves in a folder", f"{videos:,}"),
    ]
    return markdown_table((f"{videos:,} videos of {minutes:g} minutes", "extrapolated"), rows)


def _gigabytes(costs: Costs, faces: float) -> str:
    return f"{faces * costs.face / GIGABYTE:,.0f}"


if __name__ == "__main__":
    main()
