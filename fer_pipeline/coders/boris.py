"""Events of BORIS, as tabular events (a START and a STOP each) or aggregated (a row each).

Versions name columns differently, and some write lines about the observation above the header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fer_pipeline.coders.cells import Table, is_about
from fer_pipeline.coders.coding import Code, Coding, Wanted, choose_tier, in_order, quoted

_KINDS = ("behavior type", "status")
_MEDIA = ("media file name", "media file path", "media file")
_NO_SUBJECT = "No focal subject"

_Event = tuple[int, Mapping[str, str]]


def boris_header(table: Table) -> int | None:
    """Return which line is the header of events of BORIS; None if no line is."""
    for index, line in enumerate(table.lines):
        names = {cell.lower() for cell in line.cells}
        tabular = "time" in names and bool(names.intersection(_KINDS))
        aggregated = {"start (s)", "stop (s)"} <= names
        if "behavior" in names and (tabular or aggregated):
            return index
    return None


def read_boris(table: Table, header: int, wanted: Wanted) -> Coding:
    """Read the events of one subject.

    Raises:
        CoderError: An event makes no sense, or it cannot be told which subject is meant.
    """
    events = list(_of_clip(table, header, wanted))
    subjects = list(dict.fromkeys(_subject(record) for _, record in events))
    subject = choose_tier(table.path, "subject", subjects, wanted)
    own = [event for event in events if _subject(event[1]) == subject]
    aggregated = own and "start (s)" in own[0][1]
    codes = _aggregated(table, own) if aggregated else _paired(table, own)
    return Coding(table.path, subject, in_order(codes), media=_media_of(own))


def _subject(record: Mapping[str, str]) -> str:
    return record.get("subject") or _NO_SUBJECT


def _media(record: Mapping[str, str]) -> str:
    return next((record[name] for name in _MEDIA if record.get(name)), "")


def _media_of(events: list[_Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, record in events if (name := _media(record))))


def _of_clip(table: Table, header: int, wanted: Wanted) -> Iterator[_Event]:
    """Yield the events of the clip; of a file about one clip only, all, however it is called."""
    events: list[_Event] = list(table.records(header))
    media = _media_of(events)
    observations = {record.get("observation id", "") for _, record in events}
    if len(media) > 1:
        events = [event for event in events if is_about(_media(event[1]), wanted.video)]
        if not events:
            raise table.error(
                table.lines[header].number,
                f"no event is of {wanted.video}; there is {quoted(media)}",
                "export the events of the clip",
            )
    elif len(observations) > 1:
        raise table.error(
            table.lines[header].number,
            f"holds several observations: {quoted(sorted(observations))}",
            "export the events of one",
        )
    yield from events


def _aggregated(table: Table, events: list[_Event]) -> Iterator[Code]:
    for line, record in events:
        start = table.number(line, "Start (s)", record["start (s)"])
        stop = table.number(line, "Stop (s)", record["stop (s)"] or record["start (s)"])
        yield Code(start, stop, record["behavior"])


def _paired(table: Table, events: list[_Event]) -> Iterator[Code]:
    """Yield the time from each START to the next STOP of the same behavior; points have none."""
    begun: dict[str, tuple[int, float]] = {}
    for line, record in events:
        behavior = record["behavior"]
        kind = next((record[name].upper() for name in _KINDS if record.get(name)), "")
        time = table.number(line, "Time", record["time"])
        if kind == "START":
            if behavior in begun:
                problem = f"'{behavior}' starts, and it has not stopped since line "
                raise table.error(line, f"{problem}{begun[behavior][0]}", _CORRECT)
            begun[behavior] = line, time
        elif kind == "STOP":
            if behavior not in begun:
                raise table.error(line, f"'{behavior}' stops, and it has not started", _CORRECT)
            yield Code(begun.pop(behavior)[1], time, behavior)
        elif kind != "POINT":
            raise table.error(line, f"'{kind}' is neither START nor STOP nor POINT", _CORRECT)
    for behavior, (line, _) in begun.items():
        raise table.error(line, f"'{behavior}' starts and never stops", _CORRECT)


_CORRECT = "correct it in BORIS and export it again"
