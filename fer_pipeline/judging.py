"""A model and a dataset → the figures of the model on faces that it has not seen, and their files.

It runs on LiteRT, as annotation does. Images are read a few at a time; what is kept of a face is
its probabilities.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.classifier import Classifier, Speed, measure_speed
from fer_pipeline.dataset import UNKNOWN, CropRecord, Dataset, open_dataset
from fer_pipeline.domain import FloatArray
from fer_pipeline.errors import DatasetError, OutputError
from fer_pipeline.evaluation import Scores, score
from fer_pipeline.face_choice import Choice, ChoiceOptions, Learned, choose_faces
from fer_pipeline.files import (
    PathKind,
    digest_of,
    kind_of,
    put_back,
    remove_folder,
    replace_folder,
    writing,
)
from fer_pipeline.json_values import parse_json
from fer_pipeline.model_folder import LITERT_FILE, ModelSpec, write_json
from fer_pipeline.model_size import ModelSize, model_size
from fer_pipeline.provenance import provenance
from fer_pipeline.report.plots import plot_confusion, plot_participants, plot_reliability
from fer_pipeline.report.tables import side_name
from fer_pipeline.splits import Rows
from fer_pipeline.timeline import guarded

FORMAT = "fer-evaluation"
VERSION = 1

METRICS_FILE = "metrics.json"
CLASSES_FILE = "classes.csv"
PARTICIPANTS_FILE = "participants.csv"
CONFUSION_FILE = "confusion.csv"
PREDICTIONS_FILE = "predictions.csv"
CONFUSION_PLOT = "confusion.png"
RELIABILITY_PLOT = "reliability.png"
PARTICIPANTS_PLOT = "participants.png"

FILES = frozenset(
    {
        METRICS_FILE,
        CLASSES_FILE,
        PARTICIPANTS_FILE,
        CONFUSION_FILE,
        PREDICTIONS_FILE,
        CONFUSION_PLOT,
        RELIABILITY_PLOT,
        PARTICIPANTS_PLOT,
    }
)
"""All that we write into the folder of an evaluation."""

LEADING_COLUMNS = ("row", "participant", "video", "frame", "time", "truth", "told", "confidence")
"""Of the predictions; one of each emotion's probability follows."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to hear of an evaluation under way.

    Attributes:
        stage: Called with what begins now, in words.
        faces: Called with the number of faces; returns a context that is called with how many were
            told since the last call.
    """

    stage: Callable[[str], None]
    faces: Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces that were judged, in the order of the dataset; columns of equal length.

    Attributes:
        row: Row in the dataset.
        participant: Code of the person, empty if unknown.
        video: Path of the video, empty if unknown.
        frame: Number in the video, −1 for a still.
        time: Seconds, NaN for a still.
        truth: What is shown, an index into the model's emotions.
        probabilities: Shape (N, emotions).
    """

    row: Rows
    participant: NDArray[np.str_]
    video: NDArray[np.str_]
    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    truth: NDArray[np.int64]
    probabilities: FloatArray


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a model is worth on some faces.

    Attributes:
        model: The model folder.
        spec: Its spec.
        data: Name and digest of the dataset.
        side: Whose faces these are, in words.
        learned_from: Whether the model learned from them, so that the figures say nothing about
            other people.
        notes: What was left out and why, and what is not known.
        faces: The faces, with what each shows and what it was called.
        scores: The figures.
        speed: How long the network takes.
        size: How large the model is.
    """

    model: Path
    spec: ModelSpec
    data: dict[str, Any]
    side: str
    learned_from: bool
    notes: tuple[str, ...]
    faces: Faces
    scores: Scores
    speed: Speed
    size: ModelSize


def judge(
    model: Path, data: Path, options: ChoiceOptions, listener: Listener, threads: int = 1
) -> Judgement:
    """Judge a model on faces of a dataset.

    Args:
        model: The model folder.
        data: The dataset.
        options: Which faces are wanted.
        listener: Hears of the progress.
        threads: Faces told side by side; the figures do not depend on it.

    Raises:
        ModelError: The folder holds no model, or one that has no such faces in the dataset.
        DatasetError: The dataset cannot be read, or has no such faces.
    """
    learned, classifier = Learned.read(model), Classifier(model, threads)
    spec = learned.spec
    with open_dataset(data) as dataset:
        listener.stage(f"reading {len(dataset)} faces to find those that the model has seen")
        choice = choose_faces(dataset, learned, options)
        with listener.faces(len(choice.rows)) as advance:
            probabilities = _classify(classifier, dataset, choice.rows, advance)
        faces = _faces(dataset, choice, probabilities)
        described = {"file": data.name, "digest": dataset.digest, "faces": len(dataset)}
        crop_note = _other_crop(dataset.crop, spec.crop)
    listener.stage("measuring the network's speed on one core")
    return Judgement(
        model=model,
        spec=spec,
        data=described,
        side=side_name(choice.side, spec.split.get("kind", "random")),
        learned_from=choice.side in ("training", "all"),
        notes=choice.notes + crop_note,
        faces=faces,
        scores=score(
            faces.truth,
            probabilities,
            spec.emotions,
            faces.participant if np.all(faces.participant != "") else None,
            # As in training, so that the same faces have the same interval.
            spec.split.get("seed", 0),
        ),
        speed=measure_speed(model),
        size=model_size(model),
    )


def _classify(
    classifier: Classifier, dataset: Dataset, rows: Rows, advance: Callable[[int], None]
) -> FloatArray:
    """Tell the emotions of some rows; memory holds the images of one batch."""
    told = np.empty((len(rows), len(classifier.spec.emotions)), np.float32)
    for batch in dataset.batches():
        begin, end = np.searchsorted(rows, (batch.start, batch.stop))
        if begin == end:
            continue
        whole = end - begin == batch.stop - batch.start
        images = dataset.images(batch if whole else rows[begin:end])
        told[begin:end] = classifier.classify(images)
        advance(int(end - begin))
    return told


def _faces(dataset: Dataset, choice: Choice, probabilities: FloatArray) -> Faces:
    return Faces(
        row=choice.rows,
        participant=_named(dataset, "participant", dataset.participants, choice.rows),
        video=_named(dataset, "video", dataset.videos, choice.rows),
        frame=dataset.column("frame")[choice.rows],
        time=dataset.column("time")[choice.rows],
        truth=choice.truth,
        probabilities=probabilities,
    )


def _named(dataset: Dataset, column: str, names: Sequence[str], rows: Rows) -> NDArray[np.str_]:
    """Return the names that a column points to; the unknown is the last of them, and empty."""
    index = dataset.column(column)[rows]
    if np.any((index < UNKNOWN) | (index >= len(names))):
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where")
    named: NDArray[np.str_] = np.array([*names, ""])[index]
    return named


def _other_crop(crop: CropRecord, trained: CropRecord) -> tuple[str, ...]:
    """Say how faces were cut out otherwise than those that the model learned from."""
    found, wanted = _plain(crop), _plain(trained)
    differences = [
        f"{name} {found.get(name)} instead of {wanted.get(name)}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    if not differences:
        return ()
    return (
        "these faces were cut out otherwise than those that the model learned from "
        f"({'; '.join(differences)}): the figures are of that crop",
    )


def _plain(crop: CropRecord) -> dict[str, Any]:
    values = asdict(crop)
    values["cascade file"] = values.pop("cascade_digest")[:8]
    return values | {f"detector's {name}": value for name, value in values.pop("detector").items()}


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Make sure that an evaluation may be written to a folder, before any work.

    Raises:
        OutputError: Something is there that may not be replaced.
    """
    kind = kind_of(folder, OutputError)
    if kind is PathKind.MISSING:
        return
    if kind is not PathKind.FOLDER:
        raise OutputError(f"{folder}: exists and is no folder", "give another --out")
    with writing(folder):
        found = sorted(path.name for path in folder.iterdir())
    foreign = [name for name in found if name not in FILES]
    if found and (foreign or not _is_evaluation(folder)):
        what = ", ".join(foreign or found)
        problem = f"{folder}: holds {what}, and is no folder of an evaluation"
        raise OutputError(problem, "give another --out")
    if found and not overwrite:
        problem = f"{folder}: holds an evaluation already"
        raise OutputError(problem, "give another --out, or --overwrite to replace it")


