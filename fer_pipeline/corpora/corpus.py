"""What a public corpus is to the importer, and what its reader yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.dataset import UNKNOWN
from fer_pipeline.domain import Box, UInt8Array
from fer_pipeline.faces import CropOptions

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A labelled picture of a corpus.

    Attributes:
        place: The file, and the line where it has lines; for messages.
        image: Pixels of shape (height, width, 1 or 3), red first; or the content of a picture file,
            which is decoded later, beside others.
        emotion: Canonical name, or the corpus's own.
        cropped: Whether the picture is a face and no more, so that none has to be looked for.
        box: Where the corpus says that the face is; None if it does not.
        participant: The corpus's code of the person; None if it gives none.
        split: Side in the corpus's own division, as in the dataset's column ``split``.
        votes: How annotators voted, for each emotion; None if the corpus does not tell.
    """

    place: str
    image: UInt8Array | bytes
    emotion: str
    cropped: bool = True
    box: Box | None = None
    participant: str | None = None
    split: int = UNKNOWN
    votes: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row or a file of a corpus that makes no sense.

    Attributes:
        place: The file, and the number of the line where it has lines.
        problem: What is wrong with it.
    """

    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Sound rows or files that are none of the dataset's, as the corpus itself says.

    Attributes:
        reason: Why, in few words, the same for all that share it: it is counted, not listed.
        number: How many.
    """

    reason: str
    number: int = 1


Entry = Still | Unusable | Skipped


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may be told.

    Attributes:
        pattern: Where a path tells participant and emotion, as for videos; None for the usual tree.
        last: Frames at the end of a sequence that begins neutral which show its emotion.
        most_voted: Whether the emotion with most votes counts, even if most votes are for others.
    """

    pattern: str | None = None
    last: int = 3
    most_voted: bool = False


Reader = Callable[[Sequence[Path], ReadOptions, Progress], Iterator[Entry]]
"""Yields all of a corpus, in an order that only its content decides.

It is given all sources together, because labels and pictures may be apart. Raises `CorpusError`
where a source is missing, broken, or not laid out as the corpus is.
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A public corpus.

    Attributes:
        title: What it is called, who made it, and how it is to be given, in a line or two for
            ``fer import --help``.
        crop: Tells how faces are cut out, by what the sources are; of a corpus of cropped faces,
            how a new clip's faces are cut out to be framed alike.
        read: Its reader.
        votes: Whether its faces have annotators' votes; they are of the emotions in ``emotions``.
        emotions: Canonical names of the emotions that it labels; empty where others may occur.
        heeds: Names of the `ReadOptions` that mean something to its reader.
        own: Whether it may be a study of one's own, whose people are the same in other datasets.
    """

    title: str
    crop: Callable[[Sequence[Path]], CropOptions]
    read: Reader
    emotions: tuple[str, ...] = ()
    votes: bool = False
    heeds: frozenset[str] = frozenset()
    own: bool = False
