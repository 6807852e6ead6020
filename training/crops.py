"""How faces must be cut out of a video so that they look like those that the model learned from.

    python -m training.crops build/default-model/ferplus.h5
    python -m training.crops build/default-model/ferplus.h5 --model fer_pipeline/default_model \
        --clip happiness clips/happy.mp4 --clip sadness clips/sad.mp4

FER2013's faces were cut out by its makers' detector. The first table is of our detector's boxes on
these very pictures: how much of the picture a box covers, and where its middle is. The second one
is of clips whose emotion is known: what the model makes of them if their faces are cut out with
other margins.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import SPLIT_TRAINING, open_dataset
from fer_pipeline.faces import FaceDetector
from fer_pipeline.model_folder import SPEC_FILE, ModelSpec
from fer_pipeline.report.tables import percent, text_table

FACES, SEED = 1500, 0

# The detector wants larger faces than these, and something around them.
ENLARGED, SURROUNDINGS = 4, 0.5

MARGINS = (-0.10, -0.05, 0.0, 0.02, 0.05, 0.10, 0.15, 0.20)


def main() -> None:
    """Print the tables."""
    parser = ArgumentParser(description="Margins under which corpus and detector agree.")
    parser.add_argument("data", type=Path, help="FER2013 or FER+, imported")
    parser.add_argument("--model", type=Path, help="a model folder")
    parser.add_argument("--clip", nargs=2, action="append", default=[], metavar=("EMOTION", "FILE"))
    given = parser.parse_args()
    tell_boxes(given.data)
    if given.model and given.clip:
        tell_margins(given.model, [(emotion, Path(file)) for emotion, file in given.clip])


def tell_boxes(data: Path) -> None:
    """Print where our detector sees the faces of the corpus."""
    found = np.array(list(boxes(data)))
    seen = found[~np.isnan(found[:, 0])]
    share = percent(len(seen) / len(found))
    print(f"our detector on {len(found)} training faces of {data.name}: {share} found")
    quartiles = np.percentile(seen, (25, 50, 75), axis=0)
    margin = (1 / quartiles[:, 0] - 1) / 2
    rows = [
        ("side of the box / side of the picture", *map("{:.3f}".format, quartiles[:, 0])),
        ("margin that gives the picture", *map("{:.3f}".format, margin)),
        ("middle to the right, share of the side", *map("{:.3f}".format, quartiles[:, 1])),
        ("middle downward, share of the side", *map("{:.3f}".format, quartiles[:, 2])),
    ]
    print(text_table(("", "first quarter", "median", "third quarter"), rows))


def boxes(data: Path) -> Iterator[tuple[float, float, float]]:
    """Yield side and middle of the face in each of some pictures, as shares of its side."""
    detector = FaceDetector()
    with open_dataset(data) as dataset:
        training = np.flatnonzero(dataset.column("split") == SPLIT_TRAINING)
        rows = np.sort(np.random.default_rng(SEED).permutation(training)[:FACES])
        for picture in dataset.images(rows)[..., 0]:
            yield box_in(picture, detector)


def box_in(picture: NDArray[np.uint8], detector: FaceDetector) -> tuple[float, float, float]:
    """Return side and middle of the largest face in a picture; NaN if there is none."""
    side = picture.shape[0] * ENLARGED
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    border = round(side * SURROUNDINGS)
    around = cv2.copyMakeBorder(large, *[border] * 4, cv2.BORDER_REPLICATE)
    found = [one.box for one in detector.detect(around)]
    if not found:
        return np.nan, np.nan, np.nan
    box = max(found, key=lambda one: one.width)
    right, down = box.x + box.width / 2 - border, box.y + box.height / 2 - border
    return box.width / side, right / side - 0.5, down / side - 0.5


def tell_margins(model: Path, clips: list[tuple[str, Path]]) -> None:
    """Print how often the model names the known emotion of clips, by margin."""
    print("\nrows of each clip that are called by its emotion, and the mean probability of it:")
    rows = []
    for margin in MARGINS:
        told = [judged(model, margin, emotion, clip) for emotion, clip in clips]
        shares, means = zip(*told, strict=True)
        cells = [f"{percent(share)} {mean:.2f}" for share, mean in told]
        rows.append(
            (f"{margin:g}", *cells, f"{percent(float(np.mean(shares)))} {np.mean(means):.2f}")
        )
    print(text_table(("margin", *(clip.stem for _, clip in clips), "mean"), rows))


def judged(model: Path, margin: float, emotion: str, clip: Path) -> tuple[float, float]:
    """Return the share of faces called by an emotion, and its mean probability."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, labels = Path(scratch) / "model", Path(scratch) / "labels.csv"
        shutil.copytree(model, folder)
        spec = ModelSpec.read(folder)
        (folder / SPEC_FILE).unlink()
        replace(spec, crop=replace(spec.crop, margin=margin)).write(folder)
        command = ["-m", "fer_pipeline", "annotate", clip, "--model", folder, "--out", labels, "-q"]
        subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
        with labels.open(newline="", encoding="utf-8") as file:
            faces = [row for row in csv.DictReader(file) if row["emotion"]]
    right = [row["emotion"] == emotion for row in faces]
    return float(np.mean(right)), float(np.mean([float(row[emotion]) for row in faces]))


if __name__ == "__main__":
    main()
