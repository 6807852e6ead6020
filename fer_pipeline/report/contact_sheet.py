"""A contact sheet: a picture of a dataset's faces, or of what augmentation makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.augmentation import AUGMENTERS, Augmentation
from fer_pipeline.dataset import UNKNOWN, Dataset, counts
from fer_pipeline.domain import UInt8Array
from fer_pipeline.errors import DatasetError, OutputError, UsageError
from fer_pipeline.files import PathKind, kind_of, replacing
from fer_pipeline.report.sheet_picture import SheetRow, is_sheet, save_picture
from fer_pipeline.report.tables import counted

Grouping = Literal["emotion", "participant"]

GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

DEFAULT_SHEET = Path("sheet.png")

MOST_ROWS = MOST_COLUMNS = 40
"""What one can still look at, and what fits into memory."""


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """What a contact sheet shows.

    Attributes:
        by: What has a row of its own.
        augment: ``none`` fills a row with different faces; anything else with one face, as it is
            stored and then varied in this way.
        columns: Faces in a row, at most.
        seed: Decides which faces are drawn and how they are varied.
    """

    by: Grouping = "emotion"
    augment: Augmentation = "none"
    columns: int = 12
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is on a contact sheet.

    Attributes:
        rows: From top to bottom.
        groups: How many the dataset has; more than rows if not all fit.
    """

    rows: tuple[SheetRow, ...]
    groups: int


def write_sheet(
    dataset: Dataset, path: Path, options: SheetOptions = SheetOptions(), *, overwrite: bool = False
) -> Sheet:
    """Write a contact sheet as PNG.

    Args:
        dataset: Where the faces come from; only those shown are read.
        path: Where the picture goes; an earlier sheet is replaced.
        options: What is shown.
        overwrite: Replace any other file, too.

    Returns:
        What is on it.

    Raises:
        UsageError: The path does not end with .png, or there is no column for a varied face.
        OutputError: The path is taken, or cannot be written to.
        DatasetError: The dataset holds no faces, or cannot be read.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: a contact sheet is a PNG; give it a name that ends with .png")
    varies = options.augment != "none"
    if varies and options.columns == 1:
        raise UsageError("--augment needs --columns 2 or more: the first shows the stored face")
    _refuse_what_is_not_ours(path, dataset.path, overwrite=overwrite)
    sheet = choose_faces(dataset, options)
    heading = f"{dataset.path.name}, {counted(len(dataset), 'face')}, seed {options.seed}"
    column_names = ("as stored", f"varied: {options.augment}") if varies else ()
    with replacing(path) as unfinished:
        save_picture(unfinished, sheet.rows, heading, column_names)
    return sheet


def _refuse_what_is_not_ours(path: Path, data: Path, *, overwrite: bool) -> None:
    kind = kind_of(path, OutputError)
    if kind is PathKind.MISSING:
        return
    if kind is not PathKind.FILE:
        raise OutputError(f"{path}: is no file", "give another -o")
    if path.samefile(data):
        raise OutputError(f"{path}: is the dataset", "give another -o")
    if not overwrite and not is_sheet(path):
        problem = f"{path}: exists and is no contact sheet made by fer"
        raise OutputError(problem, "give another -o, or --overwrite")


def choose_faces(dataset: Dataset, options: SheetOptions) -> Sheet:
    """Draw the faces of a sheet; those of a row do not depend on what other rows there are.

    Raises:
        DatasetError: The dataset holds no faces, or cannot be read.
    """
    table = counts(dataset)
    if options.by == "emotion":
        names, column, unknown = dataset.emotions, "label", "(unlabelled)"
        totals, order = table.sum(axis=0), list(range(len(names)))
    else:
        names, column, unknown = dataset.participants, "participant", "(unknown)"
        totals, order = table.sum(axis=1), sorted(range(len(names)), key=names.__getitem__)
    present = [index for index in (*order, UNKNOWN) if totals[index]]
    if not present:
        raise DatasetError(f"{dataset.path}: holds no faces; there is nothing to show")
    groups = dataset.column(column)
    rows = tuple(
        SheetRow(
            (*names, unknown)[index],
            int(totals[index]),
            _images(dataset, np.flatnonzero(groups == index), options, index),
        )
        for index in _at_most(MOST_ROWS, present, options.seed)
    )
    return Sheet(rows, len(present))


def _at_most(number: int, groups: Sequence[int], seed: int) -> list[int]:
    """Draw some of the groups if there are more, and keep their order."""
    if len(groups) <= number:
        return list(groups)
    drawn = np.random.default_rng(seed).choice(len(groups), number, replace=False)
    return [groups[position] for position in np.sort(drawn)]


def _images(
    dataset: Dataset, rows: NDArray[np.int64], options: SheetOptions, group: int
) -> UInt8Array:
    """Return the images of one row, those of different faces in the order of the dataset."""
    rng = np.random.default_rng([options.seed, group - UNKNOWN])
    augment = AUGMENTERS[options.augment]
    wanted = options.columns if augment is None else 1
    images = dataset.images(np.sort(rng.choice(rows, min(wanted, len(rows)), replace=False)))
    if augment is None:
        return images
    copies = np.repeat(images, options.columns - 1, axis=0)
    return np.concatenate([images, augment(copies, rng)])