def _is_evaluation(folder: Path) -> bool:
    try:
        values = parse_json((folder / METRICS_FILE).read_text("utf-8"))
        return bool(values["format"] == FORMAT)
    except (OSError, KeyError, TypeError, ValueError):
        return False


def write_judgement(
    judgement: Judgement, folder: Path, command: str, *, overwrite: bool = False
) -> None:
    """Write an evaluation into a folder, which appears when it is complete.

    Args:
        judgement: What is written.
        folder: Where; `check_target` holds for it.
        command: The command line as it was typed.
        overwrite: Replace another evaluation.

    Raises:
        OutputError: It cannot be written.
    """
    folder = folder.resolve()  # another name is made from its name
    # Not .unfinished, in which trainings wait to go on.
    work = folder.with_name(folder.name + ".evaluating")
    aside = folder.with_name(folder.name + ".evaluation-replaced")
    put_back(aside, folder)
    check_target(folder, overwrite=overwrite)  # again: time has passed
    remove_folder(work)
    try:
        with writing(folder):
            work.mkdir(parents=True)
            _write_files(judgement, work, command)
        replace_folder(work, folder, aside)
    finally:
        remove_folder(work)


def _write_files(judgement: Judgement, folder: Path, command: str) -> None:
    scores, emotions = judgement.scores, judgement.spec.emotions
    write_json(folder / METRICS_FILE, _metrics(judgement, command))
    _write_table(
        folder / CLASSES_FILE,
        ("emotion", "faces", "precision", "recall", "f1"),
        ((one.emotion, one.faces, one.precision, one.recall, one.f1) for one in scores.classes),
    )
    _write_table(
        folder / CONFUSION_FILE,
        ("shown", *emotions),
        ((name, *counts) for name, counts in zip(emotions, scores.confusion, strict=True)),
    )
    header = (*LEADING_COLUMNS, *emotions)
    _write_table(folder / PREDICTIONS_FILE, header, _predictions(judgement.faces, emotions))
    plot_confusion(folder / CONFUSION_PLOT, scores, emotions)
    plot_reliability(folder / RELIABILITY_PLOT, scores)
    if scores.participants:
        _write_table(
            folder / PARTICIPANTS_FILE,
            ("participant", "faces", "accuracy"),
            (
                (person, scores.participant_faces[person], accuracy)
                for person, accuracy in scores.participants.items()
            ),
        )
        plot_participants(folder / PARTICIPANTS_PLOT, scores)


