"""What is told of an import, and kept in the dataset's provenance."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fer_pipeline.corpora import Skipped, Unusable
from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    FaceRow,
    Rows,
    image_hash,
)

MOST_KEPT = 1000
"""Unusable rows are counted beyond that, but not held: a file of another kind has millions."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What is known of a file or folder that was imported.

    Attributes:
        size: Bytes.
        digest: SHA-256 of its content.
    """

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Copies:
    """Exact copies among the images, which flatter a figure where they are on two sides.

    Attributes:
        all: Images that equal one before them.
        validation_in_training: Images of the validation part that are in the training part, too.
        test_in_training: Images of the test part that are in the training part, too.
    """

    all: int
    validation_in_training: int
    test_in_training: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a corpus.

    Attributes:
        left_out: Number of rows and files that could not be used.
        unusable: The first of them.
        skipped: Number of sound ones that are none of the dataset's, by the reason.
        copies: Exact copies among the others.
    """

    left_out: int
    unusable: tuple[Unusable, ...]
    skipped: dict[str, int]
    copies: Copies

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, without the list of what could not be used."""
        return {
            "left_out": self.left_out,
            "skipped": self.skipped,
            "copies": asdict(self.copies),
        }

    @classmethod
    def from_json(cls, made: dict[str, Any]) -> Imported:
        """Rebuild it from the provenance of a dataset.

        Raises:
            AttributeError, KeyError, TypeError: Something is missing.
        """
        # Datasets of earlier versions had nothing to skip.
        return cls(made["left_out"], (), dict(made.get("skipped", {})), Copies(**made["copies"]))


@dataclass(slots=True)
class Tally:
    """What is counted while a corpus is read; of each image nine bytes are kept to find copies."""

    left_out: int = 0
    unusable: list[Unusable] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    _hashes: array[int] = field(default_factory=lambda: array("Q"))
    _splits: array[int] = field(default_factory=lambda: array("b"))

    @property
    def faces(self) -> int:
        """Number of faces so far."""
        return len(self._hashes)

    def add(self, entry: FaceRow | Unusable | Skipped) -> None:
        """Count one."""
        if isinstance(entry, Unusable):
            self.left_out += 1
            if self.left_out <= MOST_KEPT:
                self.unusable.append(entry)
        elif isinstance(entry, Skipped):
            self.skipped[entry.reason] += entry.number
        else:
            self._hashes.append(image_hash(entry.image))
            self._splits.append(entry.split)

    def result(self, rows: Rows | None = None) -> Imported:
        """Return what became of the corpus.

        Args:
            rows: The faces that remain; None for all. One that is named twice is no copy.
        """
        skipped = dict(sorted(self.skipped.items()))
        return Imported(self.left_out, tuple(self.unusable), skipped, self._copies(rows))

    def _copies(self, rows: Rows | None) -> Copies:
        hashes, splits = np.asarray(self._hashes), np.asarray(self._splits)
        if rows is not None:
            remaining = np.unique(rows)
            hashes, splits = hashes[remaining], splits[remaining]
        training = hashes[splits == SPLIT_TRAINING]
        validation, test = (
            int(np.isin(hashes[splits == side], training).sum())
            for side in (SPLIT_VALIDATION, SPLIT_TEST)
        )
        return Copies(len(hashes) - len(np.unique(hashes)), validation, test)
