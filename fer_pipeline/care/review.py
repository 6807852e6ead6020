"""Decisions that somebody made on looking at faces: the list of them, and what it changes.

``fer data review`` writes a page in which they are made, the page writes the list ``review.csv``,
``fer data apply`` makes a new dataset of it. The list is a table, so that it can be read, checked
by a second person and written by hand.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import UNKNOWN, Dataset, Edits, Excerpt, Rows, copy_rows, refused_by
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.errors import ReviewError
from fer_pipeline.files import digest_of, reason
from fer_pipeline.labels import emotion_name
from fer_pipeline.listing import few
from fer_pipeline.provenance import continued

Action = Literal["keep", "remove", "label", "unlabel"]

ACTIONS: tuple[Action, ...] = get_args(Action)

Scope = Literal["face", "video"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

COLUMNS = ("row", "image", "video", "frame", "track", "was", "action", "emotion", "scope")

TITLE = "fer review list 1"
"""First line of a list, behind a #; the number is that of its format."""

DATASET = "dataset"
"""Word before the digest of the dataset, in the second line of a list."""

UNLABELLED = "(unlabelled)"

_IMAGE = re.compile(r"x([0-9a-f]{16})")

_LINES_LISTED = 10

_ANEW = "make the list again, with a page of this dataset"


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a face.

    Attributes:
        line: Where it stands in the list, from 1.
        row: The face's row in the dataset that was looked at.
        image: Hash of its image, as `Dataset.image_hashes` has it.
        video: Name of its video; empty for a still.
        frame: Number of its frame, `UNKNOWN` for a still.
        track: Its number within its video.
        was: The emotion it was said to show; None if unlabelled.
        action: What is to be done; ``keep`` exempts a face from what is done to its video.
        emotion: The emotion it shows, for the action ``label``; else None.
        scope: Whether it holds for this face alone, or for all of its video that have its number
            and, when it is applied, its emotion.
    """

    line: int
    row: int
    image: int
    video: str
    frame: int
    track: int
    was: str | None
    action: Action
    emotion: str | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class ReviewList:
    """A list of decisions.

    Attributes:
        path: The file.
        dataset: Digest of the dataset that was looked at.
        decisions: In the order of the list.
    """

    path: Path
    dataset: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of faces that are alike.

    Attributes:
        action: What was done.
        was: Their emotion before; None if unlabelled.
        emotion: Their emotion now; None if unlabelled or removed.
    """

    action: Action
    was: str | None
    emotion: str | None


@dataclass(frozen=True, eq=False)
class Applied:
    """What a list does to a dataset.

    Attributes:
        removed: Rows that are left out.
        labels: The new emotion of rows, None for none.
        changes: How many faces each change is of; none that change nothing.
        same_dataset: Whether the dataset is the very one that was looked at; otherwise faces were
            found by their images.
    """

    removed: Rows
    labels: Mapping[int, str | None] = field(default_factory=dict)
    changes: Mapping[Change, int] = field(default_factory=dict)
    same_dataset: bool = True


def image_text(image: int) -> str:
    """Write the hash of an image so that no spreadsheet takes it for a number."""
    return f"x{image:016x}"


# Reading


def read_review(path: Path) -> ReviewList:
    """Read a list, as a page or a spreadsheet saved it.

    Commas, semicolons or tabs separate the cells; blank lines, a byte order mark and empty cells at
    the end of a line are passed over.

    Raises:
        ReviewError: The file cannot be read, is no such list, or a line makes no sense.
    """
    lines = _cells(path, _read_text(path))
    title = next(lines, (1, ()))[1]
    if title != (f"# {TITLE}",):
        raise ReviewError(f"{path}: no review list", "the button of a page by fer data review")
    number, about = next(lines, (2, ()))
    word, _, digest = " ".join(about).removeprefix("# ").partition(": ")
    if word != DATASET or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise _line_error(path, number, "does not name the dataset it is for", _ANEW)
    number, header = next(lines, (3, ()))
    if header != COLUMNS:
        raise _line_error(path, number, "is not the header", f"it is {','.join(COLUMNS)}")
    decisions = tuple(_decision(path, number, cells) for number, cells in lines)
    return ReviewList(path, digest, decisions)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({reason(error)})") from error
    except UnicodeDecodeError as error:
        raise ReviewError(f"{path}: is no text in UTF-8", "save it as 'CSV UTF-8'") from error


