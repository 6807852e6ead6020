"""A page in which one looks through the faces of a dataset and ticks what is wrong.

One file that needs nothing else and asks nothing of a network. Its faces are small copies, many to
a picture, which the browser decodes when their part of the page is shown. What was decided stays in
the browser until it is saved as a list, see `fer_pipeline.care.review`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.care.review import ACTIONS, COLUMNS, DATASET, TITLE, UNLABELLED, image_text
from fer_pipeline.dataset import UNKNOWN, Dataset, Rows
from fer_pipeline.domain import EMOTIONS, UInt8Array
from fer_pipeline.errors import DatasetError, OutputError, UsageError
from fer_pipeline.faces import network_inputs
from fer_pipeline.files import PathKind, kind_of, replacing
from fer_pipeline.image_coding import as_jpeg
from fer_pipeline.labels import emotion_name
from fer_pipeline.palette import emotion_colours, ink_on

DEFAULT_PAGE = Path("review.html")

_FACES_OF_SHEET, _SHEET_COLUMNS = 200, 20

# A multiple of the JPEG's blocks, so that no face bleeds into its neighbours.
_BLOCK, _LARGEST_TILE = 16, 80
_QUALITY = 80

_GENERATOR = '<meta name="generator" content="fer data review">'
_BYTES_LOOKED_AT = 1024


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """Which faces are looked at.

    Attributes:
        emotions: Of these emotions only, in any words; `UNLABELLED` for those without one. All if
            empty.
        participants: Of these people only; all if empty.
        per_video: Every so manieth face of each person in a video; neighbours are alike. Stills are
            all there.
        sample: At most so many of these, drawn at random; None for all.
        seed: Decides which.
    """

    emotions: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    per_video: int = 1
    sample: int | None = None
    seed: int = 0


def write_review_page(
    dataset: Dataset,
    path: Path,
    options: ReviewOptions = ReviewOptions(),
    *,
    overwrite: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> int:
    """Write the page.

    Args:
        dataset: Where the faces come from.
        path: Where the page goes; an earlier one is replaced.
        options: Which faces are on it.
        overwrite: Replace any other file, too.
        progress: Called with the number of faces written.

    Returns:
        How many faces are on it.

    Raises:
        UsageError: The path does not end with .html.
        OutputError: The path is taken, or cannot be written to.
        DatasetError: There are no such faces, or the dataset cannot be read.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: a web page; give it a name that ends with .html")
    _refuse_what_is_not_ours(path, overwrite=overwrite)
    rows = choose_rows(dataset, options)
    about = _about(dataset, rows)
    with (
        replacing(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="\n") as file,
    ):
        _write_page(file, dataset.path.name, about, _sheets(dataset, rows, progress))
    return len(rows)


def _refuse_what_is_not_ours(path: Path, *, overwrite: bool) -> None:
    kind = kind_of(path, OutputError)
    if kind is PathKind.MISSING:
        return
    if kind is not PathKind.FILE:
        raise OutputError(f"{path}: is no file", "give another -o")
    with path.open("rb") as file:
        ours = _GENERATOR.encode() in file.read(_BYTES_LOOKED_AT)
    if not overwrite and not ours:
        problem = f"{path}: exists and is no page made by fer data review"
        raise OutputError(problem, "give another -o, or --overwrite")


# Which faces


def choose_rows(dataset: Dataset, options: ReviewOptions) -> Rows:
    """Return the rows on the page, in its order: by emotion, person, video, then time.

    Raises:
        DatasetError: There are none, or an emotion or person is unknown.
    """
    label, participant = dataset.column("label"), dataset.column("participant")
    wanted = np.ones(len(dataset), bool)
    if options.emotions:
        wanted &= np.isin(label, [_emotion(dataset, name) for name in options.emotions])
    if options.participants:
        people = [_participant(dataset, code) for code in options.participants]
        wanted &= np.isin(participant, people)
    wanted &= _every(dataset, options.per_video)
    rows = np.flatnonzero(wanted)
    if options.sample is not None and options.sample < len(rows):
        rng = np.random.default_rng(options.seed)
        rows = rng.choice(rows, options.sample, replace=False)
    if not len(rows):
        raise DatasetError(f"{dataset.path}: holds no such faces; there is nothing to look at")
    by_name = np.argsort(np.argsort(np.array([*dataset.participants, "\U0010ffff"])))
    order = np.lexsort(
        (
            dataset.column("frame")[rows],
            dataset.column("track")[rows],
            dataset.column("video")[rows],
            by_name[participant[rows]],
            np.where(label[rows] == UNKNOWN, len(dataset.emotions), label[rows]),
        )
    )
    chosen: Rows = rows[order]
    return chosen


def _emotion(dataset: Dataset, word: str) -> int:
    if word in (UNLABELLED, UNLABELLED.strip("()")):
        return UNKNOWN
    name = emotion_name(word)
    if name not in dataset.emotions:
        known = ", ".join((*dataset.emotions, UNLABELLED.strip("()")))
        raise DatasetError(f"{dataset.path}: has no emotion '{word}'", f"it has {known}")
    return dataset.emotions.index(name)


