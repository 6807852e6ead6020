"""What a dataset holds, beside its table of people and emotions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    Dataset,
    counts,
)
from fer_pipeline.errors import OutputError, SplitError, UsageError
from fer_pipeline.files import PathKind, kind_of, replacing
from fer_pipeline.report.plots import plot_counts
from fer_pipeline.report.tables import counted
from fer_pipeline.splits import SplitKind, default_kind

_SIDES = {
    "training": SPLIT_TRAINING,
    "validation": SPLIT_VALIDATION,
    "test": SPLIT_TEST,
    "on no side": UNKNOWN,
}

_DIVIDED: dict[SplitKind, str] = {
    "corpus": "training divides by the corpus's own split",
    "video": "training divides by video, so the same people may be on both sides",
}


def facts(dataset: Dataset) -> list[tuple[str, str]]:
    """Return what there is to know of a dataset, in rows of a name and a text."""
    crop, made = dataset.crop, dataset.provenance
    size = dataset.path.stat().st_size / 2**20
    found = [
        ("file", f"{dataset.path}, {size:.1f} MiB"),
        ("faces", _faces(dataset)),
        ("people", _people(dataset)),
        ("withdrawn", _withdrawn(dataset)),
        ("split", _split(dataset)),
        ("votes", _votes(dataset)),
        ("images", f"{crop.size} x {crop.size} px, {crop.channels}, margin {crop.margin:g}"),
        ("detector", ", ".join(f"{name} {value}" for name, value in crop.detector.items())),
        ("command", made.get("command", "unknown")),
        ("made", _made(made)),
        *(("then", f"{one.get('command', 'unknown')}, {_made(one)}") for one in _history(made)),
        ("digest", dataset.digest),
    ]
    return [(name, text) for name, text in found if text]


def write_count_plot(dataset: Dataset, path: Path, *, overwrite: bool = False) -> None:
    """Draw how many faces show each emotion: by side of the corpus's split if there is one.

    Args:
        dataset: The dataset.
        path: Where the picture goes, a PNG.
        overwrite: Replace a file that exists.

    Raises:
        UsageError: The path does not end with .png.
        OutputError: The path is taken, or cannot be written to.
        DatasetError: The dataset cannot be read.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: the plot is a PNG; give it a name that ends with .png")
    kind = kind_of(path, OutputError)
    if kind is PathKind.FOLDER or (kind is not PathKind.MISSING and not overwrite):
        raise OutputError(f"{path}: exists", "give another name, or --overwrite for a file")
    table = counts(dataset)
    label, split = dataset.column("label"), dataset.column("split")
    shown = [*range(len(dataset.emotions)), *([UNKNOWN] if table[:, UNKNOWN].any() else [])]
    names = [*dataset.emotions, "(unlabelled)"]
    parts = {
        side: [int(np.sum((label == emotion) & (split == value))) for emotion in shown]
        for side, value in _SIDES.items()
        if np.any(split == value)
    }
    people = np.count_nonzero(table[:-1], axis=0)
    remarks = [_of_people(int(people[emotion])) for emotion in shown]
    with replacing(path) as unfinished:
        plot_counts(unfinished, [names[emotion] for emotion in shown], parts, remarks)


def _of_people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}" if number else ""


def _faces(dataset: Dataset) -> str:
    corpus = dataset.provenance.get("corpus")
    of_corpus = f" of {corpus}" if isinstance(corpus, str) else ""
    if not len(dataset.videos) and len(dataset):
        return f"{len(dataset)} stills{of_corpus}"
    text = f"{len(dataset)} of {counted(len(dataset.videos), 'video')}{of_corpus}"
    stills = int(np.sum(dataset.column("video") == UNKNOWN))
    return f"{text}, {stills} of them stills" if stills else text


def _people(dataset: Dataset) -> str:
    if np.all(dataset.column("participant") != UNKNOWN):
        return str(len(dataset.participants)) if dataset.participants else "unknown"
    known = f"{len(dataset.participants)}, and some unknown" if dataset.participants else "unknown"
    try:
        return f"{known}; {_DIVIDED.get(default_kind(dataset), 'training divides by participant')}"
    except SplitError as error:
        return f"{known}; {str(error).removeprefix(f'{dataset.path}: ')}"


def _withdrawn(dataset: Dataset) -> str:
    if not dataset.withdrawn:
        return ""
    days = Counter(one.time[:10] for one in dataset.withdrawn)
    dates = ", ".join(f"{number} on {day}" for day, number in sorted(days.items()))
    return f"{_of_people(len(dataset.withdrawn))}: {dates}"


def _split(dataset: Dataset) -> str:
    split: NDArray[np.int8] = dataset.column("split")
    if np.all(split == UNKNOWN):
        return ""
    numbers = {side: int(np.sum(split == value)) for side, value in _SIDES.items()}
    return ", ".join(f"{side} {number}" for side, number in numbers.items() if number)


def _votes(dataset: Dataset) -> str:
    if dataset.votes is None:
        return ""
    voted = int(np.sum(~np.isnan(dataset.votes).all(axis=1)))
    return f"of annotators on {counted(voted, 'face')}"


def _history(made: dict[str, object]) -> list[dict[str, object]]:
    history = made.get("history", [])
    return history if isinstance(history, list) else []


def _made(made: dict[str, object]) -> str:
    versions = made.get("versions", {})
    listed = versions.items() if isinstance(versions, dict) else ()
    names = ", ".join(f"{name} {number}" for name, number in listed)
    return f"{made.get('time', 'unknown')} with {names}"
