"""Reading a dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import withdrawn as withdrawal
from fer_pipeline.dataset.claims import check_claims
from fer_pipeline.dataset.layout import (
    COLUMNS,
    FORMAT,
    UNKNOWN,
    VERSION,
    VOTES,
    CropRecord,
    Rows,
    rows_at_once,
)
from fer_pipeline.dataset.withdrawn import Withdrawn
from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import DatasetError, OutputError
from fer_pipeline.faces import CHANNEL_COUNT
from fer_pipeline.files import FileState, PathKind, kind_of, reason
from fer_pipeline.json_values import parse_json

# Damage shows in many ways: HDF5 has errors of several kinds, deep JSON and numbers without end
# have theirs.
_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError),
)

_LONGEST_REASON = 200


@dataclass(eq=False)
class Dataset:
    """An open dataset; use `open_dataset`.

    Attributes:
        path: The file.
        emotions: Names that ``label`` points into.
        participants: Codes that ``participant`` points into.
        videos: Paths that ``video`` points into.
        crop: How the images were cut out.
        provenance: Where everything comes from.
        withdrawn: People who were withdrawn, as far as one may know.
        state: What tells the file from one that took its place.
    """

    path: Path
    emotions: tuple[str, ...]
    participants: tuple[str, ...]
    videos: tuple[str, ...]
    crop: CropRecord
    provenance: dict[str, Any]
    withdrawn: tuple[Withdrawn, ...]
    state: FileState
    _file: Any = field(repr=False)
    _columns: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, init=False)

    def __len__(self) -> int:
        return int(self._file["images"].shape[0])

    def column(self, name: str) -> NDArray[Any]:
        """Return a whole column other than the images, shape (N,) or (N, 4)."""
        if name not in self._columns:
            try:
                self._columns[name] = self._file[name][:]
            except _DAMAGE as error:
                problem = f"{self.path}: {name} cannot be read ({_told(error)})"
                raise DatasetError(problem) from error
        return self._columns[name]

    @cached_property
    def votes(self) -> FloatArray | None:
        """Annotators' votes, shape (N, emotions), NaN for a face nobody voted on; or None."""
        if VOTES not in self._file:
            return None
        return np.asarray(self.column(VOTES), np.float32)

    def people(self, rows: Rows) -> NDArray[np.str_] | None:
        """Return the code of each row's person; None if that of any is unknown."""
        index = self.column("participant")[rows]
        if np.any(index == UNKNOWN) or not len(self.participants):
            return None
        people: NDArray[np.str_] = np.array(self.participants)[index]
        return people

    def layout(self, name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """Return the type and the shape of one row of a column or of the images."""
        stored = self._file[name]
        return stored.dtype, stored.shape[1:]

    def images(self, rows: Rows | slice) -> UInt8Array:
        """Read images, shape (n, size, size, channels); row numbers in any order."""
        stored = self._file["images"]
        try:
            if isinstance(rows, slice):
                return np.asarray(stored[rows])
            return np.array([stored[int(row)] for row in rows], np.uint8).reshape(
                -1, *stored.shape[1:]
            )
        except _DAMAGE as error:
            problem = f"{self.path}: an image cannot be read ({_told(error)})"
            raise DatasetError(problem) from error

    def batches(self) -> Iterator[slice]:
        """Yield all rows in order, so many at a time as fit into memory with their images."""
        step = rows_at_once(self._file["images"].shape[1:])
        for start in range(0, len(self), step):
            yield slice(start, min(start + step, len(self)))

    def stores_images_like(self, target: Any) -> bool:
        """Tell whether compressed images may be copied to another file's dataset as they are."""
        return _storage(self._file["images"]) == _storage(target)

    def copy_images(self, rows: Rows, target: Any) -> None:
        """Append compressed images to another file's dataset of the same kind, as they are."""
        stored = self._file["images"]
        begin = target.shape[0]
        target.resize(begin + len(rows), axis=0)
        try:
            for offset, row in enumerate(rows.tolist()):
                mask, chunk = stored.id.read_direct_chunk((row, 0, 0, 0))
                target.id.write_direct_chunk((begin + offset, 0, 0, 0), chunk, mask)
        except _DAMAGE as error:
            problem = f"{self.path}: an image cannot be read ({_told(error)})"
            raise DatasetError(problem) from error

    def rows_by_video(self) -> dict[str | None, Rows]:
        """Return the rows of each video in their order, none for no face; of stills under None."""
        column = self.column("video")
        order = np.argsort(column, kind="stable")
        bounds = np.searchsorted(column[order], np.arange(UNKNOWN, len(self.videos) + 1))
        parts = [order[start:end] for start, end in pairwise(bounds.tolist())]
        return dict(zip((None, *self.videos), parts, strict=True))

    @property
    def digest(self) -> str:
        """SHA-256 over all images, columns and names: the same data give the same digest."""
        return self._read_through[0]

    @property
    def image_hashes(self) -> NDArray[np.uint64]:
        """A number for each image, shape (N,), that only exact copies share.

        64 bits: among a million images two others share one with a chance of 1 to 37 million.
        """
        return self._read_through[1]

    @cached_property
    def _read_through(self) -> tuple[str, NDArray[np.uint64]]:
        """Decompress everything once: that is most of the cost of either result."""
        total = hashlib.sha256(json.dumps([self.emotions, self.participants, self.videos]).encode())
        for name in COLUMNS:
            total.update(np.ascontiguousarray(self.column(name)).tobytes())
        if self.votes is not None:
            total.update(self.votes.tobytes())
        hashes = np.empty(len(self), np.uint64)
        for rows in self.batches():
            images = self.images(rows)
            total.update(images.tobytes())
            hashes[rows] = [image_hash(image) for image in images]
        return total.hexdigest(), hashes


def _storage(images: Any) -> tuple[Any, ...]:
    """Return what must be the same where a compressed image means the same."""
    made = images.id.get_create_plist()
    filters = [made.get_filter(index)[0] for index in range(made.get_nfilters())]
    return images.dtype, images.chunks, images.shape[1:], filters


def image_hash(image: UInt8Array) -> int:
    """Return a number of 64 bits that only exact copies share, as `Dataset.image_hashes` has it."""
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")


@contextmanager
def open_dataset(path: Path, *, sound: bool = True) -> Iterator[Dataset]:
    """Open a dataset for reading.

    Args:
        path: The file.
        sound: Whether to refuse one whose columns are of another type, or point nowhere; who looks
            for what is wrong wants to see it.

    Raises:
        DatasetError: The file is missing, is no dataset, is of another version, or is broken.
    """
    import h5py

    if kind_of(path, DatasetError) is PathKind.MISSING:
        raise DatasetError(f"{path}: no such dataset; fer extract makes one")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        problem = reason(error) if error.errno else "no valid HDF5 file"
        raise DatasetError(f"{path}: not a dataset that can be read ({problem})") from error
    with file:
        dataset = _read_header(path, file)
        if sound:
            _require_sound(dataset)
        yield dataset


def withdrawn_from(path: Path) -> tuple[Withdrawn, ...]:
    """Return who was withdrawn from a dataset that is to be replaced; nobody if there is none.

    Whatever replaces the file has to refuse them, too.

    Raises:
        DatasetError: It is a dataset that cannot be read.
        OutputError: It is something else, which nobody meant to replace with a dataset.
    """
    import h5py

    if kind_of(path, DatasetError) is not PathKind.FILE or not path.stat().st_size:
        return ()
    if not h5py.is_hdf5(path):
        raise OutputError(
            f"{path}: exists and is no dataset; if it was one, who was withdrawn cannot be told",
            "give another -o, or remove the file",
        )
    try:
        with open_dataset(path, sound=False) as dataset:
            return dataset.withdrawn
    except DatasetError as error:
        problem = f"{error.problem}; who was withdrawn from it cannot be told"
        raise DatasetError(problem, "give another -o, or remove the file") from error


def refused_by(dataset: Dataset, output: Path) -> tuple[Withdrawn, ...]:
    """Return who was withdrawn from a dataset, and from the one that its offspring replaces."""
    return tuple(dict.fromkeys((*dataset.withdrawn, *withdrawn_from(output))))


def _read_header(path: Path, file: Any) -> Dataset:
    try:
        found = file.attrs.get("format"), file.attrs.get("version")
    except _DAMAGE as error:
        raise DatasetError(f"{path}: not a dataset that can be read ({_told(error)})") from error
    if not np.array_equal(found[0], FORMAT):
        raise DatasetError(f"{path}: an HDF5 file, but not a dataset of faces made by fer")
    if not np.array_equal(found[1], VERSION):
        raise DatasetError(
            f"{path}: version {found[1]} of the format; this fer reads version {VERSION}"
        )
    state = FileState.of(path)
    try:
        check_claims(file, state.size)
        channels = file.attrs["channels"]
        if channels not in CHANNEL_COUNT:
            raise ValueError(f"channels {channels!r}")
        dataset = Dataset(
            path=path,
            emotions=tuple(map(str, file.attrs["emotions"])),
            participants=tuple(file["participants"].asstr()[:]),
            videos=tuple(file["videos"].asstr()[:]),
            crop=CropRecord(channels=channels, **parse_json(file.attrs["crop"])),
            provenance=dict(parse_json(file.attrs["provenance"])),
            state=state,
            withdrawn=withdrawal.from_json(file.attrs.get(withdrawal.ATTRIBUTE, "[]")),
            _file=file,
        )
        columns = (*COLUMNS, "images", *([VOTES] if VOTES in file else []))
        lengths = {file[name].shape[0] for name in columns}
        for name in (*dataset.emotions, *dataset.participants, *dataset.videos):
            name.encode()  # HDF5 takes any bytes for a text, which no other file could hold
    except _DAMAGE as error:
        problem = f"{path}: the dataset is broken ({_told(error)})"
        raise DatasetError(f"{problem}; extract it again") from error
    if len(lengths) > 1:
        raise DatasetError(f"{path}: the dataset is broken (columns of different lengths)")
    return dataset


def _require_sound(dataset: Dataset) -> None:
    """Refuse a dataset whose rows cannot mean anything.

    Raises:
        DatasetError: A column is of another type, or points beyond its names.
    """
    columns = dict(COLUMNS)
    if VOTES in dataset._file:
        columns[VOTES] = np.float32, (len(dataset.emotions),)
    for name, (dtype, shape) in columns.items():
        if dataset.layout(name) != (np.dtype(dtype), shape):
            raise _unsound(dataset, f"{name} is of another type")
    size, channels = dataset.crop.size, CHANNEL_COUNT[dataset.crop.channels]
    if dataset.layout("images") != (np.dtype(np.uint8), (size, size, channels)):
        raise _unsound(dataset, "images are not what its crop says")
    for name, names in (
        ("label", dataset.emotions),
        ("participant", dataset.participants),
        ("video", dataset.videos),
    ):
        index = dataset.column(name)
        if len(index) and not UNKNOWN <= index.min() <= index.max() < len(names):
            raise _unsound(dataset, f"{name} points to what is not there")


def _unsound(dataset: Dataset, what: str) -> DatasetError:
    return DatasetError(f"{dataset.path}: broken ({what})", "fer data verify tells where")


def _told(error: BaseException) -> str:
    """Say in one short line what went wrong."""
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__


def counts(dataset: Dataset) -> NDArray[np.int64]:
    """Count faces, shape (participants + 1, emotions + 1); the last of each is the unknown."""
    table = np.zeros((len(dataset.participants) + 1, len(dataset.emotions) + 1), np.int64)
    try:
        np.add.at(table, (dataset.column("participant"), dataset.column("label")), 1)
    except IndexError as error:
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where") from error
    return table
