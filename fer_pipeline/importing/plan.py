"""What an import is about to do, and whether it was done already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fer_pipeline.corpora import CORPORA, Corpus, Progress, ReadOptions
from fer_pipeline.corpora.members import source_digest, source_size, source_state
from fer_pipeline.dataset import (
    NOBODY,
    CropRecord,
    Withdrawn,
    open_dataset,
    still_withdrawn,
    withdrawn_from,
)
from fer_pipeline.errors import CorpusError, OutputError, UsageError
from fer_pipeline.faces import Channels, CropOptions, DetectionOptions, FaceDetector
from fer_pipeline.importing.records import Imported, SourceRecord
from fer_pipeline.labels import EmotionChoice

_ANEW = "give another -o, or --overwrite to begin anew"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a corpus becomes a dataset.

    Attributes:
        detect: Whether faces are looked for; None as the corpus says of each picture.
        size: Side of the images in pixels; None as suits the corpus, here and below.
        margin: Border around a face, as a share of it; of faces that are cropped already, what
            they have.
        channels: Whether the images keep their colour.
        read: What the reader is told.
        emotions: Which emotions are imported, and as what; None for all as they are.
        balance: Faces of each emotion in the training part, over- and under-sampled; None for all
            as they are.
        seed: Decides who is drawn for that.
        readmit: People who were withdrawn and are taken in again.
    """

    detect: bool | None = None
    size: int | None = None
    margin: float | None = None
    channels: Channels | None = None
    read: ReadOptions = ReadOptions()
    emotions: EmotionChoice | None = None
    balance: int | None = None
    seed: int = 0
    readmit: frozenset[str] = NOBODY

    def to_json(self) -> dict[str, Any]:
        """Return what decides about a dataset beside its crop, as far as it is no default."""
        values = {
            "detect": self.detect,
            "emotions": None if self.emotions is None else self.emotions.to_json(),
            "balance": self.balance,
            "seed": self.seed if self.balance else None,
        }
        default = ReadOptions()
        told = {
            one.name: getattr(self.read, one.name)
            for one in fields(ReadOptions)
            if getattr(self.read, one.name) != getattr(default, one.name)
        }
        return {name: value for name, value in values.items() if value is not None} | told


@dataclass(frozen=True)
class ImportPlan:
    """What a run is about to do.

    Attributes:
        kind: Name of the corpus.
        paths: Files and folders to be read.
        options: How.
        sources: What is known of the paths, by name.
        states: What tells whether each of the paths is as it was.
        output: The dataset.
        crop: How faces are cut out.
        record: The same, as it is recorded in the dataset.
        known: What an earlier run made of just this, so that nothing is to be done; it does not
            tell which rows were left out.
        withdrawn: People whom the dataset refuses.
    """

    kind: str
    paths: tuple[Path, ...]
    options: ImportOptions
    sources: dict[str, SourceRecord]
    states: tuple[str, ...]
    output: Path
    crop: CropOptions
    record: CropRecord
    known: Imported | None
    withdrawn: tuple[Withdrawn, ...]

    @property
    def corpus(self) -> Corpus:
        """The corpus."""
        return CORPORA[self.kind]

    @property
    def size(self) -> int:
        """Bytes to be read."""
        return sum(source.size for source in self.sources.values())

    def require_unchanged(self) -> None:
        """Make sure that what was read is what was found, and recorded, before it was read.

        Raises:
            CorpusError: A file came, went or changed meanwhile.
        """
        for path, state in zip(self.paths, self.states, strict=True):
            if source_state(path) != state:
                raise CorpusError(f"{path}: changed while it was read", "run it again")


