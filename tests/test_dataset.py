"""The dataset file: what plain h5py finds in it, what the reader refuses, joining and checking."""

from __future__ import annotations

import itertools
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import (
    CropRecord,
    Excerpt,
    FaceRow,
    copy_rows,
    counts,
    create_dataset,
    open_dataset,
)
from fer_pipeline.domain import EMOTIONS, Box, order_emotions
from fer_pipeline.errors import DatasetError, OutputError
from tests.conftest import crop_record, write_faces

COLUMNS = {
    "label": (np.int8, ()),
    "participant": (np.int32, ()),
    "video": (np.int32, ()),
    "frame": (np.int64, ()),
    "time": (np.float64, ()),
    "box": (np.int32, (4,)),
    "score": (np.float32, ()),
    "track": (np.int32, ()),
    "split": (np.int8, ()),
}
SMALL = crop_record(8, "rgb")


def face(
    emotion: str | None = "anger", participant: str | None = "P1", **values: object
) -> FaceRow:
    """Make a face; a red one, unless told otherwise."""
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0] = 255
    row = {"image": image, "frame": 7, "time": 0.28, "box": Box(1, 2, 30, 40), "score": 1.5}
    return FaceRow(emotion=emotion, participant=participant, **{**row, "track": 0, **values})


def write(
    path: Path,
    rows: dict[str, list[FaceRow]],
    crop: CropRecord = SMALL,
    provenance: dict[str, object] | None = None,
) -> Path:
    """Write the faces of some videos."""
    emotions = {row.emotion for faces in rows.values() for row in faces} - {None}
    with create_dataset(path, crop, emotions) as writer:
        for video, faces in rows.items():
            writer.add_video(video)
            for row in faces:
                writer.append(video, row)
        writer.finish(provenance or {})
    return path


def one_line(error: pytest.ExceptionInfo[DatasetError], path: Path) -> str:
    """Return the message of an error, which is one line that names the file."""
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message


