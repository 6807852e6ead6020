"""The dataset ``faces.h5``: its writer, its reader, joining and checking.

One HDF5 file that plain ``h5py`` reads; `docs/dataset.md` describes it for users. Images are stored
one to a chunk, so that they can be read in any order and copied without being compressed again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import Box, UInt8Array, order_emotions
from fer_pipeline.errors import DatasetError
from fer_pipeline.faces import CHANNEL_COUNT, Channels
from fer_pipeline.files import PathKind, kind_of, reason, replacing, require_room

FORMAT = "fer-faces"
VERSION = 1

UNKNOWN = -1
"""Stands for no label, no participant, no video, no frame number and no split of the corpus."""

SPLIT_TRAINING, SPLIT_VALIDATION, SPLIT_TEST = 0, 1, 2
"""Values of the dataset ``split``: the division that a public corpus brings along."""

COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "label": (np.int8, ()),
    "participant": (np.int32, ()),
    "video": (np.int32, ()),
    "frame": (np.int64, ()),
    "time": (np.float64, ()),
    "box": (np.int32, (4,)),
    "score": (np.float32, ()),
    "track": (np.int32, ()),
    "split": (np.int8, ()),
}

_ROWS_AT_ONCE, _BYTES_AT_ONCE = 256, 2**23
"""At most so many images are held in memory, and fewer if they are large."""

_ROOM_KEPT = 2**24
"""Bytes left free on the disk: when HDF5 meets a full one it can neither close its file nor let the
process end in peace. It holds a MiB of each column before it writes."""

_FILES_HELD = 32

_MOST_EMOTIONS = 127  # labels are int8


@dataclass(frozen=True, slots=True)
class CropRecord:
    """How the images of a dataset were cut out; a model repeats it on new clips.

    Attributes:
        size: Side of the square images in pixels.
        margin: Border on each side, as a share of the face box's longer side.
        channels: Colour or gray.
        detector: Settings of the detector, plain.
        cascade_digest: SHA-256 of the cascade file.
    """

    size: int
    margin: float
    channels: Channels
    detector: dict[str, Any]
    cascade_digest: str


@dataclass(frozen=True, slots=True, eq=False)
class FaceRow:
    """One face, as it is handed to the writer.

    Attributes:
        image: Shape (size, size, 3 or 1).
        emotion: Name of the emotion, None if unlabelled.
        participant: Code of the person, None if unknown.
        frame: Number of the frame in its source, `UNKNOWN` for a still.
        time: Seconds from the source's start, NaN for a still.
        box: Where the face is in the source frame.
        score: The detector's score, None where the box was carried.
        track: Number of the face within its video.
        split: Side in the corpus's own division.
    """

    image: UInt8Array
    emotion: str | None
    participant: str | None
    frame: int
    time: float
    box: Box
    score: float | None
    track: int
    split: int = UNKNOWN


class DatasetWriter:
    """Appends faces to a new dataset; use `create_dataset`."""

    def __init__(self, file: Any, crop: CropRecord, emotions: Sequence[str]) -> None:
        if len(emotions) > _MOST_EMOTIONS:
            raise DatasetError(
                f"{len(emotions)} emotions are more than the {_MOST_EMOTIONS} possible"
            )
        self._file = file
        self._emotions = {name: index for index, name in enumerate(emotions)}
        self._participants: dict[str, int] = {}
        self._videos: dict[str, int] = {}
        self._buffer: list[tuple[Any, ...]] = []
        file.attrs.update(format=FORMAT, version=VERSION, channels=crop.channels)
        file.attrs["emotions"] = np.array(emotions, _text_type())
        file.attrs["crop"] = json.dumps(
            {name: value for name, value in asdict(crop).items() if name != "channels"}
        )
        self._require_room(0)
        # Held until the end: what HDF5 cannot write when a dataset is let go is never told.
        self._stored = _create_columns(file, crop.size, CHANNEL_COUNT[crop.channels])

    def add_video(self, video: str) -> None:
        """List a video, so that it is known even if no face was found in it."""
        self._videos.setdefault(video, len(self._videos))

    def append(self, video: str | None, row: FaceRow) -> None:
        """Add one face of a video, or of none."""
        if video is not None:
            self.add_video(video)
        self._buffer.append(
            (
                row.image,
                UNKNOWN if row.emotion is None else self._emotions[row.emotion],
                self._participant(row.participant),
                UNKNOWN if video is None else self._videos[video],
                row.frame,
                row.time,
                (row.box.x, row.box.y, row.box.width, row.box.height),
                np.nan if row.score is None else row.score,
                row.track,
                row.split,
            )
        )
        if len(self._buffer) >= _rows_at_once(self._stored["images"]):
            self._flush()

    def copy(self, video: str, source: Dataset, rows: slice) -> None:
        """Add the faces of a video from another dataset with the same kind of images."""
        self._flush()
        self.add_video(video)
        # Emotions that no face shows are not listed, and so have no number.
        emotions = np.array([*(self._emotions.get(e, UNKNOWN) for e in source.emotions), UNKNOWN])
        columns: dict[str, NDArray[Any]] = {
            name: source.column(name)[rows] for name in COLUMNS if name != "video"
        }
        columns["label"] = emotions[columns["label"]]
        columns["participant"] = self._translate_people(source, columns["participant"])
        columns["video"] = np.full(rows.stop - rows.start, self._videos[video])
        self._extend(columns)
        images = self._stored["images"]
        for batch in _batches(images, rows):
            self._require_room((batch.stop - batch.start) * math.prod(images.chunks))
            source.copy_images(batch, images)

    def list_shown_emotions(self) -> None:
        """Leave out of the list of emotions those that no face added so far shows."""
        self._flush()
        stored = self._stored["label"]
        labels = stored[:]
        shown = [name for name, index in self._emotions.items() if np.any(labels == index)]
        renumbered = np.full(len(self._emotions) + 1, UNKNOWN)
        for index, name in enumerate(shown):
            renumbered[self._emotions[name]] = index
        stored[:] = renumbered[labels]
        self._emotions = {name: index for index, name in enumerate(shown)}
        self._file.attrs["emotions"] = np.array(shown, _text_type())

    def finish(self, provenance: dict[str, Any]) -> None:
        """Write what is still held, the names, and where everything comes from."""
        self._flush()
        _write_names(self._file, "participants", self._participants)
        _write_names(self._file, "videos", self._videos)
        text = json.dumps(provenance, ensure_ascii=False)
        self._require_room(len(text.encode()))
        self._file.attrs["provenance"] = text

    def _participant(self, code: str | None) -> int:
        if code is None:
            return UNKNOWN
        return self._participants.setdefault(code, len(self._participants))

    def _translate_people(self, source: Dataset, column: NDArray[np.int32]) -> NDArray[np.int64]:
        """Number people by their first row here, so that the order of work leaves no trace."""
        indexes, first_rows = np.unique(column, return_index=True)
        translated = np.empty(len(source.participants) + 1, np.int64)
        translated[UNKNOWN] = UNKNOWN
        for index in indexes[np.argsort(first_rows)]:
            if index != UNKNOWN:
                translated[index] = self._participant(source.participants[index])
        return translated[column]

    def _flush(self) -> None:
        if not self._buffer:
            return
        columns = map(np.asarray, zip(*self._buffer, strict=True))
        self._buffer.clear()
        self._extend(dict(zip(("images", *COLUMNS), columns, strict=True)))

    def _extend(self, columns: dict[str, NDArray[Any]]) -> None:
        self._require_room(sum(values.nbytes for values in columns.values()))
        for name, values in columns.items():
            if len(values):
                stored = self._stored[name]
                stored.resize(stored.shape[0] + len(values), axis=0)
                stored[-len(values) :] = values

    def _require_room(self, size: int) -> None:
        require_room(Path(self._file.filename).parent, size + _ROOM_KEPT)


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
        file.create_dataset(
            name,
            shape=(0, *shape),
            maxshape=(None, *shape),
            dtype=dtype,
            chunks=True,
            fletcher32=True,  # a checksum; the images have that of their compression
        )
    return {name: file[name] for name in ("images", *COLUMNS)}


def _rows_at_once(images: Any) -> int:
    image_bytes = max(1, int(math.prod(images.shape[1:])))
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // image_bytes))


def _batches(images: Any, rows: slice) -> Iterator[slice]:
    step = _rows_at_once(images)
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop))


def _write_names(file: Any, dataset: str, names: Iterable[str]) -> None:
    file.create_dataset(dataset, data=list(names), dtype=_text_type())


def _text_type() -> Any:
    import h5py

    return h5py.string_dtype()


@contextmanager
def create_dataset(
    path: Path, crop: CropRecord, emotions: Iterable[str]
) -> Iterator[DatasetWriter]:
    """Write a new dataset, which appears at ``path`` when the block ends without an error.

    `DatasetWriter.finish` must be called last. An existing file is replaced.

    Raises:
        OutputError: The file cannot be written.
    """
    import h5py

    # Attributes beyond 64 KiB, such as the provenance of a thousand videos, need the format of
    # HDF5 1.8; every reader of the last fifteen years knows it.
    with (
        replacing(path) as unfinished,
        h5py.File(unfinished, "w", libver=("earliest", "v108")) as file,
    ):
        yield DatasetWriter(file, crop, order_emotions(emotions))
        file.flush()


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
    """

    path: Path
    emotions: tuple[str, ...]
    participants: tuple[str, ...]
    videos: tuple[str, ...]
    crop: CropRecord
    provenance: dict[str, Any]
    _file: Any = field(repr=False)
    _columns: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, init=False)

    def __len__(self) -> int:
        return int(self._file["images"].shape[0])

    def column(self, name: str) -> NDArray[Any]:
        """Return a whole column other than the images, shape (N,) or (N, 4)."""
        if name not in self._columns:
            try:
                self._columns[name] = self._file[name][:]
            except OSError as error:
                raise DatasetError(f"{self.path}: {name} cannot be read ({error})") from error
        return self._columns[name]

    def people(self, rows: NDArray[np.int64]) -> NDArray[np.str_] | None:
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

    def images(self, rows: NDArray[np.int64] | slice) -> UInt8Array:
        """Read images, shape (n, size, size, channels); row numbers in any order."""
        stored = self._file["images"]
        try:
            if isinstance(rows, slice):
                return np.asarray(stored[rows])
            return np.array([stored[int(row)] for row in rows], np.uint8).reshape(
                -1, *stored.shape[1:]
            )
        except OSError as error:
            raise DatasetError(f"{self.path}: an image cannot be read ({error})") from error

    def batches(self) -> Iterator[slice]:
        """Yield all rows in order, so many at a time as fit into memory with their images."""
        return _batches(self._file["images"], slice(0, len(self)))

    def copy_images(self, rows: slice, target: Any) -> None:
        """Append compressed images to another file's dataset of the same kind, as they are."""
        stored = self._file["images"]
        begin = target.shape[0]
        target.resize(begin + rows.stop - rows.start, axis=0)
        for offset, row in enumerate(range(rows.start, rows.stop)):
            mask, chunk = stored.id.read_direct_chunk((row, 0, 0, 0))
            target.id.write_direct_chunk((begin + offset, 0, 0, 0), chunk, mask)

    def rows_by_video(self) -> dict[str, slice]:
        """Return the rows of each video, which stand together; an empty slice for no face."""
        column = self.column("video")
        starts = np.searchsorted(column, np.arange(len(self.videos)), side="left")
        ends = np.searchsorted(column, np.arange(len(self.videos)), side="right")
        return {
            video: slice(int(start), int(end))
            for video, start, end in zip(self.videos, starts, ends, strict=True)
        }

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
        hashes = np.empty(len(self), np.uint64)
        for rows in self.batches():
            images = self.images(rows)
            total.update(images.tobytes())
            hashes[rows] = [image_hash(image) for image in images]
        return total.hexdigest(), hashes


