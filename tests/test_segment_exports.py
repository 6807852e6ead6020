"""Segments and rows in the formats of others, read back by programs that are not ours."""

from __future__ import annotations

import html
import json
import re
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pympi.Elan import Eaf
from pympi.Praat import TextGrid

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import OutputError
from fer_pipeline.exports import FORMATS, Details, is_timeline, write_timeline
from fer_pipeline.timeline import (
    AnalysisOptions,
    People,
    SegmentOptions,
    Smoothing,
    TimelineRow,
    analysed,
    columns,
    segment_clip,
    unguarded,
)

EMOTIONS = ("neutral", "happiness", "anger")
SEGMENT_FORMATS = [name for name, one in FORMATS.items() if one.segments]
SIGNED_FORMATS = ["eaf", "textgrid", "vtt"]


def rows_of(
    told: list[tuple[int, ...]], step: float = 1 / 30, video: str = "clip 1.mp4"
) -> list[TimelineRow]:
    """A clip: for each frame, the emotion that each of its faces shows."""
    rows = []
    for frame, faces in enumerate(told):
        time = round(frame * step, 6)
        for face, emotion in enumerate(faces):
            shares = tuple(0.9 if index == emotion else 0.05 for index in range(3))
            box = Box(1, 2, 30, 40)
            rows.append(TimelineRow(video, frame, time, Status.OK, face, box, 5.0, shares))
        if not faces:
            rows.append(TimelineRow(video, frame, time, Status.NO_FACE))
    return rows


ROWS = rows_of([(0, 2)] * 20 + [(1, 2)] * 15 + [()] * 10 + [(2,)] * 11)
SEGMENTS = segment_clip(ROWS, EMOTIONS, SegmentOptions()).segments
PEOPLE = People(by_face={("clip 1.mp4", 0): "P1", ("clip 1.mp4", 1): "P2"})
SUBJECT = {0: "P1", 1: "P2"}

# Seconds, subject and emotion of each segment, to the millisecond.
EXPECTED = sorted(
    (round(one.onset, 3), round(one.offset, 3), SUBJECT[one.face], one.emotion) for one in SEGMENTS
)


def write(folder: Path, format_name: str, rows=ROWS, emotions=EMOTIONS, **details) -> Path:
    path = folder / f"clip 1{FORMATS[format_name].suffix}"
    told = Details(**({"people": PEOPLE} | details))
    write_timeline(path, format_name, rows, emotions, told)
    return path


def read_elan(path: Path) -> list[tuple[float, float, str, str]]:
    eaf = Eaf(path)
    return sorted(
        (start / 1000, end / 1000, name, value)
        for name in eaf.get_tier_names()
        for start, end, value in eaf.get_annotation_data_for_tier(name)
    )


def read_praat(path: Path) -> list[tuple[float, float, str, str]]:
    return sorted(
        (round(start, 3), round(end, 3), tier.name, text)
        for tier in TextGrid(str(path)).get_tiers()
        for start, end, text in tier.get_all_intervals()
        if text
    )


def read_vtt(path: Path) -> list[tuple[float, float, str, str]]:
    return sorted(
        (
            _seconds(cue.start),
            _seconds(cue.end),
            html.unescape(cue.voice),
            html.unescape(cue.text.rpartition(" (")[0]),
        )
        for cue in webvtt.read(path)
    )


