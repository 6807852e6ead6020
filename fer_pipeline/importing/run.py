"""A corpus into its dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.corpora import Entry, Progress, Skipped, Still
from fer_pipeline.dataset import (
    SPLIT_TRAINING,
    UNKNOWN,
    Excerpt,
    FaceRow,
    Rows,
    Withdrawn,
    copy_rows,
    create_dataset,
    open_dataset,
    withdrawn_among,
)
from fer_pipeline.errors import CorpusError
from fer_pipeline.files import UNFINISHED_SUFFIX
from fer_pipeline.importing.faces import CuttingOptions, cut_out
from fer_pipeline.importing.plan import ImportPlan
from fer_pipeline.importing.records import Imported, Tally
from fer_pipeline.labels import NOT_CHOSEN, EmotionChoice
from fer_pipeline.provenance import provenance
from fer_pipeline.training_data import balanced

WITHDRAWN = "of people who were withdrawn"
"""Reason for which faces are skipped."""

# As what is cut short at any time ends, so that it is known for what it is.
_WHOLE_SUFFIX = f".whole{UNFINISHED_SUFFIX}"


def run_import(plan: ImportPlan, threads: int, progress: Progress, command: str) -> Imported:
    """Read a corpus into its dataset, which appears when all is done.

    Args:
        plan: What to do.
        threads: How many pictures are worked on side by side.
        progress: Called with the number of bytes read since the last call.
        command: The command line as it was typed.

    Raises:
        CorpusError: A source is broken, or nothing in it can be used.
        OutputError: The dataset cannot be written.
    """
    described = provenance(command) | {
        "corpus": plan.kind,
        "options": plan.options.to_json(),
        "sources": {name: asdict(source) for name, source in plan.sources.items()},
    }
    if plan.corpus.own:
        described["own"] = True
    with _beside(plan.output) as whole:
        if plan.options.balance is None:
            return _import(plan, plan.output, threads, progress, described).result()
        tally = _import(plan, whole, threads, progress, described)
        rows = _balanced_rows(whole, plan, plan.options.balance)
        imported = tally.result(rows)
        made = described | imported.to_json()
        kept = [Excerpt(whole, rows)]
        copy_rows(plan.output, kept, plan.record, made, withdrawn=plan.withdrawn)
    return imported


def _import(
    plan: ImportPlan, output: Path, threads: int, progress: Progress, described: dict[str, Any]
) -> Tally:
    """Read all of a corpus that was chosen."""
    corpus, choice = plan.corpus, plan.options.emotions
    entries = corpus.read(plan.paths, plan.options.read, progress)
    emotions = corpus.emotions
    if choice is not None:
        entries, emotions = chosen_among(entries, choice), choice.names
    entries = _admitted(entries, plan.withdrawn)
    cutting = CuttingOptions(plan.crop, plan.options.detect)
    tally = Tally()
    with (
        create_dataset(
            output, plan.record, emotions, votes=corpus.votes, withdrawn=plan.withdrawn
        ) as writer,
        closing(cut_out(entries, cutting, threads)) as faces,
    ):
        for face in faces:
            tally.add(face)
            if isinstance(face, FaceRow):
                writer.append(None, face)
        plan.require_unchanged()
        if not tally.faces:
            raise _nothing_usable(plan, tally)
        writer.list_shown_emotions()
        writer.finish(described | tally.result().to_json())
    return tally


def chosen_among(entries: Iterable[Entry], choice: EmotionChoice) -> Iterator[Entry]:
    """Yield stills as what they become, and all else as it is."""
    for entry in entries:
        if not isinstance(entry, Still):
            yield entry
        elif entry.emotion in choice.classes:
            votes = None if entry.votes is None else choice.votes(entry.votes)
            yield replace(entry, emotion=choice.classes[entry.emotion], votes=votes)
        else:
            yield Skipped(f"{entry.emotion}: {NOT_CHOSEN}")


def _admitted(entries: Iterable[Entry], withdrawn: Sequence[Withdrawn]) -> Iterator[Entry]:
    """Leave out the faces of people who were withdrawn."""
    refused: dict[str, bool] = {}
    for entry in entries:
        code = entry.participant if isinstance(entry, Still) else None
        if code is not None and code not in refused:
            refused[code] = bool(withdrawn_among([code], withdrawn))
        yield Skipped(WITHDRAWN) if code is not None and refused[code] else entry


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """Give a path for a dataset that is needed for a while only.

    What a killed run left there is removed, too, in whatever state.
    """
    path = output.with_name(output.name + _WHOLE_SUFFIX)
    try:
        yield path
    finally:
        for left in (path, path.with_name(path.name + UNFINISHED_SUFFIX)):
            with suppress(OSError):
                left.unlink()


def _balanced_rows(whole: Path, plan: ImportPlan, faces: int) -> Rows:
    """Return the rows that remain; where the corpus is divided, all but training stays as it is."""
    with open_dataset(whole) as dataset:
        label, split = dataset.column("label"), dataset.column("split")
    divided = bool(np.any(split != UNKNOWN))
    drawn_from = split == SPLIT_TRAINING if divided else np.ones(len(split), bool)
    rows = np.flatnonzero(drawn_from)
    if not len(rows):
        raise CorpusError(f"{plan.output}: no training faces to balance", "leave --balance out")
    drawn = balanced(rows, label[rows], faces, plan.options.seed)
    return np.sort(np.concatenate([drawn, np.flatnonzero(~drawn_from)]))


def _nothing_usable(plan: ImportPlan, tally: Tally) -> CorpusError:
    given = ", ".join(map(str, plan.paths))
    if tally.unusable:
        first = tally.unusable[0]
        return CorpusError(
            f"{given}: none of its {tally.left_out} rows or files can be used; "
            f"the first is {first.place}: {first.problem}",
            f"see whether it is {plan.kind}",
        )
    if tally.skipped:
        reasons = "; ".join(f"{reason} ({number})" for reason, number in tally.skipped.items())
        return CorpusError(f"{given}: all of its faces are left out: {reasons}")
    return CorpusError(f"{given}: holds no faces", "give the whole corpus")