def image_hash(image: UInt8Array) -> int:
    """Return a number of 64 bits that only exact copies share, as `Dataset.image_hashes` has it."""
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")


@contextmanager
def open_dataset(path: Path) -> Iterator[Dataset]:
    """Open a dataset for reading.

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
        yield _read_header(path, file)


def _read_header(path: Path, file: Any) -> Dataset:
    found = file.attrs.get("format"), file.attrs.get("version")
    if not np.array_equal(found[0], FORMAT):
        raise DatasetError(f"{path}: an HDF5 file, but not a dataset of faces made by fer")
    if not np.array_equal(found[1], VERSION):
        raise DatasetError(
            f"{path}: version {found[1]} of the format; this fer reads version {VERSION}"
        )
    try:
        channels = file.attrs["channels"]
        if channels not in CHANNEL_COUNT:
            raise ValueError(f"channels {channels!r}")
        dataset = Dataset(
            path=path,
            emotions=tuple(map(str, file.attrs["emotions"])),
            participants=tuple(file["participants"].asstr()[:]),
            videos=tuple(file["videos"].asstr()[:]),
            crop=CropRecord(channels=channels, **json.loads(file.attrs["crop"])),
            provenance=json.loads(file.attrs["provenance"]),
            _file=file,
        )
        lengths = {file[name].shape[0] for name in (*COLUMNS, "images")}
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: the dataset is broken ({error}); extract it again") from error
    if len(lengths) > 1:
        raise DatasetError(f"{path}: the dataset is broken (columns of different lengths)")
    return dataset


def merge(
    path: Path, sources: Sequence[Path], provenance: dict[str, Any], crop: CropRecord
) -> None:
    """Join datasets into a new one, video by video in the order of their paths.

    Args:
        path: Where the result appears once it is complete; it may be one of the sources.
        sources: Datasets with the same kind of images, no two with the same video.
        provenance: Written as it is.
        crop: How the images were cut out.
    """
    parts: list[tuple[str, Path, slice]] = []
    emotions: set[str] = set()
    for source in sources:
        with open_dataset(source) as dataset:
            parts += [(video, source, rows) for video, rows in dataset.rows_by_video().items()]
            shown = set(dataset.column("label").tolist()) - {UNKNOWN}
            emotions.update(dataset.emotions[label] for label in shown)
    # The sources are closed first: Windows does not replace a file that is open.
    with create_dataset(path, crop, emotions) as writer, ExitStack() as stack:
        open_file = _last_used_files(stack)
        for video, source, rows in sorted(parts):
            writer.copy(video, open_file(source), rows)
        writer.finish(provenance)


def _last_used_files(stack: ExitStack) -> Callable[[Path], Dataset]:
    """Return a function that opens datasets and keeps only a few open: there may be thousands."""
    held: OrderedDict[Path, tuple[ExitStack, Dataset]] = OrderedDict()

    def open_file(path: Path) -> Dataset:
        if path not in held:
            if len(held) >= _FILES_HELD:
                held.popitem(last=False)[1][0].close()
            own = stack.enter_context(ExitStack())
            held[path] = own, own.enter_context(open_dataset(path))
        held.move_to_end(path)
        return held[path][1]

    return open_file


def counts(dataset: Dataset) -> NDArray[np.int64]:
    """Count faces, shape (participants + 1, emotions + 1); the last of each is the unknown."""
    table = np.zeros((len(dataset.participants) + 1, len(dataset.emotions) + 1), np.int64)
    try:
        np.add.at(table, (dataset.column("participant"), dataset.column("label")), 1)
    except IndexError as error:
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where") from error
    return table