def plan_import(
    kind: str,
    paths: Sequence[Path],
    output: Path,
    options: ImportOptions = ImportOptions(),
    *,
    overwrite: bool = False,
    progress: Progress = lambda _: None,
) -> ImportPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        kind: Name of a corpus in `CORPORA`.
        paths: Its files and folders.
        output: The dataset to be made.
        options: How it is made.
        overwrite: Replace a dataset that exists.
        progress: Called with the number of bytes compared since the last call.

    Raises:
        UsageError: The options mean nothing to this corpus.
        DatasetError: Somebody to be taken in again was not withdrawn.
        CorpusError: A source does not exist, cannot be read, or is given twice.
        DetectorError: The detector cannot be set up.
        OutputError: The dataset was made otherwise or from other sources, or is a folder.
    """
    _check_options(kind, options)
    if output.is_dir():
        raise OutputError(f"{output}: a folder; give the name of a file with -o")
    if output.resolve() in {path.resolve() for path in paths}:
        raise OutputError(f"{output}: is one of the inputs", "give another -o")
    states = tuple(map(source_state, paths))
    sources: dict[str, SourceRecord] = {}
    for path in paths:
        name = _name_of(path)
        if name in sources:
            problem = f"{path}: two sources are called {name}"
            raise CorpusError(problem, "give each once, or the folder above")
        sources[name] = SourceRecord(source_size(path), source_digest(path, progress))
    crop = _crop(CORPORA[kind].crop(paths), options)
    record = _record(crop)
    before = withdrawn_from(output)
    withdrawn = still_withdrawn(before, options.readmit)
    known = None if overwrite else _known_import(output, kind, sources, options, record)
    if withdrawn != before:
        known = None  # somebody comes back, for whom it has to be read again
    return ImportPlan(
        kind, tuple(paths), options, sources, states, output, crop, record, known, withdrawn
    )


def _check_options(kind: str, options: ImportOptions) -> None:
    corpus = CORPORA[kind]
    default = ReadOptions()
    for one in fields(ReadOptions):
        given = getattr(options.read, one.name) != getattr(default, one.name)
        if given and one.name not in corpus.heeds:
            raise UsageError(
                f"--{one.name.replace('_', '-')} means nothing to {kind}; leave it out"
            )
    if options.emotions is not None:
        options.emotions.check(corpus.emotions)


def _name_of(path: Path) -> str:
    """Return what a source is known by."""
    name = path.resolve().name
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(f"{name!a}: this file name is not UTF-8; rename it") from error
    return name


def _crop(usual: CropOptions, options: ImportOptions) -> CropOptions:
    return CropOptions(
        usual.size if options.size is None else options.size,
        usual.margin if options.margin is None else options.margin,
        options.channels or usual.channels,
    )


def _record(crop: CropOptions) -> CropRecord:
    """Return how new clips are cut: with the detector as it is by default."""
    detection = DetectionOptions()
    return CropRecord(
        size=crop.size,
        margin=crop.margin,
        channels=crop.channels,
        detector=asdict(detection),
        cascade_digest=FaceDetector(detection).digest,
    )


def _known_import(
    output: Path,
    kind: str,
    sources: dict[str, SourceRecord],
    options: ImportOptions,
    record: CropRecord,
) -> Imported | None:
    """Return what the dataset that exists tells of itself; it must have been made just so."""
    if not output.exists():
        return None
    with open_dataset(output) as dataset:
        made: dict[str, Any] = dataset.provenance
        before = dataset.crop
    if "corpus" not in made:
        raise OutputError(f"{output}: not made by fer import; {_ANEW}")
    if made["corpus"] != kind:
        raise OutputError(f"{output}: made from {made['corpus']}, not {kind}; {_ANEW}")
    try:
        digests = {name: source["digest"] for name, source in made["sources"].items()}
        known = Imported.from_json(made)
    except (AttributeError, KeyError, TypeError) as error:
        problem = f"{output}: does not tell what it was made from"
        raise OutputError(problem, _ANEW) from error
    if sorted(digests.values()) != sorted(source.digest for source in sources.values()):
        raise OutputError(f"{output}: made from other content ({', '.join(digests)}); {_ANEW}")
    changed = _differences(asdict(before), asdict(record))
    if changed:
        raise OutputError(f"{output}: made with another crop ({changed}); {_ANEW}")
    changed = _differences(made.get("options", {}), options.to_json())
    if changed:
        raise OutputError(f"{output}: made with other options ({changed}); {_ANEW}")
    return known


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    return "; ".join(
        f"{name}: {before.get(name)} → {now.get(name)}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    )
