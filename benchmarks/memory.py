"""Does memory grow with the length of a clip, the number of clips, or the size of a dataset?

    python benchmarks/memory.py
    python benchmarks/memory.py --only train

Annotates a clip of one hour (a sample clip repeated) and extracts a thousand short ones, and prints
the resident memory of the process by its share of the work done. Trains on few and on many made-up
faces, and prints the most memory that was the process's own: without the pages of mapped files,
which the system takes back when it needs them. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from run import CLIP, untrained_model

from fer_pipeline.dataset import FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.report.tables import text_table

PARTICIPANTS = CLIP.parent.parent / "participants"
SAMPLES = 12
PEOPLE = 8
EMOTIONS = ("neutral", "happiness", "surprise")
SIZE = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--faces", type=int, nargs="+", default=[2000, 40000])
    parser.add_argument("--only", choices=list(PARTS))
    options = parser.parse_args()
    for name, part in PARTS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as scratch:
                part(Path(scratch), options)


def annotating(folder: Path, options: argparse.Namespace) -> None:
    long = repeated(CLIP, folder / "long.mp4", options.minutes * 60)
    model = untrained_model(folder / "model")
    print(f"annotate, one clip of {options.minutes:g} minutes, every frame decoded:")
    words = ["annotate", long, "--model", model, "--fps", "1", "-q", "--out", folder / "labels.csv"]
    print(text_table(("share of the time", "resident MiB"), watched(words)))


def extracting(folder: Path, options: argparse.Namespace) -> None:
    many(folder / "many", options.clips)
    print(f"\nextract, {options.clips} clips of 2 seconds, one worker:")
    words = ["extract", folder / "many", "-o", folder / "faces.h5", "--every", "25"]
    words += ["--workers", "1", "-q"]
    print(text_table(("share of the time", "resident MiB"), watched(words)))


def training(folder: Path, options: argparse.Namespace) -> None:
    print(f"\ntrain, {SIZE}×{SIZE} pixels in gray, one epoch:")
    rows = []
    for count in options.faces:
        data = made_up(folder / f"{count}.h5", count, untrained_model(folder / f"crop-{count}"))
        words = ["train", "--data", data, "-o", folder / f"model-{count}", "--epochs", "1", "-q"]
        most = max(memory for _, memory in observed(words, "RssAnon"))
        inputs = count * SIZE * SIZE / 2**20
        rows.append((f"{count:,}", f"{inputs:.0f}", f"{4 * inputs:.0f}", f"{most:.0f}"))
    header = ("faces", "inputs, MiB", "as float32, MiB", "most memory of its own, MiB")
    print(text_table(header, rows))


PARTS = {"annotate": annotating, "extract": extracting, "train": training}


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


def repeated(clip: Path, target: Path, seconds: float) -> Path:
    """Write a clip over and over into one file, without encoding it again."""
    with av.open(str(target), "w") as out:
        stream = None
        shift = 0
        while True:
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += video.duration
                if shift * video.time_base >= seconds:
                    return target


def many(folder: Path, count: int) -> None:
    """Fill a folder with links to the participants' clips, under names of their own."""
    folder.mkdir()
    clips = sorted(PARTICIPANTS.glob("*.mp4"))
    for index in range(count):
        os.link(clips[index % len(clips)], folder / f"{index:04d}_{clips[index % len(clips)].name}")


def watched(words: list[object]) -> list[tuple[str, str]]:
    """Run a command; return its resident memory over the time that it took."""
    seen = observed(words, "VmRSS")
    seconds = seen[-1][0]
    shares = [(at / seconds, memory) for at, memory in seen]
    chosen = [
        min(shares, key=lambda one: abs(one[0] - step / SAMPLES)) for step in range(1, SAMPLES)
    ]
    return [(f"{100 * at:.0f} %", f"{memory:.0f}") for at, memory in chosen]


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