def _metrics(judgement: Judgement, command: str) -> dict[str, Any]:
    model = judgement.model / LITERT_FILE
    return {
        "format": FORMAT,
        "version": VERSION,
        "faces_of": judgement.side,
        "learned_from": judgement.learned_from,
        "notes": judgement.notes,
        "model": {"network": judgement.spec.network, LITERT_FILE: digest_of(model)},
        "dataset": judgement.data,
        "scores": asdict(judgement.scores),
        "speed": asdict(judgement.speed),
        "size": asdict(judgement.size),
        "provenance": provenance(command),
    }


def _predictions(faces: Faces, emotions: Sequence[str]) -> Iterable[Sequence[Any]]:
    named = faces.probabilities.argmax(axis=1)
    for index, probabilities in enumerate(faces.probabilities):
        yield (
            faces.row[index],
            faces.participant[index],
            faces.video[index],
            "" if faces.frame[index] == UNKNOWN else faces.frame[index],
            "" if math.isnan(faces.time[index]) else f"{faces.time[index]:.6f}",
            emotions[faces.truth[index]],
            emotions[named[index]],
            *(f"{share:.6f}" for share in (probabilities[named[index]], *probabilities)),
        )


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(guarded, header))
        writer.writerows(map(_safe, rows))


def _safe(row: Sequence[Any]) -> list[Any]:
    """Keep the names of a row from becoming formulas; its numbers are written as texts too."""
    return [cell if _is_number(cell) else guarded(cell) for cell in row]


def _is_number(cell: Any) -> bool:
    if not isinstance(cell, str):
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True
