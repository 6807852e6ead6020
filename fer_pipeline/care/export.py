"""A dataset for other programs: pictures in folders, or arrays in one NumPy file."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import COLUMNS, UNKNOWN, VOTES, Dataset
from fer_pipeline.errors import OutputError
from fer_pipeline.files import (
    PathKind,
    kind_of,
    put_back,
    refuse_source,
    refuse_taken,
    remove_folder,
    remove_if_empty,
    replace_folder,
    replacing,
    writing,
)
from fer_pipeline.image_coding import as_png
from fer_pipeline.listing import few
from fer_pipeline.timeline import guarded

Grouping = Literal["emotion", "participant"]

GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

INDEX_FILE = "index.csv"
"""In a folder of pictures: a line for each, with all that the dataset tells of it."""

ARRAYS_SUFFIX = ".npz"

EXPORTING_SUFFIX = ".exporting"
"""Of the hidden folder beside the result in which pictures are put together."""

UNLABELLED, NOBODY = "unlabelled", "unknown"
"""Folders of faces whose emotion, or whose person, is not known."""

_INDEX_COLUMNS = (
    "file",
    "row",
    "emotion",
    "participant",
    "video",
    "frame",
    "time",
    "x",
    "y",
    "width",
    "height",
    "score",
    "track",
    "split",
)

Progress = Callable[[int], object]
"""Called with the number of faces written since the last call."""

# In the folder in which an export is done: what it writes, and what it replaces, for the moment
# between two renamings.
_NEW, _OLD = "new", "old"

# Pictures of any one time give the same file.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_LEVEL = 4  # as in the dataset

_LONGEST_NAME = 60

# What Windows, macOS or a shell would not take as it is.
_UNSAFE = re.compile(r"[^\w.+@-]", re.ASCII)
# An option to programs, a formula to spreadsheets.
_NO_BEGINNING = "-+@"
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


# Pictures


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Make sure that pictures may be written to a folder.

    Raises:
        OutputError: There is something that would be lost.
    """
    kind = kind_of(folder, OutputError)
    if kind is PathKind.MISSING:
        return
    if kind is not PathKind.FOLDER:
        raise OutputError(f"{folder}: is no folder", "give another -o")
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if not found:
        return
    if not overwrite:
        raise OutputError(f"{folder}: exists and is not empty", "give another -o, or --overwrite")
    foreign = sorted(found - _written_before(folder))
    if foreign:
        raise OutputError(
            f"{folder}: holds {few(foreign, most=1)}, which --overwrite would remove; "
            "move that elsewhere, or give another -o"
        )


def _written_before(folder: Path) -> set[str]:
    """Return the files of a folder that an earlier export wrote, as its index tells."""
    try:
        with (folder / INDEX_FILE).open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            if tuple(lines.fieldnames or ())[: len(_INDEX_COLUMNS)] != _INDEX_COLUMNS:
                return set()
            return {INDEX_FILE, *(line["file"] for line in lines)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()


def export_pictures(
    dataset: Dataset,
    folder: Path,
    by: Grouping = "emotion",
    *,
    overwrite: bool = False,
    progress: Progress = lambda _: None,
) -> None:
    """Write each face as a PNG, and an index of them, to a folder that appears when complete.

    ``by`` emotion gives ``happiness/P01_000012.png``, by participant ``P01/happiness/000012.png``;
    the number is that of the row.

    Args:
        dataset: The dataset.
        folder: The folder.
        by: What the first level of folders stands for.
        overwrite: Replace an earlier export.
        progress: Called with the number of faces written.

    Raises:
        OutputError: The folder is not empty, or cannot be written.
        DatasetError: The dataset cannot be read.
    """
    folder = folder.resolve()  # which has a name, as "." has not
    work = folder.with_name(f".{folder.name}{EXPORTING_SUFFIX}")
    _refuse_foreign(work)
    new, old = work / _NEW, work / _OLD
    put_back(old, folder)
    check_folder(folder, overwrite=overwrite)
    remove_folder(new)
    try:
        with writing(folder):
            new.mkdir(parents=True)
            _write_pictures(dataset, new, by, progress)
        check_folder(folder, overwrite=overwrite)  # again: minutes may have passed
        replace_folder(new, folder, old)
    finally:
        remove_folder(new)
        remove_if_empty(work)


def _refuse_foreign(work: Path) -> None:
    """Make sure that the place for the work holds no more than a killed export left there."""
    with writing(work):
        found = {path.name for path in work.iterdir()} if work.exists() else set()
    for name in sorted(found - {_NEW, _OLD}):
        raise OutputError(f"{work}: holds {name}, which no export wrote", "move that elsewhere")


def _write_pictures(dataset: Dataset, folder: Path, by: Grouping, progress: Progress) -> None:
    files = _file_names(dataset, by)
    for place in {PurePosixPath(file).parent for file in files}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    with (folder / INDEX_FILE).open("w", encoding="utf-8", newline="") as file:
        index = csv.writer(file)
        votes = [f"votes_{name}" for name in dataset.emotions] if dataset.votes is not None else []
        index.writerow((*_INDEX_COLUMNS, *votes))
        for rows in dataset.batches():
            images = dataset.images(rows)
            for row, image in zip(range(rows.start, rows.stop), images, strict=True):
                (folder / files[row]).write_bytes(as_png(image))
                index.writerow((files[row], row, *_told(dataset, row)))
            progress(len(images))


def _file_names(dataset: Dataset, by: Grouping) -> list[str]:
    """Return the path of each row's picture below the folder."""
    emotions = safe_names(dataset.emotions, UNLABELLED)
    people = safe_names(dataset.participants, NOBODY)
    digits = max(6, len(str(len(dataset))))
    return [
        f"{emotions[label]}/{people[person]}_{row:0{digits}d}.png"
        if by == "emotion"
        else f"{people[person]}/{emotions[label]}/{row:0{digits}d}.png"
        for row, (label, person) in enumerate(
            zip(
                dataset.column("label").tolist(),
                dataset.column("participant").tolist(),
                strict=True,
            )
        )
    ]


def safe_names(names: Sequence[str], unknown: str) -> list[str]:
    """Return names that every file system takes, no two the same.

    Args:
        names: Names of any letters.
        unknown: Comes behind them, as it is; none of the others is made like it.
    """
    taken = {unknown.casefold()}
    made = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name)
        safe = _UNSAFE.sub("_", "".join(c for c in plain if not unicodedata.combining(c)))
        safe = safe[:_LONGEST_NAME].strip(".") or "_"
        if _RESERVED.fullmatch(safe) or safe[0] in _NO_BEGINNING:
            safe = f"_{safe}"
        candidates = (safe, *(f"{safe}-{number}" for number in range(2, len(names) + 2)))
        free = next(one for one in candidates if one.casefold() not in taken)
        taken.add(free.casefold())
        made.append(free)
    return [*made, unknown]