def _participant(dataset: Dataset, code: str) -> int:
    if code not in dataset.participants:
        problem = f"{dataset.path}: has no participant '{code}'"
        raise DatasetError(problem, "fer data show lists them")
    return dataset.participants.index(code)


def _every(dataset: Dataset, step: int) -> NDArray[np.bool_]:
    """Tell of each row whether it is among every so manieth of its person in its video."""
    video, track = dataset.column("video"), dataset.column("track")
    order = np.lexsort((dataset.column("frame"), track, video))
    begins = np.ones(len(order), bool)
    begins[1:] = np.any(np.diff((video[order], track[order]), axis=1) != 0, axis=0)
    numbers = np.arange(len(order))
    since = numbers - np.maximum.accumulate(np.where(begins, numbers, 0))
    kept = np.empty(len(order), bool)
    kept[order] = since % step == 0
    kept[video == UNKNOWN] = True
    return kept


# What is told of them


def _about(dataset: Dataset, rows: Rows) -> dict[str, Any]:
    """Return what the page knows, in plain values."""
    videos, video = _used(dataset.videos, dataset.column("video")[rows])
    people, participant = _used(dataset.participants, dataset.column("participant")[rows])
    others = [name for name in EMOTIONS if name not in dataset.emotions]
    colours = emotion_colours((*dataset.emotions, *others))
    return {
        "title": TITLE,
        "dataset_line": f"{DATASET}: {dataset.digest}",
        "digest": dataset.digest,
        "columns": COLUMNS,
        "actions": ACTIONS,
        "faces_of_dataset": len(dataset),
        "emotions": dataset.emotions,
        "other_emotions": others,
        # Each with the ink that is read on it, in the order of both lists.
        "colours": [(colour, ink_on(colour)) for colour in colours.values()],
        "participants": people,
        "videos": videos,
        "sheet": {"faces": _FACES_OF_SHEET, "columns": _SHEET_COLUMNS},
        "row": rows.tolist(),
        "image": [image_text(image) for image in dataset.image_hashes[rows].tolist()],
        "label": dataset.column("label")[rows].tolist(),
        "participant": participant,
        "video": video,
        "frame": dataset.column("frame")[rows].tolist(),
        "time": [
            None if math.isnan(time) else round(time, 3)
            for time in dataset.column("time")[rows].tolist()
        ],
        "track": dataset.column("track")[rows].tolist(),
    }


def _used(names: Sequence[str], column: NDArray[np.int32]) -> tuple[list[str], list[int]]:
    """Return only the names that occur, and where each row points: of others nothing is told."""
    used = np.unique(column[column != UNKNOWN])
    renumbered = np.full(len(names) + 1, UNKNOWN)
    renumbered[used] = np.arange(len(used))
    return [names[index] for index in used], renumbered[column].tolist()


def _sheets(
    dataset: Dataset, rows: Rows, progress: Callable[[int], object]
) -> Iterator[UInt8Array]:
    """Yield pictures of many small faces each, row by row, shape (height, width, 1 or 3)."""
    side = min(_LARGEST_TILE, max(1, dataset.crop.size // _BLOCK) * _BLOCK)
    for start in range(0, len(rows), _FACES_OF_SHEET):
        part = rows[start : start + _FACES_OF_SHEET]
        faces = network_inputs(dataset.images(part), side, dataset.crop.channels)
        lines = -(-len(part) // _SHEET_COLUMNS)
        tiles = np.zeros((lines * _SHEET_COLUMNS, *faces.shape[1:]), np.uint8)
        tiles[: len(part)] = faces
        table = tiles.reshape(lines, _SHEET_COLUMNS, side, side, -1)
        yield table.swapaxes(1, 2).reshape(lines * side, _SHEET_COLUMNS * side, -1)
        progress(len(part))


# The file


def _write_page(
    file: TextIO, name: str, about: dict[str, Any], sheets: Iterator[UInt8Array]
) -> None:
    style, script = _part("css"), _part("js")
    # Nothing runs or loads but what is written here, whatever names the dataset holds.
    policy = (
        "default-src 'none'; img-src blob:; "
        f"style-src '{_source(style)}'; script-src '{_source(script)}'"
    )
    file.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{_GENERATOR}\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Review of {escape(name)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    file.write(_part("html").replace("{name}", escape(name)))
    # JSON that no text in it can end.
    values = json.dumps(about, separators=(",", ":")).replace("<", "\\u003c")
    file.write(f'<script type="application/json" id="about">{values}</script>\n')
    for sheet in sheets:
        content = base64.b64encode(as_jpeg(sheet, _QUALITY)).decode()
        file.write(f'<script type="text/plain" class="sheet">{content}</script>\n')
    file.write(f"<script>{script}</script>\n</body>\n</html>\n")


def _part(suffix: str) -> str:
    """Return a part of the page that stands in a file of its own beside this module."""
    return resources.files(__package__).joinpath(f"review_page.{suffix}").read_text("utf-8")


def _source(text: str) -> str:
    """Name a script or style as a content security policy does."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
