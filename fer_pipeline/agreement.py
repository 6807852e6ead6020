"""How far two judges agree who looked at the same moments, each moment counting for its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Of shares of time, whose rounding must not pass for agreement beyond chance.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """How far two judges agree on one class.

    Attributes:
        name: The class.
        coder_s: Seconds for which the first judge named it.
        fer_s: Seconds for which the second did.
        both_s: Seconds for which both did.
        precision: Share of the second judge's time that is the first's; None without such time.
        recall: Share of the first judge's time that is the second's; None without such time.
        positive_agreement: Twice the time of both against the sum of each one's (Cicchetti and
            Feinstein 1990); None if neither named it.
        kappa: Cohen's kappa of this class against all others; None where chance alone agrees
            always.
    """

    name: str
    coder_s: float
    fer_s: float
    both_s: float
    precision: float | None
    recall: float | None
    positive_agreement: float | None
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two judges agree.

    Attributes:
        seconds: Time that both judged.
        observed: Share of it for which both named the same class.
        chance: Share for which they would if each kept to their shares of time, by chance.
        kappa: Cohen's kappa: agreement beyond chance (Cohen 1960), 1 at best; None where chance
            alone agrees always, because both name one class only.
        classes: Figures of each class.
        confusion: Seconds, a row for each class of the first judge, a column for the second's.
    """

    seconds: float
    observed: float
    chance: float
    kappa: float | None
    classes: tuple[ClassAgreement, ...]
    confusion: tuple[tuple[float, ...], ...]


def agree(
    first: Sequence[str], second: Sequence[str], seconds: FloatArray, classes: Sequence[str]
) -> Agreement:
    """Compare what two judges named.

    Args:
        first: Class of each moment by the first judge, shape (n,).
        second: Class by the second, shape (n,).
        seconds: How long each moment stands, shape (n,); their sum is above 0.
        classes: All classes that occur, in the order in which they are told.
    """
    place = {name: index for index, name in enumerate(classes)}
    table = np.zeros((len(classes), len(classes)))
    rows, columns = [place[name] for name in first], [place[name] for name in second]
    np.add.at(table, (rows, columns), seconds)
    whole = float(table.sum())
    observed, chance = _observed_and_chance(table)
    return Agreement(
        seconds=whole,
        observed=observed,
        chance=chance,
        kappa=kappa(table),
        classes=tuple(_of_class(name, table, index) for name, index in place.items()),
        confusion=tuple(tuple(map(float, row)) for row in table),
    )


def kappa(confusion: FloatArray) -> float | None:
    """Return Cohen's kappa of a table of times or counts.

    Source: Cohen 1960, doi 10.1177/001316446002000104.

    Args:
        confusion: Shape (classes, classes), a row for each class of the first judge.

    Returns:
        The kappa; None where chance alone agrees always.
    """
    observed, chance = _observed_and_chance(confusion)
    if chance > 1 - _ROUNDING:
        return None
    return (observed - chance) / (1 - chance)


def _observed_and_chance(confusion: FloatArray) -> tuple[float, float]:
    shares = confusion / confusion.sum()
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    return float(np.trace(shares)), chance


def _of_class(name: str, table: FloatArray, index: int) -> ClassAgreement:
    coder, fer = float(table[index].sum()), float(table[:, index].sum())
    both = float(table[index, index])
    neither = float(table.sum()) - coder - fer + both
    two = np.array([[both, coder - both], [fer - both, neither]])
    return ClassAgreement(
        name=name,
        coder_s=coder,
        fer_s=fer,
        both_s=both,
        precision=both / fer if fer else None,
        recall=both / coder if coder else None,
        positive_agreement=2 * both / (coder + fer) if coder + fer else None,
        kappa=kappa(two),
    )


@dataclass(frozen=True, slots=True)
class Intraclass:
    """How far judges agree on intensities.

    Attributes:
        icc21: ICC(2,1): agreement of single judges who stand for others, in the very numbers; None
            where no number differs from another.
        icc31: ICC(3,1): consistency of these judges, each of whom may be higher or lower
            throughout; None where no variance remains.
    """

    icc21: float | None
    icc31: float | None


def intraclass(ratings: FloatArray, weights: FloatArray | None = None) -> Intraclass:
    """Return the intraclass correlations of a two-way layout with one rating a cell.

    Source: Shrout and Fleiss 1979, doi 10.1037/0033-2909.86.2.420, by their names.

    Args:
        ratings: Shape (targets, judges), at least two of each.
        weights: How much each target counts, shape (targets,), such as its time; they are scaled to
            add up to the number of targets, so that equal ones change nothing.
    """
    targets, judges = ratings.shape
    share = np.ones(targets) if weights is None else weights * targets / weights.sum()
    mean = share @ ratings / targets
    grand = float(mean.mean())
    of_target = ratings.mean(axis=1)
    rest = ratings - of_target[:, None] - mean + grand
    between = judges * float(share @ (of_target - grand) ** 2) / (targets - 1)
    judge = targets * float(((mean - grand) ** 2).sum()) / (judges - 1)
    error = float(share @ (rest**2).sum(axis=1)) / ((targets - 1) * (judges - 1))
    return Intraclass(
        icc21=_ratio(
            between - error, between + (judges - 1) * error + judges * (judge - error) / targets
        ),
        icc31=_ratio(between - error, between + (judges - 1) * error),
    )


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > _ROUNDING else None
