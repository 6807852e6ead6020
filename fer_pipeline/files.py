"""Files that appear under their name only when they are complete, and what tells a source."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from fer_pipeline.errors import FerError, OutputError

if TYPE_CHECKING:
    import filelock

UNFINISHED_SUFFIX = ".unfinished"

_READ_AT_ONCE = 2**22

# Set in a process beside which others, on other machines, may write the same file.
_attempt = ""

_ATTEMPT = re.compile(r"\.[0-9a-f]{16}" + re.escape(UNFINISHED_SUFFIX))


def name_attempt(name: str) -> None:
    """Let what this process writes have unfinished names of its own.

    Args:
        name: 16 hexadecimal digits that nobody else has; or nothing.
    """
    global _attempt  # noqa: PLW0603 - it is a property of the process
    _attempt = f".{name}" if name else ""


def remove_attempts(paths: Collection[Path]) -> None:
    """Remove what attempts with names of their own left unfinished of some files.

    One that still goes on fails at its end.
    """
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    for folder, wanted in names.items():
        with suppress(OSError):  # there is none yet, or it cannot be read
            for entry in [entry.name for entry in os.scandir(folder)]:
                found = _ATTEMPT.search(entry)
                if found and found.end() == len(entry) and entry[: found.start()] in wanted:
                    (folder / entry).unlink()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of ``path`` when the block ends without an error.

    After an error nothing is left behind and ``path`` is as it was. Of a link, what it leads to is
    replaced.

    Raises:
        OutputError: The folder cannot be written to, or the disk is full.
    """
    place = path
    with suppress(OSError):  # a name too long, of which writing tells
        place = path.resolve() if path.is_symlink() else path
    unfinished = place.with_name(place.name + _attempt + UNFINISHED_SUFFIX)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(place)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def remove_unfinished(path: Path) -> None:
    """Remove what a worker that died while it wrote a file has left of it."""
    with suppress(OSError):
        path.with_name(path.name + UNFINISHED_SUFFIX).unlink()


def reason(error: OSError) -> str:
    """Say in a few words what the system refused; HDF5 would say it in many lines."""
    return os.strerror(error.errno) if error.errno else str(error)


class PathKind(Enum):
    """What there is at a path."""

    MISSING = "missing"
    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


def kind_of(path: Path, refusal: type[FerError]) -> PathKind:
    """Tell what there is at a path; a link stands for what it leads to.

    Raises:
        FerError: The system does not say: a folder above may not be entered, or the name is too
            long. It is of the class ``refusal``.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return PathKind.MISSING
    except OSError as error:
        problem = f"{path}: cannot be read ({reason(error)})"
        raise refusal(problem, "check the path and its permissions") from error
    if stat.S_ISDIR(mode):
        return PathKind.FOLDER
    return PathKind.FILE if stat.S_ISREG(mode) else PathKind.OTHER


def refuse_taken(output: Path, *, overwrite: bool) -> None:
    """Make sure that a file may be written.

    Raises:
        OutputError: Something is there that would be lost.
    """
    kind = kind_of(output, OutputError)
    if kind not in (PathKind.MISSING, PathKind.FILE):
        raise OutputError(f"{output}: is no file", "give another -o")
    if kind is PathKind.FILE and not overwrite:
        raise OutputError(f"{output}: exists", "give another -o, or --overwrite to replace it")


def refuse_source(output: Path, source: Path) -> None:
    """Make sure that what is read is not written over while it is.

    Raises:
        OutputError: Both are the same file.
    """
    if output.exists() and output.samefile(source):
        raise OutputError(f"{output}: is the dataset itself", "give another -o")


def require_room(folder: Path, size: int) -> None:
    """Make sure of some bytes of disk, for libraries that cannot cope with a full one.

    Raises:
        OSError: There is less.
    """
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < size:  # some network drives tell nothing
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other runs away from an output, which must not be a folder.

    The system itself lets go of the lock when the process ends, however it ends.

    Raises:
        OutputError: Another run is writing it, or its folder cannot be written to.
    """
    import filelock

    output = output.resolve()  # which has a name, as "." has not
    path = output.with_name(output.name + ".lock")
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise OutputError(
            f"{output}: another run is writing it", "wait for its end, or give another output"
        ) from error
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({reason(error)})") from error
    try:
        yield
    finally:
        _let_go(lock, path)
        for folder in made:
            remove_if_empty(folder)


def _let_go(lock: filelock.BaseFileLock, path: Path) -> None:
    """Let go of a lock and remove its file.

    The name goes first: were the lock let go first, another run could take it on this very file,
    which then lost its name, and a third run would lock a new one. Windows keeps the name of a file
    that is open, for whoever holds it.
    """
    first, then = (lock.release, path.unlink) if os.name == "nt" else (path.unlink, lock.release)
    with suppress(OSError):
        first()
    with suppress(OSError):
        then()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell in one line what the system refused while ``path`` was written.

    Raises:
        OutputError: The system refused something, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)})") from error


def replace_folder(finished: Path, target: Path, aside: Path) -> None:
    """Put a finished folder in the place of ``target``, which may exist.

    Args:
        finished: The folder that takes the place.
        target: The place.
        aside: Where the old folder is meanwhile; nothing of value is there.

    Raises:
        OutputError: It cannot be done; ``target`` is as it was.
    """
    with writing(target):
        if target.exists():
            remove_folder(aside)
            target.rename(aside)
        try:
            finished.rename(target)
        except OSError:
            put_back(aside, target)
            raise
    remove_folder(aside)


def put_back(aside: Path, target: Path) -> None:
    """Give a folder that was put aside its place again, if nothing has taken it.

    Raises:
        OutputError: It cannot be done.
    """
    if aside.exists() and not target.exists():
        with writing(target):
            aside.rename(target)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds; nothing happens if there is none."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing; otherwise leave it."""
    with suppress(OSError):
        folder.rmdir()


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a source is still the one that was read.

    Attributes:
        size: Bytes.
        changed: Time of the last change in nanoseconds.
    """

    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Return the state of a file now."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


def digest_of(path: Path, meanwhile: Callable[[], object] | None = None) -> str:
    """Return the SHA-256 of a file's content.

    Args:
        path: The file.
        meanwhile: Called again and again, so that a long look at a large file can be given up.
    """
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while content := file.read(_READ_AT_ONCE):
            found.update(content)
            if meanwhile is not None:
                meanwhile()
    return found.hexdigest()


def name_digest(name: str) -> str:
    """Return a short file name, the same for the same name, that every file system takes."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
