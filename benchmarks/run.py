"""How fast is it, beside what decoding alone allows and beside its peer? Printed by `make bench`.

    python benchmarks/run.py
    python benchmarks/run.py clip.mp4 ...
    python benchmarks/run.py --only extract
    python benchmarks/run.py --only hour

Each part lets its ways take turns and prints medians, least and most, and ratios between neighbours
in time. The ratios mean the same on a fast and on a slow machine. Emotions come from LeNet with
random weights, whose figures are meaningless here and whose cost is not; one row is of the bundled
model. The memory over a clip of an hour takes long, and is measured only by name.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import extraction
import frames
import inference
import length
import memory
import startup
from made_clips import CLIP
from turns import tell

from fer_pipeline.workers import available_cores

MINUTES = 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="*", default=[CLIP], help="of the part `frames`")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; repeat it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of each clip in `frames`")
    parser.add_argument(
        "--own-size", action="store_true", help="do not also enlarge the clips of `frames`"
    )
    options = parser.parse_args()
    for clip in options.clips:
        if not clip.is_file():
            parser.error(f"{clip} is no file")
    print(
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {_load()}"
    )
    for name in options.only or [name for name in PARTS if name != "hour"]:
        with tempfile.TemporaryDirectory() as scratch:
            text = PARTS[name](options, Path(scratch))
        tell("")
        print(f"\n{text}", flush=True)
    print(f"\n{_load()}")
    if not options.only:
        print("memory over an hour: python benchmarks/run.py --only hour")


def _load() -> str:
    """Tell how busy the machine is: ratios bear that, the rates do not."""
    cores = f"{available_cores()} cores"
    if not hasattr(os, "getloadavg"):
        return cores
    return f"{cores}, {os.getloadavg()[0]:.1f} busy in the last minute"


PARTS: dict[str, Callable[[argparse.Namespace, Path], str]] = {
    "frames": lambda options, scratch: frames.measure(
        options.clips,
        options.rounds,
        options.seconds,
        scratch,
        sizes=() if options.own_size else frames.SIZES,
    ),
    "extract": lambda options, scratch: extraction.measure(options.rounds, scratch, clips=60),
    "threads": lambda options, scratch: inference.measure(options.rounds, scratch),
    "startup": lambda options, scratch: startup.measure(options.rounds, scratch),
    "length": lambda options, scratch: length.measure(options.rounds, scratch, seconds=4),
    "hour": lambda _, scratch: memory.annotating(scratch, MINUTES),
}


if __name__ == "__main__":
    main()
