"""How should images be compressed in a dataset? Size, and speed of writing and reading.

    python benchmarks/compression.py [faces.h5 ...]

Crops of the sample videos, 120 px in colour and 48 px in gray as FER2013 has them, and images of
the datasets given, are written with the filters that plain h5py reads, and read again in batches
drawn at random. The ways take turns; medians of processor time are shown as ratios to gzip 4 with
one image to a chunk, which mean the same on a fast and on a slow machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np

from fer_pipeline.dataset import open_dataset
from fer_pipeline.faces import network_inputs
from fer_pipeline.report.tables import text_table

SAMPLES = Path(__file__).resolve().parent.parent / "sample_videos" / "participants"
FILTERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("none", {}),
    ("lzf", {"compression": "lzf"}),
    ("gzip 1", {"compression": "gzip", "compression_opts": 1}),
    ("gzip 4", {"compression": "gzip", "compression_opts": 4}),
    ("gzip 9", {"compression": "gzip", "compression_opts": 9}),
)
BATCH = 64


@dataclass(frozen=True)
class Way:
    """One way to store images."""

    name: str
    options: dict[str, Any]
    shuffle: bool
    per_chunk: int


@dataclass(frozen=True)
class Measured:
    """What a way costs: bytes, and processor seconds of writing all and of reading batches."""

    size: int
    written: float
    read: float


WAYS = tuple(
    Way(name, options, shuffle, per_chunk)
    for per_chunk, (name, options), shuffle in product((1, 16, 64), FILTERS, (False, True))
)
PRESENT = next(
    way for way in WAYS if (way.name, way.shuffle, way.per_chunk) == ("gzip 4", False, 1)
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--images", type=int, default=512, help="images of 120 px; others like it")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for title, images in sets_of_images(options.data, options.images, Path(scratch)).items():
            rows = table(images, options.repeats, options.batches, Path(scratch) / "images.h5")
            shape = " × ".join(map(str, images.shape[1:]))
            print(f"{title}, {len(images)} images of {shape}; ratios to gzip 4, 1 a chunk:")
            header = ("a chunk", "filter", "shuffle", "smaller by", "size", "writing", "reading")
            print(text_table(header, rows) + "\n", flush=True)


def sets_of_images(given: list[Path], number: int, scratch: Path) -> dict[str, Any]:
    """Return the images by what they are; of 48 px gray ones so many that they take as long."""
    extracted = extract(scratch / "faces.h5")
    with open_dataset(extracted) as dataset:
        crops = drawn(dataset, 8 * number)
    sets = {
        "sample videos": crops[:number],
        "sample videos, as FER2013": network_inputs(crops, 48, "gray"),
    }
    for path in given:
        with open_dataset(path) as dataset:
            area = dataset.crop.size**2 * dataset.images(slice(0, 1)).shape[-1]
            sets[path.name] = drawn(dataset, max(1, min(8 * number, number * 120**2 * 3 // area)))
    return sets


def extract(path: Path) -> Path:
    """Extract every fourth frame of the sample videos."""
    command = [sys.executable, "-m", "fer_pipeline", "extract", SAMPLES, "-o", path, "--every", "4"]
    subprocess.run(command, capture_output=True, check=True)
    return path


def drawn(dataset: Any, number: int) -> Any:
    """Return images drawn at random: neighbours in a video are too much alike."""
    order = np.random.default_rng(0).permutation(len(dataset))
    return dataset.images(order[:number])


def table(images: Any, repeats: int, batches: int, path: Path) -> list[tuple[str, ...]]:
    """Return figures of each way beside those of the present one."""
    measured: dict[int, list[Measured]] = {index: [] for index in range(len(WAYS))}
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        rows = rng.integers(0, len(images), (batches, BATCH))
        for index, way in enumerate(WAYS):
            measured[index].append(measure(images, rows, way, path))
    present = measured[WAYS.index(PRESENT)]

    def ratio(of_way: list[Measured], what: str) -> str:
        pairs = zip(of_way, present, strict=True)
        # Of speeds, so that more is better.
        return f"{median(getattr(b, what) / getattr(a, what) for a, b in pairs):.2f}"

    return [
        (
            str(way.per_chunk),
            way.name,
            "yes" if way.shuffle else "no",
            f"{images.nbytes / measured[index][0].size:.2f}",
            f"{measured[index][0].size / present[0].size:.2f}",
            ratio(measured[index], "written"),
            ratio(measured[index], "read"),
        )
        for index, way in enumerate(WAYS)
    ]


def measure(images: Any, rows: Any, way: Way, path: Path) -> Measured:
    """Write images one way, and read batches of them as the product does."""
    started = time.process_time()
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        stored = file.create_dataset(
            "images",
            shape=(0, *images.shape[1:]),
            maxshape=(None, *images.shape[1:]),
            dtype=np.uint8,
            chunks=(way.per_chunk, *images.shape[1:]),
            shuffle=way.shuffle,
            **way.options,
        )
        for start in range(0, len(images), 256):
            batch = images[start : start + 256]
            stored.resize(start + len(batch), axis=0)
            stored[start:] = batch
        file.flush()
    written = time.process_time() - started
    with h5py.File(path) as file:
        stored = file["images"]
        started = time.process_time()
        for batch in rows:
            np.array([stored[int(row)] for row in batch])
        read = time.process_time() - started
    return Measured(path.stat().st_size, written, read)


if __name__ == "__main__":
    main()
