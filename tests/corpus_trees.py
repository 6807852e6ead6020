"""Small trees, named as the authors of corpora name their files, and what is read of them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.corpora.corpus import Corpus, Entry, ReadOptions, Skipped, Still, Unusable
from fer_pipeline.errors import CorpusError

Tree = dict[str, bytes]
"""The content of each file, by its path."""


def picture(seed: int = 0, size: tuple[int, int] = (6, 8), suffix: str = ".png") -> bytes:
    """Return a file with a gray picture of nothing, its height and width given."""
    image = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def pictures(names: Iterable[str], size: tuple[int, int] = (6, 8)) -> Tree:
    """Return a different picture for each name."""
    return {name: picture(seed, size) for seed, name in enumerate(names)}


def ck_sequence(sequence: str, frames: int, first: int = 1) -> list[str]:
    """Return the names of the frames of a sequence such as S005_001, as they lie in CK+."""
    person, number = sequence.split("_")
    return [
        f"cohn-kanade-images/{person}/{number}/{sequence}_{frame:08d}.png"
        for frame in range(first, first + frames)
    ]


def ck_label(sequence: str, number: float, frame: int = 11) -> Tree:
    """Return the label of a sequence as CK+ has it."""
    person, part = sequence.split("_")
    name = f"Emotion/{person}/{part}/{sequence}_{frame:08d}_emotion.txt"
    return {name: f"   {number:.7e}\n".encode()}


def write_folder(folder: Path, tree: Tree) -> Path:
    for name, content in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, tree: Tree) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return path


@dataclass(frozen=True)
class Read:
    """What a reader yielded, apart by kind."""

    stills: list[Still]
    unusable: list[Unusable]
    skipped: dict[str, int]

    @property
    def faces(self) -> list[tuple[str, str, str | None]]:
        """File name, emotion and participant of each still."""
        return [
            (still.place.replace("\\", "/").rpartition("/")[2], still.emotion, still.participant)
            for still in self.stills
        ]

    @property
    def problems(self) -> dict[str, str]:
        """Problem for the end of each place."""
        return {
            one.place.replace("\\", "/").rpartition("/")[2]: one.problem for one in self.unusable
        }


def read_all(corpus: Corpus, *sources: Path, options: ReadOptions | None = None) -> Read:
    """Read a corpus as the importer does."""
    seen: list[int] = []
    entries: Sequence[Entry] = list(corpus.read(sources, options or ReadOptions(), seen.append))
    skipped = [one for one in entries if isinstance(one, Skipped)]
    assert len({one.reason for one in skipped}) == len(skipped)
    assert all("\n" not in one.place + one.problem for one in entries if isinstance(one, Unusable))
    assert not any(isinstance(one, Still) for one in entries) or sum(seen) > 0
    return Read(
        [one for one in entries if isinstance(one, Still)],
        [one for one in entries if isinstance(one, Unusable)],
        {one.reason: one.number for one in skipped},
    )


def refused(corpus: Corpus, *sources: Path, options: ReadOptions | None = None) -> str:
    """Return the message with which a reader refuses sources, which it has to name."""
    with pytest.raises(CorpusError) as error:
        read_all(corpus, *sources, options=options)
    message = str(error.value)
    assert "\n" not in message
    assert str(sources[0]) in message
    return message
