"""From what was typed, files and folders, to the list of videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.errors import VideoError
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


def find_videos(inputs: Sequence[Path]) -> tuple[Source, ...]:
    """List the videos in files and folders, folders recursively, in the order of their names.

    Hidden files are passed over; a file that was named is taken whatever its suffix.

    Raises:
        VideoError: A path does not exist, a folder holds no video, a name cannot be written into
            a file, or two different videos have the same path below the folders given.
    """
    sources: dict[str, Source] = {}
    for given in inputs:
        for source in _videos_below(given):
            _check_name(source)
            twin = sources.setdefault(source.name, source)
            if twin.path.resolve() != source.path.resolve():
                raise VideoError(
                    f"{source.path} and {twin.path} are both known as {source.name}; "
                    "give the folder above them instead, or rename one"
                )
    return tuple(sources[name] for name in sorted(sources))


def _check_name(source: Source) -> None:
    """Refuse names of an old encoding, which neither a table nor a dataset can hold."""
    try:
        source.name.encode()
    except UnicodeEncodeError as error:
        raise VideoError(f"{source.name!a}: this file name is not UTF-8; rename it") from error


def _videos_below(given: Path) -> list[Source]:
    if not given.exists():
        raise VideoError(f"{given}: no such file or folder")
    if not given.is_dir():
        return [Source(given, given.name)]
    found = [Source(path, path.relative_to(given).as_posix()) for path in _video_files(given)]
    if not found:
        suffixes = " ".join(sorted(VIDEO_SUFFIXES))
        raise VideoError(f"{given}: no videos in this folder (looked for {suffixes})")
    return found


def _video_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in VIDEO_SUFFIXES and not hidden and path.is_file():
            yield path
