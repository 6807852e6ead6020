"""Writing a dataset and reading it back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import EMOTIONS, Box, order_emotions
from fer_pipeline.errors import DatasetError, OutputError
from tests.conftest import crop_record
from tests.dataset.rows import COLUMNS, SMALL, face, write

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
