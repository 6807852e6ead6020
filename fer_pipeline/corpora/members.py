"""The files of a corpus, wherever they lie: in a folder, in an archive, or alone.

Archives are read as they are, from their beginning to their end; nothing is unpacked to the disk.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, NoReturn

from fer_pipeline.corpora.corpus import Progress
from fer_pipeline.errors import CorpusError
from fer_pipeline.files import PathKind, kind_of, reason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
ARRAY_SUFFIXES = frozenset({".npy"})
MOST_PICTURE_BYTES = 2**28
"""Of a file in an archive that is read at once: as much as the largest picture has uncompressed."""

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})

_READ_AT_ONCE = 2**20

_ZIP_BEGINS, _ENCRYPTED = b"PK\x03\x04", 0x1

_BROKEN_ARCHIVE = (
    EOFError,
    lzma.LZMAError,
    NotImplementedError,  # a compression that Python does not know
    tarfile.TarError,
    UnicodeDecodeError,  # a name that is said to be UTF-8
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a source, open until the next one is asked for.

    Attributes:
        name: Its path with forward slashes, as `member_names` gives it.
        place: Where it is, for messages.
        file: Its bytes.
    """

    name: str
    place: str
    file: IO[bytes]


Wanted = Callable[[str], bool]
"""Tells by a member's name whether it is read."""


def member_names(source: Path) -> list[str]:
    """List the tables and pictures of a source, in the order in which they are read.

    Names have forward slashes; those in a folder begin with the folder's own name, which may tell
    something. Hidden files are passed over. A file that is no archive is listed whatever its
    suffix.

    Raises:
        CorpusError: The source does not exist, or cannot be read.
    """
    with telling(source):
        return list(_container(source).names())


def read_members(source: Path, wanted: Wanted, progress: Progress) -> Iterator[Member]:
    """Yield files of a source; what reads from them does so under `telling`.

    Args:
        source: A folder, an archive, or a file.
        wanted: Tells which files are yielded.
        progress: Called with the bytes read.

    Raises:
        CorpusError: The source does not exist, or cannot be read.
    """
    with telling(source):
        yield from _container(source).read(wanted, progress)


def read_ahead(source: Path, wanted: Wanted, progress: Progress) -> Iterator[Member]:
    """Yield files that are needed before the others, such as labels; otherwise as `read_members`.

    What an archive holds is counted when the others are read, for then all of it passes by again.
    """
    with telling(source):
        container = _container(source)
        yield from container.read(wanted, _uncounted if container.passes_whole else progress)


def holds(source: Path, wanted: Wanted) -> bool:
    """Return whether any file of a source is wanted; it looks no further than the first.

    Raises:
        CorpusError: The source does not exist, or cannot be read.
    """
    with telling(source):
        return any(map(wanted, _container(source).names()))


def may_be_table(source: Path, name: str) -> bool:
    """Return whether a member is a table by its name, or because it was given by itself."""
    return suffix(name) == ".csv" or name == source.name


def source_size(source: Path) -> int:
    """Return how many bytes reading a source will count."""
    with telling(source):
        return _container(source).size()


def source_digest(source: Path, progress: Progress = lambda _: None) -> str:
    """Return a SHA-256 over all that is read of a source.

    Args:
        source: A folder, an archive, or a file.
        progress: Called with the bytes read.

    Raises:
        CorpusError: The source does not exist, or cannot be read.
    """
    with telling(source):
        return _container(source).digest(progress)


def source_state(source: Path) -> str:
    """Return what tells, without reading it, whether a source is as it was.

    Raises:
        CorpusError: The source does not exist, or cannot be looked at.
    """
    with telling(source):
        return _container(source).state()


@contextmanager
def telling(source: Path) -> Iterator[None]:
    """Tell in one line what is wrong with a source while it is read.

    Raises:
        CorpusError: It cannot be read.
    """
    try:
        yield
    except _BROKEN_ARCHIVE as error:
        problem = f"{source}: cannot be read to its end ({error or type(error).__name__})"
        raise CorpusError(problem, "get the file anew, or unpack it and give the folder") from error
    except OSError as error:
        raise CorpusError(
            f"{error.filename or source}: cannot be read ({reason(error)})",
            "check the file and its permissions",
        ) from error


class _File:
    """A table by itself.

    Attributes:
        passes_whole: Whether all of it has to be gone through, whatever is wanted.
    """

    passes_whole = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> Iterator[str]:
        yield self._path.name

    def read(self, wanted: Wanted, progress: Progress) -> Iterator[Member]:
        for name in filter(wanted, self.names()):
            with _open_counted(self._path, progress) as file:
                yield Member(name, str(self._path), file)

    def size(self) -> int:
        return self._path.stat().st_size

    def digest(self, progress: Progress) -> str:
        return _digest_of(self._path, progress)

    def state(self) -> str:
        return _state_of(self._path)


class _Zip(_File):
    passes_whole = True

    def names(self) -> Iterator[str]:
        with zipfile.ZipFile(self._path) as archive:
            yield from (one.filename for one in archive.infolist() if _is_member(one))

    def read(self, wanted: Wanted, progress: Progress) -> Iterator[Member]:
        with _open_counted(self._path, progress) as raw, zipfile.ZipFile(raw) as archive:
            for info in archive.infolist():
                name = info.filename
                if not (_is_member(info) and wanted(name)):
                    continue
                _refuse_huge(self._path, name, info.file_size)
                if info.flag_bits & _ENCRYPTED:
                    raise CorpusError(f"{self._path}: needs a password", "unpack it first")
                with archive.open(info) as file:
                    yield Member(name, f"{self._path}: {name}", file)


