"""What a dataset tells of a person beside their rows: in the record of where it comes from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.dataset import Dataset, called_in, same_code
from fer_pipeline.provenance import MERGED, PICTURES

WITHHELD = "(withheld)"
"""Stands in the provenance for what named the person."""

_SOURCES, _LABELS = "sources", "labels"

_NAMES_NOBODY = frozenset({"crop", "digest", "settings", "time", "versions"})
"""Parts of a provenance in which a short code such as 01 stands for something else."""


@dataclass(frozen=True, slots=True)
class Videos:
    """The videos of a person.

    Attributes:
        own: Names of those that show nobody else who is known.
        shared: Names of those that show others, too.
    """

    own: frozenset[str]
    shared: frozenset[str]


def spellings(dataset: Dataset, code: str) -> frozenset[str]:
    """Return how a person is written in a dataset: in its rows, and in the labels of its videos."""
    named = {who for _, people in people_of_videos(dataset.provenance) for who in people}
    return frozenset(one for one in named.union(dataset.participants) if same_code(one, code))


def videos_of(dataset: Dataset, codes: Collection[str]) -> Videos:
    """Return the videos of a person: those with their faces, and those whose labels name them.

    Args:
        dataset: The dataset.
        codes: How the person is written.
    """
    people = {name: set[str]() for name in dataset.videos}
    for name, who in people_of_videos(dataset.provenance):
        if name in people:
            people[name] |= who
    pairs = np.stack([dataset.column("video"), dataset.column("participant")], axis=1)
    for video, person in np.unique(pairs, axis=0).tolist():
        if video >= 0 and person >= 0:
            people[dataset.videos[video]].add(dataset.participants[person])
    theirs = {name: who for name, who in people.items() if who.intersection(codes)}
    own = frozenset(name for name, who in theirs.items() if who.issubset(codes))
    return Videos(own, frozenset(theirs) - own)


def people_of_videos(made: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield each video with the people whom its labels name, as they are called in the dataset."""
    for video, record in made.get(_SOURCES, {}).items():
        if _LABELS in record:
            yield video, people_in(record[_LABELS])
    for part in made.get(MERGED, {}).values():
        called = partial(called_in, part["belonging"])
        for video, people in people_of_videos(part["made"]):
            yield called(video), set(map(called, people))


def people_in(labels: dict[str, Any]) -> set[str]:
    """Return the people whom the labels of a video name."""
    stretches = [*labels.get("stretches", []), labels.get("outside") or {}]
    return {who for one in stretches if (who := one.get("participant")) is not None}


def picture_folders(made: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield folders into which pictures were put, with what videos get before their names here."""
    for folder in made.get(PICTURES, []):
        yield Path(folder), ""
    for part in made.get(MERGED, {}).values():
        for folder, corpus in picture_folders(part["made"]):
            yield folder, called_in(part["belonging"], corpus)


@dataclass(frozen=True, slots=True)
class Traces:
    """What names a person in a provenance.

    Attributes:
        codes: How they are written.
        videos: Names of the videos that show nobody else.
    """

    codes: frozenset[str]
    videos: frozenset[str]

    def within(self, corpus: str) -> Traces | None:
        """Return it as it was before a part was joined; None if the person is not of it."""
        beginning = called_in(corpus, "")
        codes = _after(beginning, self.codes)
        return Traces(codes, _after(beginning, self.videos)) if codes else None

    def are_in(self, text: str) -> bool:
        """Tell whether a text has a code or the name of a video in it, as a word of its own."""
        return any(_has_word(text, word) for word in (*self.codes, *self.videos))


def _after(beginning: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(n.removeprefix(beginning) for n in names if n.startswith(beginning))


def _has_word(text: str, word: str) -> bool:
    alone = rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
    return re.search(alone, text, re.IGNORECASE) is not None


def forget(made: dict[str, Any], traces: Traces) -> dict[str, Any]:
    """Return a provenance that does not name a person or their videos any more.

    What it tells of other people's videos stays as it is, whatever they are called: a later run
    knows them by it.
    """
    kept: dict[str, Any] = {}
    for name, value in made.items():
        if name == _SOURCES:
            kept[name] = _sources_without(value, traces)
        elif name == MERGED:
            kept[name] = _parts_without(value, traces)
        else:
            kept[name] = _without(name, value, traces)
    return kept


def _sources_without(sources: dict[str, Any], traces: Traces) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, record in sources.items():
        if _LABELS in record:
            if name not in traces.videos:
                kept[name] = record | {_LABELS: _labels_without(record[_LABELS], traces.codes)}
        else:
            kept[_withheld(name, traces, kept)] = record  # a file or folder of a corpus
    return kept


def _labels_without(labels: dict[str, Any], codes: Collection[str]) -> dict[str, Any]:
    """Do as `labels.VideoLabels.without` does, so that a later run finds the labels it expects."""
    if not people_in(labels).intersection(codes):
        return labels
    stretches = [one for one in labels["stretches"] if one.get("participant") not in codes]
    return labels | {"stretches": stretches, "outside": None}


def _parts_without(parts: dict[str, Any], traces: Traces) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, part in parts.items():
        theirs = traces.within(part["belonging"])
        if theirs is None:
            kept[name] = part
            continue
        made = forget(part["made"], theirs)
        belonging = WITHHELD if theirs.are_in(part["belonging"]) else part["belonging"]
        told = part | {"made": made, "belonging": belonging}
        kept[_withheld(name, theirs, kept)] = told
    return kept


def _without(name: str, value: Any, traces: Traces) -> Any:
    """Withhold the texts that name the person, at whatever depth."""
    if name in _NAMES_NOBODY:
        return value
    if isinstance(value, dict):
        return {inner: _without(inner, one, traces) for inner, one in value.items()}
    if isinstance(value, list):
        return [_without("", one, traces) for one in value]
    return WITHHELD if isinstance(value, str) and traces.are_in(value) else value


def _withheld(name: str, traces: Traces, taken: Collection[str]) -> str:
    """Return a name as it is, or what stands for one that names the person."""
    return f"{WITHHELD} {len(taken) + 1}" if traces.are_in(name) else name
