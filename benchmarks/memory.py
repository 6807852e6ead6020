"""Does memory grow with the length of a clip, or the size of a dataset?

    python benchmarks/memory.py
    python benchmarks/memory.py --only train

Annotates a clip of one hour (a sample clip repeated), and prints the resident memory of the process
by its share of the work done. Trains on few and on many made-up faces, and prints the most memory
that was the process's own: without the pages of mapped files, which the system takes back when it
needs them. `long_and_wide.py` does so with ten hours and with thousands of clips. Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from made_clips import CLIP, repeated
from made_models import untrained_model

from fer_pipeline.dataset import FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.report.tables import text_table

SAMPLES = 12
PEOPLE = 8
EMOTIONS = ("neutral", "happiness", "surprise")
SIZE = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--faces", type=int, nargs="+", default=[2000, 40000])
    parser.add_argument("--only", choices=list(PARTS))
    options = parser.parse_args()
    for name, part in PARTS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as scratch:
                print(part(Path(scratch), options) + "\n", flush=True)


def annotating(folder: Path, minutes: float) -> str:
    """Annotate one long clip; return its memory over time as a table."""
    long = repeated(CLIP, folder / "long.mp4", minutes * 60)
    model = untrained_model(folder / "model")
    labels = folder / "labels.csv"
    table = text_table(
        ("share of the time", "resident MiB"),
        watched(["annotate", long, "--model", model, "-q", "--out", labels]),
    )
    rows = len(labels.read_bytes().splitlines()) - 1
    return f"annotate, one clip of {minutes:g} minutes, every frame, {rows:,} rows:\n{table}"


def training(folder: Path, faces: list[int]) -> str:
    """Train on few faces and on many; return the most memory of each as a table."""
    rows = []
    for count in faces:
        data = made_up(folder / f"{count}.h5", count, untrained_model(folder / f"crop-{count}"))
        words = ["train", "--data", data, "-o", folder / f"model-{count}", "--epochs", "1", "-q"]
        most = max(memory for _, memory in observed(words, "RssAnon"))
        inputs = count * SIZE * SIZE / 2**20
        rows.append((f"{count:,}", f"{inputs:.0f}", f"{4 * inputs:.0f}", f"{most:.0f}"))
    header = ("faces", "inputs, MiB", "as float32, MiB", "most memory of its own, MiB")
    table = text_table(header, rows)
    return f"train, {SIZE}×{SIZE} pixels in gray, one epoch:\n{table}"


PARTS: dict[str, Callable[[Path, argparse.Namespace], str]] = {
    "annotate": lambda folder, options: annotating(folder, options.minutes),
    "train": lambda folder, options: training(folder, options.faces),
}


def made_up(path: Path, count: int, model: Path) -> Path:
    """Write a dataset of noise, with the crop of a model's spec."""
    crop = replace(ModelSpec.read(model).crop, size=SIZE, channels="gray")
    rng = np.random.default_rng(0)
    box = Box(0, 0, SIZE, SIZE)
    each = count // (PEOPLE * len(EMOTIONS))
    with create_dataset(path, crop, EMOTIONS) as writer:
        for person in range(PEOPLE):
            for emotion in sorted(EMOTIONS):
                for frame in range(each):
                    image = rng.integers(0, 256, (SIZE, SIZE, 1), dtype=np.uint8)
                    row = FaceRow(image, emotion, f"P{person}", frame, frame / 25, box, 1.0, 0)
                    writer.append(f"P{person}_{emotion}.mp4", row)
        writer.finish({})
    return path


def watched(words: list[object]) -> list[tuple[str, str]]:
    """Run a command; return its resident memory over the time that it took, and the most of it."""
    seen = observed(words, "VmRSS")
    seconds = seen[-1][0]
    shares = [(at / seconds, memory) for at, memory in seen]
    chosen = [
        min(shares, key=lambda one: abs(one[0] - step / SAMPLES)) for step in range(1, SAMPLES)
    ]
    table = [(f"{100 * at:.0f} %", f"{memory:.0f}") for at, memory in chosen]
    return [*table, ("most", f"{max(memory for _, memory in seen):.0f}")]


def observed(words: list[object], what: str) -> list[tuple[float, float]]:
    """Run a command; return seconds since its start with one of its sizes then, in MiB."""
    command = [sys.executable, "-m", "fer_pipeline", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started, seen = time.monotonic(), []
    while process.poll() is None:
        seen.append((time.monotonic() - started, size_of(process.pid, what)))
        time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
    return [(at, memory) for at, memory in seen if memory]


def size_of(process: int, what: str) -> float:
    """Return a size that Linux tells of a process, in MiB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in lines if line.startswith(f"{what}:")]
    return int(sizes[0]) / 1024 if sizes else 0.0


if __name__ == "__main__":
    main()
