"""Public corpora of clips, which are extracted as a study's own videos are."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import CorpusError, DatasetError
from fer_pipeline.files import PathKind, kind_of
from fer_pipeline.sources import find_videos


@dataclass(frozen=True, slots=True)
class ClipCorpus:
    """A public corpus of clips, whose names tell emotion and participant by a known layout.

    Attributes:
        title: As in `Corpus`.
        layout: One of `fer_pipeline.labels.LAYOUTS`.
        take: Gives the take that a file shows, by its name without suffix, and the rank of the
            file among those that show the same; the first in order is read.
    """

    title: str
    layout: str
    take: Callable[[str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Takes:
    """The clips of a corpus.

    Attributes:
        clips: One file for each take, in the order of their names.
        doubles: Number of other files that show the same.
        held: Number of files that show takes which a dataset holds already, by other names.
    """

    clips: tuple[Path, ...]
    doubles: int
    held: int


def clips_in(output: Path, kind: str) -> frozenset[str]:
    """Return the names of the clips that a dataset of a corpus holds; none if there is none."""
    try:
        with open_dataset(output) as dataset:
            return frozenset(dataset.videos if dataset.provenance.get("corpus") == kind else ())
    except DatasetError:
        return frozenset()


def choose_takes(
    corpus: ClipCorpus, paths: Sequence[Path], held: Collection[str] = frozenset()
) -> Takes:
    """Find the clips of a corpus, each take once.

    Args:
        corpus: The corpus.
        paths: Its files and folders.
        held: Names of clips that are extracted already. Of a take that is among them no other file
            is read.

    Raises:
        CorpusError: A path is an archive.
        VideoError: A path does not exist, or holds no videos.
    """
    for path in paths:
        _refuse_archive(path)
    sources = find_videos(paths)
    takes_held = {corpus.take(PurePosixPath(name).stem)[0] for name in held}
    clips: dict[str, tuple[bool, str, str, Path]] = {}
    for source in sources:
        # A name alone tells a clip of these corpora; folders are as everybody likes them.
        name = PurePosixPath(source.name)
        take, rank = corpus.take(name.stem)
        clip = (name.name not in held, rank, name.name, source.path)
        clips[take] = min(clip, clips.get(take, clip))
    chosen = [clip for take, clip in clips.items() if take not in takes_held or not clip[0]]
    names_and_paths = sorted((name, path) for _, _, name, path in chosen)
    return Takes(
        clips=tuple(path for _, path in names_and_paths),
        doubles=len(sources) - len(clips),
        held=len(clips) - len(chosen),
    )


def _refuse_archive(path: Path) -> None:
    if kind_of(path, CorpusError) is PathKind.FILE and (
        zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    ):
        raise CorpusError(f"{path}: clips cannot be read in an archive", "unpack it first")


def _take_of_ravdess(name: str) -> tuple[str, str]:
    """Return a take without its first number: 01 is with sound, 02 the same pictures without."""
    modality, _, take = name.partition("-")
    return (take, {"02": "0", "01": "1"}.get(modality, "2")) if take else (name, "")


def _take_by_name(name: str) -> tuple[str, str]:
    return name, ""


CLIP_CORPORA: dict[str, ClipCorpus] = {
    "ravdess": ClipCorpus(
        "RAVDESS (Livingstone and Russo, 2018): the folder with Actor_01/02-01-06-01-02-01-01.mp4 "
        "and so on, unpacked. Of a take that is there with and without sound one file is read.",
        "ravdess",
        _take_of_ravdess,
    ),
    "crema-d": ClipCorpus(
        "CREMA-D (Cao et al., 2014): the folder VideoFlash with 1001_DFA_ANG_XX.flv and so on.",
        "crema-d",
        _take_by_name,
    ),
}
"""Clips are extracted, see `fer_pipeline.extraction`; the result resumes and grows as there."""
