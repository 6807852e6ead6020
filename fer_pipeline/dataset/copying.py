"""From datasets to a new one: joining them, leaving rows out, changing what stands beside them.

Whatever is done to a dataset that exists is done in this one way: its rows are copied to a new
file, which takes its place when it is complete. So nothing that was left out stays in the file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.dataset.layout import CropRecord, Rows
from fer_pipeline.dataset.reading import Dataset, open_dataset
from fer_pipeline.dataset.withdrawn import Withdrawn
from fer_pipeline.dataset.writing import AS_IT_IS, Edits, create_dataset
from fer_pipeline.errors import DatasetError
from fer_pipeline.files import FileState

_FILES_HELD = 32

Progress = Callable[[int], object]
"""Called with the number of rows done since the last call."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Part of a dataset that goes into a new one.

    Attributes:
        source: The dataset.
        rows: Which rows, in any order; one that is named twice is there twice. None for all.
        edits: What is changed of them.
        unlisted: Videos, by their old names, that the new dataset does not list.
        state: Of the file for which the row numbers are meant; None if that does not matter.
    """

    source: Path
    rows: Rows | None = None
    edits: Edits = AS_IT_IS
    unlisted: frozenset[str] = frozenset()
    state: FileState | None = None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        rows: Rows | None = None,
        edits: Edits = AS_IT_IS,
        unlisted: frozenset[str] = frozenset(),
    ) -> Excerpt:
        """Return part of an open dataset, which must be the same file when it is copied."""
        return cls(dataset.path, rows, edits, unlisted, dataset.state)

    @contextmanager
    def open(self) -> Iterator[Dataset]:
        """Open the source.

        Raises:
            DatasetError: It cannot be read, or another file took its place meanwhile.
        """
        with open_dataset(self.source) as dataset:
            if self.state not in (None, dataset.state):
                raise DatasetError(f"{self.source}: changed while it was read", "run it again")
            yield dataset


@dataclass(frozen=True, eq=False)
class _Part:
    """The rows of one video, or of stills, in one excerpt."""

    video: str
    excerpt: Excerpt
    rows: Rows


def copy_rows(
    path: Path,
    excerpts: Sequence[Excerpt],
    crop: CropRecord,
    provenance: dict[str, Any],
    *,
    withdrawn: Sequence[Withdrawn] = (),
    progress: Progress = lambda _: None,
) -> None:
    """Write a dataset with rows of others: stills first, then videos in the order of their names.

    Args:
        path: Where it appears once it is complete; it may be one of the sources.
        excerpts: What is taken; no two have the same video after their edits.
        crop: How the images are said to be cut out. Images of another size or of other channels
            are made alike.
        provenance: Written as it is.
        withdrawn: People whom the new dataset refuses.
        progress: Called with the number of rows copied.

    Raises:
        DatasetError: A source cannot be read, two have the same video, or a person was withdrawn.
        OutputError: The dataset cannot be written.
    """
    parts: list[_Part] = []
    videos: list[str] = []
    emotions: set[str] = set()
    votes = False
    for excerpt in excerpts:
        with excerpt.open() as dataset:
            listed = [name for name in dataset.videos if name not in excerpt.unlisted]
            videos += map(excerpt.edits.video, listed)
            parts += _parts(dataset, excerpt)
            rows = _rows(dataset, excerpt)
            emotions |= excerpt.edits.emotions_shown(dataset, rows)
            votes |= dataset.votes is not None
    _refuse_same_video(videos)
    parts.sort(key=lambda part: part.video)
    # The sources are closed first: Windows does not replace a file that is open.
    with (
        create_dataset(path, crop, emotions, votes=votes, withdrawn=withdrawn) as writer,
        ExitStack() as stack,
    ):
        open_file = _last_used_files(stack)
        for video in sorted(videos):
            writer.add_video(video)
        for part in parts:
            writer.copy(open_file(part.excerpt), part.rows, part.excerpt.edits)
            progress(len(part.rows))
        writer.finish(provenance)


def _rows(dataset: Dataset, excerpt: Excerpt) -> Rows:
    return np.arange(len(dataset)) if excerpt.rows is None else np.sort(excerpt.rows)


def _parts(dataset: Dataset, excerpt: Excerpt) -> list[_Part]:
    """Return what is taken of each video, under its new name, and of the stills, under none."""
    if excerpt.rows is None:
        times = np.ones(len(dataset), np.int64)
    else:
        times = np.bincount(excerpt.rows, minlength=len(dataset))
    parts = []
    for video, rows in dataset.rows_by_video().items():
        taken = np.repeat(rows, times[rows])
        if len(taken):
            name = "" if video is None else excerpt.edits.video(video)
            parts.append(_Part(name, excerpt, taken))
    return parts


def _refuse_same_video(videos: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in videos:
        if name in seen:
            raise DatasetError(f"{name}: a video of this name is in two of the datasets")
        seen.add(name)


def _last_used_files(stack: ExitStack) -> Callable[[Excerpt], Dataset]:
    """Return a function that opens datasets and keeps only a few open: there may be thousands."""
    held: OrderedDict[Path, tuple[ExitStack, Dataset]] = OrderedDict()

    def open_file(excerpt: Excerpt) -> Dataset:
        path = excerpt.source
        if path not in held:
            if len(held) >= _FILES_HELD:
                held.popitem(last=False)[1][0].close()
            own = stack.enter_context(ExitStack())
            held[path] = own, own.enter_context(excerpt.open())
        held.move_to_end(path)
        return held[path][1]

    return open_file
