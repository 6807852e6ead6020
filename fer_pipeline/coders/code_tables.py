"""Plain tables of codes: ``start,end,code``, or a code for each frame or each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from fer_pipeline.coders.boris import boris_header, read_boris
from fer_pipeline.coders.cells import Table, is_about, read_table
from fer_pipeline.coders.coding import Code, Coding, Wanted, choose_tier, in_order, quoted
from fer_pipeline.errors import CoderError

_STARTS = ("start", "onset", "begin", "start_s", "onset_s", "start (s)", "begin time", "start time")
_ENDS = ("end", "offset", "stop", "end_s", "offset_s", "end (s)", "stop (s)", "end time")
_DURATIONS = ("duration", "duration_s", "duration (s)")
_FRAMES = ("frame", "frame_number", "frame number")
_TIMES = ("time", "time_s", "time (s)", "timestamp", "seconds")
_VIDEOS = ("video", "clip", "media", "stim_file", "media file name")
_CODES = (
    "code", "emotion", "label", "behavior", "behaviour", "expression", "annotation", "trial_type",
    "value", "intensity",
)  # fmt: skip

_LAYOUTS = "the columns are start,end,code or frame,code or time,code; --tier names another column"

_Record = tuple[int, Mapping[str, str]]


def read_table_of_codes(path: Path, wanted: Wanted) -> Coding:
    """Read a table: of BORIS, if its header says so, or a plain one.

    Raises:
        CoderError: It cannot be read, or makes no sense.
    """
    table = read_table(path)
    header = boris_header(table)
    return _read_plain(table, wanted) if header is None else read_boris(table, header, wanted)


def _read_plain(table: Table, wanted: Wanted) -> Coding:
    names = [cell.lower() for cell in table.lines[0].cells]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise table.error(table.lines[0].number, f"the column '{twice[0]}' occurs twice", _LAYOUTS)
    column = _code_column(table, names, wanted)
    records = _of_clip(table, names, wanted)
    start, end, duration = (_first(names, known) for known in (_STARTS, _ENDS, _DURATIONS))
    frame, time = _first(names, _FRAMES), _first(names, _TIMES)
    if start is not None and (end or duration) is not None:
        codes = _spans(table, records, start, end, duration, column)
        return Coding(table.path, column, in_order(codes))
    if frame is not None:
        return Coding(table.path, column, in_order(_frames(table, records, frame, column)), "frame")
    if time is not None:
        return Coding(table.path, column, in_order(_moments(table, records, time, column)))
    missing = "the header tells no start and end, no frame and no time"
    raise table.error(table.lines[0].number, missing, _LAYOUTS)


def _first(names: list[str], known: tuple[str, ...]) -> str | None:
    return next((name for name in known if name in names), None)


def _code_column(table: Table, names: list[str], wanted: Wanted) -> str:
    """Return the column of codes: the one asked for, else one called so, else the only other."""
    if wanted.tier is not None:
        asked = Wanted(wanted.video, wanted.tier.strip().lower())
        return choose_tier(table.path, "column", [name for name in names if name], asked)
    known = _first(names, _CODES)
    if known is not None:
        return known
    times = (*_STARTS, *_ENDS, *_DURATIONS, *_FRAMES, *_TIMES, *_VIDEOS)
    others = [name for name in names if name and name not in times]
    return choose_tier(table.path, "column", others, wanted)


def _of_clip(table: Table, names: list[str], wanted: Wanted) -> list[_Record]:
    records: list[_Record] = list(table.records(0))
    column = _first(names, _VIDEOS)
    if column is None:
        return records
    own = [one for one in records if not one[1][column] or is_about(one[1][column], wanted.video)]
    if records and not own:
        there = quoted(dict.fromkeys(record[column] for _, record in records))
        raise CoderError(
            f"{table.path}: no row is of {wanted.video}; there is {there}", "give the clip's codes"
        )
    return own


def _spans(
    table: Table,
    records: list[_Record],
    start: str,
    end: str | None,
    duration: str | None,
    column: str,
) -> Iterator[Code]:
    for line, record in records:
        begin = table.number(line, start, record[start])
        if end is not None:
            until = table.number(line, end, record[end])
        else:
            until = begin + table.number(line, str(duration), record[str(duration)])
        if until < begin:
            problem = f"the end {until:g} is before the start {begin:g}"
            raise table.error(line, problem, "correct it")
        yield Code(begin, until, record[column])


def _frames(table: Table, records: list[_Record], frame: str, column: str) -> Iterator[Code]:
    seen: set[float] = set()
    for line, record in records:
        number = table.number(line, frame, record[frame])
        if not number.is_integer() or number < 0:
            raise table.error(line, f"the frame '{record[frame]}' is none", "count from 0")
        if number in seen:
            raise table.error(line, f"the frame {number:g} occurs twice", "give it one code")
        seen.add(number)
        yield Code(number, number + 1, record[column])


def _moments(table: Table, records: list[_Record], time: str, column: str) -> Iterator[Code]:
    """Yield codes that hold until the next time; the last as long as the one before it."""
    told = [(line, table.number(line, time, record[time]), record) for line, record in records]
    for (_, before, _), (line, after, _) in pairwise(told):
        if after <= before:
            raise table.error(line, f"the time {after:g} is not after {before:g}", "sort the rows")
    step = told[-1][1] - told[-2][1] if len(told) > 1 else 0.0
    ends = [after for _, after, _ in told[1:]] + ([told[-1][1] + step] if told else [])
    for (_, start, record), end in zip(told, ends, strict=True):
        yield Code(start, end, record[column])
