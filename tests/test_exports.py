"""Timelines as files."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.exports import FORMATS, format_of, is_timeline, write_timeline
from fer_pipeline.timeline import (
    LEADING_COLUMNS,
    TimelineRow,
    cell,
    columns,
    guarded,
    read_rows,
    unguarded,
)

EMOTIONS = ("neutral", "happiness")
HEADER = (
    "video,frame,time,status,face,x,y,width,height,score,emotion,confidence,neutral,happiness\n"
)

ROWS = (
    TimelineRow(
        "clip 1.mp4", 0, 0.0, Status.OK, 0, Box(1, 2, 30, 40), 12.3456, (0.123456, 0.876544)
    ),
    TimelineRow("clip 1.mp4", 1, 0.04, Status.TRACKED, 0, Box(1, 2, 30, 40), None, (0.75, 0.25)),
    TimelineRow("clip 1.mp4", 2, 0.08, Status.NO_FACE),
    TimelineRow("clip 1.mp4", 3, 0.12, Status.DECODE_ERROR),
)

ROW_FORMATS = [name for name, one in FORMATS.items() if not one.segments]
KNOWN_FORMATS = [name for name in FORMATS if name != "srt"]

# Names as they come: commas, quotes, line breaks, other scripts.
_awkward = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(",;\"'\t\n\r\\"), min_size=1
)
_names = _awkward | st.sampled_from(
    ["a, b.mp4", 'say "cheese".mp4', "Ωλ/笑顔 😀.mp4", "a\r\nb.mp4"]
)
_emotions = st.lists(
    _awkward.filter(lambda name: name not in LEADING_COLUMNS), min_size=1, max_size=4, unique=True
)


def _digits(decimals: int, largest: int) -> st.SearchStrategy[float]:
    """Numbers of as many digits as are written."""
    return st.integers(0, largest * 10**decimals).map(lambda n: round(n / 10**decimals, decimals))


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[TimelineRow], tuple[str, ...]]:
    emotions = tuple(draw(_emotions))
    shares = st.tuples(*(_digits(6, 1) for _ in emotions))
    boxes = st.builds(Box, *(st.integers(least, 9999) for least in (0, 0, 1, 1)))
    common = _names, st.integers(0, 10**6), _digits(6, 10**5)
    number = st.integers(0, 9)
    rows = st.one_of(
        st.builds(TimelineRow, *common, st.just(Status.OK), number, boxes, _digits(4, 500), shares),
        st.builds(TimelineRow, *common, st.just(Status.TRACKED), number, boxes, st.none(), shares),
        st.builds(TimelineRow, *common, st.sampled_from([Status.NO_FACE, Status.DECODE_ERROR])),
    )
    return draw(st.lists(rows, max_size=5)), emotions


def written(rows: Iterable[TimelineRow], emotions: tuple[str, ...], format_name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"labels.{format_name}"
        write_timeline(path, format_name, rows, emotions)
        return path.read_bytes()


def table_of(content: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


@given(_tables())
def test_csv_and_tsv_give_back_every_cell(table):
    rows, emotions = table
    cells = [[cell(*item) for item in row.values(emotions).items()] for row in rows]
    for format_name, delimiter in (("csv", ","), ("tsv", "\t")):
        header, *found = table_of(written(rows, emotions, format_name), delimiter)
        assert [unguarded(name) for name in header] == list(columns(emotions))
        # The first cell is the clip's name; numbers below zero are no formulas.
        assert [[unguarded(first), *rest[:9]] for first, *rest in found] == [c[:10] for c in cells]
        assert [unguarded(one[10]) for one in found] == [one[10] for one in cells]
        assert [one[11:] for one in found] == [one[11:] for one in cells]


@given(_awkward)
def test_no_spreadsheet_computes_text_and_the_text_is_found_back(text):
    assert guarded(text)[0] not in "=+-@\t\r\n"
    assert unguarded(guarded(text)) == text


def test_a_clip_that_is_called_like_a_formula_is_no_formula_in_any_table():
    row = TimelineRow("=cmd()|'x'!A1.mp4", 0, 0.0, Status.NO_FACE)
    for format_name in ("csv", "tsv"):
        assert written([row], ("=1+1",), format_name).decode().splitlines()[1].startswith("'=cmd()")
        assert written([row], ("=1+1",), format_name).decode().splitlines()[0].endswith("'=1+1")


@given(_tables())
def test_json_and_json_lines_give_back_every_value(table):
    rows, emotions = table
    values = [row.values(emotions) for row in rows]
    document = json.loads(written(rows, emotions, "json"))
    lines = written(rows, emotions, "jsonl").decode().split("\n")
    assert document == {
        "format": "fer-timeline",
        "version": 1,
        "emotions": list(emotions),
        "rows": values,
    }
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == values


@given(_tables())
def test_a_timeline_read_back_is_the_one_written(table):
    rows, emotions = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.csv"
        write_timeline(path, "csv", rows, emotions)
        assert list(read_rows(path)) == rows


def test_csv_looks_as_promised():
    assert written(ROWS, EMOTIONS, "csv").decode() == (
        HEADER
        + "clip 1.mp4,0,0.000000,ok,0,1,2,30,40,12.3456,happiness,0.876544,0.123456,0.876544\n"
        + "clip 1.mp4,1,0.040000,tracked,0,1,2,30,40,,neutral,0.750000,0.750000,0.250000\n"
        + "clip 1.mp4,2,0.080000,no_face,,,,,,,,,,\n"
        + "clip 1.mp4,3,0.120000,decode_error,,,,,,,,,,\n"
    )


def test_json_lines_keep_the_columns_order_and_write_null_for_empty_cells():
    lines = written(ROWS, EMOTIONS, "jsonl").decode().splitlines()
    assert tuple(json.loads(lines[0])) == columns(EMOTIONS)
    assert json.loads(lines[2]) == dict.fromkeys(columns(EMOTIONS)) | {
        "video": "clip 1.mp4",
        "frame": 2,
        "time": 0.08,
        "status": "no_face",
    }


@pytest.mark.parametrize("format_name", ["csv", "tsv", "json"])
def test_a_timeline_without_rows_is_complete_and_ours(format_name, tmp_path):
    path = tmp_path / "labels"
    write_timeline(path, format_name, (), EMOTIONS)
    assert is_timeline(path, format_name)


@pytest.mark.parametrize("wanted", KNOWN_FORMATS)
@pytest.mark.parametrize("format_name", KNOWN_FORMATS)
def test_a_timeline_is_ours_in_its_own_format_only(format_name, wanted, tmp_path):
    path = tmp_path / "labels"
    write_timeline(path, format_name, ROWS, EMOTIONS)
    assert is_timeline(path, wanted) == (format_name == wanted)


@given(_tables())
def test_every_timeline_with_rows_is_known_again(table):
    rows, emotions = table
    with tempfile.TemporaryDirectory() as folder:
        for format_name in ROW_FORMATS:
            path = Path(folder) / "labels"
            write_timeline(path, format_name, [*rows, ROWS[2]], emotions)
            assert is_timeline(path, format_name)


def test_a_timeline_with_a_long_name_and_many_emotions_is_known_again(tmp_path):
    path = tmp_path / "labels.jsonl"
    emotions = tuple(f"an emotion with a long name {number}" for number in range(50))
    row = TimelineRow("folder/" * 500, 0, 0.0, Status.NO_FACE)
    write_timeline(path, "jsonl", [row], emotions)
    assert is_timeline(path, "jsonl")


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"notes on the study\n",
        b"frame,time,emotion\n0,0.0,anger\n",
        b"video,frame,time,status\n",
        b"video\tframe\ttime\tstatus\n",
        b"frame,video,time,status,face,x,y,width,height,score,emotion,confidence,anger\n",
        b"video,frame,time,status,face,x,y,width,height,score,emotion,confidences\n",
        b"video;frame;time;status;face;x;y;width;height;score;emotion;confidence;anger\n",
        b'# video,frame,time,status,face,x,y,width,height,score,emotion,confidence,"\n',
        b'{"format": "fer-model", "version": 1}\n',
        b'{"video": "a.mp4", "frame": 0}\n',
        b"{\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\x00v\x00i",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_file_of_somebody_else_is_not_ours(format_name, content, tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(content)
    assert not is_timeline(path, format_name)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_folder_and_a_missing_file_are_not_ours(format_name, tmp_path):
    assert not is_timeline(tmp_path, format_name)
    assert not is_timeline(tmp_path / "missing.csv", format_name)


@pytest.mark.parametrize(
    ("name", "format_name"),
    [("a.csv", "csv"), ("b.c.TSV", "tsv"), ("c d.json", "json"), ("Ω.jsonl", "jsonl")],
)
def test_the_suffix_tells_the_format(name, format_name):
    assert format_of(Path(name)) == format_name


@pytest.mark.parametrize("name", ["labels", "labels.txt", "labels.", ".csv", "csv"])
def test_an_unknown_suffix_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(UsageError, match=r"one of \.csv \.tsv \.json \.jsonl") as error:
        format_of(Path(name))
    assert name in str(error.value)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("before", [None, b"kept"])
def test_a_failure_on_the_way_leaves_everything_as_it_was(format_name, before, tmp_path):
    path = tmp_path / "labels"
    if before is not None:
        path.write_bytes(before)

    def failing() -> Iterator[TimelineRow]:
        yield from ROWS
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_timeline(path, format_name, failing(), EMOTIONS)
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == (
        {} if before is None else {"labels": before}
    )


def test_folders_on_the_way_are_made(tmp_path):
    path = tmp_path / "study" / "timelines" / "a.csv"
    write_timeline(path, "csv", ROWS, EMOTIONS)
    assert list(read_rows(path)) == list(ROWS)


def test_an_unwritable_place_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="cannot be written") as error:
        write_timeline(file / "labels.csv", "csv", ROWS, EMOTIONS)
    assert str(file / "labels.csv") in str(error.value)
