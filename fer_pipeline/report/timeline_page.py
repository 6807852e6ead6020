"""A timeline as a page: the clip, what was seen in it over time, and all of it to look through.

One file that needs nothing else and asks nothing of a network. The charts are uPlot's (MIT licence,
``uplot.LICENSE``), version 1.6.32, whose distribution stands beside this module unchanged and goes
into each page whole.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from fer_pipeline import __version__
from fer_pipeline.domain import Box, Frame, Status
from fer_pipeline.errors import OutputError, TimelineError, UsageError, VideoError
from fer_pipeline.exports.writing import face_names, printable
from fer_pipeline.files import reason, replacing
from fer_pipeline.palette import emotion_colours, ink_on
from fer_pipeline.timeline import (
    DERIVED,
    ClipSegments,
    Derived,
    People,
    SegmentOptions,
    Tally,
    TimelineRow,
    Totals,
    columns,
    segment_clip,
)

MOST_EMBEDDED = 256 * 2**20
"""Bytes of a clip that may go into a page; beyond that browsers take long, or give up."""

_GENERATOR = '<meta name="generator" content="fer timeline page">'
_BYTES_LOOKED_AT = 1024

# Bytes of a clip in one script element: browsers hold no text of any length.
_PIECE = 3 * 2**20

_SHARE_UNITS = 10_000
"""Shares are told to four decimals, as whole numbers."""

_STATUSES = tuple(Status)

_SCRIPTS = ("timeline_data.js", "timeline_charts.js", "timeline_video.js", "timeline_page.js")
"""One script in four files: each uses what stands in those before it, and functions of all."""

_NONE = -1

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What a page holds beside its rows.

    Attributes:
        derived: The steps that the rows hold beside the probabilities.
        segments: What makes a segment.
        people: Whose faces they are.
        embed: Whether the clip goes into the page; else the page links to it.
        made: How the timeline was made, in plain values: command, settings, versions.
    """

    derived: tuple[Derived, ...] = ()
    segments: SegmentOptions = field(default_factory=SegmentOptions)
    people: People = field(default_factory=People)
    embed: bool = False
    made: Mapping[str, Any] = field(default_factory=dict)


