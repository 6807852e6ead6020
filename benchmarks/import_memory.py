"""Does memory grow with the number of pictures that are imported, balanced, or copied?

    python benchmarks/import_memory.py
    python benchmarks/import_memory.py --faces 2000 20000 --only affectnet

Makes up corpora of a few and of ten times as many pictures: AffectNet as cropped faces with labels
in arrays, and portraits in which faces are looked for. Imports them, balances them, and copies the
dataset, and prints the most memory that was the process's own. Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from made_clips import PARTICIPANTS
from memory import observed

from fer_pipeline.report.tables import text_table

CLASSES = ("neutral", "happy", "sad")
CROPPED = 224
BALANCE = 1.5
"""So many times as many faces of each class as there are, so that some are repeated."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--only", choices=list(CORPORA))
    options = parser.parse_args()
    rows = []
    for kind, make in CORPORA.items():
        if options.only in (None, kind):
            rows += measured(kind, make, options.faces)
    header = ("corpus", "what", *(f"{count:,}, MiB" for count in options.faces), "ratio")
    print(text_table(header, rows))


def measured(
    kind: str, make: Callable[[Path, int], Path], faces: list[int]
) -> list[tuple[str | float, ...]]:
    """Return the most memory for each thing that is done, with few faces and with many."""
    most: dict[str, list[float]] = {}
    for count in faces:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            source = make(folder / "source", count)
            whole, merged = folder / "whole.h5", folder / "merged.h5"
            each = round(BALANCE * count / len(CLASSES))
            words = ["import", kind, source, "-q", "-o"]
            commands = {
                "import": [*words, whole],
                "import, balanced": [*words, folder / "balanced.h5", "--balance", each],
                "copy": ["data", "merge", whole, "-q", "-o", merged],
            }
            for name, command in commands.items():
                peak = max(memory for _, memory in observed(command, "RssAnon"))
                most.setdefault(name, []).append(peak)
    return [
        (kind, name, *(f"{peak:.0f}" for peak in peaks), peaks[-1] / peaks[0])
        for name, peaks in most.items()
    ]


def affectnet(folder: Path, count: int) -> Path:
    """Write cropped faces as AffectNet has them; every picture is another one."""
    rng = np.random.default_rng(0)
    part = folder / "train_set"
    for name in ("images", "annotations"):
        (part / name).mkdir(parents=True)
    for number in range(count):
        coarse = rng.integers(0, 256, (7, 7, 3), np.uint8)
        write_picture(part / "images" / f"{number}.jpg", cv2.resize(coarse, (CROPPED, CROPPED)))
        np.save(part / "annotations" / f"{number}_exp.npy", np.array(str(number % len(CLASSES))))
    return folder


def portraits(folder: Path, count: int) -> Path:
    """Write frames of the sample clips, each a little brighter or darker, a folder for a class."""
    frames = {}
    for name in CLASSES:
        reader = cv2.VideoCapture(str(PARTICIPANTS / f"P00_{name}.mp4"))
        frames[name] = reader.read()[1]
        (folder / name).mkdir(parents=True)
    for number in range(count):
        name = CLASSES[number % len(CLASSES)]
        shifted = cv2.add(frames[name], float(number % 40))
        write_picture(folder / name / f"{number:06d}.jpg", shifted)
    return folder


def write_picture(path: Path, bgr: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(".jpg", bgr)[1].tobytes())


CORPORA = {"affectnet": affectnet, "folder": portraits}


if __name__ == "__main__":
    main()
