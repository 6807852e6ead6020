"""What does varying the training faces cost, beside a plain copy of them?

    python benchmarks/augmentation.py

One core varies batches of made-up faces in the ways of --augment, taking turns; medians are shown,
and ratios to the copy, which mean the same on a fast and on a slow machine. The steps of `papers`
follow one by one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np

from fer_pipeline.augmentation import AUGMENTERS
from fer_pipeline.augmentation.paper_chain import STEPS
from fer_pipeline.report.tables import text_table

SHAPES = ((48, 48, 1), (120, 120, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=31)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    ways = {"copy": lambda faces, _: faces.copy()}
    ways |= {name: augment for name, augment in AUGMENTERS.items() if augment is not None}
    ways |= {f"  {step.__name__}": step for step in STEPS}
    for shape in SHAPES:
        seconds = measured(ways, (options.batch, *shape), options.repeats)
        floor = seconds["copy"]
        rows = [
            (name, f"{taken / floor:.1f}", f"{1e6 * taken:.1f}", f"{1 / taken:,.0f}")
            for name, taken in seconds.items()
        ]
        print(f"{' × '.join(map(str, shape))}, {options.batch} faces a batch:")
        header = ("way", "times the copy", "µs a face", "faces a second and core")
        print(text_table(header, rows) + "\n")


def measured(ways: dict[str, Callable], shape: tuple[int, ...], repeats: int) -> dict[str, float]:
    """Return the median processor seconds a face of each way; the ways take turns."""
    faces = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            rng = np.random.default_rng(repeat)
            started = time.process_time()
            way(faces, rng)
            if repeat:  # the first loads and fills what is made once
                seconds[name].append((time.process_time() - started) / len(faces))
    return {name: median(of_way) for name, of_way in seconds.items()}


if __name__ == "__main__":
    main()
