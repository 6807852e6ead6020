"""Files that appear under their name only when they are complete, and what tells a source."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.errors import OutputError

UNFINISHED_SUFFIX = ".unfinished"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of ``path`` when the block ends without an error.

    After an error nothing is left behind and ``path`` is as it was.

    Raises:
        OutputError: The folder cannot be written to, or the disk is full.
    """
    unfinished = path.with_name(path.name + UNFINISHED_SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def reason(error: OSError) -> str:
    """Say in a few words what the system refused; HDF5 would say it in many lines."""
    return os.strerror(error.errno) if error.errno else str(error)


def require_room(folder: Path, size: int) -> None:
    """Make sure of some bytes of disk, for libraries that cannot cope with a full one.

    Raises:
        OSError: There is less.
    """
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < size:  # some network drives tell nothing
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def replace_folder(finished: Path, target: Path) -> None:
    """Put a finished folder in the place of ``target``, which may exist.

    Raises:
        OutputError: It cannot be done; ``target`` is as it was.
    """
    old = target.with_name(target.name + ".old")
    try:
        if target.exists():
            remove_folder(old)
            target.rename(old)
        try:
            finished.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({reason(error)})") from error
    remove_folder(old)


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


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_digest(name: str) -> str:
    """Return a short file name, the same for the same name, that every file system takes."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
