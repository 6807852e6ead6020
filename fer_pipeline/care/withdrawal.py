"""Taking a participant out of a dataset, and out of all that stands beside it.

The dataset is written anew without that person, so that nothing of them stays in the file: no
image, no row, no name, no word of the provenance. What is left is a hash, so that a later run does
not bring them back, and a line in a log that tells when and how much, but not who.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.care.export import EXPORTING_SUFFIX
from fer_pipeline.care.traces import (
    Traces,
    Videos,
    forget,
    people_in,
    picture_folders,
    spellings,
    videos_of,
)
from fer_pipeline.dataset import (
    Dataset,
    Excerpt,
    Withdrawn,
    copy_rows,
    open_dataset,
    same_code,
)
from fer_pipeline.dataset.copying import Progress
from fer_pipeline.errors import DatasetError, ModelError, OutputError
from fer_pipeline.files import (
    UNFINISHED_SUFFIX,
    locked,
    reason,
    remove_folder,
    remove_if_empty,
)
from fer_pipeline.json_values import parse_json
from fer_pipeline.model_folder import SPEC_FILE, ModelSpec
from fer_pipeline.video_extraction import parts_folder
from fer_pipeline.work_folder import RUN_FILE


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
        codes: How the person is written there; several if only the case of letters differs.
        excerpt: All that stays.
        faces: How many are removed.
        videos: Names of the videos that show nobody else; they go.
        shared: Names of videos that show others, too; they stay, without that person's faces.
        doubtful: Faces of nobody known in these, which stay.
        before: When an earlier run took the person out; None if none did.
        parts: Files of unfinished runs that hold the person, or may.
        trainings: Folders of unfinished trainings that hold pictures of the person.
        others: Folders of unfinished trainings on other data, or on this before it changed.
        pictures: Folders with pictures of the person, for the user to delete.
        exports: Folders of unfinished exports, which may be of this dataset or of another.
        models: Models that were trained with that person.
    """

    path: Path
    codes: frozenset[str]
    excerpt: Excerpt
    faces: int
    videos: tuple[str, ...]
    shared: tuple[str, ...]
    doubtful: int
    before: str | None
    parts: tuple[Path, ...]
    trainings: tuple[Path, ...]
    others: tuple[Path, ...]
    pictures: tuple[Path, ...]
    exports: tuple[Path, ...]
    models: tuple[TrainedModel, ...]

    @property
    def faces_left(self) -> int:
        """How many faces stay."""
        return 0 if self.excerpt.rows is None else len(self.excerpt.rows)

    @property
    def in_dataset(self) -> bool:
        """Whether anything of the person is in the dataset, or it does not refuse them yet."""
        return bool(self.before is None or self.faces or self.videos or self.shared)

    @property
    def anything_to_do(self) -> bool:
        """Whether something of the person is left that can be removed here."""
        return bool(self.in_dataset or self.parts or self.trainings or not self.is_logged)

    @property
    def is_logged(self) -> bool:
        """Whether the log has a line of what an earlier run did."""
        if self.before is None:
            return False
        return self.log.exists() and self.before in self.log.read_text("utf-8")

    @property
    def log(self) -> Path:
        """Where a line is added that tells when and how much."""
        return self.path.with_name(self.path.name + ".withdrawals.log")


def plan_withdrawal(
    given: Path, code: str, models: Sequence[Path] = (), real: str | None = None
) -> WithdrawalPlan:
    """Find all that is known of a person, without touching it.

    Args:
        given: The dataset; of a link, the file that it leads to.
        code: The participant; the case of letters does not matter.
        models: Model folders, or folders above them.
        real: The code for which ``code`` is the pseudonym: models may have been trained before.

    Raises:
        DatasetError: The dataset is missing or broken, or knows nobody of that code.
        ModelError: A folder given holds no model.
    """
    path = given.resolve()
    with open_dataset(path) as dataset:
        before = next((one.time for one in dataset.withdrawn if one.is_of(code)), None)
        codes = spellings(dataset, code)
        parts = tuple(dict.fromkeys(p for at in (path, given) for p in _parts_of(at, code)))
        if not codes and not before and not any(_is_sure(part, code) for part in parts):
            raise _nobody(dataset, code)
        codes |= {code}
        videos = videos_of(dataset, codes)
        gone, doubtful = _rows_of(dataset, codes, videos)
        trainings = {folder: _is_on(folder, dataset.digest) for folder in _trainings(path)}
        return WithdrawalPlan(
            path=path,
            codes=codes,
            excerpt=Excerpt.of(dataset, np.flatnonzero(~gone), unlisted=videos.own),
            faces=int(gone.sum()),
            videos=tuple(sorted(videos.own)),
            shared=tuple(sorted(videos.shared)),
            doubtful=doubtful,
            before=before,
            parts=parts,
            trainings=tuple(folder for folder, on_this in trainings.items() if on_this),
            others=tuple(folder for folder, on_this in trainings.items() if not on_this),
            pictures=tuple(_pictures_of(path, dataset.provenance, videos)),
            exports=_unfinished_exports(path),
            models=tuple(_models_of(models, codes | {real or code}, dataset.digest)),
        )


