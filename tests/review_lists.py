"""Lists of decisions about faces, written as a page or a spreadsheet would."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from fer_pipeline.care.review import COLUMNS, Decision, image_text
from fer_pipeline.dataset import Dataset, open_dataset


def cells(decision: Decision) -> list[object]:
    return [
        decision.row,
        image_text(decision.image),
        decision.video,
        decision.frame,
        decision.track,
        decision.was or "",
        decision.action,
        decision.emotion or "",
        decision.scope,
    ]


def write_list(
    path: Path,
    digest: str,
    decisions: Iterable[Decision],
    *,
    delimiter: str = ",",
    end: str = "\r\n",
    encoding: str = "utf-8",
    padding: int = 0,
) -> Path:
    """Write a list; a spreadsheet pads the first lines with empty cells."""
    decisions = list(decisions)
    # Python's own writer leaves a lone line break of another kind without quotes.
    returns = any(set("\r\n") & set(one.video + (one.was or "")) for one in decisions)
    quoting = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    with path.open("w", encoding=encoding, newline="") as file:
        lines = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        lines.writerow(["# fer review list 1", *[""] * padding])
        lines.writerow([f"# dataset: {digest}", *[""] * padding])
        lines.writerow(COLUMNS)
        lines.writerows(map(cells, decisions))
    return path


def decide(
    dataset: Dataset,
    row: int,
    action: str,
    emotion: str | None = None,
    scope: str = "face",
    line: int = 0,
) -> Decision:
    """Return a decision about a row, as a page of the dataset would note it."""
    label, video = dataset.column("label")[row], dataset.column("video")[row]
    return Decision(
        line=line,
        row=row,
        image=int(dataset.image_hashes[row]),
        video="" if video < 0 else dataset.videos[video],
        frame=int(dataset.column("frame")[row]),
        track=int(dataset.column("track")[row]),
        was=None if label < 0 else dataset.emotions[label],
        action=action,
        emotion=emotion,
        scope=scope,
    )


def write_decisions(path: Path, data: Path, *wanted: tuple) -> Path:
    """Write a list of (row, action, emotion, scope), the last two left out at will."""
    with open_dataset(data) as dataset:
        return write_list(path, dataset.digest, [decide(dataset, *one) for one in wanted])
