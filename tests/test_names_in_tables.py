"""Names that a spreadsheet would compute, in the tables of `fer evaluate` and `fer data export`."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.dataset import FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.labels.table_rows import Row, read_rows
from fer_pipeline.model_folder import LITERT_FILE, SPEC_FILE, ModelSpec
from fer_pipeline.timeline import People, guarded, unguarded
from fer_pipeline.timeline_people import find_people

EMOTIONS = ("'-glad", "=1+2", "@mad")
PEOPLE = ("=cmd()", "+1-2", "-P", "-", "@P", "'=q", "P 1", "-7", "1e5")
VIDEOS = ("=a/b.mp4", "@c.mp4")

COMPUTED = tuple("=+-@\t\r\n＝＋－＠")


@pytest.fixture(scope="module")
def data(model_folder, tmp_path_factory) -> Path:
    """A dataset in which a face of each person shows each emotion."""
    path = tmp_path_factory.mktemp("names") / "faces.h5"
    rng = np.random.default_rng(0)
    crop = ModelSpec.read(model_folder).crop
    depth = 1 if crop.channels == "gray" else 3
    with create_dataset(path, crop, EMOTIONS) as writer:
        for number, person in enumerate(PEOPLE):
            for emotion in EMOTIONS:
                image = rng.integers(0, 256, (crop.size, crop.size, depth), np.uint8)
                row = FaceRow(image, emotion, person, number, -0.5, Box(-3, -2, 9, 9), -1.5, 0)
                writer.append(VIDEOS[2 * number // len(PEOPLE)], row)
        writer.finish({})
    return path


@pytest.fixture(scope="module")
def model(model_folder, tmp_path_factory) -> Path:
    """A model of other names, with these for its emotions."""
    folder = tmp_path_factory.mktemp("named") / "model"
    folder.mkdir()
    shutil.copy(model_folder / LITERT_FILE, folder)
    spec = json.loads((model_folder / SPEC_FILE).read_text("utf-8"))
    (folder / SPEC_FILE).write_text(json.dumps(spec | {"emotions": EMOTIONS}), "utf-8")
    return folder


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [*csv.reader(file)]


def is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).replace("e", "", 1).isdigit()


def check(table: list[list[str]]) -> None:
    """Make sure that no cell is computed; a number may begin with its sign."""
    for row in table:
        for cell in row:
            assert not cell.startswith(COMPUTED) or is_number(cell), row


def column(table: list[list[str]], name: str) -> list[str]:
    """Return a column as it was meant."""
    index = table[0].index(name)
    return [unguarded(row[index]) for row in table[1:]]


def test_an_evaluation_has_no_name_that_a_spreadsheet_computes(fer, data, model, tmp_path):
    out = tmp_path / "out"
    result = fer("evaluate", "--model", model, "--data", data, "-o", out)
    assert result.exit_code == 0, result.output
    tables = {path.name: cells(path) for path in out.glob("*.csv")}
    assert len(tables) == 4
    for table in tables.values():
        check(table)
    assert column(tables["classes.csv"], "emotion") == [*EMOTIONS]
    assert sorted(column(tables["participants.csv"], "participant")) == sorted(PEOPLE)
    confusion, told = tables["confusion.csv"], tables["predictions.csv"]
    assert confusion[0] == ["shown", *map(guarded, EMOTIONS)]
    assert column(confusion, "shown") == [*EMOTIONS]
    assert told[0][-len(EMOTIONS) :] == [*map(guarded, EMOTIONS)]
    assert set(column(told, "truth")) == set(EMOTIONS) >= set(column(told, "told"))
    assert set(column(told, "participant")) == set(PEOPLE)
    assert set(column(told, "video")) == set(VIDEOS)
    assert {row[told[0].index("time")] for row in told[1:]} == {"-0.500000"}  # no text


def test_an_index_of_pictures_has_no_name_that_a_spreadsheet_computes(fer, data, tmp_path):
    out = tmp_path / "out"
    for by in ("emotion", "participant"):
        assert fer("data", "export", data, "-o", out / by, "--by", by).exit_code == 0
        index = cells(out / by / "index.csv")
        check(index)
        assert set(column(index, "emotion")) == set(EMOTIONS)
        assert set(column(index, "participant")) == set(PEOPLE)
        assert set(column(index, "video")) == set(VIDEOS)
        assert {row[index[0].index("x")] for row in index[1:]} == {"-3"}  # no text
        assert all((out / by / name).is_file() for name in column(index, "file"))


def test_an_index_of_pictures_given_as_a_table_of_labels_or_people_names_the_same(
    fer, data, tmp_path
):
    assert fer("data", "export", data, "-o", tmp_path / "out").exit_code == 0
    index = tmp_path / "out" / "index.csv"
    rows = [*read_rows(index)]
    assert {row.video for row in rows} == set(VIDEOS)
    assert {row.participant for row in rows} == set(PEOPLE)
    assert {row.emotion for row in rows} == set(EMOTIONS)
    found = find_people(VIDEOS, People(), index)
    assert found.people.by_clip == {video: last_of(rows, video) for video in VIDEOS}
    assert not found.strangers


def last_of(rows: list[Row], video: str) -> str | None:
    return [row.participant for row in rows if row.video == video][-1]
