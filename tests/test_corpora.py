"""Public corpora as their authors distribute them: what is read of them, and what is listed."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.corpora import CORPORA, Still, Unusable
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.fer2013 import FER2013, read, read_table
from fer_pipeline.corpora.members import holds, member_names, source_digest, source_size
from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import CorpusError
from tests import corpus_files
from tests.corpus_files import picture, write_folder, write_tar, write_zip
from tests.permissions import run_without_rights_of_root

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


# The list of corpora


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
def test_every_corpus_is_described_so_that_datasets_and_models_can_be_made_of_it(corpus):
    assert corpus.emotions == order_emotions(corpus.emotions)
    assert corpus.emotions or not corpus.votes
    assert len(corpus.title) > 20


# The table


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


FACE = some_faces(1)[0][0]


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


# Where it lies


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


# Pictures in a folder for each class


def side_of(usage: str) -> int:
    return 0 if usage == "Training" else 2


def test_folders_of_classes_are_read_in_the_order_of_their_names(tmp_path):
    faces = some_faces(21)
    members = pictures(faces)
    wanted = {
        name: (image.tobytes(), CODES[code], side_of(usage))
        for name, (image, code, usage) in zip(members, faces, strict=True)
    }
    folder = write_folder(tmp_path / "fer", members)
    assert plain(everything(folder)) == [wanted[name] for name in sorted(wanted)]
    for source in (write_zip(tmp_path / "a.zip", members), write_tar(tmp_path / "a.tgz", members)):
        assert plain(everything(source)) == [*wanted.values()]


@pytest.mark.parametrize(
    ("name", "emotion", "split"),
    [
        ("train/angry/1.png", "anger", 0),
        ("Training/Happy/1.PNG", "happiness", 0),
        ("validation/sad/1.png", "sadness", 1),
        ("val/fear/1.jpg", "fear", 1),
        ("PublicTest/surprised/1.jpeg", "surprise", 1),
        ("deep/er/PrivateTest/neutral/1.png", "neutral", 2),
        ("test/disgusted/1.png", "disgust", 2),
    ],
)
def test_folders_tell_emotion_and_side(name, emotion, split, tmp_path):
    image = np.full((48, 48), 77, np.uint8)
    content = picture(image, Path(name).suffix.lower())
    (still,) = everything(write_folder(tmp_path / "fer", {name: content}))
    assert (still.emotion, still.split) == (emotion, split)
    assert np.array_equal(still.image[..., 0], image)


def test_the_name_of_the_folder_given_tells_too(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "test", {"happy/1.png": picture(FACE)})
    assert plain(everything(folder)) == [(FACE.tobytes(), "happiness", 2)]
    monkeypatch.chdir(folder)
    assert plain(everything(Path())) == [(FACE.tobytes(), "happiness", 2)]


def test_pictures_in_colour_stay_so_until_they_are_cut(tmp_path):
    colour = np.dstack([FACE, FACE // 2, FACE // 3])  # red, green, blue
    source = write_folder(tmp_path / "fer", {"train/happy/1.png": picture(colour[..., ::-1])})
    (still,) = everything(source)
    assert np.array_equal(still.image, colour)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("train/happy/bad.png", b"", "no whole picture"),
        ("train/happy/bad.png", b"not a picture", "no whole picture"),
        ("train/happy/bad.png", picture(FACE)[:-100], "no whole picture"),
        ("train/happy/bad.jpg", picture(FACE, ".jpg")[:-100], "no whole picture"),
        ("train/happy/bad.jpg", picture(FACE, ".jpg")[:-1], "no whole picture"),
        ("train/happy/bad.png", b"\x89PNGIEND", "no whole picture"),
        (
            "train/happy/bad.png",
            picture(FACE)[:60] + b"damage" + picture(FACE)[66:],
            "no whole picture",
        ),
        ("train/happy/bad.png", picture(FACE[:40]), "48 x 40 px instead of 48 x 48"),
        (
            "train/contempt/bad.png",
            picture(FACE),
            "its folder names none of the seven emotions",
        ),
        ("train/others/bad.png", picture(FACE), "its folder names none of the seven emotions"),
        ("bad.png", picture(FACE), "its folder names none of the seven emotions"),
        (
            "happy/bad.png",
            picture(FACE),
            "the folder above is none of train, validation and test",
        ),
    ],
)
def test_a_bad_picture_is_listed_and_the_others_are_read(name, content, problem, tmp_path, capfd):
    good = {"train/angry/1.png": picture(FACE), "test/sad/2.png": picture(FACE)}
    folder = write_folder(tmp_path / "fer", {**good, name: content})
    entries = everything(folder)
    bad = [entry for entry in entries if isinstance(entry, Unusable)]
    assert bad == [Unusable(str(folder / name), problem)]
    assert len(plain([entry for entry in entries if isinstance(entry, Still)])) == 2
    assert capfd.readouterr() == ("", "")


def test_hidden_files_and_what_macos_adds_are_passed_over(tmp_path):
    members = {
        "train/happy/1.png": picture(FACE),
        "train/happy/._1.png": b"",
        "train/.trash/happy/1.png": b"",
        "__MACOSX/train/happy/1.png": b"",
        "train/happy/Thumbs.db": b"",
        "README.txt": b"",
    }
    for source in (
        write_folder(tmp_path / "fer", members),
        write_zip(tmp_path / "a.zip", members),
        write_tar(tmp_path / "a.tar.gz", members),
    ):
        assert plain(everything(source)) == [(FACE.tobytes(), "happiness", 0)]


# What cannot be read at all


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
