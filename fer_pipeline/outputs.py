"""Where timelines go: a file for all clips together, or a folder that mirrors their tree."""

from __future__ import annotations

import errno
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from fer_pipeline.errors import OutputError
from fer_pipeline.exports import FORMATS, companion_of, format_of, require_library
from fer_pipeline.files import PathKind, kind_of, writing
from fer_pipeline.json_values import fits, json_text, parse_json
from fer_pipeline.real_paths import RealPaths
from fer_pipeline.sources import Source

MANIFEST_FILE = "fer-annotation.jsonl"
"""In a folder of timelines: what each was made from, so that a second run can skip it."""

_PARTS = ".parts"


@dataclass(frozen=True, slots=True)
class Output:
    """Where timelines go.

    Attributes:
        path: A file for all clips together, or a folder for one file each.
        format: One of `fer_pipeline.exports.FORMATS`.
        folder: Whether it is a folder.
    """

    path: Path
    format: str
    folder: bool

    @property
    def pieces(self) -> Path:
        """Folder in which the rows of clips are put together: inside a folder, beside a file."""
        if self.folder:  # which may be one without a name, such as "."
            return self.path / f"fer-annotation{_PARTS}"
        return self.path.with_name(self.path.name + _PARTS)

    @property
    def manifest(self) -> Path:
        """In a folder: what each timeline was made from."""
        return self.path / MANIFEST_FILE

    @property
    def lockable(self) -> Path:
        """File that stands for the output where other runs are kept away from it."""
        return self.manifest if self.folder else self.path

    @classmethod
    def parse(cls, text: str, format_name: str | None) -> Output:
        """Understand what was typed: a folder ends with a slash, or exists as one.

        Raises:
            UsageError: The suffix stands for no format.
            OutputError: The system refuses the path.
        """
        path = Path(text)
        if text.endswith(("/", "\\")) or kind_of(path, OutputError) is PathKind.FOLDER:
            return cls(path, format_name or "csv", folder=True)
        return cls(path, format_name or format_of(path), folder=False)


PictureKind = Literal["video", "plot", "report"]

_PICTURE_SUFFIXES: dict[PictureKind, str] = {"video": ".mp4", "plot": ".png", "report": ".html"}
"""In folders."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a picture of each timeline goes: a video, a plot or a page.

    Attributes:
        kind: Which of these.
        path: A file for one clip, or a folder for one file each.
        folder: Whether it is a folder.
    """

    kind: PictureKind
    path: Path
    folder: bool

    @property
    def format(self) -> str:
        """What its kind is called in the manifest."""
        return self.kind

    @property
    def manifest(self) -> Path:
        """In a folder: what each picture was made from."""
        return self.path / _picture_notes(self.kind)

    @property
    def lockable(self) -> Path:
        """File that stands for it where other runs are kept away from it."""
        return self.manifest if self.folder else self.path

    @classmethod
    def parse(cls, kind: PictureKind, text: str) -> Picture:
        """Understand what was typed: a folder ends with a slash, or exists as one.

        Raises:
            OutputError: The system refuses the path.
        """
        path = Path(text)
        folder = text.endswith(("/", "\\")) or kind_of(path, OutputError) is PathKind.FOLDER
        return cls(kind, path, folder)


def _picture_notes(kind: PictureKind) -> str:
    return f"fer-{kind}.jsonl"


def picture_targets(
    sources: Sequence[Source], pictures: Sequence[Picture]
) -> dict[str, dict[Picture, Path]]:
    """Return the file of each picture of each clip, by name of the clip; folders mirror the tree.

    Raises:
        OutputError: A file would hold several clips, two would have one name, or the name of a
            clip leads out of a folder.
    """
    for picture in pictures:
        if not picture.folder and len(sources) > 1:
            raise OutputError(
                f"{picture.path}: such a file shows one clip, and there are {len(sources)}",
                f"give a folder: --{picture.kind} DIR/",
            )
    targets = {
        name: {
            picture: _below(picture.path, stem, _PICTURE_SUFFIXES[picture.kind])
            if picture.folder
            else picture.path
            for picture in pictures
        }
        for name, stem in _stems([source.name for source in sources]).items()
    }
    real = RealPaths()
    places = [_folded(real.of(path)) for one in targets.values() for path in one.values()]
    for place, users in Counter(places).items():
        if users > 1:
            raise OutputError(f"{place}: would be written twice", "give each another name")
    return targets


def parse_outputs(texts: Sequence[str], format_name: str | None) -> tuple[Output, ...]:
    """Understand all that was typed.

    Raises:
        UsageError: A suffix stands for no format.
        OutputError: The system refuses a path, two are the same, or a library is missing.
    """
    outputs = tuple(Output.parse(text, format_name) for text in texts)
    for output in outputs:
        require_library(output.path, output.format)
    refuse_shared_paths(outputs, {})
    return outputs


def mirrored_targets(
    sources: Sequence[Source], outputs: Sequence[Output]
) -> dict[str, dict[Output, Path]]:
    """Return the file of each clip in each output folder: the tree of the clips, mirrored.

    Raises:
        OutputError: The name of a clip leads out of the folder.
    """
    stems = _stems([source.name for source in sources])
    folders = [output for output in outputs if output.folder]
    return {
        name: {
            output: _below(output.path, stem, FORMATS[output.format].suffix) for output in folders
        }
        for name, stem in stems.items()
    }


def _stems(names: Sequence[str]) -> dict[str, str]:
    """Return by name what a clip's timeline is called, without the suffix of its format.

    ``a.mp4`` and ``a.mov`` beside each other keep their suffixes, and then ``a.mov.mp4`` has to.
    """
    stems = {name: name.removesuffix(PurePosixPath(name).suffix) for name in names}
    while True:
        users = Counter(map(_folded, stems.values()))
        shared = {name for name, stem in stems.items() if users[_folded(stem)] > 1 and stem != name}
        if not shared:
            return stems
        stems |= {name: name for name in shared}


