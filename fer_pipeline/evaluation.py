"""From true labels and probabilities to the figures that are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray

Side = Literal["unseen", "seen", "validation"]
"""Whose faces: of the test part, of the leak meter, or of the validation part."""

BOOTSTRAP_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one emotion is told.

    Attributes:
        emotion: Its name.
        precision: Share of the faces called so that are so; 0 if none is called so.
        recall: Share of the faces that are so that are called so; 0 if there are none.
        f1: Harmonic mean of both.
        faces: Number of faces that are so.
    """

    emotion: str
    precision: float
    recall: float
    f1: float
    faces: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of a model on some faces.

    Attributes:
        faces: Number of faces.
        accuracy: Share told rightly.
        interval: 95 % interval of the accuracy from drawing people anew; None without people.
        top2: Share whose emotion is among the two likeliest.
        balanced_accuracy: Mean recall of the emotions that occur.
        macro_f1: Mean F1 of the emotions that occur.
        majority: Accuracy of always naming the most frequent emotion of these faces.
        classes: Figures for each emotion.
        confusion: Counts, a row for each true emotion, a column for each one named.
        participants: Accuracy of each person's faces.
    """

    faces: int
    accuracy: float
    interval: tuple[float, float] | None
    top2: float
    balanced_accuracy: float
    macro_f1: float
    majority: float
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    participants: dict[str, float]


def score(
    truth: NDArray[np.integer],
    probabilities: FloatArray,
    emotions: tuple[str, ...],
    people: NDArray[np.str_] | None = None,
    seed: int = 0,
) -> Scores:
    """Compare probabilities with the truth.

    Args:
        truth: Index of the true emotion of each face, shape (N,).
        probabilities: Shape (N, emotions).
        emotions: Names, in the order of the probabilities.
        people: Code of each face's person, shape (N,).
        seed: Of the draws behind the interval.
    """
    named = probabilities.argmax(axis=1)
    right = named == truth
    confusion = np.zeros((len(emotions), len(emotions)), np.int64)
    np.add.at(confusion, (truth, named), 1)
    classes = tuple(_class_score(name, confusion, i) for i, name in enumerate(emotions))
    occurring = [one for one in classes if one.faces]
    two_likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return Scores(
        faces=len(truth),
        accuracy=float(right.mean()),
        interval=None if people is None else participant_interval(right, people, seed),
        top2=float((two_likeliest == truth[:, np.newaxis]).any(axis=1).mean()),
        balanced_accuracy=float(np.mean([one.recall for one in occurring])),
        macro_f1=float(np.mean([one.f1 for one in occurring])),
        majority=float(confusion.sum(axis=1).max() / len(truth)),
        classes=classes,
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        participants={} if people is None else _accuracy_by_person(right, people),
    )


def _class_score(emotion: str, confusion: NDArray[np.int64], index: int) -> ClassScore:
    hits, named, faces = confusion[index, index], confusion[:, index].sum(), confusion[index].sum()
    return ClassScore(
        emotion=emotion,
        precision=float(hits / named) if named else 0.0,
        recall=float(hits / faces) if faces else 0.0,
        f1=float(2 * hits / (named + faces)) if named + faces else 0.0,
        faces=int(faces),
    )


def _accuracy_by_person(right: NDArray[np.bool_], people: NDArray[np.str_]) -> dict[str, float]:
    return {str(person): float(right[people == person].mean()) for person in np.unique(people)}


def participant_interval(
    right: NDArray[np.bool_], people: NDArray[np.str_], seed: int
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of the accuracy, drawing people with replacement.

    Frames of one person are alike, so the people and not the frames are what was sampled.

    Returns:
        Lower and upper end; None for fewer than two people.
    """
    names, index = np.unique(people, return_inverse=True)
    if len(names) < 2:
        return None
    hits, faces = np.bincount(index, weights=right), np.bincount(index)
    draws = np.random.default_rng(seed).integers(len(names), size=(BOOTSTRAP_DRAWS, len(names)))
    accuracies = hits[draws].sum(axis=1) / faces[draws].sum(axis=1)
    low, high = np.percentile(accuracies, [2.5, 97.5])
    return float(low), float(high)
