"""Writing a split into a dataset, where it stays for every training and for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    Dataset,
    Edits,
    Excerpt,
    copy_rows,
    refused_by,
)
from fer_pipeline.dataset.copying import Progress
from fer_pipeline.errors import DatasetError
from fer_pipeline.provenance import continued
from fer_pipeline.splits import Split


def divided(dataset: Dataset, split: Split) -> Excerpt:
    """Return all of a dataset with the side of each face.

    Faces without a label, and copies of a face on a more important side, are on none.
    """
    return Excerpt.of(dataset, edits=Edits(split=_column(len(dataset), split)))


def write_divided(
    excerpt: Excerpt, output: Path, command: str, progress: Progress = lambda _: None
) -> None:
    """Write a dataset that says on which side each face is.

    Args:
        excerpt: What `divided` returned; its dataset is closed by now.
        output: Where the result appears; it may be the same file.
        command: The command line as it was typed.
        progress: Called with the number of faces done since the last call.

    Raises:
        DatasetError: The dataset is broken.
        OutputError: The result cannot be written.
    """
    with excerpt.open() as dataset:
        crop, withdrawn = dataset.crop, refused_by(dataset, output)
        made = continued(dataset.provenance, command)
    copy_rows(output, [excerpt], crop, made, withdrawn=withdrawn, progress=progress)


def refuse_divided(dataset: Dataset) -> None:
    """Refuse a dataset whose faces are on a side already.

    Raises:
        DatasetError: They are.
    """
    divided = int(np.sum(dataset.column("split") != UNKNOWN))
    if divided:
        raise DatasetError(
            f"{dataset.path}: {divided} of its faces are on a side of a split already",
            "--overwrite divides anew",
        )


def _column(faces: int, split: Split) -> NDArray[np.int8]:
    column = np.full(faces, UNKNOWN, np.int8)
    column[split.training] = SPLIT_TRAINING
    column[split.seen] = SPLIT_TRAINING  # they are of training people
    column[split.validation] = SPLIT_VALIDATION
    column[split.test] = SPLIT_TEST
    return column
