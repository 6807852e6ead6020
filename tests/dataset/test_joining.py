"""Parts of a run joined into one dataset."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fer_pipeline.dataset import Excerpt, copy_rows, open_dataset
from tests.dataset.rows import COLUMNS, SMALL, digest, face, write

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
