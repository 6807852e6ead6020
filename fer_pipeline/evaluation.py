"""From true labels and probabilities to the figures that are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray

Side = Literal["unseen", "seen", "validation", "training", "all", "other"]
"""Whose faces: of the test part, of the leak meter, of the validation part, those that the model
learned from, all of its dataset, or those of another dataset."""

BOOTSTRAP_DRAWS = 2000

CALIBRATION_BINS = 15


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
class CalibrationBin:
    """Faces of which the model was about equally sure.

    Attributes:
        low: Confidence that all of them exceed, except that the lowest bin holds 0 as well.
        high: Confidence that none of them exceeds.
        faces: Their number, at least 1.
        confidence: Mean confidence.
        accuracy: Share told rightly.
    """

    low: float
    high: float
    faces: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether the model is right as often as it is sure.

    Attributes:
        error: Expected calibration error: the distance between confidence and accuracy, averaged
            over the faces by way of their bins (Guo et al., On Calibration of Modern Neural
            Networks, ICML 2017, equation 3).
        bins: Those of the 15 bins of equal width that hold faces, in their order.
    """

    error: float
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of a model on some faces.

    Where two emotions are equally likely, the one that the model lists first is named.

    Attributes:
        faces: Number of faces.
        accuracy: Share told rightly.
        interval: 95 % interval of the accuracy from drawing people anew; None without people.
        top2: Share whose emotion is among the two likeliest.
        balanced_accuracy: Mean recall of the emotions that occur.
        macro_f1: Mean F1 of the emotions that occur.
        majority: Accuracy of always naming the most frequent emotion of these faces.
        kappa: Cohen's kappa: agreement with the truth beyond chance, 1 at best; None where chance
            alone agrees always, because all faces show and are called one emotion.
        brier: Squared distance between the probabilities and the truth, summed over the emotions
            and averaged over the faces: 0 at best, 2 at worst (Brier 1950).
        calibration: Whether the model is right as often as it is sure.
        classes: Figures for each emotion.
        confusion: Counts, a row for each true emotion, a column for each one named.
        participants: Accuracy of each person's faces.
        participant_faces: Number of each person's faces.
    """

    faces: int
    accuracy: float
    interval: tuple[float, float] | None
    top2: float
    balanced_accuracy: float
    macro_f1: float
    majority: float
    kappa: float | None
    brier: float
    calibration: Calibration
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    participants: dict[str, float]
    participant_faces: dict[str, int]


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

    Raises:
        ValueError: There is no face.
    """
    if not len(truth):
        raise ValueError("no face to score")
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
        kappa=_kappa(confusion),
        brier=_brier(truth, probabilities),
        calibration=calibrate(right, probabilities.max(axis=1)),
        classes=classes,
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        participants={} if people is None else _accuracy_by_person(right, people),
        participant_faces={} if people is None else _faces_by_person(people),
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


def _kappa(confusion: NDArray[np.int64]) -> float | None:
    """Return Cohen's kappa (Cohen 1960): observed agreement against that of chance."""
    # In whole numbers, so that a chance of exactly 1 is known as such.
    faces, hits = int(confusion.sum()), int(np.trace(confusion))
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1))
    if chance == faces**2:
        return None
    return (hits * faces - chance) / (faces**2 - chance)


def _brier(truth: NDArray[np.integer], probabilities: FloatArray) -> float:
    distances = probabilities.astype(np.float64)
    distances[np.arange(len(truth)), truth] -= 1
    return float(np.square(distances).sum(axis=1).mean())


def calibrate(right: NDArray[np.bool_], confidence: FloatArray) -> Calibration:
    """Compare how sure a model is with how often it is right.

    Args:
        right: Whether each face was told rightly, shape (N,).
        confidence: Probability of the emotion named, shape (N,).
    """
    sure = confidence.astype(np.float64)
    edges = np.arange(CALIBRATION_BINS + 1) / CALIBRATION_BINS
    # Bins exclude their lower edge; rounding may have lifted a probability beyond 1.
    index = np.digitize(sure, edges[1:-1], right=True)
    bins = tuple(
        CalibrationBin(
            low=float(edges[one]),
            high=float(edges[one + 1]),
            faces=int(inside.sum()),
            confidence=float(sure[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for one in np.unique(index)
        for inside in [index == one]
    )
    apart = sum(one.faces * abs(one.accuracy - one.confidence) for one in bins)
    return Calibration(error=apart / len(sure), bins=bins)


def _accuracy_by_person(right: NDArray[np.bool_], people: NDArray[np.str_]) -> dict[str, float]:
    names, index = np.unique(people, return_inverse=True)
    shares = np.bincount(index, weights=right) / np.bincount(index)
    return dict(zip(map(str, names), map(float, shares), strict=True))


def _faces_by_person(people: NDArray[np.str_]) -> dict[str, int]:
    names, faces = np.unique(people, return_counts=True)
    return dict(zip(map(str, names), map(int, faces), strict=True))


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