def write_timeline_page(
    path: Path,
    clip: Path | None,
    rows: Iterable[TimelineRow],
    emotions: Sequence[str],
    options: PageOptions = PageOptions(),
) -> None:
    """Write the page of one clip, which appears under its name when it is complete.

    The same rows, clip and options give the same bytes. Memory holds the rows of the clip.

    Args:
        path: Where the page goes.
        clip: The video; None if there is none, then the page has the charts alone. One that is
            linked to need not be there yet.
        rows: All rows of the clip in their order.
        emotions: All emotions of the model.
        options: What else it holds.

    Raises:
        UsageError: The path does not end with .html, or the clip is too large to be embedded.
        TimelineError: There are no rows.
        OutputError: The rows are of several clips, the clip to be embedded cannot be read, or the
            page cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: a web page", "give it a name that ends with .html")
    if options.embed and clip is not None:
        require_embeddable(clip)
    told = _of_one_clip(path, rows)
    about = _about(told, emotions, options) | {"clip": _clip(path, clip, embed=options.embed)}
    with (
        replacing(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="\n") as file,
    ):
        pieces = _pieces(clip) if options.embed and clip is not None else iter(())
        _write_page(file, about, _columns(told, emotions, options.derived), pieces)


def is_timeline_page(path: Path) -> bool:
    """Return whether an existing file is a page that `write_timeline_page` wrote."""
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(_BYTES_LOOKED_AT)
    except OSError:
        return False


def _of_one_clip(path: Path, rows: Iterable[TimelineRow]) -> list[TimelineRow]:
    told = list(rows)
    if not told:
        raise TimelineError(f"{path}: there are no rows to make a page of")
    if any(row.video != told[0].video for row in told):
        raise OutputError(f"{path}: a page holds one clip", "write one for each")
    return told


# The clip


def require_embeddable(clip: Path) -> None:
    """Make sure that a clip can go into a page.

    Raises:
        OutputError: It cannot be read.
        UsageError: It is too large.
    """
    try:
        size = clip.stat().st_size
    except OSError as error:
        problem = f"{clip}: cannot be put into a page ({reason(error)})"
        raise OutputError(problem, "check the path, or link to it") from error
    if size > MOST_EMBEDDED:
        problem = f"{clip}: has {size >> 20} MiB, more than a page holds ({MOST_EMBEDDED >> 20})"
        raise UsageError(problem, "link to it instead")


def _clip(page: Path, clip: Path | None, *, embed: bool) -> dict[str, Any] | None:
    """Return where the clip is, and what the page has to know of it, in plain values."""
    if clip is None:
        return None
    kind, _ = mimetypes.guess_type(clip.name)
    size, start = _size_and_start(clip)
    return {
        "file": printable(clip.name),
        "address": None if embed else _address(page, clip),
        "type": kind if embed and kind and kind.startswith("video/") else "video/mp4",
        "size": size,
        "start": start,
    }


def _address(page: Path, clip: Path) -> str:
    """Return the way from the page to the clip, as a browser follows it: it knows no links."""
    target = Path(os.path.abspath(clip))  # noqa: PTH100 - resolve would follow links
    folder = os.path.abspath(page.parent)  # noqa: PTH100
    try:
        way = Path(os.path.relpath(target, folder))
    except ValueError:  # on another drive
        return target.as_uri()
    # Colons are quoted, too: a name that begins like an address is none.
    return quote(os.fsencode(way.as_posix()))


def _size_and_start(clip: Path) -> tuple[tuple[int, int] | None, float | None]:
    """Return what boxes and times of a clip are told in, as far as that is known.

    Returns:
        Width and height of its upright pictures. The container's start, which is time 0 to us, and
        in some browsers is not.
    """
    from fer_pipeline.video import open_video

    try:
        with open_video(clip) as video:
            start = round(video.info.start, 6)
            for frame in video.frames():
                if isinstance(frame, Frame):
                    height, width = frame.luma.shape
                    return (width, height), start
            return None, start
    except VideoError:  # one that only the browser finds, or nobody; the charts do without it
        return None, None


def _pieces(clip: Path) -> Iterator[str]:
    with clip.open("rb") as file:
        while piece := file.read(_PIECE):
            yield base64.b64encode(piece).decode()


# What is told


def _about(
    rows: Sequence[TimelineRow], emotions: Sequence[str], options: PageOptions
) -> dict[str, Any]:
    """Return what the page knows beside the rows, in plain values."""
    tally = Tally(emotions)
    for row in rows:
        tally.add(row)
    totals = tally.totals()
    segments = segment_clip(rows, emotions, options.segments)
    colours = emotion_colours(emotions)
    return {
        "name": rows[0].video,
        "version": __version__,
        "emotions": [
            {"name": name, "colour": colour, "ink": ink_on(colour)}
            for name, colour in colours.items()
        ],
        "columns": columns(emotions, options.derived),
        "steps": ["raw", *(step for step in DERIVED if step in options.derived)],
        "statuses": _STATUSES,
        "units": _SHARE_UNITS,
        "end": segments.end,
        "frames": {
            "looked at": totals.frames,
            "with a face": totals.with_face,
            "not decoded": totals.errors,
        },
        "people": _people(segments, totals, options.people, emotions),
        "segments": [
            [
                one.face,
                list(emotions).index(one.emotion),
                one.onset,
                one.apex,
                one.offset,
                round(one.peak, 4),
                round(one.mean, 4),
            ]
            for one in segments.segments
        ],
        "made": _told({**options.made, "segments": asdict(options.segments)}),
    }


def _people(
    clip: ClipSegments, totals: Totals, people: People, emotions: Sequence[str]
) -> list[dict[str, Any]]:
    """Return each person's number, name, and seconds by emotion."""
    return [
        {
            "face": face,
            "name": name,
            "seconds": [round(totals.seconds.get(face, {}).get(one, 0.0), 6) for one in emotions],
        }
        for face, name in face_names(clip, people).items()
    ]


