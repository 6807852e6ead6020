"""Does searching less lose faces? Every way of detection against the search of whole frames.

    python benchmarks/detection_modes.py
    python benchmarks/detection_modes.py --model model clip.mp4 ...

Without clips, those of `hard_clips.py` are made and taken: fast motion, zooming, hard cuts, people
who leave and return, two people, nobody. For each clip and mode: the share of frames with a face,
faces that the search of every whole frame does not have and the other way round, as shares of its
rows, the overlap of the boxes, the share of boxes that were not detected in their very frame, and
frames a second. With a model, also how often its emotion is the same; beside it stands how often
it stays the same if a box of the search of whole frames is merely moved aside until it overlaps as
much as the boxes of the mode do: so much the model itself wavers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from hard_clips import SCENES, made

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Box, Face, Frame
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, FaceDetector, crop
from fer_pipeline.following import DetectionMode
from fer_pipeline.report.tables import markdown_table, text_table
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video

EXACT: DetectionMode = "every-frame"
HEADER = (
    "clip",
    "mode",
    "frames",
    "with a face",
    "faces only here",
    "only in every-frame",
    "mean overlap",
    "not detected there",
    "same emotion",
    "box moved",
    "frames a second",
)

# Boxes that overlap less are of different faces.
_SAME_FACE = 0.3


@dataclass(frozen=True)
class Run:
    """What one way of detection made of a clip."""

    frames: list[TrackedFrame]
    seconds: float

    @property
    def rows(self) -> int:
        """Number of faces in all frames."""
        return sum(len(one.faces) for one in self.frames)

    @property
    def rate(self) -> float:
        """Frames a second."""
        return len(self.frames) / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="*")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--markdown", action="store_true", help="print a table for a document")
    options = parser.parse_args()
    classifier = None if options.model is None else Classifier(options.model)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for clip in options.clips or [made(name, Path(scratch)) for name in SCENES]:
            runs = {mode: run(clip, mode) for mode in get_args(DetectionMode)}
            for mode, found in runs.items():
                compared = compare(found, runs[EXACT], classifier)
                rows.append((clip.stem, mode, *cells(compared), f"{found.rate:.0f}"))
    print((markdown_table if options.markdown else text_table)(HEADER, rows))


def run(clip: Path, mode: DetectionMode) -> Run:
    """Look for the faces of a clip."""
    with open_video(clip) as video:
        started = time.perf_counter()
        search = SearchOptions(detect=mode)
        tracked = list(search_faces(video, FaceDetector(), search, lambda _: None))
        return Run(tracked, time.perf_counter() - started)


def pairs(found: Run, exact: Run) -> Iterator[tuple[int, Face, Face]]:
    """Yield faces that both have, by the position of the frame; each once, the nearest first."""
    for position, (one, other) in enumerate(zip(found.frames, exact.frames, strict=True)):
        free = [*other.faces]
        for face in sorted(one.faces, key=lambda face: -_nearest(face.box, other.faces)):
            if free and _nearest(face.box, free) >= _SAME_FACE:
                same = max(free, key=lambda candidate: face.box.overlap(candidate.box))
                free.remove(same)
                yield position, face, same


def _nearest(box: Box, faces: Sequence[Face]) -> float:
    return max((box.overlap(face.box) for face in faces), default=0.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way of detection beside the search of every whole frame; shares from 0 to 1.

    Attributes:
        frames: Number of frames.
        hit_rate: Frames with a face, of all.
        hit_rate_change: How much more that is than in the search of every whole frame.
        added: Faces that the search of every whole frame does not have, of its faces.
        lost: Faces that only that one has, of its faces.
        overlap: Mean overlap of the boxes of faces that both have; None without any.
        carried: Faces that were not detected in their very frame, of those found.
        same_emotion: Faces that both have with the same emotion; None without a classifier.
        same_beside: The same for a box of the search of every whole frame and one that is merely
            moved aside until it overlaps as the boxes of this way do.
    """

    frames: int
    hit_rate: float
    hit_rate_change: float
    added: float
    lost: float
    overlap: float | None
    carried: float
    same_emotion: float | None
    same_beside: float | None


def compare(found: Run, exact: Run, classifier: Classifier | None = None) -> Comparison:
    """Compare one way of detection with the search of every whole frame."""
    both = [*pairs(found, exact)]
    rates = [float(np.mean([bool(one.faces) for one in run.frames])) for run in (found, exact)]
    overlap = float(np.mean([a.box.overlap(b.box) for _, a, b in both])) if both else None
    same_emotion = same_beside = None
    if classifier is not None and overlap is not None:
        aside = (1 - overlap) / (1 + overlap)
        told = Emotions(exact, classifier)
        same_emotion = float(np.mean([told.of(i, a.box) == told.of(i, b.box) for i, a, b in both]))
        same_beside = float(
            np.mean(
                [
                    told.of(i, b.box)
                    == told.of(i, replace(b.box, x=b.box.x + round(step * b.box.width)))
                    for i, _, b in both
                    for step in (-aside, aside)
                ]
            )
        )
    return Comparison(
        frames=len(found.frames),
        hit_rate=rates[0],
        hit_rate_change=rates[0] - rates[1],
        added=(found.rows - len(both)) / max(1, exact.rows),
        lost=(exact.rows - len(both)) / max(1, exact.rows),
        overlap=overlap,
        carried=sum(face.score is None for one in found.frames for face in one.faces)
        / max(1, found.rows),
        same_emotion=same_emotion,
        same_beside=same_beside,
    )


class Emotions:
    """The likeliest emotion in a box of a frame, told once."""

    def __init__(self, run: Run, classifier: Classifier) -> None:
        record = classifier.spec.crop
        self._options = CropOptions(record.size, record.margin, record.channels)
        self._frames = [one.frame for one in run.frames]
        self._classifier = classifier
        self._told: dict[tuple[int, Box], int] = {}

    def of(self, position: int, box: Box) -> int:
        """Return the place of the likeliest emotion among those of the model."""
        frame = self._frames[position]
        assert isinstance(frame, Frame)  # a lost one has no faces
        if (position, box) not in self._told:
            image = crop(frame, box, self._options)
            self._told[position, box] = int(self._classifier.classify(image[None]).argmax())
        return self._told[position, box]


def cells(one: Comparison) -> Sequence[str]:
    """Write a comparison for the table."""

    def share(value: float | None, digits: int = 1) -> str:
        return "" if value is None else f"{100 * value:.{digits}f} %"

    nobody = one.overlap is None
    return (
        str(one.frames),
        share(one.hit_rate),
        share(one.added),
        share(one.lost),
        "" if one.overlap is None else f"{one.overlap:.3f}",
        share(None if nobody else one.carried, 0),
        share(one.same_emotion),
        share(one.same_beside),
    )


if __name__ == "__main__":
    main()
