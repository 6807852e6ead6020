"""What does each setting of the search for faces find, and what does it cost?

    python benchmarks/detection_study.py
    python benchmarks/detection_study.py clip.mp4 ...
    python benchmarks/detection_study.py --grid

One setting at a time departs from those of `DetectionOptions`: the cascade (those that are bundled
or come with OpenCV), the scale factor, the neighbours, the size of the picture, and how often a
frame is searched, with boxes between those around them; `--grid` combines all but the last. Each
takes its turn at the same frames of the sample videos, of the clips of `hard_clips.py`, and of
those given.

What is there is told by a fine search with four cascades in a picture of up to 640 pixels: where at
least two of them agree is a face, and its box is the median of theirs. So no cascade is its own
judge. A hit is a face that a box overlaps by 0.3. Time is the processor's, on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from hard_clips import SCENES, made
from made_clips import CLIP, PARTICIPANTS
from turns import tell

from fer_pipeline.domain import Box, Frame, UInt8Array
from fer_pipeline.faces import DetectionOptions, FaceDetector, bundled_cascades
from fer_pipeline.report.tables import markdown_table, text_table
from fer_pipeline.video import open_video

DEFAULTS = DetectionOptions()
SHIPPED = Path(cv2.data.haarcascades)
SCALE_FACTORS = (1.05, 1.1, 1.2, 1.3)
NEIGHBORS = (3, 5, 8)
WORKING_SIZES = (160, 240, 320, 480, 640)
PERIODS = (2, 3, 4, 6)

# The judges, and how finely they look.
JUDGES = ("alt", "alt2", "alt_tree", "default")
FINE = DetectionOptions(scale_factor=1.05, neighbors=4, working_size=640)
AGREED = 2

# A box that overlaps a face by less is of something else.
SAME_FACE = 0.3

HEADER = (
    "setting",
    "faces found",
    "false boxes in 100 frames",
    "mean overlap",
    "ms a frame",
    "of the default's time",
)


@dataclass
class Tally:
    """What a setting has made of the frames so far."""

    faces: int = 0
    hits: int = 0
    false: int = 0
    frames: int = 0
    seconds: float = 0.0
    overlaps: list[float] = field(default_factory=list)

    def add(self, found: Sequence[Box], truth: Sequence[Box], seconds: float) -> None:
        """Take what was found in a frame, each face found at most once."""
        free = [*truth]
        for box in sorted(found, key=lambda box: -nearest(box, truth)):
            if nearest(box, free) < SAME_FACE:
                self.false += 1
                continue
            face = max(free, key=box.overlap)
            free.remove(face)
            self.overlaps.append(box.overlap(face))
        self.faces += len(truth)
        self.hits += len(truth) - len(free)
        self.frames += 1
        self.seconds += seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="*", help="further clips")
    parser.add_argument("--grid", action="store_true", help="combine the settings; takes hours")
    parser.add_argument(
        "--every", type=int, default=11, help="frames from one looked at to the next"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    settings = grid() if options.grid else one_at_a_time()
    table = markdown_table if options.markdown else text_table
    with tempfile.TemporaryDirectory() as scratch:
        own = [*sorted(PARTICIPANTS.glob("*.mp4")), *sorted(CLIP.parent.glob("*.mp4"))]
        groups = {
            "sample videos": own,
            "hard clips": [made(name, Path(scratch)) for name in SCENES],
            "clips given": options.clips,
        }
        for title, clips in groups.items():
            if clips:
                tallies, periods = studied(clips, settings, options.every)
                judged = tallies[_named(DEFAULTS)]
                print(f"\n{title}: {judged.faces} faces in {judged.frames} frames\n")
                print(table(HEADER, rows({**tallies, **periods}, judged)), flush=True)


def one_at_a_time() -> dict[str, DetectionOptions]:
    """Return the defaults, and what departs from them in one setting, by what to call it."""
    departures = [
        *(replace(DEFAULTS, cascade=cascade) for cascade in cascades()),
        *(replace(DEFAULTS, scale_factor=factor) for factor in SCALE_FACTORS),
        *(replace(DEFAULTS, neighbors=neighbors) for neighbors in NEIGHBORS),
        *(replace(DEFAULTS, working_size=size) for size in WORKING_SIZES),
    ]
    return {_named(options): options for options in (DEFAULTS, *departures)}


def grid() -> dict[str, DetectionOptions]:
    """Return every combination of the settings."""
    combined = product(cascades(), SCALE_FACTORS, NEIGHBORS, WORKING_SIZES)
    every = [
        replace(DEFAULTS, cascade=c, scale_factor=f, neighbors=n, working_size=w)
        for c, f, n, w in combined
    ]
    return {_named(options): options for options in (DEFAULTS, *every)}


def cascades() -> list[str]:
    """Return the bundled cascades of faces by name, and by path those that OpenCV alone has."""
    bundled = sorted(bundled_cascades())
    shipped = sorted([*SHIPPED.glob("*frontalface*.xml"), *SHIPPED.glob("*profileface*.xml")])
    return [*bundled, *(str(path) for path in shipped if path.stem not in bundled)]


def _named(options: DetectionOptions) -> str:
    """Write what departs from the defaults."""
    words = []
    if options.cascade != DEFAULTS.cascade:
        words.append(Path(options.cascade).name.removesuffix(".xml").removeprefix("haarcascade_"))
    if options.scale_factor != DEFAULTS.scale_factor:
        words.append(f"factor {options.scale_factor:g}")
    if options.neighbors != DEFAULTS.neighbors:
        words.append(f"{options.neighbors} neighbours")
    if options.working_size != DEFAULTS.working_size:
        words.append(f"{options.working_size} pixels")
    return ", ".join(words) or "default"


def studied(
    clips: Sequence[Path], settings: dict[str, DetectionOptions], every: int
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Let every setting look at some frames of clips.

    Args:
        clips: Clips.
        settings: By name.
        every: Frames from one looked at to the next.

    Returns:
        What the settings made of them, and what rarer searches with the defaults did.
    """
    detectors = {name: FaceDetector(options) for name, options in settings.items()}
    judges = [
        FaceDetector(replace(FINE, cascade=str(SHIPPED / f"haarcascade_frontalface_{name}.xml")))
        for name in JUDGES
    ]
    tallies = {name: Tally() for name in settings}
    periods = {f"every {period} frames": Tally() for period in PERIODS}
    for number, clip in enumerate(clips):
        tell(f"clip {number + 1} of {len(clips)}: {clip.name}")
        pictures = Searched(clip, detectors[_named(DEFAULTS)])
        # Another first frame in each clip, so that faces are looked at in all their phases.
        for index in range(number % every, len(pictures), every):
            luma = pictures.lumas[index]
            truth = agreed([searched(judge, luma)[0] for judge in judges])
            for name, detector in detectors.items():
                found, seconds = searched(detector, luma)
                tallies[name].add(found, truth, seconds)
            for period, tally in zip(PERIODS, periods.values(), strict=True):
                found, seconds = pictures.between(index, period)
                tally.add(found, truth, seconds)
    return tallies, periods


