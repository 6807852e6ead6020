"""Does searching less lose faces? Every way of detection against the search of whole frames.

    python benchmarks/detection_modes.py clip.mp4 ...
    python benchmarks/detection_modes.py --model model clip.mp4 ...

For each clip and mode: the share of frames with a face, frames with a face in which the search of
every whole frame has none and the other way round, the overlap of the boxes, the share of boxes
that were not detected in their very frame, and frames a second without decoding. With a model, also
how often its emotion is the same. Only the largest face of each frame is compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Face, Frame
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, FaceDetector, crop
from fer_pipeline.following import DetectionMode
from fer_pipeline.report.tables import text_table
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video

EXACT: DetectionMode = "every-frame"
HEADER = (
    "clip",
    "mode",
    "frames",
    "with a face",
    "only here",
    "only in every-frame",
    "mean overlap",
    "not detected there",
    "same emotion",
    "frames a second",
)


@dataclass(frozen=True)
class Run:
    """What one way of detection made of a clip."""

    frames: list[TrackedFrame]
    seconds: float
    emotions: list[int | None]

    @property
    def largest(self) -> list[Face | None]:
        """The largest face of each frame."""
        return [one.faces[0] if one.faces else None for one in self.frames]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    classifier = None if options.model is None else Classifier(options.model)
    rows = []
    for clip in options.clips:
        runs = {mode: run(clip, mode, classifier) for mode in get_args(DetectionMode)}
        rows += [compared(clip.name, mode, runs[mode], runs[EXACT]) for mode in runs]
    print(text_table(HEADER, rows))


def run(clip: Path, mode: DetectionMode, classifier: Classifier | None) -> Run:
    search = SearchOptions(faces="largest", detect=mode)
    with open_video(clip) as video:
        started = time.perf_counter()
        tracked = list(search_faces(video, FaceDetector(), search, lambda _: None))
        seconds = time.perf_counter() - started
    return Run(tracked, seconds, [emotion(one, classifier) for one in tracked])


def emotion(tracked: TrackedFrame, classifier: Classifier | None) -> int | None:
    if classifier is None or not tracked.faces or not isinstance(tracked.frame, Frame):
        return None
    record = classifier.spec.crop
    cut = CropOptions(record.size, record.margin, record.channels)
    face = crop(tracked.frame, tracked.faces[0].box, cut)
    return int(classifier.classify(face[None]).argmax())


def compared(name: str, mode: str, found: Run, exact: Run) -> Sequence[str]:
    pairs = list(zip(found.largest, exact.largest, strict=True))
    both = [index for index, (one, other) in enumerate(pairs) if one and other]
    here = sum(one is not None for one, _ in pairs)
    overlaps = [one.box.overlap(other.box) for one, other in pairs if one and other]
    carried = sum(one is not None and one.score is None for one, _ in pairs)
    same = [found.emotions[index] == exact.emotions[index] for index in both]
    return (
        name,
        mode,
        str(len(pairs)),
        f"{100 * here / len(pairs):.1f} %",
        str(sum(one is not None and other is None for one, other in pairs)),
        str(sum(one is None and other is not None for one, other in pairs)),
        f"{np.mean(overlaps):.3f}" if overlaps else "",
        f"{100 * carried / here:.0f} %" if here else "",
        f"{100 * np.mean(same):.1f} %" if same and exact.emotions[both[0]] is not None else "",
        f"{len(pairs) / found.seconds:.0f}",
    )


if __name__ == "__main__":
    main()