def _below(folder: Path, stem: str, suffix: str) -> Path:
    """Return the file in a folder of a clip, whose name somebody may have written into a table."""
    way = Path(f"{stem}{suffix}")
    if way.is_absolute() or way.drive or ".." in way.parts:
        raise OutputError(
            f"{stem}: a clip so called would have its file outside {folder}",
            "correct the column 'video', or give a file instead of a folder",
        )
    return folder / way


def _folded(name: str) -> str:
    """Return a name, equal where any file system takes two for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def refuse_shared_paths(
    outputs: Sequence[Output],
    targets: Mapping[str, Mapping[Output, Path]],
) -> None:
    """Make sure that no file would be written by two.

    Args:
        outputs: Where timelines go.
        targets: The file of each clip in each output folder.

    Raises:
        OutputError: One would be, or two whose names differ in nothing but capitals, or a file
            that holds one clip would be written for several.
    """
    _refuse_many_clips(outputs, targets)
    writers: dict[str, str] = {}
    written = [
        (path, str(output.path))
        for output in outputs
        if not output.folder
        for path in _with_companion(output.path, output.format)
    ]
    # Also those about pictures that no run has made yet.
    written += [
        (output.path / name, f"the notes about {output.path}")
        for output in outputs
        if output.folder
        for name in (MANIFEST_FILE, *map(_picture_notes, get_args(PictureKind)))
    ]
    written += [
        (path, name)
        for name, of_clip in targets.items()
        for output, first in of_clip.items()
        for path in _with_companion(first, output.format)
    ]
    real = RealPaths()
    for path, writer in written:
        place = _folded(real.of(path))
        if place in writers:
            problem = f"{path}: would be written twice, for {writers[place]} and for {writer}"
            raise OutputError(problem, "rename one, or give another --out")
        writers[place] = writer


def _refuse_many_clips(
    outputs: Sequence[Output], targets: Mapping[str, Mapping[Output, Path]]
) -> None:
    for output in outputs:
        if not output.folder and FORMATS[output.format].one_clip and len(targets) > 1:
            raise OutputError(
                f"{output.path}: such a file holds one clip, and there are {len(targets)}",
                f"give a folder: --out DIR/ --format {output.format}",
            )


def _with_companion(path: Path, format_name: str) -> tuple[Path, ...]:
    companion = companion_of(path, format_name)
    return (path,) if companion is None else (path, companion)


def all_paths(
    outputs: Sequence[Output], targets: Mapping[str, Mapping[Output, Path]]
) -> list[tuple[Path, str]]:
    """Return every file that is going to be written, with its format."""
    files = [(output.path, output.format) for output in outputs if not output.folder]
    files += [
        (path, output.format) for of_clip in targets.values() for output, path in of_clip.items()
    ]
    return [(path, name) for first, name in files for path in _with_companion(first, name)]


def read_manifest(output: Output | Picture) -> dict[str, dict[str, Any]]:
    """Return what the files in a folder were made from, by name of the clip."""
    return {entry["video"]: entry["made_from"] for entry in _entries(output)}


def add_to_manifest(
    output: Output | Picture, name: str, made_from: Mapping[str, Any], clip: Path | None = None
) -> None:
    """Note what the file of a clip in a folder was made from; a later note replaces it.

    Args:
        output: The folder.
        name: Of the clip.
        made_from: What tells whether it has to be made again.
        clip: Where the clip is, for those who look for it later.

    Raises:
        OutputError: The note cannot be written.
    """
    entry = {"video": name, "format": output.format, "made_from": made_from}
    path = output.manifest
    if clip is not None:
        entry["clip"] = way_to(clip, output.path)
    with writing(path):
        _add_line(path, json_text(entry).encode() + b"\n")


def _add_line(path: Path, line: bytes) -> None:
    """Add a whole line to a file, or nothing."""
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a run was killed while it wrote the last one
                line = b"\n" + line
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(size)
            raise


def forget(output: Output | Picture, name: str) -> None:
    """Note that nobody knows what the file of a clip in a folder is made from.

    To be called before a file is replaced: a run that ends between the file and its note would
    leave a note about what was there before, and the next would take the new file for that.

    Raises:
        OutputError: The note cannot be written.
    """
    if output.folder and output.manifest.exists():
        add_to_manifest(output, name, {})


def read_clips(folder: Path) -> dict[str, tuple[Path, int]]:
    """Return where the clips of the timelines in a folder were, and how many bytes they had."""
    found: dict[str, tuple[Path, int]] = {}
    for entry in _lines(folder / MANIFEST_FILE):
        if fits(entry, _PLACE, "all"):
            found[entry["video"]] = folder / entry["clip"], entry["made_from"]["size"]
    return found


def way_to(path: Path, folder: Path) -> str:
    """Return the way from a folder to a path, which stays true if both are moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return str(path.absolute())


_ENTRY = {"video": str, "format": str, "made_from": {}}
_PLACE = {"video": str, "clip": str, "made_from": {"size": int}}


def _entries(output: Output | Picture) -> Iterator[dict[str, Any]]:
    """Yield the notes about files of an output's format."""
    for entry in _lines(output.manifest):
        if fits(entry, _ENTRY, "all") and entry["format"] == output.format:
            yield entry


def _lines(manifest: Path) -> Iterator[Any]:
    try:
        lines = manifest.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError):  # a run was killed while it wrote this line
            yield parse_json(line)
