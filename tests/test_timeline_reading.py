"""Timelines read back, also after a spreadsheet or a data frame had them."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import TimelineError
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.timeline import DERIVED, LEADING_COLUMNS, TimelineRow, columns, open_timeline

EMOTIONS = ("neutral", "happiness")
FORMATS = ("csv", "tsv", "json", "jsonl", "parquet")

ROWS = [
    TimelineRow("b.mp4", 0, 0.0, Status.OK, 0, Box(1, 2, 30, 40), 12.3456, (0.123456, 0.876544)),
    TimelineRow("b.mp4", 0, 0.0, Status.TRACKED, 1, Box(5, 2, 30, 40), None, (0.75, 0.25)),
    TimelineRow("b.mp4", 1, 0.040001, Status.NO_FACE),
    TimelineRow("b.mp4", 2, 0.08, Status.DECODE_ERROR),
    TimelineRow("a.mp4", 7, 1.5, Status.OK, 0, Box(0, 0, 9, 9), 1.5, (0.5, 0.5)),
]

each_format = pytest.mark.parametrize("format_name", FORMATS)


def write(folder: Path, format_name: str = "csv", rows=ROWS, emotions=EMOTIONS, derived=()) -> Path:
    path = folder / f"labels.{format_name}"
    write_timeline(path, format_name, rows, emotions, Details(derived))
    return path


def read(path: Path) -> list[TimelineRow]:
    return list(open_timeline(path).rows())


_any_text = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("=+-@,;\"'\t\n\r\\"), min_size=1
)
_text = _any_text | st.builds("{}{}".format, st.sampled_from(["=", "'=", "''-", "@"]), _any_text)
_steps = tuple(f"{step}_" for step in DERIVED)
_emotions = st.lists(
    _text.filter(
        lambda name: name not in (*LEADING_COLUMNS, "participant") and not name.startswith(_steps)
    ),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip


def _number(least: int, decimals: int) -> st.SearchStrategy[float]:
    whole = 10**decimals
    return st.integers(least * whole, whole).map(lambda n: round(n / whole, decimals) + 0.0)


def _parts_of_one(draw: st.DrawFn, count: int) -> tuple[float, ...]:
    cuts = draw(st.lists(st.integers(0, 10**6), min_size=count - 1, max_size=count - 1))
    ends = [0, *sorted(cuts), 10**6]
    return tuple(round((k - i) / 10**6, 6) for i, k in pairwise(ends))


@st.composite
def _timelines(draw: st.DrawFn):
    """Any timeline: some clips, irregular times, any faces, any steps."""
    emotions = tuple(draw(_emotions))
    derived = tuple(step for step in DERIVED if draw(st.booleans()))
    rows = []
    for video in draw(st.lists(_text, min_size=1, max_size=3, unique=True)):
        frame, time = 0, 0.0
        for _ in range(draw(st.integers(1, 3))):
            faces = draw(st.lists(st.integers(0, 9), max_size=2, unique=True))
            rows += [
                TimelineRow(
                    video, frame, time, Status.OK, face, Box(1, 2, 3, 4),
                    draw(st.none() | _number(0, 4)),
                    _parts_of_one(draw, len(emotions)),
                    **{step: tuple(draw(_number(-1, 6)) for _ in emotions) for step in derived},
                )
                for face in faces
            ] or [TimelineRow(video, frame, time, Status.NO_FACE)]  # fmt: skip
            frame += draw(st.integers(1, 5))
            time = round(time + draw(st.floats(0, 9)), 6)
    return rows, emotions, derived


@settings(max_examples=60)
@given(_timelines())
def test_any_timeline_is_read_as_it_was_written(timeline):
    rows, emotions, derived = timeline
    with tempfile.TemporaryDirectory() as folder:
        for format_name in FORMATS:
            opened = open_timeline(write(Path(folder), format_name, rows, emotions, derived))
            assert (opened.emotions, opened.derived) == (emotions, derived)
            assert list(opened.rows()) == rows
            assert list(opened.rows()) == rows  # again, from the beginning


@each_format
def test_a_timeline_without_rows_still_tells_its_emotions(format_name, tmp_path):
    path = write(tmp_path, format_name, rows=[])
    if format_name == "jsonl":
        with pytest.raises(TimelineError, match="it is empty"):
            open_timeline(path)
    else:
        assert open_timeline(path).emotions == EMOTIONS
        assert read(path) == []


# What others make of a file


def rewritten(path: Path, delimiter: str, comma: bool, encoding: str) -> Path:
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    numbers = [i for i, name in enumerate(table[0]) if name not in ("video", "status", "emotion")]
    for cells in table[1:]:
        for i in numbers if comma else ():
            cells[i] = cells[i].replace(".", ",")
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("delimiter", "comma"), [(",", False), (";", False), (";", True), ("\t", False), ("\t", True)]
)
def test_what_a_spreadsheet_saves_is_read(delimiter, comma, encoding, tmp_path):
    assert read(rewritten(write(tmp_path), delimiter, comma, encoding)) == ROWS


def test_what_a_data_frame_saves_is_read(tmp_path):
    path = write(tmp_path)
    pd.read_csv(path).to_csv(path, index=False)  # whole numbers become 0.0 beside empty cells
    assert read(path) == ROWS
    pd.read_csv(path).to_parquet(tmp_path / "labels.parquet")
    assert read(tmp_path / "labels.parquet") == ROWS


def test_columns_may_be_moved_and_a_participant_be_added(tmp_path):
    path = write(tmp_path)
    table = pd.read_csv(path)
    table["participant"] = "P1"
    order = ["happiness", "participant", "neutral", *LEADING_COLUMNS]
    table[order].to_csv(path, index=False)
    opened = open_timeline(path)
    assert opened.emotions == ("happiness", "neutral")
    assert opened.names_people
    assert {one.participant for one in opened.read()} == {"P1"}


def test_blank_lines_and_empty_columns_behind_the_last_are_passed_over(tmp_path):
    path = write(tmp_path)
    text = path.read_text("utf-8")
    path.write_text("\n" + text.replace("\n", ",,\n") + ",,,\n\n", "utf-8")
    assert read(path) == ROWS


def test_json_that_was_laid_out_anew_is_read(tmp_path):
    path = write(tmp_path, "json")
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")), indent=2), "utf-8")
    assert read(path) == ROWS


# What is wrong


def changed(folder: Path, line: int, column: str, cell: str, format_name: str = "csv") -> Path:
    path = write(folder, format_name)
    delimiter = "," if format_name == "csv" else "\t"
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file, delimiter=delimiter))
    table[line - 1][table[0].index(column)] = cell
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(table)
    return path


@pytest.mark.parametrize(
    ("line", "column", "cell", "problem"),
    [
        (2, "time", "soon", "the time 'soon' is no number"),
        (2, "time", "", "the cell 'time' is empty"),
        (2, "time", "0,04", "the time '0,04' is no number"),
        (2, "time", "inf", "the time 'inf' is no number"),
        (3, "face", "", "the cell 'face' is empty"),
        (3, "face", "0.5", "the face '0.5' is no whole number"),
        (3, "width", "0", "the width '0' is none"),
        (3, "height", "-40", "the height '-40' is none"),
        (2, "video", "", "the cell 'video' is empty"),
        (4, "frame", "", "the cell 'frame' is empty"),
        (4, "status", "lost", "the status 'lost' is none"),
        (2, "happiness", "", "the happiness '' is no probability"),
        (2, "happiness", "1.5", "the happiness '1.5' is no probability"),
        (2, "neutral", "-0.1", "the neutral '-0.1' is no probability"),
        (3, "face", "0", "frame 0 has the face twice"),
        (5, "frame", "0", "frame 0 comes behind frame 1"),
        (5, "time", "0.01", "frame 2 comes behind frame 1, or earlier in time"),
        (4, "video", "a.mp4", "the rows of b.mp4 do not stand together"),
    ],
)
@pytest.mark.parametrize("format_name", ["csv", "tsv"])
def test_a_row_that_makes_no_sense_is_an_error_with_file_and_line(
    line, column, cell, problem, format_name, tmp_path
):
    if format_name == "tsv" and "," in cell:
        cell, problem = "0.04,", "the time '0.04,' is no number"
    path = changed(tmp_path, line, column, cell, format_name)
    with pytest.raises(TimelineError) as error:
        read(path)
    at = line + 1 if column == "video" and cell else line
    assert str(error.value).startswith(f"{path}, line {at}: {problem}")
    assert error.value.remedy


@pytest.mark.parametrize("cell", ["1.234,5", "1,234,5"])
def test_a_number_that_may_be_two_is_refused(cell, tmp_path):
    path = rewritten(write(tmp_path), ";", comma=True, encoding="utf-8")
    path.write_text(path.read_text("utf-8").replace("0,040001", cell), "utf-8", newline="")
    with pytest.raises(TimelineError, match=f"line 4: the time '{cell}' is no number"):
        read(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it lacks the columns video, frame"),
        (b"a,b\n1,2\n", "it lacks the columns video, frame"),
        (b"video,participant,emotion\n", "it lacks the columns frame"),
        (",".join(LEADING_COLUMNS).encode(), "it has no column of an emotion"),
        (",".join((*LEADING_COLUMNS, "joy", "joy")).encode(), "the column 'joy' occurs twice"),
        (
            ",".join((*columns(("joy", "fear")), "smoothed_joy")).encode(),
            "it lacks the column smoothed_fear",
        ),
        (",".join((*columns(("joy",)), "", "fear")).encode(), "a column has no name"),
        ("vidéo".encode("latin-1"), "is not encoded as UTF-8"),
    ],
)
def test_a_table_that_is_no_timeline_is_an_error_that_names_it(content, problem, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(TimelineError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b"{", "line 1: is no JSON"),
        ("a.json", b"[]", 'it lacks "format": "fer-timeline"'),
        ("a.json", b'{"format": "fer-timeline", "version": 2}', "version 2"),
        ("a.jsonl", b"", "it is empty"),
        ("a.jsonl", b"[]\n", "line 1 is no object"),
        ("a.parquet", b"PAR1", "cannot be read as Parquet"),
        ("a.eaf", b"<x/>", "timelines are read from .csv .tsv .json .jsonl .parquet"),
    ],
)
def test_another_file_is_an_error_that_names_it(name, content, problem, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TimelineError) as error:
        read(path)
    assert str(error.value).startswith(str(path))
    assert problem in str(error.value)


def test_a_column_of_numbers_that_is_no_emotion_is_noticed(tmp_path):
    path = write(tmp_path)
    table = pd.read_csv(path)
    table["valence"] = 0.5
    table.to_csv(path, index=False)
    with pytest.raises(TimelineError, match=r"line 2: neutral, happiness, valence add up to 1\.5"):
        read(path)


def test_a_line_of_json_that_is_cut_short_is_told(tmp_path):
    path = write(tmp_path, "jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TimelineError, match="line 5: is no JSON"):
        read(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(TimelineError, match="cannot be read"):
        open_timeline(tmp_path / "labels.csv")
