"""The table of FER2013: what is read of it, and what is listed."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.corpora import Still, Unusable
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.fer2013 import read, read_table
from tests.fer2013.faces import (
    CODES,
    FACE,
    HEADER,
    USAGES,
    everything,
    expected,
    plain,
    refused,
    row,
    some_faces,
    table,
    write_table,
)


def test_codes_and_usages_become_names_and_sides(tmp_path):
    faces = some_faces(21)
    assert {face[1:] for face in faces} == {(code, usage) for code in CODES for usage in USAGES}
    assert plain(everything(write_table(tmp_path / "fer2013.csv", faces))) == expected(faces)


def test_pixels_run_along_the_rows(tmp_path):
    image = np.zeros((48, 48), np.uint8)
    image[0, 1], image[1, 0], image[47, 47] = 7, 9, 255
    (still,) = everything(write_table(tmp_path / "t.csv", [(image, 0, "Training")]))
    assert np.array_equal(still.image[..., 0], image)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\n\n  \n"),
        lambda text: text.replace(HEADER, "Emotion, Pixels ,usage"),
        lambda text: "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
        ),
        # The second table of the contest has another order, and blanks in its header.
        lambda text: "\n".join(
            f"{line.split(',')[0]}, {line.split(',')[2]}, {line.split(',')[1]}"
            for line in text.splitlines()
        ),
        lambda text: "\n".join(f"{i},{line}" for i, line in enumerate(text.splitlines())),
    ],
    ids=["CRLF", "mark", "end", "blank", "case", "quotes", "order", "more"],
)
def test_tables_are_read_as_programs_write_them(change, tmp_path):
    faces = some_faces(3)
    path = tmp_path / "fer2013.csv"
    path.write_bytes(change(table(faces)).encode())
    assert plain(everything(path)) == expected(faces)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (row(FACE[1:]), "pixels: 2256 instead of 2304"),
        (row(np.append(FACE, FACE)), "pixels: 4608 instead of 2304"),
        ("3,,Training", "pixels: 0 instead of 2304"),
        (row(np.full(2304, 256)), "pixel 1 is '256', not a number from 0 to 255"),
        (row(np.append(FACE.ravel()[1:], -1)), "pixel 2304 is '-1', not a number from 0 to 255"),
        (row(np.append(FACE.ravel()[1:], 0.5)), "pixel 1 is '"),
        (row(FACE, 7), "the emotion is '7', not a number from 0 to 6"),
        (row(FACE, -1), "the emotion is '-1'"),
        (row(FACE, "happy"), "the emotion is 'happy'"),
        (row(FACE, ""), "the emotion is ''"),
        (row(FACE, 3, "Test"), "the usage is 'Test', none of Training, PublicTest, PrivateTest"),
        (row(FACE, 3, "training"), "the usage is 'training'"),
        (row(FACE, 3, "é\x1b[31m"), "the usage is '\\xe9\\x1b[31m'"),
        (row(FACE) + ",1", "columns: 4 instead of 3"),
        ("3", "columns: 1 instead of 3"),
        ("3," + "1 " * 40000 + ",Training", "longer than 65536 characters"),
    ],
)
def test_a_bad_row_is_listed_with_its_line_and_the_others_are_read(line, problem, tmp_path):
    faces = some_faces(3)
    path = write_table(tmp_path / "fer2013.csv", faces[:2], [line, row(*faces[2])])
    one, two, bad, three = everything(path)
    assert plain([one, two, three]) == expected(faces)
    assert isinstance(bad, Unusable)
    assert bad.place == f"{path}, line 4"
    assert problem in bad.problem
    assert bad.problem.isprintable()


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("emotion,pixels", "usage"),
        ("emotion,Usage", "pixels"),
        ("", "emotion, pixels, usage"),
        ("3,1 2 3,Training", "emotion, pixels, usage"),
    ],
)
def test_a_table_without_a_column_is_refused(header, missing, tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(f"{header}\n{row(FACE)}\n")
    assert f"{path}: the first line lacks {missing}; " in refused(path)


lines = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.one_of(
            st.sampled_from([b"3", b"9", b"Training", b"PublicTest", b"", b'"', b"1 2"]),
            st.sampled_from([b"0 " * 2304, b"1 " * 2303 + b"256", b"\xff " * 2304]),
            st.binary(max_size=20),
        ),
        max_size=5,
    ).map(b",".join),
)


@given(st.lists(lines, max_size=5))
def test_whatever_a_table_holds_each_line_is_read_or_listed(written):
    content = b"\n".join([HEADER.encode(), *written])
    entries = list(read_table("t.csv", io.BytesIO(content)))
    numbered = enumerate(content.split(b"\n")[1:], 2)
    filled = [number for number, line in numbered if line.strip()]
    listed = [entry.place for entry in entries if isinstance(entry, Unusable)]
    assert len(entries) == len(filled)
    assert set(listed) <= {f"t.csv, line {number}" for number in filled}
    assert len(set(listed)) == len(listed)


@given(st.integers(0, 2**32), st.lists(st.sampled_from([*CODES]), max_size=4))
@settings(max_examples=20)
def test_every_image_comes_back_as_it_was(seed, codes):
    images = some_faces(len(codes), seed)
    faces = [(face[0], code, "PublicTest") for face, code in zip(images, codes, strict=True)]
    entries = list(read_table("t.csv", io.BytesIO(table(faces).encode())))
    assert plain(entries) == expected(faces)


# Memory


def test_memory_does_not_grow_with_the_table(tmp_path):
    path = tmp_path / "fer2013.csv"
    line = row(FACE)
    path.write_text("\n".join([HEADER, *[line] * 1000]))
    assert path.stat().st_size > 7e6
    tracemalloc.start()
    try:
        kinds = Counter(type(entry) for entry in read([path], ReadOptions(), lambda _: None))
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()
    assert kinds == {Still: 1000}


def test_memory_does_not_grow_with_a_line(tmp_path):
    path = tmp_path / "fer2013.csv"
    with gzip.open(path, "wb") as file:  # zeros, which no line end divides
        file.write(HEADER.encode() + b"\n" + bytes(20_000_000))
    path.write_bytes(gzip.decompress(path.read_bytes()))
    tracemalloc.start()
    try:
        (bad,) = read([path], ReadOptions(), lambda _: None)
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()
    assert bad == Unusable(f"{path}, line 2", "longer than 65536 characters")
