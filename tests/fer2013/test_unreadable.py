"""What cannot be read at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.errors import CorpusError
from tests.corpus_files import write_folder, write_tar, write_zip
from tests.fer2013.faces import (
    everything,
    expected,
    pictures,
    plain,
    refused,
    some_faces,
    table,
    write_table,
)
from tests.permissions import run_without_rights_of_root


def test_what_does_not_exist_or_is_empty_is_refused(tmp_path):
    assert "no such file or folder" in refused(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds neither fer2013.csv nor pictures" in refused(empty)
    assert "holds neither" in refused(write_zip(tmp_path / "a.zip", {"notes.txt": b""}))


def cut(path: Path, share: float) -> Path:
    os.truncate(path, int(path.stat().st_size * share))
    return path


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_an_archive_cut_short_is_refused(share, tmp_path):
    members = {"fer2013/fer2013.csv": table(some_faces(60)).encode()}
    for source in (
        write_zip(tmp_path / "a.zip", members),
        write_tar(tmp_path / "a.tar.gz", members),
        write_tar(tmp_path / "a.tar.xz", members, "w:xz"),
    ):
        assert "cannot be read to its end" in refused(cut(source, share))


def test_an_archive_of_pictures_cut_short_is_refused(tmp_path):
    source = write_tar(tmp_path / "a.tar.gz", pictures(some_faces(30)))
    assert "cannot be read to its end" in refused(cut(source, 0.7))


def test_an_archive_with_a_password_is_refused(tmp_path):
    source = write_zip(tmp_path / "a.zip", {"fer2013.csv": table(some_faces(2)).encode()})
    content = bytearray(source.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the list of contents
    source.write_bytes(content)
    assert f"{source}: needs a password" in refused(source)


READ = """
import sys
from pathlib import Path
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.fer2013 import read
from fer_pipeline.errors import CorpusError
try:
    list(read([Path(sys.argv[1])], ReadOptions(), lambda _: None))
except CorpusError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_what_may_not_be_read_is_refused(tmp_path):
    alone = write_table(tmp_path / "fer2013.csv", some_faces(1))
    folder = write_folder(tmp_path / "fer", pictures(some_faces(3)))
    for source, closed in ((alone, alone), (folder, folder / "train" / "angry")):
        closed.chmod(0)
        try:
            said = run_without_rights_of_root(READ, str(source))
        finally:
            closed.chmod(0o700)
        assert said.count("\n") == 1
        assert f"{closed}: " in said
        assert "cannot be read (Permission denied)" in said


@given(st.sampled_from(["zip", "gz"]), st.floats(0, 1), st.integers(1, 255))
@settings(max_examples=150)
def test_damage_in_an_archive_never_changes_an_image_in_silence(kind, where, change):
    faces = some_faces(2)
    members = {"fer2013.csv": table(faces).encode()}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, f"a.{kind}")
        (write_zip if kind == "zip" else write_tar)(source, members)
        content = bytearray(source.read_bytes())
        content[round(where * (len(content) - 1))] ^= change
        source.write_bytes(content)
        try:
            entries = everything(source)
        except CorpusError as error:
            assert "\n" not in str(error)  # noqa: PT017 - whether it comes is left to chance
        else:
            assert plain(entries) == expected(faces)
