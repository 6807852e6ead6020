"""Where the table of FER2013 lies: by itself, in folders, in archives."""

from __future__ import annotations

from fer_pipeline.corpora import Unusable
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.fer2013 import read
from fer_pipeline.corpora.members import source_size
from tests.corpus_files import write_zip
from tests.fer2013.faces import (
    everything,
    expected,
    plain,
    refused,
    some_faces,
    table,
    wrapped_tables,
    write_table,
)


def test_the_table_is_found_in_every_wrapping(tmp_path):
    faces = some_faces(9)
    for source in wrapped_tables(tmp_path, faces):
        assert plain(everything(source)) == expected(faces), source


def test_several_sources_are_read_one_after_another(tmp_path):
    faces = some_faces(6)
    first = write_table(tmp_path / "a.csv", faces[:4])
    second = write_zip(tmp_path / "b.zip", {"fer2013.csv": table(faces[4:]).encode()})
    assert plain(everything(first, second)) == expected(faces)
    assert plain(everything(second, first)) == expected(faces[4:] + faces[:4])


def test_a_table_that_is_given_by_itself_may_be_called_anything(tmp_path):
    faces = some_faces(2)
    assert plain(everything(write_table(tmp_path / "faces.data", faces))) == expected(faces)
    assert plain(everything(write_table(tmp_path / "faces.txt", faces))) == expected(faces)


def test_progress_counts_to_the_size_that_was_told(tmp_path):
    for source in wrapped_tables(tmp_path, some_faces(60)):
        counted: list[int] = []
        list(read([source], ReadOptions(), counted.append))
        if source.suffix in (".csv", ".gz", ".tar", ".xz"):
            assert sum(counted) == source_size(source), source
        else:  # a zip's list of contents is read apart, and what stands beside the table not at all
            assert sum(counted) >= source_size(source) * 0.9, source


def test_a_table_inside_an_archive_is_named_with_it(tmp_path):
    source = write_zip(tmp_path / "a.zip", {"b/fer2013.csv": table([], ["3"]).encode()})
    (bad,) = everything(source)
    assert bad == Unusable(f"{source}: b/fer2013.csv, line 2", "columns: 1 instead of 3")


def test_several_tables_are_refused(tmp_path):
    source = write_zip(tmp_path / "a.zip", {"a.csv": b"", "b.csv": b""})
    assert "holds several tables (a.csv, b.csv)" in refused(source)
