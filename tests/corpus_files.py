"""Small corpora as files: in folders, in archives, and what a reader makes of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.corpora import Corpus, Entry, ReadOptions, Skipped, Still, Unusable
from fer_pipeline.errors import CorpusError

Members = dict[str, bytes]


def write_zip(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, members: Members, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_folder(folder: Path, members: Members) -> Path:
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def picture(image: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def any_picture(seed: int, size: int = 8) -> bytes:
    """Return a picture file that no other seed gives."""
    return picture(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))


def everything(corpus: Corpus, *sources: Path) -> list[Entry]:
    return list(corpus.read(sources, ReadOptions(), lambda _: None))


def stills(entries: Sequence[Entry]) -> list[Still]:
    return [entry for entry in entries if isinstance(entry, Still)]


def unusable(entries: Sequence[Entry]) -> list[Unusable]:
    return [entry for entry in entries if isinstance(entry, Unusable)]


def skipped(entries: Sequence[Entry]) -> dict[str, int]:
    """Return how many were skipped for each reason."""
    counts: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Skipped):
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return counts


def refused(corpus: Corpus, *sources: Path) -> str:
    """Return the one line with which a corpus is refused."""
    with pytest.raises(CorpusError) as error:
        everything(corpus, *sources)
    message = str(error.value)
    assert "\n" not in message
    return message
