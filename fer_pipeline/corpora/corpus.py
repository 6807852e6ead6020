"""What a public corpus is to the importer, and what its reader yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.domain import UInt8Array
from fer_pipeline.faces import CropOptions

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A labelled face of a corpus, cropped already.

    Attributes:
        image: Shape (size, size, 1 or 3), red first.
        emotion: Canonical name.
        split: Side in the corpus's own division, as in the dataset's column ``split``.
    """

    image: UInt8Array
    emotion: str
    split: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row or a file of a corpus that makes no sense.

    Attributes:
        place: The file, and the number of the line where it has lines.
        problem: What is wrong with it.
    """

    place: str
    problem: str


Reader = Callable[[Path, Progress], Iterator[Still | Unusable]]
"""Yields all of one source, in an order that only its content decides.

Raises `CorpusError` where the source is missing, broken, or not laid out as the corpus is.
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A public corpus.

    Attributes:
        emotions: Canonical names of the emotions that it labels.
        crop: How a new clip's faces are cut out to be framed as this corpus frames its own.
        read: Its reader.
    """

    emotions: tuple[str, ...]
    crop: CropOptions
    read: Reader
