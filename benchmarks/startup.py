"""How long does a command take that has little to do?"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from commands import run_fer
from made_clips import CLIP, resized, size_of
from made_models import untrained_model
from turns import in_turns, seconds_of, spread

from fer_pipeline.report.tables import text_table

CLIP_SECONDS = 5
HEADER = ("command", "seconds from start to exit", "from–to")


def measure(rounds: int, scratch: Path) -> str:
    """Start commands from nothing.

    Args:
        rounds: How often each has its go.
        scratch: A folder for a model and a short clip.
    """
    model = untrained_model(scratch / "model")
    short = resized(CLIP, scratch / "short.mp4", size_of(CLIP), CLIP_SECONDS)
    annotate = ("annotate", short, "--model", model, "-q", "--overwrite")
    commands = {
        "fer --version": ("--version",),
        "fer --help": ("--help",),
        "fer annotate --help": ("annotate", "--help"),
        f"fer annotate, a clip of {CLIP_SECONDS} s": (*annotate, "--out", scratch / "labels.csv"),
    }
    run_fer("--version")  # the very first start reads the files from disk
    taken = in_turns(
        {
            name: lambda words=words: seconds_of(lambda: run_fer(*words))
            for name, words in commands.items()
        },
        rounds,
    )
    rows = [(name, f"{median(each):.2f}", spread(each, 2)) for name, each in taken.items()]
    return f"start-up:\n{text_table(HEADER, rows)}"
