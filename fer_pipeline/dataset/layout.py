"""What is in a dataset: its columns, and what their values mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import Box, UInt8Array
from fer_pipeline.faces import Channels

FORMAT = "fer-faces"
VERSION = 1

UNKNOWN = -1
"""Stands for no label, no participant, no video, no frame number and no split of the corpus."""

SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST = 0, 1, 2
"""Values of the dataset ``split``: the division that a public corpus brings along."""

COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "label": (np.int8, ()),
    "participant": (np.int32, ()),
    "video": (np.int32, ()),
    "frame": (np.int64, ()),
    "time": (np.float64, ()),
    "box": (np.int32, (4,)),
    "score": (np.float32, ()),
    "track": (np.int32, ()),
    "split": (np.int8, ()),
}

VOTES = "votes"
"""Column that a dataset may have: annotators' votes, float32, one number for each emotion."""

Rows = NDArray[np.int64]
"""Numbers of rows."""

_ROWS_AT_ONCE, _BYTES_AT_ONCE = 256, 2**23
"""At most so many images are held in memory, and fewer if they are large."""


@dataclass(frozen=True, slots=True)
class CropRecord:
    """How the images of a dataset were cut out; a model repeats it on new clips.

    Attributes:
        size: Side of the square images in pixels.
        margin: Border on each side, as a share of the face box's longer side.
        channels: Colour or gray.
        detector: Settings of the detector, plain.
        cascade_digest: SHA-256 of the cascade file.
    """

    size: int
    margin: float
    channels: Channels
    detector: dict[str, Any]
    cascade_digest: str


@dataclass(frozen=True, slots=True, eq=False)
class FaceRow:
    """One face, as it is handed to the writer.

    Attributes:
        image: Shape (size, size, 3 or 1).
        emotion: Name of the emotion, None if unlabelled.
        participant: Code of the person, None if unknown.
        frame: Number of the frame in its source, `UNKNOWN` for a still.
        time: Seconds from the source's start, NaN for a still.
        box: Where the face is in the source frame.
        score: The detector's score, None where the box was carried.
        track: Number of the face within its video.
        split: Side in the corpus's own division.
        votes: How annotators voted, for each emotion; None where nobody did.
    """

    image: UInt8Array
    emotion: str | None
    participant: str | None
    frame: int
    time: float
    box: Box
    score: float | None
    track: int
    split: int = UNKNOWN
    votes: Mapping[str, float] | None = None


def rows_at_once(image: tuple[int, ...]) -> int:
    """Return how many images of a shape (size, size, channels) are held in memory at a time."""
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // max(1, math.prod(image))))


def batches(rows: Rows, image: tuple[int, ...]) -> Iterator[Rows]:
    """Yield rows in order, so many at a time as fit into memory with their images."""
    step = rows_at_once(image)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def called_in(corpus: str, name: str) -> str:
    """Return what a person or a video of a corpus is called among others."""
    return f"{corpus}/{name}" if corpus else name
