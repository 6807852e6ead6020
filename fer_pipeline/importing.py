"""Public corpora → the same dataset that extraction makes.

The faces of a corpus are stored as they are. Its own division into training, validation and test
is kept, and the crop is recorded that makes new clips look alike.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.corpora import CORPORA, Corpus, Progress, Still, Unusable
from fer_pipeline.corpora.members import source_digest, source_size
from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    CropRecord,
    FaceRow,
    create_dataset,
    image_hash,
    open_dataset,
)
from fer_pipeline.domain import Box
from fer_pipeline.errors import CorpusError, OutputError
from fer_pipeline.faces import DetectionOptions, FaceDetector
from fer_pipeline.provenance import provenance

_ANEW = "give another -o, or --overwrite to begin anew"

MOST_KEPT = 1000
"""Unusable rows are counted beyond that, but not held: a file of another kind has millions."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What is known of a file or folder that was imported; kept in the dataset's provenance.

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
        copies: Exact copies among the others.
    """

    left_out: int
    unusable: tuple[Unusable, ...]
    copies: Copies


@dataclass(frozen=True)
class ImportPlan:
    """What a run is about to do.

    Attributes:
        kind: Name of the corpus.
        paths: Files and folders to be read.
        sources: What is known of them, by name.
        output: The dataset.
        crop: As it is recorded in the dataset.
        known: What an earlier run made of just this, so that nothing is to be done; it does not
            tell which rows were left out.
    """

    kind: str
    paths: tuple[Path, ...]
    sources: dict[str, SourceRecord]
    output: Path
    crop: CropRecord
    known: Imported | None

    @property
    def corpus(self) -> Corpus:
        """The corpus."""
        return CORPORA[self.kind]

    @property
    def size(self) -> int:
        """Bytes to be read."""
        return sum(source.size for source in self.sources.values())


def plan_import(
    kind: str, paths: Sequence[Path], output: Path, *, overwrite: bool = False
) -> ImportPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        kind: Name of a corpus in `CORPORA`.
        paths: Its files and folders.
        output: The dataset to be made.
        overwrite: Replace a dataset that exists.

    Raises:
        CorpusError: A source does not exist, cannot be read, or is given twice.
        OutputError: The dataset was made otherwise or from other sources, or is a folder.
    """
    if output.is_dir():
        raise OutputError(f"{output}: a folder; give the name of a file with -o")
    if output.resolve() in {path.resolve() for path in paths}:
        raise OutputError(f"{output}: is one of the inputs", "give another -o")
    sources: dict[str, SourceRecord] = {}
    for path in paths:
        name = _name_of(path)
        if name in sources:
            problem = f"{path}: two sources are called {name}"
            raise CorpusError(problem, "give each once, or the folder above")
        sources[name] = SourceRecord(source_size(path), source_digest(path))
    crop = _crop_record(CORPORA[kind])
    known = None if overwrite else _known_import(output, kind, sources, crop)
    return ImportPlan(kind, tuple(paths), sources, output, crop, known)


def run_import(plan: ImportPlan, progress: Progress, command: str) -> Imported:
    """Read a corpus into its dataset, which appears when all is read.

    Args:
        plan: What to do.
        progress: Called with the number of bytes read since the last call.
        command: The command line as it was typed.

    Raises:
        CorpusError: A source is broken, or nothing in it can be used.
        OutputError: The dataset cannot be written.
    """
    left_out, unusable = 0, []
    seen = _Seen()
    with create_dataset(plan.output, plan.crop, plan.corpus.emotions) as writer:
        for path in plan.paths:
            for entry in plan.corpus.read(path, progress):
                if isinstance(entry, Unusable):
                    left_out += 1
                    if left_out <= MOST_KEPT:
                        unusable.append(entry)
                    continue
                writer.append(None, _row(entry))
                seen.add(entry)
        if not seen.hashes:
            raise _nothing_usable(plan, left_out, unusable)
        imported = Imported(left_out, tuple(unusable), seen.copies())
        writer.list_shown_emotions()
        writer.finish(
            provenance(command)
            | {
                "corpus": plan.kind,
                "sources": {name: asdict(source) for name, source in plan.sources.items()},
                "left_out": left_out,
                "copies": asdict(imported.copies),
            }
        )
    return imported


@dataclass(slots=True)
class _Seen:
    """What is kept of each image to find copies: nine bytes."""

    hashes: array[int] = field(default_factory=lambda: array("Q"))
    splits: array[int] = field(default_factory=lambda: array("b"))

    def add(self, still: Still) -> None:
        self.hashes.append(image_hash(still.image))
        self.splits.append(still.split)

    def copies(self) -> Copies:
        hashes, splits = np.asarray(self.hashes), np.asarray(self.splits)
        training = hashes[splits == SPLIT_TRAINING]
        validation, test = (
            int(np.isin(hashes[splits == side], training).sum())
            for side in (SPLIT_VALIDATION, SPLIT_TEST)
        )
        return Copies(len(hashes) - len(np.unique(hashes)), validation, test)


def _name_of(path: Path) -> str:
    """Return what a source is known by."""
    name = path.resolve().name
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(f"{name!a}: this file name is not UTF-8; rename it") from error
    return name


def _row(still: Still) -> FaceRow:
    """Return a still as a row: the whole image is the face, and nobody knows whose."""
    height, width = still.image.shape[:2]
    return FaceRow(
        image=still.image,
        emotion=still.emotion,
        participant=None,
        frame=UNKNOWN,
        time=math.nan,
        box=Box(0, 0, width, height),
        score=None,
        track=0,
        split=still.split,
    )


def _crop_record(corpus: Corpus) -> CropRecord:
    """Return how new clips are cut: with the detector as it is by default."""
    detection = DetectionOptions()
    return CropRecord(
        size=corpus.crop.size,
        margin=corpus.crop.margin,
        channels=corpus.crop.channels,
        detector=asdict(detection),
        cascade_digest=FaceDetector(detection).digest,
    )


def _nothing_usable(plan: ImportPlan, left_out: int, unusable: Sequence[Unusable]) -> CorpusError:
    given = ", ".join(map(str, plan.paths))
    if not unusable:
        return CorpusError(f"{given}: holds no faces", "give the whole corpus")
    first = unusable[0]
    return CorpusError(
        f"{given}: none of its {left_out} rows or files can be used; "
        f"the first is {first.place}: {first.problem}",
        f"see whether it is {plan.kind}",
    )


def _known_import(
    output: Path, kind: str, sources: dict[str, SourceRecord], crop: CropRecord
) -> Imported | None:
    """Return what the dataset that exists tells of itself; it must have been made just so."""
    if not output.exists():
        return None
    with open_dataset(output) as dataset:
        made: dict[str, Any] = dataset.provenance
        same_crop = dataset.crop == crop
    if made.get("corpus") not in CORPORA:
        raise OutputError(f"{output}: not made by fer import; {_ANEW}")
    if made["corpus"] != kind:
        raise OutputError(f"{output}: made from {made['corpus']}, not {kind}; {_ANEW}")
    try:
        before = {name: source["digest"] for name, source in made["sources"].items()}
        known = Imported(made["left_out"], (), Copies(**made["copies"]))
    except (AttributeError, KeyError, TypeError) as error:
        problem = f"{output}: does not tell what it was made from"
        raise OutputError(problem, _ANEW) from error
    if list(before.values()) != [source.digest for source in sources.values()]:
        raise OutputError(f"{output}: made from other content ({', '.join(before)}); {_ANEW}")
    if not same_crop:
        raise OutputError(f"{output}: made with another crop, by another version; {_ANEW}")
    return known
