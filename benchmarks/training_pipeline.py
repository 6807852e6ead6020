"""What does training lose to reading faces from disk, beside arrays that are in memory already?

    python benchmarks/training_pipeline.py

One epoch each in turn, several times: `model.fit` as it comes on float32 arrays in memory, and the
product's own way from a mapped file, without augmentation and with each kind. Medians of the ratios
between neighbours in time are shown, which mean the same on a fast and on a slow machine: images a
second, and processor time an image. Where others use the cores too, trust the latter.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fer_pipeline.augmentation import AUGMENTERS
from fer_pipeline.fit_options import FitOptions
from fer_pipeline.keras_backend import make_repeatable
from fer_pipeline.networks import build_network
from fer_pipeline.report.tables import text_table

SIZE, CLASSES = 48, 7
ARRAYS = "arrays in memory"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["lenet5", "lenet", "cnn1"])
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 64])
    parser.add_argument("--faces", type=int, default=3200)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch)
        rng = np.random.default_rng(0)
        shape = (options.faces, SIZE, SIZE, 1)
        np.save(path / "inputs.npy", rng.integers(0, 256, shape, dtype=np.uint8))
        inputs = np.load(path / "inputs.npy", mmap_mode="r")
        labels = rng.integers(0, CLASSES, options.faces).astype(np.int8)
        for network in options.networks:
            for batch in options.batches:
                ways = ways_of(network, batch, inputs, labels, path / f"{network}-{batch}")
                timed = compared(ways, options.faces, options.repeats)
                rows += [(network, str(batch), *row) for row in timed]
    header = ("network", "batch", "faces from", "faces a second", "of arrays'", "processor time")
    print(text_table(header, rows))


def ways_of(
    network: str, batch: int, inputs: Any, labels: Any, folder: Path
) -> dict[str, Callable[[], object]]:
    """Return a function for each way, which learns from every face once."""
    from fer_pipeline.fitting import Faces, Fit

    make_repeatable(0)
    fit = Fit(build_network(network, SIZE, "gray", CLASSES), FitOptions(batch=batch), folder)
    arrays = np.asarray(inputs, np.float32), labels.astype(np.float32)
    everyone = np.arange(len(labels))
    even = np.ones(CLASSES, np.float32)

    def ours(augment: Any) -> Callable[[], object]:
        faces = Faces(inputs, labels, even, augment)
        return lambda: fit.learn(faces, everyone)

    kinds = {"none": None, "light": AUGMENTERS["light"], "papers": AUGMENTERS["papers"]}
    plain = build_network(network, SIZE, "gray", CLASSES)
    plain.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return {
        ARRAYS: lambda: plain.fit(*arrays, batch_size=batch, epochs=1, verbose=0),
        f"{ARRAYS}, our steps": lambda: fit.model.fit(*arrays, batch_size=batch, verbose=0),
        **{f"file, --augment {name}": ours(augment) for name, augment in kinds.items()},
    }


def compared(
    ways: dict[str, Callable[[], object]], faces: int, repeats: int
) -> list[tuple[str, ...]]:
    """Let the ways take turns; return figures of each beside those of arrays."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            started, busy_before = time.perf_counter(), time.process_time()
            way()
            if repeat:  # the first builds the graph
                wall[name].append(time.perf_counter() - started)
                busy[name].append(time.process_time() - busy_before)
    return [
        (
            name,
            f"{faces / median(wall[name]):,.0f}",
            f"{median(a / b for a, b in zip(wall[ARRAYS], wall[name], strict=True)):.2f}",
            f"{median(b / a for a, b in zip(busy[ARRAYS], busy[name], strict=True)):.2f}",
        )
        for name in ways
    ]


if __name__ == "__main__":
    main()
