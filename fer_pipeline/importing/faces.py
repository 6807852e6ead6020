"""A corpus's pictures → faces, decoded, searched and cut out as those of videos are."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fer_pipeline.corpora import Entry, Skipped, Still, Unusable
from fer_pipeline.corpora.pictures import brightness, decode_picture
from fer_pipeline.dataset import UNKNOWN, FaceRow
from fer_pipeline.domain import Box, Detection, Frame, Pixels, UInt8Array
from fer_pipeline.faces import (
    CHANNEL_COUNT,
    CropOptions,
    DetectionOptions,
    FaceDetector,
    crop,
    one_thread_each,
)
from fer_pipeline.quiet import quiet

NO_FACE = "no face found"

_ENTRIES_A_THREAD = 64
_MOST_BYTES = 2**25
"""So much is read ahead at most, and then worked on by all threads."""

_MOST_BEYOND = 2
"""A box may be so many times as long as its picture; what is beyond is made up of edge pixels."""


@dataclass(frozen=True, slots=True)
class CuttingOptions:
    """How a picture becomes a face.

    Attributes:
        crop: How faces are cut out.
        detect: Whether faces are looked for: in every picture, in none, or, None, in those of which
            the corpus says that they are more than a face, and not where it is.
        detection: How they are looked for.
    """

    crop: CropOptions
    detect: bool | None = None
    detection: DetectionOptions = DetectionOptions()


def cut_out(
    entries: Iterable[Entry], options: CuttingOptions, threads: int
) -> Generator[FaceRow | Unusable | Skipped, None, None]:
    """Cut a face out of each picture, in order; the result is the same however many threads.

    Args:
        entries: What a reader yields.
        options: How it is done.
        threads: How many pictures are worked on side by side.

    Raises:
        DetectorError: The detector cannot be set up.
    """
    cutter = _Cutter(options)
    with one_thread_each(), ThreadPoolExecutor(threads) as pool:
        for batch in _batches(entries, threads * _ENTRIES_A_THREAD):
            # Silence is the process's, not a thread's: progress is not told meanwhile.
            with quiet():
                done = list(pool.map(cutter.cut, batch))
            yield from done


def _batches(entries: Iterable[Entry], most: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        if isinstance(entry, Still):
            size += len(entry.image) if isinstance(entry.image, bytes) else entry.image.nbytes
        if len(batch) >= most or size >= _MOST_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


@dataclass(frozen=True, slots=True)
class _Picture(Pixels):
    """A decoded picture as the source of a `Frame`, shape (height, width, 1 or 3)."""

    image: UInt8Array

    def luma(self) -> UInt8Array:
        return brightness(self.image)

    def rgb(self) -> UInt8Array:
        return np.repeat(self.image, 3, axis=2) if self.image.shape[2] == 1 else self.image


class _UnusableError(Exception):
    """Why no face can be made of a picture."""


class _Cutter:
    """Cuts out faces, in any thread."""

    def __init__(self, options: CuttingOptions) -> None:
        self._options = options
        self._of_thread = threading.local()

    def cut(self, entry: Entry) -> FaceRow | Unusable | Skipped:
        """Return the face of a still, or why there is none, and all else as it is."""
        if not isinstance(entry, Still):
            return entry
        try:
            return self._row(entry)
        except _UnusableError as problem:
            return Unusable(entry.place, str(problem))

    def _row(self, still: Still) -> FaceRow:
        picture = still.image
        if isinstance(picture, bytes):
            decoded = decode_picture(picture)
            if decoded is None:
                raise _UnusableError("no whole picture")
            picture = decoded
        image, box, score = self._face(still, picture)
        return FaceRow(
            image=image,
            emotion=still.emotion,
            participant=still.participant,
            frame=UNKNOWN,
            time=math.nan,
            box=box,
            score=score,
            track=0,
            split=still.split,
            votes=still.votes,
        )

    def _face(self, still: Still, picture: UInt8Array) -> tuple[UInt8Array, Box, float | None]:
        """Return the crop, where it is, and the detector's score if it was asked."""
        detect, options = self._options.detect, self._options.crop
        frame = Frame(UNKNOWN, math.nan, _Picture(picture))
        if detect or (detect is None and still.box is None and not still.cropped):
            found = self._search(frame, still.box)
            return crop(frame, found.box, options), found.box, found.score
        if detect is None and still.box is not None:
            _check_box(still.box, picture)
            return crop(frame, still.box, options), still.box, None
        height, width = picture.shape[:2]
        whole = Box(0, 0, width, height)
        if picture.shape == (options.size, options.size, CHANNEL_COUNT[options.channels]):
            return picture, whole, None
        return crop(frame, whole, CropOptions(options.size, 0, options.channels)), whole, None

    def _search(self, frame: Frame, told: Box | None) -> Detection:
        """Return the largest face, or the one that is most likely where the corpus says it is."""

        def fits(face: Detection) -> float:
            return face.box.area if told is None else face.box.overlap(told)

        best = max(self._detector().detect(frame.luma), key=fits, default=None)
        if best is None or not fits(best):
            raise _UnusableError(NO_FACE)
        return best

    def _detector(self) -> FaceDetector:
        """Return this thread's own detector: OpenCV's cannot be used by two at a time."""
        if not hasattr(self._of_thread, "detector"):
            self._of_thread.detector = FaceDetector(self._options.detection)
        detector: FaceDetector = self._of_thread.detector
        return detector


def _check_box(box: Box, picture: UInt8Array) -> None:
    height, width = picture.shape[:2]
    x, y = box.center
    inside = 0 <= x < width and 0 <= y < height
    longest = _MOST_BEYOND * max(width, height)
    if not inside or min(box.width, box.height) < 1 or max(box.width, box.height) > longest:
        raise _UnusableError(
            f"the face is said to be at {box.x},{box.y}, {box.width} x {box.height} px, "
            f"in a picture of {width} x {height} px"
        )