def _refuse_huge(archive: Path, name: str, size: int) -> None:
    """Refuse what is read at once and would fill the memory: archives shrink zeros a thousandfold.

    Raises:
        CorpusError: A picture claims more than any picture has.
    """
    if size > MOST_PICTURE_BYTES and suffix(name) not in TABLE_SUFFIXES:
        problem = f"{archive}: {name} claims {size / 2**20:.0f} MiB"
        raise CorpusError(problem, "get the file anew, or unpack it and give the folder")


def _is_member(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and _matters(info.filename)


class _Tar(_File):
    passes_whole = True

    def names(self) -> Iterator[str]:
        with tarfile.open(self._path) as archive:
            yield from (one.name for one in archive if one.isfile() and _matters(one.name))

    def read(self, wanted: Wanted, progress: Progress) -> Iterator[Member]:
        with (
            _open_counted(self._path, progress) as raw,
            tarfile.open(fileobj=raw) as archive,
        ):
            for member in archive:
                if not (member.isfile() and _matters(member.name) and wanted(member.name)):
                    continue
                _refuse_huge(self._path, member.name, member.size)
                file = archive.extractfile(member)
                if file is not None:
                    with file:
                        yield Member(member.name, f"{self._path}: {member.name}", file)
            # A checksum stands at the very end, behind the last member.
            while archive.fileobj is not None and archive.fileobj.read(_READ_AT_ONCE):
                pass


class _Folder(_File):
    def names(self) -> Iterator[str]:
        for name, _ in self._files():
            yield name

    def read(self, wanted: Wanted, progress: Progress) -> Iterator[Member]:
        for name, path in self._files():
            if wanted(name):
                with _open_counted(path, progress) as file:
                    yield Member(name, path, file)

    def size(self) -> int:
        return sum(os.stat(path).st_size for _, path in self._files())  # noqa: PTH116 - no Path

    def digest(self, progress: Progress) -> str:
        total = hashlib.sha256()
        for name, path in self._files():
            line = f"{name}\n{_digest_of(path, progress)}\n"
            total.update(line.encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def state(self) -> str:
        total = hashlib.sha256()
        for name, path in self._files():
            total.update(f"{name}\n{_state_of(path)}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def _files(self) -> Iterator[tuple[str, str]]:
        """Yield name and path of the files that matter, in the order of their names.

        Corpora have folders of a million files: what is held is the names in one folder.
        """
        yield from _walk(str(self._path), self._path.resolve().name)


def _walk(folder: str, name: str) -> Iterator[tuple[str, str]]:
    # A folder stands where its files' names stand, which go on with a slash.
    for entry in sorted(_entries(folder)):
        if entry.endswith("/"):
            yield from _walk(f"{folder}{os.sep}{entry[:-1]}", f"{name}/{entry[:-1]}")
        else:
            yield f"{name}/{entry}", f"{folder}{os.sep}{entry}"


def _entries(folder: str) -> Iterator[str]:
    """Yield the names in a folder of what matters, those of folders with a slash behind."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    if not _hidden(entry.name):
                        yield f"{entry.name}/"
                elif _matters(entry.name) and entry.is_file():
                    yield entry.name
    except OSError as error:
        _refuse_folder(error)


def _container(source: Path) -> _File:
    """Return what a path is: a folder, an archive by its content, or a table."""
    kind = kind_of(source, CorpusError)
    if kind is PathKind.MISSING:
        raise CorpusError(f"{source}: no such file or folder")
    if kind is PathKind.FOLDER:
        return _Folder(source)
    if zipfile.is_zipfile(source) or _begins(source, _ZIP_BEGINS):  # one cut short is no zip file
        return _Zip(source)
    return _Tar(source) if tarfile.is_tarfile(source) else _File(source)


def _begins(path: Path, signature: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def _matters(name: str) -> bool:
    """Tell whether a file may belong to a corpus: its suffix does, and nothing hides it."""
    if any(map(_hidden, PurePosixPath(name).parts)):
        return False
    return suffix(name) in TABLE_SUFFIXES | ARRAY_SUFFIXES | PICTURE_SUFFIXES


def _hidden(part: str) -> bool:
    # macOS puts files of its own beside each file of an archive.
    return part.startswith(".") or part == "__MACOSX"


def suffix(name: str) -> str:
    """Return the suffix of a member's name in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def _refuse_folder(error: OSError) -> NoReturn:
    problem = f"{error.filename}: this folder cannot be read ({reason(error)})"
    raise CorpusError(problem, "check its permissions") from error


class _Counted(io.FileIO):
    """A file that tells how many bytes were read of it."""

    def __init__(self, path: Path | str, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress

    def readinto(self, buffer: WriteableBuffer) -> int | None:  # type: ignore[override, unused-ignore]
        count = super().readinto(buffer)
        self._progress(count or 0)
        return count

    def readall(self) -> bytes:
        content = super().readall() or b""
        self._progress(len(content))
        return content


def _uncounted(_: int) -> None:
    """Count nothing."""


def _digest_of(path: Path | str, progress: Progress) -> str:
    """Return the SHA-256 of a file's content."""
    with _open_counted(path, progress) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state_of(path: Path | str) -> str:
    status = os.stat(path)  # noqa: PTH116 - no Path for each of a million files
    return f"{status.st_size} {status.st_mtime_ns}"


def _open_counted(path: Path | str, progress: Progress) -> io.BufferedReader:
    return io.BufferedReader(_Counted(path, progress), _READ_AT_ONCE)