def _seconds(clock: str) -> float:
    hours, minutes, seconds = map(float, clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def read_srt(path: Path) -> list[tuple[float, float, str, str]]:
    found = []
    for cue in srt.parse(path.read_text("utf-8")):
        name, _, text = cue.content.partition(": ")
        times = cue.start.total_seconds(), cue.end.total_seconds()
        found.append((*times, name, text.rpartition(" (")[0]))
    return sorted(found)


def _sorted(onset: pd.Series, offset: pd.Series, *others: pd.Series) -> list:
    return sorted(zip(onset.round(3), offset.round(3), *others, strict=True))


def read_bids(path: Path) -> list[tuple[float, float, str, str]]:
    table = pd.read_csv(path, sep="\t", na_values=["n/a"])
    end = table.onset + table.duration
    return _sorted(table.onset, end, table.participant, table.trial_type)


def read_boris(path: Path) -> list[tuple[float, float, str, str]]:
    table = pd.read_csv(path, sep="\t")
    starts = table[table["Behavior type"] == "START"].groupby(["Subject", "Behavior"], sort=False)
    found = []
    for key, started in starts:
        same = (table.Subject == key[0]) & (table.Behavior == key[1])
        stops = table[same & (table["Behavior type"] == "STOP")]
        pairs = zip(started.Time.round(3), stops.Time.round(3), strict=True)
        found += [(start, stop, *key) for start, stop in pairs]
    return sorted(found)


def read_segments(path: Path) -> list[tuple[float, float, str, str]]:
    table = pd.read_csv(path)
    return _sorted(table.onset, table.offset, table.participant, table.emotion)


READERS = {
    "segments": read_segments,
    "boris": read_boris,
    "bids": read_bids,
    "eaf": read_elan,
    "textgrid": read_praat,
    "vtt": read_vtt,
    "srt": read_srt,
}


def test_there_is_a_reader_for_every_format():
    assert set(READERS) == set(SEGMENT_FORMATS)
    assert len(EXPECTED) == 4


@pytest.mark.parametrize("format_name", SEGMENT_FORMATS)
def test_others_read_the_same_times_to_the_millisecond(format_name, tmp_path):
    found = READERS[format_name](write(tmp_path, format_name))
    assert [one[2:] for one in found] == [one[2:] for one in EXPECTED]
    for one, expected in zip(found, EXPECTED, strict=True):
        assert one[:2] == pytest.approx(expected[:2], abs=0.00051)


@pytest.mark.parametrize("format_name", SEGMENT_FORMATS)
def test_without_segments_a_file_is_complete_and_empty(format_name, tmp_path):
    rows = rows_of([()] * 5)
    assert READERS[format_name](write(tmp_path, format_name, rows)) == []


@pytest.mark.parametrize("format_name", [n for n, one in FORMATS.items() if one.one_clip])
def test_a_second_clip_is_refused_where_a_file_holds_one(format_name, tmp_path):
    with pytest.raises(OutputError, match="holds one clip"):
        write(tmp_path, format_name, [*ROWS, *rows_of([(1,)] * 9, video="b.mp4")])
    assert not any(tmp_path.iterdir())


# Names as people give them

AWKWARD = [
    "<script>alert(1)</script>",
    "say \"cheese\" & 'x'",
    "ملف تجريبي",
    "two\nlines",
    "=cmd()|'x'!A1",
    "a: b --> c",
    "ends with ] ] >",
    "\x07 bell",
]


@pytest.mark.parametrize("name", AWKWARD, ids=repr)
@pytest.mark.parametrize("format_name", SEGMENT_FORMATS)
def test_awkward_names_survive(name, format_name, tmp_path):
    emotions = ("neutral", name, "anger")
    rows = rows_of([(0,)] * 9 + [(1,)] * 9, video=f"{name}.mp4")
    # A line of SubRip tells name and emotion apart by a colon.
    people = People({f"{name}.mp4": "P1" if format_name == "srt" else name})
    path = write(tmp_path, format_name, rows, emotions, people=people)
    shown = {one[3] for one in map(_cleaned, READERS[format_name](path))} - {"neutral"}
    flat = " ".join(name.replace("\x07", " ").split())
    lossless = format_name in ("segments", "boris", "bids")
    assert {" ".join(re.sub("[\ufffd\x07]", " ", one).split()) for one in shown} == {flat}
    if lossless:
        assert shown == {name}


def _cleaned(found):
    # A cell that a spreadsheet would compute has an apostrophe before it.
    return (*found[:3], unguarded(found[3]))


@pytest.mark.parametrize("format_name", ["segments", "boris", "bids"])
def test_no_table_of_segments_has_a_cell_that_a_spreadsheet_computes(format_name, tmp_path):
    rows = rows_of([(0,)] * 9, video="=1+1.mp4")
    path = write(tmp_path, format_name, rows, ("=2", "b", "c"), people=People({"=1+1.mp4": "@p"}))
    table = pd.read_csv(path, sep="," if format_name == "segments" else "\t", dtype=str)
    cells = table.to_numpy().ravel().tolist()
    assert [cell for cell in cells if isinstance(cell, str) and cell[0] in "=+@"] == []


# ELAN


def test_an_elan_file_has_the_structure_of_its_schema(tmp_path):
    root = ET.parse(write(tmp_path, "eaf")).getroot()
    tags = [child.tag for child in root]
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    assert list(dict.fromkeys(tags)) == order
    assert root.get("FORMAT") == "2.8"
    assert {"AUTHOR", "DATE", "VERSION"} <= set(root.attrib)
    slots = {one.get("TIME_SLOT_ID"): int(one.get("TIME_VALUE")) for one in root.iter("TIME_SLOT")}
    types = {one.get("LINGUISTIC_TYPE_ID") for one in root.iter("LINGUISTIC_TYPE")}
    ids = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(ids)) == len(ids) == len(EXPECTED)
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        for one in tier.iter("ALIGNABLE_ANNOTATION"):
            assert slots[one.get("TIME_SLOT_REF1")] < slots[one.get("TIME_SLOT_REF2")]
    assert [(tier.get("TIER_ID"), tier.get("PARTICIPANT")) for tier in root.iter("TIER")] == [
        ("P1", "P1"),
        ("P2", "P2"),
    ]


