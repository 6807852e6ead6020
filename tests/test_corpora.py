"""What all public corpora share: the list of them, and how files of a source are found."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.corpora import CORPORA
from fer_pipeline.corpora.members import holds, member_names, source_digest, source_size
from fer_pipeline.domain import order_emotions
from tests.corpus_files import write_folder
from tests.fer2013.faces import pictures, some_faces, write_table

# The list of corpora


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
def test_every_corpus_is_described_so_that_datasets_and_models_can_be_made_of_it(corpus):
    assert corpus.emotions == order_emotions(corpus.emotions)
    assert corpus.emotions or not corpus.votes
    assert len(corpus.title) > 20


# Where it lies


def test_the_digest_is_that_of_what_is_read(tmp_path):
    first = write_folder(tmp_path / "one" / "fer", pictures(some_faces(4)))
    second = write_folder(tmp_path / "two" / "fer", pictures(some_faces(4)))
    assert source_digest(first) == source_digest(second)
    (first / "notes.md").write_text("not read")
    (first / ".hidden.png").write_bytes(b"not read")
    assert source_digest(first) == source_digest(second)
    next(first.rglob("00*.png")).write_bytes(b"something else")
    assert source_digest(first) != source_digest(second)


def test_bytes_are_counted_while_a_source_is_compared(tmp_path):
    folder = write_folder(tmp_path / "fer", pictures(some_faces(9)))
    for source in (folder, write_table(tmp_path / "fer2013.csv", some_faces(9))):
        counted: list[int] = []
        assert source_digest(source, counted.append) == source_digest(source)
        assert sum(counted) == source_size(source)


NAMES = st.text("ab._-/Z0", min_size=1, max_size=6).filter(
    lambda name: all(part and not part.startswith(".") for part in name.split("/"))
)


@given(st.sets(NAMES, max_size=12))
@settings(max_examples=50)
def test_files_in_folders_come_in_the_order_of_their_whole_names(names):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "corpus")
        folder.mkdir()
        for name in names:
            path = folder / f"{name}.png"
            if not any(parent.is_file() for parent in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        there = [path.relative_to(place).as_posix() for path in folder.rglob("*.png")]
        files = [name for name in there if Path(place, name).is_file()]
        assert member_names(folder) == sorted(files)


def test_it_looks_no_further_than_for_one_that_is_wanted(tmp_path):
    folder = write_folder(tmp_path / "fer", pictures(some_faces(4)))
    asked: list[str] = []

    def wanted(name: str) -> bool:
        asked.append(name)
        return True

    assert holds(folder, wanted)
    assert len(asked) == 1
    assert not holds(folder, lambda _: False)