# The layout, as anybody finds it


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A dataset of three faces, opened with nothing but h5py."""
    rows = {
        "a.mp4": [face("surprise", "P2"), face(None, None, frame=8, score=None, track=1)],
        "b/日本 語.mp4": [face("bored", "Ötzi")],
    }
    provenance = {"command": "fer extract ü"}
    with h5py.File(write(tmp_path_factory.mktemp("plain") / "f.h5", rows, SMALL, provenance)) as f:
        yield f


def test_the_root_tells_format_emotions_crop_and_provenance(plain):
    assert set(plain.attrs) == {"format", "version", "emotions", "channels", "crop", "provenance"}
    assert plain.attrs["format"] == "fer-faces"
    assert plain.attrs["version"] == 1
    assert list(plain.attrs["emotions"]) == ["surprise", "bored"]  # canonical first
    assert plain.attrs["channels"] == "rgb"
    assert json.loads(plain.attrs["provenance"]) == {"command": "fer extract ü"}
    crop = json.loads(plain.attrs["crop"])
    assert crop["size"] == 8
    assert crop["margin"] == 0.1
    assert crop["detector"]["cascade"] == "haarcascade_frontalface_alt2"
    assert crop["cascade_digest"] == SMALL.cascade_digest


def test_each_column_has_its_shape_and_type(plain):
    assert set(plain) == {*COLUMNS, "images", "participants", "videos"}
    for name, (dtype, shape) in COLUMNS.items():
        assert plain[name].dtype == dtype, name
        assert plain[name].shape == (3, *shape), name


def test_columns_point_into_the_lists_of_names(plain):
    assert [*plain["participants"].asstr()] == ["P2", "Ötzi"]
    assert [*plain["videos"].asstr()] == ["a.mp4", "b/日本 語.mp4"]
    assert plain["participants"].dtype == plain["videos"].dtype == h5py.string_dtype("utf-8")
    assert [*plain["participant"]] == [0, -1, 1]
    assert [*plain["video"]] == [0, 0, 1]
    assert [*plain["label"]] == [0, -1, 1]


def test_what_is_not_known_is_minus_one_or_no_number(plain):
    assert plain["label"][1] == plain["participant"][1] == -1
    assert math.isnan(plain["score"][1])
    assert [*plain["split"]] == [-1, -1, -1]


def test_rows_tell_frame_time_box_score_and_track(plain):
    assert [*plain["frame"]] == [7, 8, 7]
    assert plain["time"][0] == 0.28
    assert [*plain["box"][0]] == [1, 2, 30, 40]
    assert plain["score"][0] == 1.5
    assert [*plain["track"]] == [0, 1, 0]


def test_images_are_lossless_rgb_one_to_a_chunk(plain):
    images = plain["images"]
    assert images.dtype == np.uint8
    assert images.shape == (3, 8, 8, 3)
    assert images.chunks == (1, 8, 8, 3)
    assert images.compression == "gzip"
    assert np.array_equal(images[0], face().image)
    assert images[0, 0, 0].tolist() == [255, 0, 0]


def test_gray_images_keep_a_channel_of_their_own(tmp_path):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    path = write(tmp_path / "f.h5", {"a": [face(image=image)]}, crop_record(8, "gray"))
    with h5py.File(path) as file:
        assert file.attrs["channels"] == "gray"
        assert np.array_equal(file["images"][:], image[np.newaxis])


def test_a_dataset_without_emotions_still_lists_names(tmp_path):
    with h5py.File(write(tmp_path / "f.h5", {"a": [face(None)]})) as file:
        assert file.attrs["emotions"].shape == (0,)
        assert h5py.check_string_dtype(file.attrs.get_id("emotions").dtype)


# Writing and reading back

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)
indexes = st.integers(0, 2**31 - 1)
faces = st.builds(
    FaceRow,
    image=st.binary(min_size=27, max_size=27).map(
        lambda data: np.frombuffer(data, np.uint8).reshape(3, 3, 3)
    ),
    emotion=st.none() | st.sampled_from(EMOTIONS) | texts,
    participant=st.none() | texts,
    frame=st.integers(0, 2**63 - 1),
    time=st.floats(0, 1e9),
    box=st.builds(Box, indexes, indexes, indexes, indexes),
    score=st.none() | st.floats(width=32, allow_nan=False),
    track=indexes,
)


@given(st.dictionaries(texts, st.lists(faces, max_size=4), max_size=3))
@settings(max_examples=60, deadline=None)
def test_every_row_comes_back_as_it_was_written(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "f.h5", rows, crop_record(3, "rgb"), {"command": "ü"})
        with open_dataset(path) as dataset:
            assert dataset.videos == tuple(rows)
            assert dataset.crop == crop_record(3, "rgb")
            assert dataset.provenance == {"command": "ü"}
            written = [(video, row) for video, faces in rows.items() for row in faces]
            assert len(dataset) == len(written)
            images = dataset.images(slice(None))
            for index, (video, row) in enumerate(written):
                cell = {name: dataset.column(name)[index] for name in COLUMNS}
                assert np.array_equal(images[index], row.image)
                assert (*dataset.emotions, None)[cell["label"]] == row.emotion
                assert (*dataset.participants, None)[cell["participant"]] == row.participant
                assert dataset.videos[cell["video"]] == video
                assert (cell["frame"], cell["time"], cell["track"]) == (
                    row.frame,
                    row.time,
                    row.track,
                )
                assert Box(*cell["box"]) == row.box
                assert np.isnan(cell["score"]) if row.score is None else cell["score"] == row.score


def test_more_rows_than_are_held_back_arrive(tmp_path):
    rows = [
        face(frame=index, image=np.full((8, 8, 3), index % 256, np.uint8)) for index in range(600)
    ]
    with open_dataset(write(tmp_path / "f.h5", {"a": rows})) as dataset:
        assert dataset.column("frame").tolist() == list(range(600))
        assert dataset.images(slice(None))[:, 0, 0, 0].tolist() == [i % 256 for i in range(600)]


def test_images_are_read_in_any_order(tmp_path):
    rows = [face(image=np.full((8, 8, 3), value, np.uint8)) for value in range(5)]
    with open_dataset(write(tmp_path / "f.h5", {"a": rows})) as dataset:
        assert dataset.images(np.array([3, 0, 3]))[:, 0, 0, 0].tolist() == [3, 0, 3]
        assert dataset.images(np.array([], np.int64)).shape == (0, 8, 8, 3)


def test_a_video_without_faces_is_listed(tmp_path):
    rows = {"a": [face(), face()], "b": [], "c": [face()]}
    with open_dataset(write(tmp_path / "f.h5", rows)) as dataset:
        found = {video: rows.tolist() for video, rows in dataset.rows_by_video().items()}
    assert found == {None: [], "a": [0, 1], "b": [], "c": [2]}


def test_provenance_beyond_64_kib_is_kept(tmp_path):
    sources = {f"participants/P{number:05d}.mp4": "0" * 64 for number in range(2000)}
    path = write(tmp_path / "f.h5", {"a": [face()]}, provenance={"sources": sources})
    with open_dataset(path) as dataset:
        assert dataset.provenance == {"sources": sources}


def append(path: Path, emotions: Iterable[str], rows: Iterable[FaceRow], *, votes: bool) -> None:
    with create_dataset(path, SMALL, emotions, votes=votes) as writer:
        for row in rows:
            writer.append(None, row)


def test_after_an_error_the_old_dataset_is_as_it_was(tmp_path):
    path = write(tmp_path / "f.h5", {"a": [face()]})
    before = path.read_bytes()
    with pytest.raises(DatasetError, match="bored"):
        append(path, ["anger"], [face(), face("bored")], votes=True)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_a_dataset_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"f\.h5: cannot be written") as error:
        write(tmp_path / "file" / "f.h5", {"a": [face()]})
    assert "\n" not in str(error.value)


def test_more_emotions_than_labels_can_count_are_refused(tmp_path):
    names = [f"class {number}" for number in range(128)]
    with (
        pytest.raises(DatasetError, match="128 emotions"),
        create_dataset(tmp_path / "f.h5", SMALL, names),
    ):
        pass
    write(tmp_path / "f.h5", {"a": [face(name) for name in names[:127]]})


@given(st.lists(st.sampled_from([*EMOTIONS[:4], "zen", "bored", None]), max_size=600))
@settings(max_examples=30)
def test_emotions_not_known_beforehand_are_listed_in_order(shown):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.h5"
        with create_dataset(path, SMALL, ()) as writer:
            for emotion in shown:
                writer.append(None, face(emotion))
            writer.finish({})
        with open_dataset(path) as dataset:
            assert dataset.emotions == order_emotions(name for name in shown if name)
            names = [*dataset.emotions, None]
            assert [names[label] for label in dataset.column("label")] == shown


def test_an_emotion_more_than_labels_can_count_is_refused(tmp_path):
    rows = [face(f"class {number}") for number in range(128)]
    with pytest.raises(DatasetError, match="128 emotions"):
        append(tmp_path / "f.h5", (), rows, votes=False)


def test_where_there_are_votes_no_emotion_is_added(tmp_path):
    rows = [face(name, votes={name: 1.0}) for name in ("anger", "fear")]
    with pytest.raises(DatasetError, match="fear: none of the emotions that are voted on"):
        append(tmp_path / "f.h5", ("anger",), rows, votes=True)


# The digest


def test_the_digest_is_that_of_the_data_and_not_of_the_file(tmp_path):
    one = write(tmp_path / "1.h5", {"a": [face()]}, provenance={"time": "now"})
    other = write(tmp_path / "2.h5", {"a": [face()]}, provenance={"time": "later"})
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    "rows",
    [
        {"b": [face()]},
        {"a": [face(), face()]},
        {"a": [face("fear")]},
        {"a": [face(None)]},
        {"a": [face(participant="P2")]},
        {"a": [face(frame=8)]},
        {"a": [face(time=0.3)]},
        {"a": [face(box=Box(1, 2, 30, 41))]},
        {"a": [face(score=1.4)]},
        {"a": [face(track=1)]},
        {"a": [face(image=np.zeros((8, 8, 3), np.uint8))]},
        {"a": [face()], "b": []},
    ],
)
def test_any_difference_of_the_data_is_one_of_the_digest(tmp_path, rows):
    same = write(tmp_path / "1.h5", {"a": [face()]})
    assert digest(same) != digest(write(tmp_path / "2.h5", rows))


def digest(path: Path) -> str:
    with open_dataset(path) as dataset:
        return dataset.digest


# What the reader refuses


def edited(edit: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    """Return what damages a good dataset with h5py."""

    def damage(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            edit(file)

    return damage


def put(name: str, value: object) -> Callable[[Path], None]:
    """Return what puts something else in the place of a column."""

    def edit(file: h5py.File) -> None:
        del file[name]
        if value is None:
            file.create_group(name)
        else:
            file[name] = value

    return edited(edit)


@pytest.mark.skipif(os.name == "nt", reason="a name may be longer there")
def test_a_name_that_the_system_refuses_is_one_clear_line(tmp_path):
    path = tmp_path / ("f" * 300)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert str(error.value).startswith(f"{path}: cannot be read (File name too long); ")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "no such dataset; fer extract makes one"),
        (lambda path: path.write_bytes(b""), "no valid HDF5 file"),
        (lambda path: path.write_text("video,participant,emotion\n" * 99), "no valid HDF5 file"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), "no valid HDF5 file"),
        (edited(lambda f: f.attrs.update(format="fer-votes")), "not a dataset of faces"),
        (edited(lambda f: f.attrs.update(format=[1, 2])), "not a dataset of faces"),
        (edited(lambda f: f.attrs.pop("format")), "not a dataset of faces"),
        (edited(lambda f: f.attrs.update(version=2)), "version 2 of the format; this fer reads"),
        (edited(lambda f: f.attrs.update(version="new")), "version new of the format"),
        (edited(lambda f: f.attrs.pop("version")), "version None of the format"),
        (edited(lambda f: f.attrs.pop("emotions")), "broken"),
        (edited(lambda f: f.attrs.pop("crop")), "broken"),
        (edited(lambda f: f.attrs.update(crop="{}")), "broken"),
        (edited(lambda f: f.attrs.update(channels="cmyk")), "broken"),
        (edited(lambda f: f.attrs.update(provenance="not JSON")), "broken"),
        (edited(lambda f: f.pop("label")), "broken"),
        (edited(lambda f: f.pop("participants")), "broken"),
        (put("images", None), "broken"),
        (put("videos", None), "broken"),
        (put("label", np.int8(1)), "broken"),
        (put("videos", np.arange(2)), "broken"),
        (put("label", np.zeros(3, np.int8)), "columns of different lengths"),
    ],
)
def test_what_is_no_sound_dataset_is_refused_in_one_line(tmp_path, damage, told):
    path = write(tmp_path / "f.h5", {"a": [face()], "b": [face()]})
    damage(path)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert told in one_line(error, path)


def test_another_hdf5_file_and_a_folder_are_refused_in_one_line(tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["images"] = np.zeros((2, 8, 8, 3), np.uint8)
    for path, told in ((other, "an HDF5 file, but not"), (tmp_path, "not a dataset")):
        with pytest.raises(DatasetError) as error, open_dataset(path):
            pass
        assert told in one_line(error, path)


# Joining

PARTS = {
    "P1_a.mp4": [face("anger", "P9"), face("anger", "P1", frame=8)],
    "P1_b.mp4": [face("happiness", "P1"), face(None, None, frame=9, time=0.4, score=None)],
    "P2_a.mp4": [],
    "P2_b.mp4": [face("bored", "P0", image=np.full((8, 8, 3), 9, np.uint8))],
}


def join(path: Path, sources: Iterable[Path], provenance: dict[str, str]) -> None:
    copy_rows(path, [Excerpt(source) for source in sources], SMALL, provenance)


def test_parts_joined_in_any_order_are_one_run(tmp_path):
    whole = write(tmp_path / "whole.h5", PARTS)
    parts = [write(tmp_path / f"{video}.h5", {video: PARTS[video]}) for video in PARTS]
    joined = tmp_path / "joined.h5"
    for order in itertools.permutations(parts):
        join(joined, order, {"command": "joined"})
        assert digest(joined) == digest(whole)
    with open_dataset(whole) as one, open_dataset(joined) as other:
        assert one.participants == other.participants == ("P9", "P1", "P0")  # by first row
        assert one.emotions == other.emotions == ("happiness", "anger", "bored")
        assert one.videos == other.videos == tuple(PARTS)
        assert np.array_equal(one.images(slice(None)), other.images(slice(None)))
        assert other.provenance == {"command": "joined"}
        for name in COLUMNS:
            assert np.array_equal(
                one.column(name), other.column(name), equal_nan=name in {"time", "score"}
            )


def test_people_are_numbered_by_first_row_wherever_they_stood_before(tmp_path):
    rows = {"z": [face(participant="P1")], "b": [face(participant=name) for name in ("P2", "P1")]}
    join(tmp_path / "f.h5", [write(tmp_path / "unsorted.h5", rows)], {})
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert dataset.videos == ("b", "z")
        assert dataset.participants == ("P2", "P1")
        assert dataset.column("participant").tolist() == [0, 1, 1]


def test_a_dataset_is_joined_in_its_own_place(tmp_path):
    path = write(tmp_path / "f.h5", {"a": PARTS["P1_a.mp4"], "c": PARTS["P2_b.mp4"]})
    part = write(tmp_path / "part.h5", {"b": PARTS["P1_b.mp4"]})
    join(path, [part, path], {})
    whole = {"a": PARTS["P1_a.mp4"], "b": PARTS["P1_b.mp4"], "c": PARTS["P2_b.mp4"]}
    assert digest(path) == digest(write(tmp_path / "whole.h5", whole))


def test_more_parts_than_files_are_held_open_are_joined(tmp_path):
    rows = {f"{number:03d}": [face(frame=number)] for number in range(70)}
    parts = [write(tmp_path / f"{video}.h5", {video: rows[video]}) for video in rows]
    join(tmp_path / "joined.h5", parts, {})
    assert digest(tmp_path / "joined.h5") == digest(write(tmp_path / "whole.h5", rows))


# Counting and checking


def test_faces_are_counted_by_participant_and_emotion_with_the_unknown_last(tmp_path):
    rows = [face("fear", "P1"), face("fear", "P1"), face("anger", "P2"), face(None, "P2")]
    with open_dataset(write(tmp_path / "f.h5", {"a": [*rows, face("anger", None)]})) as dataset:
        assert counts(dataset).tolist() == [[2, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_rows_that_point_nowhere_are_not_counted(tmp_path):
    path = write(tmp_path / "f.h5", {"a": [face()]})
    set_cell("label", 0, 5)(path)
    with open_dataset(path, sound=False) as dataset, pytest.raises(DatasetError) as error:
        counts(dataset)
    assert "fer data verify" in one_line(error, path)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    assert "fer data verify" in one_line(error, path)


@pytest.fixture
def sound(tmp_path) -> Path:
    """A dataset in which nothing is wrong: two people, three emotions, two faces of each."""
    return write_faces(tmp_path / "faces.h5", people=2, frames=2, size=12)


def findings(path: Path) -> list[str]:
    with open_dataset(path, sound=False) as dataset:
        return verify(dataset)


def test_nothing_is_wrong_in_a_sound_dataset(sound):
    assert findings(sound) == []


def set_cell(name: str, row: object, value: object) -> Callable[[Path], None]:
    def edit(file: h5py.File) -> None:
        file[name][row] = value

    return edited(edit)


def rename(names: str) -> Callable[[Path], None]:
    """Give the second of some names that of the first."""
    return edited(lambda file: file[names].__setitem__(1, file[names][0]))


def flip_a_byte(name: str) -> Callable[[Path], None]:
    """Change a byte in the middle of what the disk holds of a column's last chunk."""

    def damage(path: Path) -> None:
        with h5py.File(path) as file:
            chunk = file[name].id.get_chunk_info(file[name].id.get_num_chunks() - 1)
        data = bytearray(path.read_bytes())
        data[chunk.byte_offset + chunk.size // 2] ^= 0xFF
        path.write_bytes(data)

    return damage


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (set_cell("label", 4, 3), "label: points to no emotion (1 of the rows, the first is 4)"),
        (set_cell("label", 4, -2), "label: points to no emotion"),
        (set_cell("participant", slice(6, 9), 2), "participant: points to nobody (3 of the rows"),
        (set_cell("video", 11, 6), "video: points to no video"),
        (set_cell("video", 0, 1), "rows: not in the order of videos and times"),
        (set_cell("time", 0, 9.0), "rows: not in the order of videos and times"),
        (set_cell("time", 1, np.nan), "time: none, although the frame has a number"),
        (set_cell("frame", 2, -5), "frame: below −1"),
        (set_cell("split", 2, 3), "split: none of the values allowed"),
        (set_cell("box", 3, [1, 1, 0, 5]), "box: without width or height"),
        (rename("participants"), "participants: the same name twice"),
        (rename("videos"), "videos: the same name twice"),
        (
            edited(lambda file: file["videos"].__setitem__(0, "P02.mp4")),
            "videos: not in their order",
        ),
        (
            edited(lambda file: file.attrs.update(emotions=["surprise", "neutral", "happiness"])),
            "emotions: not in their order",
        ),
        (put("label", np.zeros(12, np.float64)), "label: rows of float64 () instead of int8 ()"),
        (put("box", np.ones((12, 3), np.int32)), "box: rows of int32 (3,) instead of int32 (4,)"),
        (put("images", np.zeros((12, 9, 9, 1), np.uint8)), "images: rows of uint8 (9, 9, 1)"),
        (flip_a_byte("images"), "images: cannot be read (1 of the rows, the first is 11)"),
        *((flip_a_byte(name), f"{name} cannot be read") for name in COLUMNS),
    ],
)
def test_damage_is_found(sound, damage, told):
    damage(sound)
    (finding,) = findings(sound)
    assert told in finding
    assert "\n" not in finding


def test_all_that_is_wrong_is_told(sound):
    for damage in (set_cell("label", 4, 3), set_cell("split", 0, 9), flip_a_byte("images")):
        damage(sound)
    assert [finding.partition(":")[0] for finding in findings(sound)] == [
        "label",
        "split",
        "images",
    ]


def test_an_image_that_cannot_be_read_is_told_by_the_file(sound):
    flip_a_byte("images")(sound)
    with open_dataset(sound) as dataset, pytest.raises(DatasetError) as error:
        dataset.images(np.array([11]))
    assert "an image cannot be read" in one_line(error, sound)


def test_a_still_has_neither_frame_nor_time_and_is_in_order(sound):
    with h5py.File(sound, "r+") as file:
        file["frame"][:], file["time"][:] = -1, np.nan
    assert findings(sound) == []
