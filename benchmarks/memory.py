"""Does memory grow with the length of a clip, or with the number of clips?

    python benchmarks/memory.py

Annotates a clip of one hour (a sample clip repeated) and extracts a thousand short ones, and prints
the resident memory of the process by its share of the work done. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
from run import CLIP, untrained_model

from fer_pipeline.report.tables import text_table

PARTICIPANTS = CLIP.parent.parent / "participants"
SAMPLES = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clips", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        long = repeated(CLIP, folder / "long.mp4", options.minutes * 60)
        model = untrained_model(folder / "model")
        print(f"annotate, one clip of {options.minutes:g} minutes, every frame decoded:")
        words = [
            "annotate",
            long,
            "--model",
            model,
            "--fps",
            "1",
            "-q",
            "--out",
            folder / "labels.csv",
        ]
        print(text_table(("share of the time", "resident MiB"), watched(words)))
        many(folder / "many", options.clips)
        print(f"\nextract, {options.clips} clips of 2 seconds, one worker:")
        words = ["extract", folder / "many", "-o", folder / "faces.h5", "--every", "25"]
        print(
            text_table(
                ("share of the time", "resident MiB"), watched([*words, "--workers", "1", "-q"])
            )
        )


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
    command = [sys.executable, "-m", "fer_pipeline", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started, seen = time.monotonic(), []
    while process.poll() is None:
        seen.append((time.monotonic() - started, resident(process.pid)))
        time.sleep(0.2)
    seconds = time.monotonic() - started
    shares = [(at / seconds, memory) for at, memory in seen if memory]
    chosen = [
        min(shares, key=lambda one: abs(one[0] - step / SAMPLES)) for step in range(1, SAMPLES)
    ]
    return [(f"{100 * at:.0f} %", f"{memory:.0f}") for at, memory in chosen]


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(sizes[0]) / 1024 if sizes else 0.0


if __name__ == "__main__":
    main()
