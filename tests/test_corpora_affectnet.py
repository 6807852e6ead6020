"""AffectNet: tables beside whole pictures, and faces cut out with their labels as arrays."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora import Still, Unusable
from fer_pipeline.corpora.affectnet import AFFECTNET, read_expression
from fer_pipeline.corpora.corpus import ReadOptions
from fer_pipeline.corpora.members import source_size
from fer_pipeline.corpora.tables import RowError
from fer_pipeline.domain import EMOTIONS, Box
from fer_pipeline.faces import CropOptions
from tests.corpus_files import (
    any_picture,
    everything,
    refused,
    skipped,
    stills,
    unusable,
    write_folder,
    write_tar,
    write_zip,
)

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,"
    "facial_landmarks,expression,valence,arousal"
)
FILES, PICTURES = "Manually_Annotated_file_lists", "Manually_Annotated_Images"
OTHERS = {8: "none", 9: "uncertain", 10: "no face"}


def row(path, code, box=(134, 135, 898, 899)) -> str:
    return f"{path},{','.join(map(str, box))},181.64;530.91;179.0;532.1,{code},-0.2,0.1"


def table(*rows: str) -> bytes:
    return "\r\n".join([HEADER, *rows, ""]).encode()


def path_of(number: int) -> str:
    return f"{number % 3 + 1}/{number:04x}b2c.jpg"


def corpus(codes=range(11), held_out=(0, 7)):
    """Return AffectNet as files: a picture for each code in training, and some held out."""
    training = [row(path_of(i), code, (i, 2, 30 + i, 40)) for i, code in enumerate(codes)]
    validation = [row(path_of(100 + i), code) for i, code in enumerate(held_out)]
    numbers = [*range(len(training)), *(100 + i for i in range(len(validation)))]
    return {
        f"{FILES}/training.csv": table(*training),
        f"{FILES}/validation.csv": table(*validation),
        **{f"{PICTURES}/{path_of(i)}": any_picture(i) for i in numbers},
    }


def told(entries):
    return sorted((still.image, still.emotion, still.split, still.box) for still in stills(entries))


def wanted(codes=range(8), held_out=(0, 7)):
    of_training = [
        (any_picture(i), EMOTIONS[code], 0, Box(i, 2, 30 + i, 40)) for i, code in enumerate(codes)
    ]
    of_test = [
        (any_picture(100 + i), EMOTIONS[code], 2, Box(134, 135, 898, 899))
        for i, code in enumerate(held_out)
    ]
    return sorted(of_training + of_test)


# Tables beside whole pictures


def test_rows_and_pictures_come_together(tmp_path):
    entries = everything(AFFECTNET, write_folder(tmp_path / "AffectNet", corpus()))
    assert told(entries) == wanted()
    assert not any(still.cropped for still in stills(entries))
    assert skipped(entries) == {f"labelled {name}": 1 for name in OTHERS.values()}
    assert unusable(entries) == []


def test_tables_and_pictures_may_be_apart_and_in_archives(tmp_path):
    files = corpus()
    tables = {name: content for name, content in files.items() if name.endswith(".csv")}
    pictures = {name: content for name, content in files.items() if name not in tables}
    folder = write_folder(tmp_path / "apart", files)
    for sources in (
        [folder / PICTURES, folder / FILES],
        [folder / FILES / "validation.csv", folder / PICTURES, folder / FILES / "training.csv"],
        [write_tar(tmp_path / "pictures.tar", pictures, "w"), folder / FILES],
        [write_zip(tmp_path / "lists.zip", tables), folder / PICTURES],
        [write_tar(tmp_path / "all.tar.gz", files)],
    ):
        assert told(everything(AFFECTNET, *sources)) == wanted(), sources


def test_the_order_is_that_of_the_pictures_and_not_of_the_rows(tmp_path):
    files = corpus()
    first = write_folder(tmp_path / "one" / "AffectNet", files)
    lines = files[f"{FILES}/training.csv"].decode().splitlines()
    files[f"{FILES}/training.csv"] = "\n".join([lines[0], *reversed(lines[1:])]).encode()
    second = write_folder(tmp_path / "two" / "AffectNet", files)
    images = [
        [still.image for still in stills(everything(AFFECTNET, one))] for one in (first, second)
    ]
    assert images[0] == images[1]


def test_only_one_part_may_be_given(tmp_path):
    folder = write_folder(tmp_path / "AffectNet", corpus())
    entries = everything(AFFECTNET, folder / FILES / "validation.csv", folder / PICTURES)
    assert [still.split for still in stills(entries)] == [2, 2]
    assert skipped(entries) == {"picture that no row of a table names": 11}
    assert unusable(entries) == []


def test_a_row_without_its_picture_is_listed_with_its_line(tmp_path):
    files = corpus()
    del files[f"{PICTURES}/{path_of(3)}"], files[f"{PICTURES}/{path_of(9)}"]
    folder = write_folder(tmp_path / "AffectNet", files)
    entries = everything(AFFECTNET, folder)
    place = f"{folder / FILES / 'training.csv'}, line 5"
    assert unusable(entries) == [Unusable(place, f"there is no picture {path_of(3)}")]
    assert len(stills(entries)) == 9
    assert skipped(entries)["labelled uncertain"] == 1  # whether there is a picture or not


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (row("1/a.jpg", 11), "the expression is '11', not a number from 0 to 10"),
        (row("1/a.jpg", -1), "the expression is '-1'"),
        (row("1/a.jpg", "happy"), "the expression is 'happy'"),
        (row("1/a.jpg", ""), "the expression is ''"),
        (row("", 1), "names no picture"),
        (row("1/a.jpg", 1, (1, 2, 3)), "columns: 8 instead of 9"),
        (row("1/a.jpg", 1) + ",1", "columns: 10 instead of 9"),
        (row("1/a.jpg", 1, ("NULL", 2, 3, 4)), "face_x is 'NULL', not a number of pixels"),
        (row("1/a.jpg", 1, (1, 2, "nan", 4)), "face_width is 'nan', not a number of pixels"),
        (row("1/a.jpg", 1, (1, 2, "1e9", 4)), "face_width is '1e9', not a number of pixels"),
        (row("1/a.jpg", 1, (1, 2, 0, 4)), "the box of the face is 0 x 4 px"),
        (row("1/a.jpg", 1, (1, 2, 3, -4)), "the box of the face is 3 x -4 px"),
        (row(path_of(0), 1), "once more"),
        (row("1/\x1b[31m.jpg", 1), "there is no picture '1/\\x1b[31m.jpg'"),
    ],
)
def test_a_bad_row_is_listed_with_its_line_and_the_others_are_read(line, problem, tmp_path):
    files = corpus(range(8))
    files[f"{FILES}/training.csv"] += line.encode()
    folder = write_folder(tmp_path / "AffectNet", files)
    entries = everything(AFFECTNET, folder)
    (bad,) = unusable(entries)
    assert bad.place == f"{folder / FILES / 'training.csv'}, line 10"
    assert problem in bad.problem
    assert bad.problem.isprintable()
    assert told(entries) == wanted()


def test_boxes_may_have_decimals_and_begin_outside_the_picture(tmp_path):
    files = {"training.csv": table(row("1/a.jpg", 1, ("-3", "2.6", "30.0", 4))), "1/a.jpg": b"x"}
    (still,) = everything(AFFECTNET, write_folder(tmp_path / "AffectNet", files))
    assert still.box == Box(-3, 3, 30, 4)


def test_rows_that_name_no_box_because_there_is_no_face_are_sound(tmp_path):
    files = {"training.csv": table(row("1/a.jpg", 10, ("NULL",) * 4))}
    entries = everything(AFFECTNET, write_folder(tmp_path / "AffectNet", files))
    assert (skipped(entries), unusable(entries)) == ({"labelled no face": 1}, [])


def test_what_no_person_labelled_is_left_out(tmp_path):
    files = {**corpus(), "automatically_annotated.csv": table(row("9/a.jpg", 1), row("9/b.jpg", 2))}
    entries = everything(AFFECTNET, write_folder(tmp_path / "AffectNet", files))
    assert skipped(entries)["labelled automatically"] == 2
    assert told(entries) == wanted()


def test_a_table_must_tell_its_part_by_its_name(tmp_path):
    folder = write_folder(tmp_path / "AffectNet", {"labels.csv": table(row("1/a.jpg", 1))})
    message = refused(AFFECTNET, folder)
    assert f"{folder / 'labels.csv'}: its name does not tell" in message
    assert "call it training.csv or validation.csv" in message


def test_pictures_alone_are_refused(tmp_path):
    folder = write_folder(tmp_path / "AffectNet", {"1/a.jpg": any_picture(1), "x.csv": b"a,b\n"})
    assert f"{folder}: neither a table nor arrays of labels there; give" in refused(
        AFFECTNET, folder
    )


# Faces cut out already


def array(value) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(value))
    return file.getvalue()


def cropped(codes=range(8), held_out=(1,)):
    files = {}
    for folder, all_codes in (("train_set", codes), ("val_set", held_out)):
        for i, code in enumerate(all_codes):
            files[f"{folder}/images/{i}.jpg"] = any_picture(i + 50 * (folder == "val_set"))
            files[f"{folder}/annotations/{i}_exp.npy"] = array(str(code) if i % 2 else code)
            for other, value in (("val", "0.1"), ("aro", "-0.4"), ("lnd", np.zeros(136))):
                files[f"{folder}/annotations/{i}_{other}.npy"] = array(value)
    return files


def test_cropped_faces_and_their_arrays_come_together(tmp_path):
    files = cropped()
    folder = write_folder(tmp_path / "AffectNet", files)
    expected = sorted(
        [(any_picture(i), EMOTIONS[i], 0) for i in range(8)] + [(any_picture(50), EMOTIONS[1], 2)]
    )
    for sources in (
        [folder],
        [folder / "val_set", folder / "train_set"],
        [write_tar(tmp_path / "a.tar", files, "w")],
        [write_zip(tmp_path / "a.zip", files)],
    ):
        entries = everything(AFFECTNET, *sources)
        assert all(still.cropped and still.box is None for still in stills(entries))
        found = sorted((still.image, still.emotion, still.split) for still in stills(entries))
        assert found == expected, sources
        assert len(entries) == len(found)


def test_cropped_faces_that_show_no_emotion_are_left_out(tmp_path):
    entries = everything(AFFECTNET, write_folder(tmp_path / "AffectNet", cropped(range(11))))
    assert skipped(entries) == {f"labelled {name}": 1 for name in OTHERS.values()}


def test_cropped_faces_without_label_and_labels_without_face_are_listed(tmp_path):
    files = cropped()
    del files["train_set/images/2.jpg"], files["train_set/annotations/3_exp.npy"]
    files["train_set/annotations/4_exp.npy"] = b"no array"
    files["elsewhere/5.jpg"] = any_picture(5)
    folder = write_folder(tmp_path / "AffectNet", files)
    entries = everything(AFFECTNET, folder)
    images = folder / "train_set" / "images"
    label = "train_set/annotations/{}_exp.npy"
    assert {(bad.place, bad.problem) for bad in unusable(entries)} == {
        (str(folder / label.format(4)), "no array of one number"),
        (str(images / "4.jpg"), f"no sound label {label.format(4)}"),
        (str(images / "3.jpg"), f"no sound label {label.format(3)}"),
        (label.format(2), "there is no picture of this label"),
        (str(folder / "elsewhere" / "5.jpg"), "in no folder train_set or val_set"),
    }
    assert len(stills(entries)) == 6


def test_a_second_label_of_a_face_is_listed(tmp_path):
    first = write_folder(tmp_path / "one", cropped())
    second = write_folder(tmp_path / "two", {"val_set/annotations/0_exp.npy": array(5)})
    entries = everything(AFFECTNET, first, second)
    (bad,) = unusable(entries)
    assert bad.problem == "a second label of one picture"
    assert len(stills(entries)) == 9


@pytest.mark.parametrize(
    "value",
    [3, "3", " 3", np.int64(3), np.float32(3), [3], ["3"], [[3.0]], b"3"],
    ids=repr,
)
def test_labels_are_read_as_programs_write_them(value):
    assert read_expression(array(value)) == 3


@pytest.mark.parametrize("value", [11, -1, "x", 2.5, np.nan, "", [1, 2], [], True], ids=repr)
def test_labels_that_are_none_are_refused(value):
    with pytest.raises(RowError):
        read_expression(array(value))


def test_an_array_never_runs_what_is_in_it():
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RowError, match="no array of one number"):
        read_expression(file.getvalue())


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=100).map(b"\x93NUMPY\x01\x00".__add__),
        st.tuples(
            st.sampled_from([array(3), array("3")]), st.integers(0, 140), st.binary(max_size=9)
        ).map(
            lambda change: (
                change[0][: change[1]] + change[2] + change[0][change[1] + len(change[2]) :]
            )
        ),
        st.text("()[]{}-',:<i8 descrfotanhpT", max_size=150).map(
            lambda header: (
                b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
            )
        ),
    )
)
def test_whatever_a_label_file_holds_it_is_a_number_or_refused(content):
    try:
        code = read_expression(content)
    except RowError as error:
        assert str(error).isprintable()  # noqa: PT017 - whether it comes is left to chance
    else:
        assert 0 <= code <= 10


# Both


def test_crops_are_as_wide_as_the_faces_are_cut(tmp_path):
    whole = write_folder(tmp_path / "whole", corpus())
    assert AFFECTNET.crop([whole]) == CropOptions()
    assert AFFECTNET.crop([write_folder(tmp_path / "cropped", cropped())]).margin == 0


def test_progress_counts_each_byte_once(tmp_path):
    files = cropped()
    for source in (write_folder(tmp_path / "f", files), write_tar(tmp_path / "a.tar.gz", files)):
        counted: list[int] = []
        for entry in AFFECTNET.read([source], ReadOptions(), counted.append):
            assert isinstance(entry, Still)
        unread = sum(
            len(c) for name, c in files.items() if name.endswith(("val.npy", "aro.npy", "lnd.npy"))
        )
        assert sum(counted) == source_size(source) - (unread if source.is_dir() else 0)


cells = st.sampled_from(
    ["1/a.jpg", "a.jpg", "", "1", "7", "8", "11", "NULL", '"', "é", "-1", "2.5", "\\"]
)


@given(st.lists(st.lists(cells, min_size=7, max_size=10).map(",".join), max_size=5))
def test_whatever_a_table_holds_each_row_is_accounted_for(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("affectnet")
    (folder / "validation.csv").write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    entries = everything(AFFECTNET, folder)
    assert len(unusable(entries)) + sum(skipped(entries).values()) == len(lines)
    assert len(stills(entries)) == 0


def test_memory_holds_a_row_in_few_bytes(tmp_path):
    number = 20_000
    path = tmp_path / "training.csv"
    path.write_bytes(table(*(row(f"{i % 1000}/{i:056x}.jpg", i % 8) for i in range(number))))
    tracemalloc.start()
    try:
        entries = AFFECTNET.read([path], ReadOptions(), lambda _: None)
        assert isinstance(next(entries), Unusable)  # the first row without its picture
        assert tracemalloc.get_traced_memory()[1] < 1000 * number  # 300 MB for all of AffectNet
    finally:
        tracemalloc.stop()
