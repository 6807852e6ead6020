"""Plain text tables, for terminals and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from fer_pipeline.evaluation import Scores, Side
from fer_pipeline.splits import SplitKind

Cell = str | int | float

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( %)?")


def text_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Lay out a table for a terminal: numbers to the right, words to the left.

    A header of nothing but blanks is left out.
    """
    lines = (header, *rows) if any(header) else rows
    return "\n".join(_aligned([[shown(cell) for cell in row] for row in lines], separator="  "))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Lay out a table in Markdown."""
    lines = [[shown(cell).replace("|", "\\|") for cell in row] for row in (header, *rows)]
    ruled = [lines[0], ["---"] * len(header), *lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def shown(cell: Cell) -> str:
    """Write a cell: shares with three decimals."""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def _aligned(lines: list[list[str]], separator: str) -> list[str]:
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_is_number(cell) for cell in column[1:]) for column in columns]
    return [
        separator.join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def _is_number(cell: str) -> bool:
    return not cell or _NUMBER.fullmatch(cell) is not None


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, which is regular."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * share:.1f} %"


def side_name(side: Side, kind: SplitKind) -> str:
    """Say whose faces a figure stands for, so that no figure looks better than it is."""
    named_alike = {
        "validation": "validation (used for choices)",
        "training": "training faces (the model learned from them)",
        "all": "all faces of its dataset (the model learned from many of them)",
        "other": "another dataset",
    }
    if side in named_alike:
        return named_alike[side]
    if kind in ("participant", "leave-one-participant-out"):
        return "unseen people" if side == "unseen" else "seen people"
    tests = {
        "corpus": "test part of the corpus",
        "video": "unseen videos (the same people may be in training)",
        "random": "random frames (the same people are in training)",
    }
    return tests[kind]


def scores_overview(scores: dict[Side, Scores], kind: SplitKind) -> list[Sequence[Cell]]:
    """Return a row for each side under `OVERVIEW_HEADER`."""
    return [
        (
            side_name(side, kind),
            one.faces,
            percent(one.accuracy),
            "" if one.interval is None else " to ".join(percent(end) for end in one.interval),
            percent(one.balanced_accuracy),
            percent(one.macro_f1),
            percent(one.top2),
            percent(one.majority),
        )
        for side, one in scores.items()
    ]


FEW_PEOPLE = 5


def people_on_both_sides(split: dict[str, Any]) -> frozenset[str]:
    """Return the people of whom a model learned and on whom it was tested, by its spec's split.

    Of a corpus's own split, and of the model that training began with: other splits promise that
    there are none, or say that there are.
    """
    people = split.get("participants", {})
    learned = frozenset(split.get("learned_before", ()))
    if split["kind"] == "corpus":
        learned |= frozenset(people.get("training", ()))
    return learned.intersection(people.get("test", ()))


def doubts(test: Scores) -> list[str]:
    """Say, a sentence each, why a user should not rely on the figures or on the model."""
    said = []
    if 0 < len(test.participants) < FEW_PEOPLE:
        people = counted(len(test.participants), "person").replace("persons", "people")
        said.append(f"These figures come from {people}: they may be quite other on the next.")
    if test.accuracy <= test.majority:
        said.append("The model is no better than always naming the commonest emotion.")
    missed = [one.emotion for one in test.classes if one.faces and not one.recall]
    if missed:
        said.append(f"It never recognised {', '.join(missed)}.")
    return said


OVERVIEW_HEADER = (
    "faces of",
    "number",
    "accuracy",
    "95 % interval over people",
    "balanced",
    "macro F1",
    "top 2",
    "always the commonest",
)

CLASS_HEADER = ("emotion", "faces", "precision", "recall", "F1")


def class_rows(scores: Scores) -> list[Sequence[Cell]]:
    """Return a row for each emotion under `CLASS_HEADER`."""
    return [
        (one.emotion, one.faces, percent(one.precision), percent(one.recall), percent(one.f1))
        for one in scores.classes
    ]


def all_figures(scores: Scores) -> list[tuple[str, Cell]]:
    """Return every figure of all faces together, a row each."""
    interval = scores.interval
    rows: list[tuple[str, Cell]] = [
        ("faces", scores.faces),
        ("accuracy", percent(scores.accuracy)),
        ("95 % interval over people", " to ".join(map(percent, interval)) if interval else "none"),
        ("always the commonest", percent(scores.majority)),
        ("balanced accuracy", percent(scores.balanced_accuracy)),
        ("macro F1", percent(scores.macro_f1)),
        ("top 2", percent(scores.top2)),
        ("Cohen's kappa", "none" if scores.kappa is None else scores.kappa),
        ("expected calibration error", percent(scores.calibration.error)),
        ("Brier score", scores.brier),
    ]
    return rows


def confusion_rows(scores: Scores) -> list[Sequence[Cell]]:
    """Return what each emotion was called, a row for each one shown, its name first."""
    return [
        (one.emotion, *counts) for one, counts in zip(scores.classes, scores.confusion, strict=True)
    ]


PARTICIPANT_HEADER = ("participant", "faces", "accuracy")


def participant_rows(scores: Scores) -> list[Sequence[Cell]]:
    """Return a row for each person under `PARTICIPANT_HEADER`."""
    return [
        (person, scores.participant_faces[person], percent(accuracy))
        for person, accuracy in scores.participants.items()
    ]
