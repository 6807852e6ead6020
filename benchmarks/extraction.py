"""What does a second worker bring to extraction?

Videos are divided among processes, so two of them on two free cores should take half the time, but
for the start of the processes and the joining of their parts.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

from commands import run_fer
from made_clips import PARTICIPANTS
from turns import in_turns, ratio, seconds_of, spread

from fer_pipeline.report.tables import text_table

WORKERS = (1, 2)
HEADER = ("workers", "seconds", "from–to", "times as fast as one")


def measure(rounds: int, scratch: Path, clips: int) -> str:
    """Extract participants' clips with one worker and with two.

    Args:
        rounds: How often each has its go.
        scratch: A folder for the clips and the datasets.
        clips: How many of the sample clips.
    """
    folder = scratch / "clips"
    folder.mkdir()
    for clip in sorted(PARTICIPANTS.glob("*.mp4"))[:clips]:
        os.link(clip, folder / clip.name)
    words = ("extract", folder, "-o", scratch / "faces.h5", "--overwrite", "-q", "--workers")
    taken = in_turns(
        {
            count: lambda count=count: seconds_of(lambda: run_fer(*words, count))
            for count in WORKERS
        },
        rounds,
    )
    rows = [
        (str(count), f"{median(of_one):.1f}", spread(of_one, 1), f"{ratio(taken[1], of_one):.2f}")
        for count, of_one in taken.items()
    ]
    return f"extraction of {clips} clips of 2 s, start to exit:\n{text_table(HEADER, rows)}"