def _told(dataset: Dataset, row: int) -> Iterator[Any]:
    """Yield the cells of a row behind its number: empty where nothing is known."""
    values = {name: dataset.column(name)[row].tolist() for name in COLUMNS}
    for column, names in (
        ("label", dataset.emotions),
        ("participant", dataset.participants),
        ("video", dataset.videos),
    ):
        yield "" if values[column] == UNKNOWN else guarded(names[values[column]])
    yield _number(values["frame"])
    yield _measure(values["time"])
    yield from values["box"]
    yield _measure(values["score"])
    yield values["track"]
    yield _number(values["split"])
    if dataset.votes is not None:
        yield from map(_measure, dataset.votes[row].tolist())


def _number(value: int) -> int | str:
    return "" if value == UNKNOWN else value


def _measure(value: float) -> float | str:
    return "" if math.isnan(value) else value


# Arrays


def export_arrays(
    dataset: Dataset,
    path: Path,
    *,
    overwrite: bool = False,
    progress: Progress = lambda _: None,
) -> None:
    """Write images, columns and names as an ``.npz`` file, which appears when complete.

    ``numpy.load`` reads it, without pickles. The same dataset gives the same file.

    Args:
        dataset: The dataset.
        path: The file.
        overwrite: Replace a file that exists.
        progress: Called with the number of faces written.

    Raises:
        OutputError: The file exists, or cannot be written.
        DatasetError: The dataset cannot be read.
    """
    refuse_source(path, dataset.path)
    refuse_taken(path, overwrite=overwrite)
    arrays: dict[str, NDArray[Any]] = {name: dataset.column(name) for name in COLUMNS}
    for name in ("emotions", "participants", "videos"):
        arrays[name] = np.array(getattr(dataset, name), np.str_)
    if dataset.votes is not None:
        arrays[VOTES] = dataset.votes
    with (
        replacing(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=_ZIP_LEVEL) as archive,
    ):
        dtype, shape = dataset.layout("images")
        _write_array(archive, "images", dtype, (len(dataset), *shape), _images(dataset, progress))
        for name, values in arrays.items():
            _write_array(archive, name, values.dtype, values.shape, [values])


def _images(dataset: Dataset, progress: Progress) -> Iterator[NDArray[Any]]:
    for rows in dataset.batches():
        images = dataset.images(rows)
        yield images
        progress(len(images))


def _write_array(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    parts: Iterable[NDArray[Any]],
) -> None:
    """Write an array, part by part, as a member that ``numpy.load`` knows."""
    member = zipfile.ZipInfo(f"{name}.npy", _ZIP_TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(member, "w", force_zip64=True) as file:
        stream: IO[bytes] = file
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        }
        np.lib.format.write_array_header_1_0(stream, header)
        for part in parts:
            stream.write(part.tobytes())