def _told(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Flatten plain values to lines of a name and a text."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            lines += _told(value, f"{name}: ")
        elif isinstance(value, list | tuple):
            lines.append((name, ", ".join(map(_word, value))))
        else:
            lines.append((name, _word(value)))
    return lines


def _word(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def _columns(
    rows: Sequence[TimelineRow], emotions: Sequence[str], derived: Sequence[Derived]
) -> dict[str, Column]:
    """Return the rows as columns of numbers, which the page reads as they lie.

    Returns:
        Of each frame, in order: its ``number`` and ``time`` in seconds. Of each row: the place of
        its ``frame`` among these, that of its ``person`` among the faces, ``status``, ``box``,
        shape (n, 4), ``score``, the place of its ``strongest`` emotion, and the values of each
        step, shape (n, emotions).
    """
    frame = np.array([row.frame for row in rows])
    begins = np.concatenate(([True], np.diff(frame) != 0))
    nowhere = Box(0, 0, 0, 0)
    boxes = [row.box or nowhere for row in rows]
    score = [np.nan if row.score is None else row.score for row in rows]
    places = {face: place for place, face in enumerate(sorted(_faces(rows)))}
    found = {
        "number": frame[begins].astype("<f8"),
        "time": np.array([row.time for row in rows], "<f8")[begins],
        "frame": (np.cumsum(begins) - 1).astype("<i4"),
        "status": np.array([_STATUSES.index(row.status) for row in rows], "u1"),
        "person": np.array(
            [_NONE if row.face is None else places[row.face] for row in rows], "<i4"
        ),
        "box": np.array([(box.x, box.y, box.width, box.height) for box in boxes], "<i4"),
        "score": np.array(score, "<f4"),
        "strongest": np.array([_strongest(row) for row in rows], "<i2"),
        "raw": _shares([row.probabilities for row in rows], len(emotions)),
    }
    if "baseline" in derived:
        found["baseline"] = _shares([row.baseline for row in rows], len(emotions))
    if "smoothed" in derived:
        found["smoothed"] = _shares([row.smoothed for row in rows], len(emotions))
    return found


def _faces(rows: Iterable[TimelineRow]) -> set[int]:
    return {row.face for row in rows if row.face is not None}


def _strongest(row: TimelineRow) -> int:
    shares = row.probabilities
    return _NONE if shares is None else shares.index(max(shares))


def _shares(values: Sequence[tuple[float, ...] | None], emotions: int) -> Column:
    nothing = (0.0,) * emotions
    units = np.rint(np.array([one or nothing for one in values]) * _SHARE_UNITS)
    return np.asarray(units, "<i2")


# The file


def _write_page(
    file: TextIO, about: dict[str, Any], found: dict[str, Column], clip: Iterator[str]
) -> None:
    style = _part("uplot.css") + _part("timeline_page.css")
    # A copy of uPlot has to carry its licence.
    chart = f"/*\n{_part('uplot.LICENSE')}\n*/\n{_part('uplot.js')}"
    script = "".join(map(_part, _SCRIPTS))
    # Nothing runs or loads but what is written here and the clip, whatever names there are.
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; media-src 'self' file: blob:; "
        f"style-src '{_source(style)}'; script-src '{_source(chart)}' '{_source(script)}'"
    )
    title = escape(printable(about["name"]))
    file.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{_GENERATOR}\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    file.write(_part("timeline_page.html").replace("{name}", title))
    # JSON that no text in it can end.
    values = json.dumps(about, separators=(",", ":")).replace("<", "\\u003c")
    file.write(f'<script type="application/json" id="about">{values}</script>\n')
    for name, column in found.items():
        content = base64.b64encode(np.ascontiguousarray(column).tobytes()).decode()
        file.write(f'<script type="text/plain" data-column="{name}">{content}</script>\n')
    for piece in clip:
        file.write(f'<script type="text/plain" class="clip">{piece}</script>\n')
    file.write(f"<script>{chart}</script>\n<script>{script}</script>\n</body>\n</html>\n")


@lru_cache
def _part(name: str) -> str:
    """Return a part of the page that stands in a file of its own beside this module."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _source(text: str) -> str:
    """Name a script or style as a content security policy does."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
