"""From what was typed, files and folders, to the list of videos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fer_pipeline.errors import VideoError
from fer_pipeline.files import FileState, PathKind, digest_of, kind_of, reason
from fer_pipeline.real_paths import RealPaths
from fer_pipeline.video import VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class Source:
    """A video to be read.

    Attributes:
        path: Where it is.
        name: Its path below the folder given, with forward slashes: what it is known by.
    """

    path: Path
    name: str

    def state(self) -> FileState:
        """Return the state of the file now.

        Raises:
            VideoError: It is gone, or cannot be looked at.
        """
        with self._reading():
            return FileState.of(self.path)

    def digest(self, meanwhile: Callable[[], object] | None = None) -> str:
        """Return the SHA-256 of the file's content.

        Args:
            meanwhile: Called again and again, so that a long look at a large file can be given up.

        Raises:
            VideoError: It is gone, or cannot be read.
        """
        with self._reading():
            return digest_of(self.path, meanwhile)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell of what can happen to any file between two looks at it."""
        try:
            yield
        except OSError as error:
            problem = f"{self.path}: cannot be read ({reason(error)})"
            raise VideoError(problem, "see whether it is still there, and run it again") from error


def find_videos(inputs: Sequence[Path]) -> tuple[Source, ...]:
    """List the videos in files and folders, folders recursively, in the order of their names.

    Hidden files are passed over, and so are links to folders; a file that was named is taken
    whatever its suffix.

    Raises:
        VideoError: A path does not exist, a folder cannot be read or holds no video, a name cannot
            be written into a file, two different videos have the same path below the folders
            given, or one video has two.
    """
    sources: dict[str, Source] = {}
    names: dict[str, str] = {}
    real = RealPaths()
    for given in inputs:
        for source in _videos_below(given):
            _check_name(source)
            twin = sources.setdefault(source.name, source)
            place = real.of(source.path)
            if twin is not source and real.of(twin.path) != place:
                raise VideoError(
                    f"{source.path} and {twin.path} are both known as {source.name}; "
                    "give the folder above them instead, or rename one"
                )
            name = names.setdefault(place, source.name)
            if name != source.name:
                problem = f"{source.path}: would be known both as {name} and as {source.name}"
                raise VideoError(problem, "give it once, alone or by one folder above it")
    return tuple(sources[name] for name in sorted(sources))


def _check_name(source: Source) -> None:
    """Refuse names of an old encoding, which neither a table nor a dataset can hold."""
    try:
        str(source.path).encode()
    except UnicodeEncodeError as error:
        problem = f"{str(source.path)!a}: this name is not UTF-8"
        raise VideoError(problem, "rename the file, or the folder") from error


def _videos_below(given: Path) -> list[Source]:
    kind = kind_of(given, VideoError)
    if kind is PathKind.MISSING:
        raise VideoError(f"{given}: no such file or folder")
    if kind is not PathKind.FOLDER:
        return [Source(given, given.name)]
    found = [Source(path, path.relative_to(given).as_posix()) for path in _video_files(given)]
    if not found:
        suffixes = " ".join(sorted(VIDEO_SUFFIXES))
        raise VideoError(f"{given}: no videos in this folder (looked for {suffixes})")
    return found


def _video_files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_refuse_folder):
        # In place: it tells what is walked next, and in which order.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(place, name) for name in sorted(files) if not name.startswith(".")):
            if path.suffix.lower() in VIDEO_SUFFIXES and _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    return kind_of(path, VideoError) is PathKind.FILE


def _refuse_folder(error: OSError) -> NoReturn:
    problem = f"{error.filename}: this folder cannot be read ({reason(error)})"
    raise VideoError(problem, "check its permissions, or give the other folders") from error
