"""Faces as FER2013 is distributed: in a table, or in a folder for each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from fer_pipeline.corpora import Still, Unusable
from fer_pipeline.corpora.fer2013 import FER2013
from tests import corpus_files
from tests.corpus_files import picture, write_folder, write_tar, write_zip

HEADER = "emotion,pixels,Usage"
CODES = {
    0: "anger",
    1: "disgust",
    2: "fear",
    3: "happiness",
    4: "sadness",
    5: "surprise",
    6: "neutral",
}
USAGES = {"Training": 0, "PublicTest": 1, "PrivateTest": 2}
FOLDERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

Faces = list[tuple[np.ndarray, int, str]]


def some_faces(number: int, seed: int = 0) -> Faces:
    """Pictures of nothing, which pass through all classes and all usages."""
    images = np.random.default_rng(seed).integers(0, 256, (number, 48, 48), np.uint8)
    return [(image, i % 7, [*USAGES][i // 7 % 3]) for i, image in enumerate(images)]


def row(image: np.ndarray, code: object = 3, usage: str = "Training") -> str:
    return f"{code},{' '.join(map(str, image.ravel()))},{usage}"


def table(faces: Faces, extra: Iterable[str] = ()) -> str:
    return "\n".join([HEADER, *(row(*face) for face in faces), *extra]) + "\n"


def write_table(path: Path, faces: Faces, extra: Iterable[str] = ()) -> Path:
    path.write_text(table(faces, extra))
    return path


def pictures(faces: Faces) -> dict[str, bytes]:
    """Return the faces as files in a folder for each class, test and training apart."""
    return {
        f"{'train' if usage == 'Training' else 'test'}/{FOLDERS[code]}/{i:03d}.png": picture(image)
        for i, (image, code, usage) in enumerate(faces)
    }


def everything(*sources: Path) -> list[Still | Unusable]:
    return corpus_files.everything(FER2013, *sources)


def plain(entries: Iterable[Still | Unusable]) -> list[tuple[bytes, str, int]]:
    """Return stills as values that compare; nothing may be unusable."""
    stills = [entry for entry in entries if isinstance(entry, Still)]
    assert len(stills) == len([*entries])
    assert all(still.cropped and still.place for still in stills)
    assert all(still.image.shape == (48, 48, 1) for still in stills)
    assert all(still.image.dtype == np.uint8 for still in stills)
    return [(still.image.tobytes(), still.emotion, still.split) for still in stills]


def expected(faces: Faces) -> list[tuple[bytes, str, int]]:
    return [(image.tobytes(), CODES[code], USAGES[usage]) for image, code, usage in faces]


def refused(source: Path) -> str:
    message = corpus_files.refused(FER2013, source)
    assert str(source) in message
    return message


FACE = some_faces(1)[0][0]


def wrapped_tables(folder: Path, faces: Faces) -> Iterator[Path]:
    """Yield the same table in every wrapping."""
    content = table(faces).encode()
    beside = ("README", "README.txt", "fer2013.bib", "notes.tsv", "codes.npy")
    readme = {f"fer2013/{name}": b"read me" for name in beside}
    members = {**readme, "fer2013/fer2013.csv": content}
    yield write_table(folder / "fer2013.csv", faces)
    yield write_zip(folder / "fer2013.zip", {"fer2013.csv": content})
    yield write_zip(folder / "deeper.zip", members)
    yield write_tar(folder / "fer2013.tar.gz", members)
    yield write_tar(folder / "fer2013.tar", members, "w")
    yield write_tar(folder / "fer2013.tar.xz", members, "w:xz")
    yield write_folder(folder / "unpacked", members)
    yield write_tar(folder / "no-suffix", members)
    # Parts of the table stand beside it; pictures that belong to nothing, too.
    parts = {"train.csv": b"emotion,pixels\n", "test.csv": b"pixels\n", "sample.png": b""}
    yield write_zip(folder / "contest.zip", {**parts, "icml_face_data.csv": content})
