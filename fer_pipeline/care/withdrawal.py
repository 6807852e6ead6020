"""Taking a participant out of a dataset, and out of all that stands beside it.

The dataset is written anew without that person, so that nothing of them stays in the file: no
image, no row, no name, no word of the provenance. What is left is a hash, so that a later run does
not bring them back, and a line in a log that tells when and how much, but not who.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.dataset import (
    Dataset,
    Excerpt,
    Rows,
    Withdrawn,
    called_in,
    copy_rows,
    open_dataset,
)
from fer_pipeline.dataset.copying import Progress
from fer_pipeline.errors import DatasetError, ModelError, OutputError
from fer_pipeline.files import UNFINISHED_SUFFIX, reason, remove_folder, remove_if_empty
from fer_pipeline.model_folder import SPEC_FILE, ModelSpec
from fer_pipeline.provenance import MERGED, PICTURES
from fer_pipeline.video_extraction import parts_folder
from fer_pipeline.work_folder import RUN_FILE

WITHHELD = "(withheld)"
"""Stands in the provenance for what named the person."""

_LABELS, _SOURCES = "labels", "sources"

_NAMES_NOBODY = frozenset({"crop", "digest", "settings", "time", "versions"})
"""Parts of a provenance in which a short code such as 01 stands for something else."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model that a person had a part in.

    Attributes:
        folder: The model folder.
        sides: On which sides of its division the person was; empty where the folder tells only that
            it was trained on this dataset.
    """

    folder: Path
    sides: tuple[str, ...]


@dataclass(frozen=True)
class WithdrawalPlan:
    """What withdrawing a person comes to.

    Attributes:
        path: The dataset.
        code: The person.
        rows: Rows of the others, which stay.
        faces: How many are removed.
        videos: Names of the videos that show nobody else; they go.
        shared: Names of videos that show others, too; they stay, without that person's faces.
        done: Whether an earlier run took the person out of the dataset already.
        parts: Files of unfinished extractions that hold the person, or may.
        trainings: Folders of unfinished trainings that hold pictures of the person.
        pictures: Folders and files with pictures of the person, for the user to delete.
        models: Models that were trained with that person.
    """

    path: Path
    code: str
    rows: Rows
    faces: int
    videos: tuple[str, ...]
    shared: tuple[str, ...]
    done: bool
    parts: tuple[Path, ...]
    trainings: tuple[Path, ...]
    pictures: tuple[Path, ...]
    models: tuple[TrainedModel, ...]

    @property
    def anything_to_do(self) -> bool:
        """Whether something of the person is left that can be removed here."""
        return bool(not self.done or self.faces or self.videos or self.parts or self.trainings)

    @property
    def log(self) -> Path:
        """Where a line is added that tells when and how much."""
        return self.path.with_name(self.path.name + ".withdrawals.log")


def plan_withdrawal(path: Path, code: str, models: Sequence[Path] = ()) -> WithdrawalPlan:
    """Find all that is known of a person, without touching it.

    Args:
        path: The dataset.
        code: The participant.
        models: Model folders, or folders above them.

    Raises:
        DatasetError: The dataset is missing or broken, or knows nobody of that code.
        ModelError: A folder given holds no model.
    """
    with open_dataset(path) as dataset:
        done = any(one.is_of(code) for one in dataset.withdrawn)
        if code not in dataset.participants and not done:
            raise _nobody(dataset, code)
        person = np.array(dataset.participants) == code
        theirs = person[dataset.column("participant")] & (dataset.column("participant") >= 0)
        videos, shared = _videos_of(dataset, code)
        return WithdrawalPlan(
            path=path,
            code=code,
            rows=np.flatnonzero(~theirs),
            faces=int(theirs.sum()),
            videos=videos,
            shared=shared,
            done=done,
            parts=tuple(_parts_of(path, code)),
            trainings=tuple(_trainings_on(path, dataset.digest)),
            pictures=tuple(_pictures_of(path, dataset.provenance, (*videos, *shared))),
            models=tuple(_models_of(models, code, dataset.digest)),
        )


def withdraw(plan: WithdrawalPlan, progress: Progress = lambda _: None) -> None:
    """Take the person out.

    Killed at any moment, it leaves the dataset as it was or without the person; run again, it goes
    on with the rest.

    Raises:
        DatasetError: The dataset is broken.
        OutputError: Something cannot be written or removed.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # What could bring the person back goes first, and the dataset, which remembers, after it.
    for part in plan.parts:
        _remove(part)
    remove_if_empty(parts_folder(plan.path))
    for folder in plan.trainings:
        remove_folder(folder)
    if not plan.done or plan.faces or plan.videos:
        _rewrite(plan, now, progress)
    _add_to_log(plan, now)


