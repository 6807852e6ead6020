"""A corpus for `fer import`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli_import.results import FACES, PEOPLE, SHOWN
from tests.corpus_files import picture, write_folder
from tests.fer2013.faces import some_faces, write_table
from tests.media import PARTICIPANTS, pictures_of


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "faces.h5"


@pytest.fixture
def source(tmp_path) -> Path:
    return write_table(tmp_path / "fer2013.csv", some_faces(FACES))


@pytest.fixture(scope="package")
def portraits(tmp_path_factory) -> Path:
    """Two people with three emotions, three pictures of each."""
    folder = tmp_path_factory.mktemp("portraits")
    for person in PEOPLE:
        for emotion in SHOWN:
            frames = pictures_of(PARTICIPANTS / f"{person}_{emotion}.mp4", 3)
            names = [f"{person}/{emotion}/{i}.png" for i in range(len(frames))]
            write_folder(
                folder, {n: picture(f[..., ::-1]) for n, f in zip(names, frames, strict=True)}
            )
    return folder