def test_an_elan_file_links_its_clip_from_afar_and_from_near(tmp_path):
    clip = tmp_path / "videos" / "clip 1.mov"
    clip.parent.mkdir()
    clip.touch()
    (tmp_path / "out").mkdir()
    path = write(tmp_path / "out", "eaf", media={"clip 1.mp4": clip})
    (media,) = Eaf(path).get_linked_files()
    assert Path(unquote(urlsplit(media["MEDIA_URL"]).path)) == clip
    assert (path.parent / media["RELATIVE_MEDIA_URL"]).resolve() == clip.resolve()
    assert media["MIME_TYPE"] == "video/quicktime"


def test_a_face_that_showed_nothing_has_a_tier_all_the_same(tmp_path):
    rows = rows_of([(0, 1)] * 9)
    limits = SegmentOptions(enter=1, leave=0.95)
    path = write(tmp_path, "eaf", rows, segments=limits, people=People())
    assert list(Eaf(path).get_tier_names()) == ["face 0", "face 1"]


# What belongs to whom


@pytest.mark.parametrize("format_name", SIGNED_FORMATS)
def test_what_somebody_has_worked_on_is_not_ours_to_replace(format_name, tmp_path):
    path = write(tmp_path, format_name)
    assert is_timeline(path, format_name)
    text = path.read_text("utf-8")
    path.write_text(text.replace("happiness", "boredom"), "utf-8")
    assert not is_timeline(path, format_name)


@pytest.mark.parametrize("format_name", ["segments", "boris", "bids"])
def test_a_table_of_ours_is_known_again(format_name, tmp_path):
    assert is_timeline(write(tmp_path, format_name), format_name)
    assert not is_timeline(write(tmp_path, "csv"), format_name)


def test_a_subtitle_file_cannot_say_whose_it_is(tmp_path):
    assert not is_timeline(write(tmp_path, "srt"), "srt")


# BIDS


def test_the_columns_of_events_are_explained_in_their_order(tmp_path):
    path = write(tmp_path, "bids")
    header = path.read_text("utf-8").splitlines()[0].split("\t")
    told = json.loads((tmp_path / "clip 1_events.json").read_text("utf-8"))
    assert header[:2] == ["onset", "duration"]
    assert [name for name in told if name != "GeneratedBy"] == header
    assert all(told[name]["Description"] for name in header)
    assert list(told["trial_type"]["Levels"]) == list(EMOTIONS)
    assert is_timeline(tmp_path / "clip 1_events.json", "bids")


# Rows

FRAME = {"csv": pd.read_csv, "tsv": lambda path: pd.read_csv(path, sep="\t")}


@pytest.mark.parametrize("format_name", ["csv", "tsv", "parquet"])
def test_data_frames_hold_the_same_rows(format_name, tmp_path):
    options = AnalysisOptions(smoothing=Smoothing.parse("median:0.2"))
    rows = list(analysed(ROWS, options))
    path = write(tmp_path, format_name, rows, derived=("smoothed",))
    table = FRAME.get(format_name, pd.read_parquet)(path)
    assert tuple(table.columns) == columns(EMOTIONS, ("smoothed",))
    assert table.time.tolist() == [row.time for row in rows]
    assert table.status.tolist() == [row.status.value for row in rows]
    assert table.smoothed_anger.isna().tolist() == [row.face is None for row in rows]
    told = [row.smoothed[2] for row in rows if row.smoothed]
    assert table.smoothed_anger.dropna().tolist() == pytest.approx(told, abs=1e-6)


def test_parquet_has_types_and_nulls(tmp_path):
    table = parquet.read_table(write(tmp_path, "parquet"))
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert (kinds["video"], kinds["frame"], kinds["face"], kinds["time"]) == (
        "string", "int64", "int64", "double",
    )  # fmt: skip
    assert table.column("face").null_count == 10


_told = st.lists(st.sampled_from([(), (0,), (1,), (2,), (0, 1), (1, 2)]), min_size=1, max_size=40)


@settings(max_examples=25)
@given(_told, st.floats(0.001, 0.5))
def test_any_clip_goes_through_every_format(told, step):
    rows = rows_of(told, step)
    limits = SegmentOptions(shortest=0, gap=0)
    found = segment_clip(rows, EMOTIONS, limits)
    expected = [one for one in found.segments if one.duration > 0.001]
    with tempfile.TemporaryDirectory() as folder:
        for format_name, reader in READERS.items():
            path = write(Path(folder), format_name, rows, segments=limits)
            read = [one for one in reader(path) if one[1] - one[0] > 0.0015]
            longer = [one for one in expected if one.duration > 0.0025]
            assert len(longer) <= len(read) <= len(expected), format_name
