"""How long does it take to draw a timeline into a clip, as a share of the clip's length?

    python benchmarks/overlay.py
    python benchmarks/overlay.py clip.mp4 --height 1080

Below 1 it is faster than the clip plays. Decoding alone stands beside it, and the time of all cores
together, which other programs change less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from made_clips import CLIP, Size, resized, size_of
from turns import in_turns, seconds_of, spread

from fer_pipeline.domain import EMOTIONS, Box, Status
from fer_pipeline.overlay import OverlayOptions, write_overlay
from fer_pipeline.report.tables import text_table
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video

DECODING = "decoding alone"


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes.

    Attributes:
        seconds: From its beginning to its end.
        of_cores: Seconds that the cores worked on it, added up.
    """

    seconds: float
    of_cores: float


def cost_of(action: Callable[[], object]) -> Cost:
    before = time.process_time()
    seconds = seconds_of(action)
    return Cost(seconds, time.process_time() - before)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    own = size_of(options.clip)
    size = Size(round(options.height * own.width / own.height / 2) * 2, options.height)
    with tempfile.TemporaryDirectory() as scratch:
        clip = resized(options.clip, Path(scratch, "clip.mp4"), size, options.seconds)
        rows = timeline(clip)
        length = rows[-1].time
        ways: dict[str, Callable[[], Cost]] = {DECODING: partial(cost_of, partial(read, clip))}
        for picture in ("shown", "covered", "blank"):
            target = Path(scratch, f"{picture}.mp4")
            drawn = partial(draw, clip, rows, target, OverlayOptions(picture=picture))
            ways[f"overlay, picture {picture}"] = partial(cost_of, drawn)
        for way in ways.values():
            way()  # the first call inside this process loads libraries
        results = in_turns(ways, options.rounds)
    table = [
        (
            name,
            f"{median(one.seconds for one in taken) / length:.2f}",
            spread([one.seconds / length for one in taken], 2),
            f"{median(one.of_cores for one in taken) / length:.2f}",
        )
        for name, taken in results.items()
    ]
    print(f"{size}, {length:.1f} s; time taken as a share of that, {options.rounds} rounds:")
    print(text_table(("way", "share", "from–to", "of all cores"), table))


def read(clip: Path) -> None:
    with open_video(clip) as video:
        for _ in video.frames():
            pass


def timeline(clip: Path) -> list[TimelineRow]:
    """Make up a timeline of two faces that move."""
    with open_video(clip) as video:
        times = [(frame.index, frame.time) for frame in video.frames()]
        width, height = video.info.width, video.info.height
    shares = tuple((number + 1) / 36 for number in range(len(EMOTIONS)))
    side = height // 4
    return [
        TimelineRow("clip.mp4", index, time, Status.OK, face, box, 1.0, shares)
        for index, time in times
        for face in range(2)
        for box in [Box(width // 8 + face * width // 2 + index % 40, height // 3, side, side)]
    ]


def draw(clip: Path, rows: list[TimelineRow], target: Path, options: OverlayOptions) -> None:
    write_overlay(target, clip, lambda: rows, EMOTIONS, options)


if __name__ == "__main__":
    main()