class Searched:
    """The pictures of a clip, each searched once at the most.

    Args:
        clip: A clip; all its pictures are held.
        detector: What searches them.
    """

    def __init__(self, clip: Path, detector: FaceDetector) -> None:
        self._detector = detector
        self._known: dict[int, tuple[list[Box], float]] = {}
        with open_video(clip) as video:
            self.lumas = [frame.luma for frame in video.frames() if isinstance(frame, Frame)]

    def __len__(self) -> int:
        return len(self.lumas)

    def between(self, index: int, period: int) -> tuple[list[Box], float]:
        """Return where the two nearest searched pictures put the faces, and its share of the time.

        Nothing checks whether they are right: that is what the modes of detection add.
        """
        before = index - index % period
        after = min(before + period, len(self) - 1)
        if before in (index, after):
            found, seconds = self._search(index)
            return found, seconds / period
        (here, seconds), (there, _) = self._search(before), self._search(after)
        share = (index - before) / (after - before)
        moved = [
            box.towards(max(there, key=box.overlap), share)
            for box in here
            if nearest(box, there) >= SAME_FACE
        ]
        return moved, seconds / period

    def _search(self, index: int) -> tuple[list[Box], float]:
        if index not in self._known:
            self._known[index] = searched(self._detector, self.lumas[index])
        return self._known[index]


def searched(detector: FaceDetector, luma: UInt8Array) -> tuple[list[Box], float]:
    """Return the boxes found in a picture, and the processor's seconds."""
    started = time.thread_time()
    found = detector.detect(luma)
    return [face.box for face in found], time.thread_time() - started


def agreed(judgements: Sequence[Sequence[Box]]) -> list[Box]:
    """Return the faces that at least two judges see, each as the median of their boxes.

    Args:
        judgements: The boxes of each judge.
    """
    faces = []
    free = [(number, box) for number, boxes in enumerate(judgements) for box in boxes]
    while free:
        # The one that most judges support comes first, so that a face is not taken apart.
        group = max((_alike(box, free) for _, box in free), key=len)
        if len(group) < AGREED:
            return faces
        corners = np.array([[b.x, b.y, b.x + b.width, b.y + b.height] for _, b in group.values()])
        left, top, right, bottom = (round(float(side)) for side in np.median(corners, axis=0))
        face = Box(left, top, right - left, bottom - top)
        faces.append(face)
        members = [*group.values()]
        free = [one for one in free if one not in members and one[1].overlap(face) < SAME_FACE]
    return faces


def _alike(box: Box, others: Sequence[tuple[int, Box]]) -> dict[int, tuple[int, Box]]:
    """Return the nearest box of each judge that shows the same face, by the judge."""
    nearest_of: dict[int, tuple[int, Box]] = {}
    for one in sorted(others, key=lambda other: box.overlap(other[1])):
        if box.overlap(one[1]) >= SAME_FACE:
            nearest_of[one[0]] = one
    return nearest_of


def nearest(box: Box, others: Sequence[Box]) -> float:
    """Return the largest overlap of a box with one of others."""
    return max(map(box.overlap, others), default=0.0)


def rows(tallies: dict[str, Tally], judged: Tally) -> Iterator[tuple[str, ...]]:
    """Yield a row of the table for each setting."""
    for name, tally in tallies.items():
        yield (
            name,
            f"{100 * tally.hits / tally.faces:.1f} %" if tally.faces else "",
            f"{100 * tally.false / tally.frames:.1f}",
            f"{np.mean(tally.overlaps):.3f}" if tally.overlaps else "",
            f"{1000 * tally.seconds / tally.frames:.1f}",
            f"{tally.seconds / judged.seconds:.2f}",
        )


if __name__ == "__main__":
    main()