def _rewrite(plan: WithdrawalPlan, now: str, progress: Progress) -> None:
    with open_dataset(plan.path) as dataset:
        crop, before = dataset.crop, dataset.withdrawn
        made = _forget(dataset.provenance, _Traces(plan.code, frozenset(plan.videos)))
    kept = Withdrawn.of(plan.code, now, plan.faces, len(plan.videos))
    excerpt = Excerpt(plan.path, plan.rows, unlisted=frozenset(plan.videos))
    copy_rows(plan.path, [excerpt], crop, made, withdrawn=(*before, kept), progress=progress)


def _nobody(dataset: Dataset, code: str) -> DatasetError:
    known = ", ".join(sorted(dataset.participants)) or "none"
    return DatasetError(f"{dataset.path}: no participant {code}", f"its participants are {known}")


def _videos_of(dataset: Dataset, code: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the videos that show only this person, and those that show others, too."""
    people = {name: set[str]() for name in dataset.videos}
    for name, who in _people_of_videos(dataset.provenance):
        if name in people:
            people[name] |= who
    person, video = dataset.column("participant"), dataset.column("video")
    for index, who in np.unique(np.stack([video, person], axis=1), axis=0).tolist():
        if index >= 0:
            # A face of nobody known is not theirs alone.
            people[dataset.videos[index]].add(dataset.participants[who] if who >= 0 else "")
    own = tuple(name for name, who in people.items() if who == {code})
    shared = tuple(name for name, who in people.items() if code in who and len(who) > 1)
    return own, shared


def _people_of_videos(made: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield each video with the people whom its labels name, as they are called in the dataset."""
    for video, record in made.get(_SOURCES, {}).items():
        if _LABELS in record:
            yield video, _people_in(record[_LABELS])
    for part in made.get(MERGED, {}).values():
        called = partial(called_in, part["belonging"])
        for video, people in _people_of_videos(part["made"]):
            yield called(video), set(map(called, people))


def _people_in(labels: Any) -> set[str]:
    stretches = [*labels.get("stretches", []), labels.get("outside") or {}]
    return {who for one in stretches if (who := one.get("participant")) is not None}


@dataclass(frozen=True, slots=True)
class _Traces:
    """What names a person in a provenance.

    Attributes:
        code: Their code.
        videos: Names of the videos that show nobody else.
    """

    code: str
    videos: frozenset[str]

    def within(self, corpus: str) -> _Traces | None:
        """Return it as it was before a corpus was joined; None if the person is not of it."""
        beginning = called_in(corpus, "")
        if not self.code.startswith(beginning):
            return None
        videos = frozenset(name.removeprefix(beginning) for name in self.videos)
        return _Traces(self.code.removeprefix(beginning), videos)

    def are_in(self, text: str) -> bool:
        """Tell whether a text has the code as a word, or the name of a video."""
        as_word = rf"(?<![^\W_]){re.escape(self.code)}(?![^\W_])"
        return re.search(as_word, text) is not None or any(name in text for name in self.videos)


def _forget(made: dict[str, Any], traces: _Traces) -> dict[str, Any]:
    """Return a provenance that does not name a person or their videos any more."""
    parts = made.get(MERGED)
    own: dict[str, Any] = _without({k: v for k, v in made.items() if k != MERGED}, traces)
    if parts is None:
        return own
    forgotten: dict[str, Any] = {}
    for name, part in parts.items():
        theirs = traces.within(part["belonging"])
        made_of = _forget(part["made"], theirs) if theirs else part["made"]
        forgotten[_withheld(name, traces, forgotten)] = part | {"made": made_of}
    return own | {MERGED: forgotten}


def _without(value: Any, traces: _Traces) -> Any:
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            if name in _NAMES_NOBODY:
                kept[name] = inner
            elif name not in traces.videos:
                kept[_withheld(name, traces, kept)] = _without(inner, traces)
        return kept
    if isinstance(value, list):
        return [_without(one, traces) for one in value if not _is_stretch_of(one, traces.code)]
    if isinstance(value, str) and traces.are_in(value):
        return WITHHELD
    return value


def _withheld(name: str, traces: _Traces, taken: Collection[str]) -> str:
    """Return a name as it is, or what stands for one that names the person."""
    return f"{WITHHELD} {len(taken) + 1}" if traces.are_in(name) else name


def _is_stretch_of(value: Any, code: str) -> bool:
    return isinstance(value, dict) and value.get("participant") == code


def _parts_of(path: Path, code: str) -> Iterator[Path]:
    """Yield what a stopped extraction left that holds a person, or cannot tell whom it holds."""
    yield from (file for file in [path.with_name(path.name + UNFINISHED_SUFFIX)] if file.exists())
    folder = parts_folder(path)
    for part in sorted(folder.iterdir()) if folder.is_dir() else []:
        if part.is_file() and _may_hold(part, code):
            yield part


def _may_hold(part: Path, code: str) -> bool:
    try:
        with open_dataset(part) as dataset:
            record = dataset.provenance["record"]
            return code in dataset.participants or code in _people_in(record[_LABELS])
    except (DatasetError, KeyError):
        return True


def _trainings_on(path: Path, digest: str) -> Iterator[Path]:
    """Yield the folders of unfinished trainings on a dataset, beside it or a folder below.

    They hold the faces in the form in which the network sees them.
    """
    beside = path.resolve().parent
    for pattern in ("*", "*/*", "*/runs/*"):
        for run in sorted(beside.glob(f"{pattern}{UNFINISHED_SUFFIX}/{RUN_FILE}")):
            try:
                trained_on = json.loads(run.read_text("utf-8"))["dataset"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if trained_on == digest:
                yield run.parent


def _pictures_of(path: Path, made: dict[str, Any], videos: Sequence[str]) -> Iterator[Path]:
    """Yield where pictures of some videos were put on request."""
    for folder in map(Path, made.get(PICTURES, [])):
        for video in videos:
            for place in (folder / video, path.parent / folder / video):
                if place.is_dir():
                    yield place
                    break


def _models_of(folders: Sequence[Path], code: str, digest: str) -> Iterator[TrainedModel]:
    for given in folders:
        found = sorted(file.parent for file in given.rglob(SPEC_FILE))
        if not found:
            raise ModelError(f"{given}: no model folder, nor one below it")
        for folder in found:
            spec = ModelSpec.read(folder)
            sides = spec.split.get("participants", {})
            with_person = tuple(side for side, people in sides.items() if code in people)
            if with_person or spec.dataset.get("digest") == digest:
                yield TrainedModel(folder, with_person)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{file}: cannot be removed ({reason(error)})") from error


def _add_to_log(plan: WithdrawalPlan, now: str) -> None:
    line = (
        f"{now} {plan.path.name}: a participant was withdrawn; removed: {plan.faces} faces, "
        f"{len(plan.videos)} videos, {len(plan.parts)} files of unfinished extractions, "
        f"{len(plan.trainings)} unfinished trainings; models trained with them: "
        f"{len(plan.models)}\n"
    )
    try:
        with plan.log.open("a", encoding="utf-8") as log:
            log.write(line)
    except OSError as error:
        raise OutputError(f"{plan.log}: cannot be written ({reason(error)})") from error