def withdraw(plan: WithdrawalPlan, progress: Progress = lambda _: None) -> None:
    """Take the person out.

    Killed at any moment, it leaves the dataset as it was or without the person; run again, it goes
    on with the rest.

    Raises:
        DatasetError: The dataset is broken.
        OutputError: Something cannot be written or removed, or a training is going on.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # What could bring the person back goes first, and the dataset, which remembers, after it.
    for part in plan.parts:
        _remove(part)
    remove_if_empty(parts_folder(plan.path))
    for folder in plan.trainings:
        _remove_training(folder)
    if plan.in_dataset:
        _rewrite(plan, now, progress)
    _add_to_log(plan, now if plan.in_dataset else plan.before or now)


def _rewrite(plan: WithdrawalPlan, now: str, progress: Progress) -> None:
    with open_dataset(plan.path) as dataset:
        crop, before = dataset.crop, dataset.withdrawn
        words = plan.codes | _only_theirs(dataset.participants, plan.codes)
        made = forget(dataset.provenance, Traces(words, frozenset(plan.videos)))
    if plan.before is None:
        code = min(plan.codes)
        before = (*before, Withdrawn.of(code, now, plan.faces, len(plan.videos)))
    copy_rows(plan.path, [plan.excerpt], crop, made, withdrawn=before, progress=progress)


def _only_theirs(people: Sequence[str], codes: Collection[str]) -> frozenset[str]:
    """Return what stands before the person's own code and before nobody else's: it names them."""
    before = {code.rpartition("/")[0] for code in codes} - {""}
    others = [one for one in people if one not in codes]
    return frozenset(
        name for name in before if not any(one.startswith(f"{name}/") for one in others)
    )


def _nobody(dataset: Dataset, code: str) -> DatasetError:
    known = ", ".join(sorted(dataset.participants)) or "none"
    return DatasetError(f"{dataset.path}: no participant {code}", f"its participants are {known}")


def _rows_of(
    dataset: Dataset, codes: Collection[str], videos: Videos
) -> tuple[NDArray[np.bool_], int]:
    """Tell which rows go, shape (N,), and how many of nobody known stay in shared videos."""
    person, video = dataset.column("participant"), dataset.column("video")
    theirs = np.isin(person, [i for i, one in enumerate(dataset.participants) if one in codes])
    in_own = np.isin(video, [i for i, one in enumerate(dataset.videos) if one in videos.own])
    shared = np.isin(video, [i for i, one in enumerate(dataset.videos) if one in videos.shared])
    return theirs | in_own, int(np.sum(shared & (person < 0)))


def _parts_of(path: Path, code: str) -> Iterator[Path]:
    """Yield what a stopped run left that holds a person, or cannot tell whom it holds."""
    left = path.parent.glob(f"{_escaped(path.name)}*{UNFINISHED_SUFFIX}")
    yield from sorted(file for file in left if file.is_file())
    folder = parts_folder(path)
    for part in sorted(folder.iterdir()) if folder.is_dir() else []:
        if part.is_file() and _may_hold(part, code):
            yield part


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _may_hold(part: Path, code: str) -> bool:
    try:
        return any(same_code(one, code) for one in _people_of_part(part))
    except (DatasetError, KeyError):
        return True


def _is_sure(part: Path, code: str) -> bool:
    try:
        return any(same_code(one, code) for one in _people_of_part(part))
    except (DatasetError, KeyError):
        return False


def _people_of_part(part: Path) -> set[str]:
    with open_dataset(part, sound=False) as dataset:
        return {*dataset.participants, *people_in(dataset.provenance["record"]["labels"])}


def _trainings(path: Path) -> list[Path]:
    """List the folders of unfinished trainings beside a dataset, or a folder below.

    They hold the faces in the form in which the network sees them.
    """
    patterns = (f"{place}{UNFINISHED_SUFFIX}/{RUN_FILE}" for place in ("*", "*/*", "*/runs/*"))
    found = {run.parent for pattern in patterns for run in path.parent.glob(pattern)}
    return sorted(found)


def _is_on(training: Path, digest: str) -> bool:
    try:
        run = parse_json((training / RUN_FILE).read_text("utf-8"))
        return bool(run["dataset"] == digest)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remove_training(folder: Path) -> None:
    with locked(folder.with_name(folder.name.removesuffix(UNFINISHED_SUFFIX))):
        remove_folder(folder)
    if folder.exists():
        raise OutputError(f"{folder}: cannot be removed", "remove it, it holds faces")


def _pictures_of(path: Path, made: dict[str, Any], videos: Videos) -> Iterator[Path]:
    """Yield where pictures of some videos were put on request."""
    for folder, corpus in picture_folders(made):
        for video in sorted(videos.own | videos.shared):
            name = video.removeprefix(corpus)
            places = (folder / name, path.parent / folder / name)
            yield from [place for place in places if place.is_dir()][:1]


def _unfinished_exports(path: Path) -> tuple[Path, ...]:
    """List what exports put together, or were killed over, beside a dataset or a folder below."""
    patterns = (f"{place}.*{EXPORTING_SUFFIX}" for place in ("", "*/"))
    return tuple(sorted({one for pattern in patterns for one in path.parent.glob(pattern)}))


def _models_of(
    folders: Sequence[Path], codes: Collection[str], digest: str
) -> Iterator[TrainedModel]:
    for given in folders:
        found = sorted(file.parent for file in given.rglob(SPEC_FILE))
        if not found:
            raise ModelError(f"{given}: no model folder, nor one below it")
        for folder in found:
            spec = ModelSpec.read(folder)
            sides = spec.split.get("participants", {})
            with_person = tuple(
                side for side, people in sides.items() if set(people).intersection(codes)
            )
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
        f"{len(plan.videos)} videos, {len(plan.parts)} files of unfinished runs, "
        f"{len(plan.trainings)} unfinished trainings; models trained with them: "
        f"{len(plan.models)}\n"
    )
    try:
        with plan.log.open("a", encoding="utf-8") as log:
            log.write(line)
    except OSError as error:
        raise OutputError(f"{plan.log}: cannot be written ({reason(error)})") from error