def _cells(path: Path, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the number and the cells of each line that is not blank, without empty last cells."""
    header = next((line for line in text.splitlines() if "row" in line[:8]), "")
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=max(",;\t", key=header.count), strict=True)
    try:
        for cells in reader:
            while cells and not cells[-1].strip():
                cells.pop()
            if cells:
                yield reader.line_num, tuple(cells)
    except csv.Error as error:
        problem = f"cannot be read as CSV ({error})"
        raise _line_error(path, reader.line_num, problem, "check its quotes") from error


def _decision(path: Path, line: int, cells: tuple[str, ...]) -> Decision:
    if len(cells) != len(COLUMNS):
        raise _line_error(path, line, f"has {len(cells)} cells, not {len(COLUMNS)}", "mend it")
    cell = dict(zip(COLUMNS, cells, strict=True))

    def number(name: str) -> int:
        # A spreadsheet writes no other digits than these.
        if not re.fullmatch(r"-?[0-9]{1,18}", cell[name]):
            raise _line_error(path, line, f"the {name} '{cell[name]}' is no number", "mend it")
        return int(cell[name])

    def choice(name: str, known: Sequence[str]) -> Any:
        if cell[name] not in known:
            advice = f"write {', '.join(known[:-1])} or {known[-1]}"
            raise _line_error(path, line, f"the {name} '{cell[name]}' is unknown", advice)
        return cell[name]

    image = _IMAGE.fullmatch(cell["image"])
    if image is None:
        raise _line_error(path, line, f"the image '{cell['image']}' is no hash", _ANEW)
    action, scope = choice("action", ACTIONS), choice("scope", SCOPES)
    emotion = emotion_name(cell["emotion"])
    if (action == "label") != (emotion is not None):
        problem = f"the action {action} has the emotion '{cell['emotion']}'"
        raise _line_error(path, line, problem, "the action label has one, the others none")
    if scope == "video" and (not cell["video"] or action == "keep"):
        problem = f"the action {action} of a {'video' if cell['video'] else 'still'}"
        raise _line_error(path, line, f"{problem} cannot be", "give it the scope face")
    return Decision(
        line=line,
        row=number("row"),
        image=int(image[1], 16),
        video=cell["video"],
        frame=number("frame"),
        track=number("track"),
        was=cell["was"] or None,
        action=action,
        emotion=emotion,
        scope=scope,
    )


def _line_error(path: Path, line: int, problem: str, advice: str) -> ReviewError:
    return ReviewError(f"{path}, line {line}: {problem}", advice)


# What it changes


def resolve(dataset: Dataset, review: ReviewList) -> Applied:
    """Find out what a list does to a dataset, without doing it.

    Raises:
        ReviewError: The list is of another dataset, or names unknown emotions or faces, or says two
            things of one face.
        DatasetError: The dataset cannot be read.
    """
    _refuse_unknown_emotions(dataset, review)
    same = review.dataset == dataset.digest
    rows = (_rows_as_told if same else _rows_by_image)(dataset, review)
    now = _labels(dataset)
    wanted: dict[int, Decision] = {}
    for scope in reversed(SCOPES):  # what is said of a single face goes before
        said: dict[int, Decision] = {}
        for decision, row in zip(review.decisions, rows, strict=True):
            if decision.scope == scope:
                for one in _meant(dataset, decision, row):
                    _refuse_contradiction(review, said.setdefault(one, decision), decision)
        wanted |= said
    removed = sorted(row for row, decision in wanted.items() if decision.action == "remove")
    labels = {
        row: decision.emotion
        for row, decision in wanted.items()
        if decision.action in ("label", "unlabel") and decision.emotion != now(row)
    }
    changes: Counter[Change] = Counter(Change("remove", now(row), None) for row in removed)
    changes.update(
        Change("unlabel" if emotion is None else "label", now(row), emotion)
        for row, emotion in labels.items()
    )
    return Applied(np.array(removed, np.int64), labels, changes, same)


def apply_review(
    dataset: Dataset,
    review: ReviewList,
    applied: Applied,
    output: Path,
    command: str,
    progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Write a new dataset that is as a list wants it.

    Args:
        dataset: The dataset.
        review: The list.
        applied: What `resolve` found.
        output: The new dataset, which appears when it is complete.
        command: The command line as it was typed.
        progress: Called with the number of faces copied.

    Raises:
        DatasetError: The dataset cannot be read.
        OutputError: The new one cannot be written.
    """
    kept = np.delete(np.arange(len(dataset)), applied.removed)
    made = continued(dataset.provenance, command)
    made["history"][-1]["review"] = {
        "list": review.path.name,
        "digest": digest_of(review.path),
        "removed": len(applied.removed),
        "relabelled": len(applied.labels),
    }
    copy_rows(
        output,
        [Excerpt.of(dataset, kept, Edits(labels=applied.labels))],
        dataset.crop,
        made,
        withdrawn=refused_by(dataset, output),
        progress=progress,
    )


def _labels(dataset: Dataset) -> Callable[[int], str | None]:
    label = dataset.column("label")
    return lambda row: None if label[row] == UNKNOWN else dataset.emotions[label[row]]


def _refuse_unknown_emotions(dataset: Dataset, review: ReviewList) -> None:
    known = {*dataset.emotions, *EMOTIONS}
    for decision in review.decisions:
        if decision.emotion is not None and decision.emotion not in known:
            advice = f"the dataset has {', '.join(dataset.emotions)}"
            problem = f"the emotion '{decision.emotion}' is unknown"
            raise _line_error(review.path, decision.line, problem, advice)


def _refuse_contradiction(review: ReviewList, one: Decision, other: Decision) -> None:
    if (one.action, one.emotion) != (other.action, other.emotion):
        problem = f"says otherwise than line {one.line}, of the same face"
        raise _line_error(review.path, other.line, problem, "remove one of them")


def _rows_as_told(dataset: Dataset, review: ReviewList) -> list[int]:
    """Return the row of each decision in the very dataset that was looked at."""
    hashes = dataset.image_hashes
    wrong = [
        decision.line
        for decision in review.decisions
        if not 0 <= decision.row < len(dataset) or hashes[decision.row] != decision.image
    ]
    if wrong:
        problem = f"{_of_lines(review, wrong)}: the row has another image in {dataset.path}"
        raise ReviewError(problem, "the list was changed; take the row and image of its page")
    return [decision.row for decision in review.decisions]


def _rows_by_image(dataset: Dataset, review: ReviewList) -> list[int]:
    """Return the row of each decision in a dataset that has changed since it was looked at."""
    rows_of: dict[int, list[int]] = defaultdict(list)
    wanted = np.array([decision.image for decision in review.decisions], np.uint64)
    for row in np.flatnonzero(np.isin(dataset.image_hashes, wanted)).tolist():
        rows_of[int(dataset.image_hashes[row])].append(row)
    found = [
        _same_face(dataset, decision, rows_of.get(decision.image, []))
        for decision in review.decisions
    ]
    for number, problem in (
        (0, "no such face in {}"),
        (2, "a face that is in {} several times"),
    ):
        wrong = [
            decision.line
            for decision, rows in zip(review.decisions, found, strict=True)
            if min(len(rows), 2) == number
        ]
        if wrong:
            told = problem.format(dataset.path)
            raise ReviewError(
                f"{_of_lines(review, wrong)}: {told}, which is another dataset than was looked at",
                f"give that, or {_ANEW}",
            )
    return [rows[0] for rows in found]


def _same_face(dataset: Dataset, decision: Decision, rows: list[int]) -> list[int]:
    """Return the rows that may be the face; frames that are alike are told by their place."""
    if len(rows) < 2 or not decision.video:
        return rows
    video, frame, track = (dataset.column(name) for name in ("video", "frame", "track"))
    place = decision.video, decision.frame, decision.track
    return [
        row
        for row in rows
        if video[row] != UNKNOWN and (dataset.videos[video[row]], frame[row], track[row]) == place
    ]


def _of_lines(review: ReviewList, lines: Sequence[int]) -> str:
    return f"{review.path}, line{'s' if len(lines) > 1 else ''} {few(lines, _LINES_LISTED)}"


def _meant(dataset: Dataset, decision: Decision, row: int) -> list[int]:
    """Return the rows that a decision is about."""
    if decision.scope == "face" or dataset.column("video")[row] == UNKNOWN:
        return [row]
    alike: NDArray[np.bool_] = np.ones(len(dataset), bool)
    for name in ("video", "track", "label"):
        column = dataset.column(name)
        alike &= column == column[row]
    rows: list[int] = np.flatnonzero(alike).tolist()
    return rows
