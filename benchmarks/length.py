"""Does a clip that is ten times as long take ten times as long?

Beside the seconds stand those of the processor: where others use the cores too, trust their ratio.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from commands import call_fer
from made_clips import CLIP, repeated, resized, size_of
from made_models import untrained_model
from turns import in_turns, ratio, seconds_of, spread

from fer_pipeline.report.tables import text_table

TIMES = (1, 10)
HEADER = (
    "clip",
    "seconds",
    "from–to",
    "of the short clip's",
    "processor's seconds",
    "of the short clip's",
)


def measure(rounds: int, scratch: Path, seconds: float) -> str:
    """Annotate the beginning of the sample session once, and ten times over in one clip.

    Args:
        rounds: How often each has its go.
        scratch: A folder for clips and a model.
        seconds: Length of the short clip.
    """
    model = untrained_model(scratch / "model")
    short = resized(CLIP, scratch / "1.mp4", size_of(CLIP), seconds)
    clips = {
        f"{times} × {seconds:g} s": repeated(short, scratch / f"{times}-times.mp4", times * seconds)
        for times in TIMES
    }

    def annotate(clip: Path) -> tuple[float, float]:
        table = scratch / "labels.csv"
        words = ("annotate", clip, "--model", model, "--out", table, "--overwrite", "-q")
        busy_before = time.process_time()
        taken = seconds_of(lambda: call_fer(*words))
        return taken, time.process_time() - busy_before

    annotate(short)  # the first call inside this process loads libraries
    taken = in_turns(
        {name: lambda clip=clip: annotate(clip) for name, clip in clips.items()}, rounds
    )
    rows = []
    first_seconds, first_busy = zip(*next(iter(taken.values())), strict=True)
    for name, each in taken.items():
        lasted, busy = zip(*each, strict=True)
        rows.append(
            (
                name,
                f"{median(lasted):.2f}",
                spread(lasted, 2),
                f"{ratio(lasted, first_seconds):.2f}",
                f"{median(busy):.2f}",
                f"{ratio(busy, first_busy):.2f}",
            )
        )
    return f"annotation inside a process, by length:\n{text_table(HEADER, rows)}"
