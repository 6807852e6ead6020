"""Writing a dataset.

Images are stored one to a chunk, so that they can be read in any order and copied without being
compressed again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import withdrawn as withdrawal
from fer_pipeline.dataset.layout import (
    COLUMNS,
    FORMAT,
    UNKNOWN,
    VERSION,
    VOTES,
    CropRecord,
    FaceRow,
    Rows,
    batches,
    rows_at_once,
)
from fer_pipeline.dataset.reading import Dataset
from fer_pipeline.dataset.storage import Storage
from fer_pipeline.dataset.withdrawn import Withdrawn, withdrawn_among
from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import DatasetError
from fer_pipeline.faces import CHANNEL_COUNT, network_inputs
from fer_pipeline.files import replacing, require_room
from fer_pipeline.held_back import signals_held_back
from fer_pipeline.json_values import json_text

_ROOM_KEPT = 2**24
"""Bytes left free on the disk: HDF5 holds a MiB of each column before it writes, and a full disk
shall be known before hours are spent on what cannot be kept."""

_MOST_EMOTIONS = 127  # labels are int8


def _same(name: str) -> str:
    return name


@dataclass(frozen=True, eq=False)
class Edits:
    """What is changed of rows while they are copied from a dataset to another.

    Attributes:
        participant: Gives the new code for each code.
        video: Gives the new name for each video.
        labels: The emotion of single rows, None for unlabelled, by their numbers in the source.
        split: The new column, shape (rows of the source,); None keeps it.
    """

    participant: Callable[[str], str] = _same
    video: Callable[[str], str] = _same
    labels: Mapping[int, str | None] = field(default_factory=dict)
    split: NDArray[np.int8] | None = None

    def emotions_shown(self, source: Dataset, rows: Rows) -> set[str]:
        """Return the emotions that rows of a dataset show after these changes."""
        label = source.column("label")[rows]
        kept = ~np.isin(rows, list(self.labels)) & (label != UNKNOWN)
        names = {source.emotions[index] for index in np.unique(label[kept])}
        changed = set(self.labels).intersection(rows.tolist()) if self.labels else ()
        return names.union(name for row in changed if (name := self.labels[row]) is not None)


AS_IT_IS = Edits()


class DatasetWriter:
    """Appends faces to a new dataset; use `create_dataset`."""

    @signals_held_back()
    def __init__(
        self,
        storage: Storage,
        crop: CropRecord,
        emotions: Sequence[str],
        *,
        votes: bool,
        withdrawn: Sequence[Withdrawn],
    ) -> None:
        _refuse_too_many(emotions)
        self._file = file = storage.hdf5()
        self._storage = storage
        self._crop = crop
        self._emotions = {name: index for index, name in enumerate(emotions)}
        self._participants: dict[str, int] = {}
        self._videos: dict[str, int] = {}
        self._withdrawn = tuple(withdrawn)
        self._buffer: list[tuple[Any, ...]] = []
        file.attrs.update(format=FORMAT, version=VERSION, channels=crop.channels)
        file.attrs["emotions"] = np.array(emotions, _text_type())
        file.attrs["crop"] = json.dumps(
            {name: value for name, value in asdict(crop).items() if name != "channels"}
        )
        self._require_room(0)
        # Held until the end: what HDF5 cannot write when a dataset is let go is never told.
        self._stored = _create_columns(file, crop.size, CHANNEL_COUNT[crop.channels])
        if votes:
            self._stored[VOTES] = _create_votes(file, len(emotions))

    def add_video(self, video: str) -> None:
        """List a video, so that it is known even if no face was found in it."""
        self._videos.setdefault(video, len(self._videos))

    def append(self, video: str | None, row: FaceRow) -> None:
        """Add one face of a video, or of none; an emotion not listed yet comes to the list.

        Raises:
            DatasetError: The person was withdrawn, or there are too many emotions.
        """
        if video is not None:
            self.add_video(video)
        emotion = UNKNOWN if row.emotion is None else self._emotion(row.emotion)
        votes = row.votes
        self._buffer.append(
            (
                row.image,
                emotion,
                self._participant(row.participant),
                UNKNOWN if video is None else self._videos[video],
                row.frame,
                row.time,
                (row.box.x, row.box.y, row.box.width, row.box.height),
                np.nan if row.score is None else row.score,
                row.track,
                row.split,
                [np.nan if votes is None else votes.get(name, 0.0) for name in self._emotions],
            )
        )
        if len(self._buffer) >= rows_at_once(self._stored["images"].shape[1:]):
            self._flush()

    def copy(self, source: Dataset, rows: Rows, edits: Edits = AS_IT_IS) -> None:
        """Add rows of another dataset.

        Images of another kind are made alike, as a network's input is made; of the same kind they
        are copied as they are stored. An emotion that is not listed makes a row unlabelled.

        Raises:
            DatasetError: A person was withdrawn.
        """
        self._flush()
        columns = {name: source.column(name)[rows] for name in COLUMNS}
        columns["label"] = self._labels(source, rows, edits)
        columns["participant"] = _translate(
            columns["participant"],
            lambda index: self._participant(edits.participant(source.participants[index])),
        )
        columns["video"] = _translate(
            columns["video"], lambda index: self._video(edits.video(source.videos[index]))
        )
        if edits.split is not None:
            columns["split"] = edits.split[rows]
        if VOTES in self._stored:
            columns[VOTES] = self._votes(source, rows)
        self._extend(columns)
        self._copy_images(source, rows)

    @signals_held_back()
    def list_shown_emotions(self) -> None:
        """Leave out of the list of emotions those that no face so far shows; put it in order."""
        self._flush()
        stored = self._stored["label"]
        labels = stored[:]
        present = set(np.unique(labels).tolist())
        shown = order_emotions(name for name, index in self._emotions.items() if index in present)
        renumbered = np.full(len(self._emotions) + 1, UNKNOWN)
        for index, name in enumerate(shown):
            renumbered[self._emotions[name]] = index
        stored[:] = renumbered[labels]
        if VOTES in self._stored:
            kept = self._stored.pop(VOTES)[:, [self._emotions[name] for name in shown]]
            del self._file[VOTES]
            self._stored[VOTES] = _create_votes(self._file, len(shown))
            self._extend({VOTES: kept})
        self._emotions = {name: index for index, name in enumerate(shown)}
        self._file.attrs["emotions"] = np.array(shown, _text_type())

    @signals_held_back()
    def finish(self, provenance: dict[str, Any]) -> None:
        """Write what is still held, the names, and where everything comes from."""
        self._flush()
        if len(self._emotions) > len(self._file.attrs["emotions"]):
            self.list_shown_emotions()
        _write_names(self._file, "participants", self._participants)
        _write_names(self._file, "videos", self._videos)
        texts = {"provenance": json_text(provenance)}
        if self._withdrawn:
            texts[withdrawal.ATTRIBUTE] = withdrawal.to_json(self._withdrawn)
        for name, text in texts.items():
            self._require_room(len(text.encode()))
            self._file.attrs[name] = text

    def _emotion(self, name: str) -> int:
        if name not in self._emotions:
            if VOTES in self._stored:
                raise DatasetError(f"{name}: none of the emotions that are voted on")
            _refuse_too_many([*self._emotions, name])
            self._emotions[name] = len(self._emotions)
        return self._emotions[name]

    def _video(self, name: str) -> int:
        self.add_video(name)
        return self._videos[name]

    def _participant(self, code: str | None) -> int:
        if code is None:
            return UNKNOWN
        if code not in self._participants:
            if withdrawn_among([code], self._withdrawn):
                raise DatasetError(
                    f"{code}: was withdrawn from this dataset, or from the one that it replaces",
                    "give another -o",
                )
            self._participants[code] = len(self._participants)
        return self._participants[code]

    def _labels(self, source: Dataset, rows: Rows, edits: Edits) -> NDArray[np.int8]:
        # Emotions that no face shows are not listed, and so have no number.
        number = [self._emotions.get(name, UNKNOWN) for name in source.emotions]
        numbers = np.array([*number, UNKNOWN], np.int8)
        labels: NDArray[np.int8] = numbers[source.column("label")[rows]]
        if edits.labels:
            for place, row in enumerate(rows.tolist()):
                if row in edits.labels:
                    labels[place] = self._emotions.get(edits.labels[row] or "", UNKNOWN)
        return labels

    def _votes(self, source: Dataset, rows: Rows) -> NDArray[np.float32]:
        votes = np.full((len(rows), len(self._emotions)), np.nan, np.float32)
        if source.votes is None:
            return votes
        given = source.votes[rows]
        voted = ~np.isnan(given).all(axis=1)
        votes[voted] = 0
        for index, name in enumerate(source.emotions):
            if name in self._emotions:
                votes[voted, self._emotions[name]] = given[voted, index]
        return votes

    def _copy_images(self, source: Dataset, rows: Rows) -> None:
        images = self._stored["images"]
        alike = source.stores_images_like(images)
        for batch in batches(rows, images.shape[1:]):
            self._require_room(len(batch) * math.prod(images.chunks))
            if alike:
                with signals_held_back():
                    source.copy_images(batch, images)
            else:
                given = source.images(batch)
                made = network_inputs(given, self._crop.size, self._crop.channels)
                self._extend({"images": made})

    def _flush(self) -> None:
        self._storage.require_sound()  # else HDF5 would miss what it believes to be written
        if not self._buffer:
            return
        columns = dict(
            zip(("images", *COLUMNS, VOTES), zip(*self._buffer, strict=True), strict=True)
        )
        self._buffer.clear()
        self._extend({name: np.asarray(columns[name]) for name in self._stored})

    @signals_held_back()
    def _extend(self, columns: dict[str, NDArray[Any]]) -> None:
        self._require_room(sum(values.nbytes for values in columns.values()))
        for name, values in columns.items():
            if len(values):
                stored = self._stored[name]
                stored.resize(stored.shape[0] + len(values), axis=0)
                stored[-len(values) :] = values

    def _require_room(self, size: int) -> None:
        self._storage.require_sound()
        require_room(self._storage.folder, size + _ROOM_KEPT)


def _translate(column: NDArray[np.int32], number: Callable[[int], int]) -> NDArray[np.int32]:
    """Give names their numbers by their first row here, so that the order of work leaves no trace.

    Args:
        column: Indexes of names in the source, or `UNKNOWN`.
        number: Gives the number here for an index there, a new one if need be.
    """
    indexes, first_rows, places = np.unique(column, return_index=True, return_inverse=True)
    translated = np.full(len(indexes), UNKNOWN, np.int32)
    for place in np.argsort(first_rows):
        if indexes[place] != UNKNOWN:
            translated[place] = number(int(indexes[place]))
    found: NDArray[np.int32] = translated[places].reshape(column.shape)
    return found


def _refuse_too_many(emotions: Sequence[str]) -> None:
    if len(emotions) > _MOST_EMOTIONS:
        raise DatasetError(f"{len(emotions)} emotions are more than the {_MOST_EMOTIONS} possible")


def _create_columns(file: Any, size: int, channels: int) -> dict[str, Any]:
    image = (size, size, channels)
    file.create_dataset(
        "images",
        shape=(0, *image),
        maxshape=(None, *image),
        dtype=np.uint8,
        chunks=(1, *image),
        compression="gzip",
        compression_opts=4,
    )
    for name, (dtype, shape) in COLUMNS.items():
        _create_column(file, name, dtype, shape)
    return {name: file[name] for name in ("images", *COLUMNS)}


def _create_votes(file: Any, emotions: int) -> Any:
    return _create_column(file, VOTES, np.float32, (emotions,))


def _create_column(file: Any, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> Any:
    return file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        dtype=dtype,
        chunks=True,
        fletcher32=True,  # a checksum; the images have that of their compression
    )


def _write_names(file: Any, dataset: str, names: Iterable[str]) -> None:
    file.create_dataset(dataset, data=list(names), dtype=_text_type())


def _text_type() -> Any:
    import h5py

    return h5py.string_dtype()


@contextmanager
def create_dataset(
    path: Path,
    crop: CropRecord,
    emotions: Iterable[str],
    *,
    votes: bool = False,
    withdrawn: Sequence[Withdrawn] = (),
) -> Iterator[DatasetWriter]:
    """Write a new dataset, which appears at ``path`` when the block ends without an error.

    `DatasetWriter.finish` must be called last. An existing file is replaced.

    Args:
        path: The file.
        crop: How the images were cut out.
        emotions: Names of the emotions, in any order.
        votes: Whether it has annotators' votes.
        withdrawn: People whom it refuses, and remembers that it does.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as unfinished:
        with Storage(unfinished) as storage:
            listed = order_emotions(emotions)
            yield DatasetWriter(storage, crop, listed, votes=votes, withdrawn=withdrawn)
        storage.require_sound()
