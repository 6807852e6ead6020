"""A timeline as one picture: who showed what when, a panel for each person."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline import __version__
from fer_pipeline.domain import Status
from fer_pipeline.errors import UsageError
from fer_pipeline.files import replacing
from fer_pipeline.palette import emotion_colours
from fer_pipeline.report.tables import counted
from fer_pipeline.timeline import Derived, TimelineRow

_TITLE = "emotion timeline by fer"

_FORMATS = ("png", "svg", "pdf")

MOST_PERSONS = 12
"""Persons with a panel of their own: those seen longest. How many there are besides is said."""

MOST_BINS = 1200
"""Where there are more frames than this, neighbours are averaged: more points than pixels lie."""

_DOTS_PER_INCH = 200
_WIDTH, _PANEL, _EDGES = 9.0, 1.45, 1.25  # inches

_NO_FACE, _NO_FACE_LINE = "#ECEDEF", "#C9CCD1"
_LOST, _FAINT = "#3A3F45", "#60666D"

# A stretch gets its name written in where it is this share of the width, or wider.
_WIDE_ENOUGH = 0.06

# Beyond so many seconds, minutes are easier to read.
_LONG = 120

# Text stays text, which can be searched and edited, and no font is drawn as shapes (type 3).
_SETTINGS = MappingProxyType(
    {
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "fer",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 8,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "hatch.linewidth": 0.6,
    }
)

_VALUES: dict[tuple[Derived, ...], str] = {
    (): "probability",
    ("smoothed",): "smoothed probability",
    ("baseline",): "probability above\nthe neutral reference",
    ("baseline", "smoothed"): "smoothed probability above\nthe neutral reference",
}
"""What is drawn, by the steps that rows hold."""

_KEYS_IN_A_ROW = 10

_BYTES_LOOKED_AT = 65_536


@dataclass(frozen=True, eq=False)
class _Person:
    """What is drawn of one person.

    Attributes:
        face: The number.
        shares: Mean values in each bin, shape (bins, emotions); NaN where not seen.
        dominant: Index of the emotion that led most often in each bin; -1 where not seen.
        seconds: How long the person was seen.
    """

    face: int
    shares: NDArray[np.float64]
    dominant: NDArray[np.int64]
    seconds: float


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A timeline in bins of equal length.

    Attributes:
        edges: Of the bins, in seconds, shape (bins + 1,).
        persons: Those with a panel, by number.
        further: How many more there are.
        lost: Bins in which a frame did not decode, and none did.
        judged: Bins in which any frame was looked at.
        averaged: Whether bins hold several frames.
    """

    edges: NDArray[np.float64]
    persons: tuple[_Person, ...]
    further: int
    lost: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    averaged: bool

    @property
    def bin_seconds(self) -> float:
        return float(self.edges[1] - self.edges[0])


def plot_timeline(
    path: Path,
    rows: Callable[[], Iterable[TimelineRow]],
    emotions: Sequence[str],
    title: str = "",
    derived: Sequence[Derived] = (),
) -> None:
    """Draw the probabilities over time and a strip of the likeliest emotions, for each person.

    Of rows that were analysed the values of the last step are drawn, and the axis says so.

    Stretches in which a person was not seen are shaded, and so are frames that did not decode. The
    same timeline gives the same bytes. The file appears when it is complete.

    Args:
        path: Where the picture goes: ``.png``, ``.svg`` or ``.pdf``.
        rows: Gives the rows of one clip in their order, anew at each call.
        emotions: All emotions of the model.
        title: Stands above; none if empty.
        derived: The steps that the rows hold beside the probabilities.

    Raises:
        UsageError: The suffix is another one.
        OutputError: The picture cannot be written.
    """
    import matplotlib as mpl

    kind = _kind_of(path)
    drawn = _binned(rows, len(emotions))
    with mpl.rc_context({**_SETTINGS}), warnings.catch_warnings(action="ignore"):
        figure = _draw(drawn, emotions, title, derived)
        with replacing(path) as unfinished:
            figure.savefig(unfinished, format=kind, dpi=_DOTS_PER_INCH, metadata=_metadata(kind))


def is_timeline_plot(path: Path) -> bool:
    """Return whether an existing file is a picture that `plot_timeline` wrote."""
    try:
        with path.open("rb") as file:
            head = file.read(_BYTES_LOOKED_AT)
            file.seek(max(0, path.stat().st_size - _BYTES_LOOKED_AT))
            return _TITLE.encode() in head + file.read()  # a PDF tells its title at its end
    except OSError:
        return False


def _kind_of(path: Path) -> str:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _FORMATS:
        raise UsageError(f"{path}: plots are written as .{' .'.join(_FORMATS)}")
    return kind


def _metadata(kind: str) -> dict[str, str | None]:
    """Return what a file says of itself: nothing that differs from one run to the next."""
    maker = f"fer-pipeline {__version__}"
    if kind == "png":
        return {"Title": _TITLE, "Software": maker}
    dates: dict[str, str | None] = {"Date": None} if kind == "svg" else {"CreationDate": None}
    return {"Title": _TITLE, "Creator": maker, **dates}


# From rows to bins


def _binned(rows: Callable[[], Iterable[TimelineRow]], emotions: int) -> _Drawn:
    times, seen = _times_and_faces(rows())
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 1.0
    begin = float(times[0]) if len(times) else 0.0
    end = float(times[-1]) + step if len(times) else 1.0
    bins = max(1, min(MOST_BINS, round((end - begin) / step)))
    edges = np.linspace(begin, end, bins + 1)
    chosen = sorted(sorted(seen, key=lambda face: (-seen[face], face))[:MOST_PERSONS])
    sums = {face: np.zeros((bins, emotions)) for face in chosen}
    leads = {face: np.zeros((bins, emotions), np.int64) for face in chosen}
    decoded, lost = np.zeros(bins, np.int64), np.zeros(bins, np.int64)
    for row in rows():
        # The middle of a frame's time: its begin may lie a rounding error before its bin's.
        place = min(bins - 1, int((row.time + step / 2 - begin) / (end - begin) * bins))
        failed = row.status is Status.DECODE_ERROR
        lost[place] += failed
        decoded[place] += not failed
        values = row.latest
        if row.face in sums and values is not None:
            sums[row.face][place] += values
            leads[row.face][place, int(np.argmax(values))] += 1
    persons = tuple(_person(face, sums[face], leads[face], seen[face] * step) for face in chosen)
    return _Drawn(
        edges=edges,
        persons=persons,
        further=len(seen) - len(chosen),
        lost=(lost > 0) & (decoded == 0),
        judged=(decoded + lost) > 0,
        averaged=len(times) > MOST_BINS,
    )


def _times_and_faces(
    rows: Iterable[TimelineRow],
) -> tuple[NDArray[np.float64], dict[int, int]]:
    """Return the times of all frames, and the number of frames that show each face."""
    times: list[float] = []
    seen: dict[int, int] = {}
    frame = None
    for row in rows:
        if row.frame != frame:
            frame = row.frame
            times.append(row.time)
        if row.face is not None:
            seen[row.face] = seen.get(row.face, 0) + 1
    return np.array(times), seen


def _person(
    face: int, sums: NDArray[np.float64], leads: NDArray[np.int64], seconds: float
) -> _Person:
    count = leads.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = sums / np.where(count, count, np.nan)[:, None]
    return _Person(face, shares, np.where(count, leads.argmax(axis=1), -1), seconds)


# From bins to a figure


def _draw(drawn: _Drawn, emotions: Sequence[str], title: str, derived: Sequence[Derived]) -> Any:
    # Not pyplot: it would choose a window system and keep every figure alive.
    from matplotlib.figure import Figure

    panels = max(1, len(drawn.persons))
    figure = Figure(figsize=(_WIDTH, _EDGES + _PANEL * panels), layout=_close_layout())
    colours = emotion_colours(emotions)
    grid = figure.subplots(
        2 * panels, 1, sharex=True, squeeze=False, height_ratios=(6, 1) * panels
    ).flat
    pairs = list(zip(*[iter(grid)] * 2, strict=True))
    for (lines, strip), person in zip(pairs, drawn.persons, strict=False):
        _draw_person(lines, strip, drawn, person, colours)
        if "baseline" in derived:
            lines.axhline(0, color=_FAINT, linewidth=0.5, zorder=0.9)
    if not drawn.persons:
        _draw_nobody(pairs[0][0], pairs[0][1], drawn)
    for lines, _ in pairs:
        lowest = -1 if "baseline" in derived else 0
        lines.set(ylim=(lowest - 0.02, 1.02), yticks=(lowest, (lowest + 1) / 2, 1))
    _label_time(pairs[-1][1], drawn)
    _add_legend(figure, title, drawn, colours)
    figure.supylabel(_VALUES[tuple(derived)], fontsize=8)
    return figure


def _close_layout() -> Any:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(h_pad=0.02, hspace=0.02)


def _draw_person(
    lines: Any, strip: Any, drawn: _Drawn, person: _Person, colours: Mapping[str, str]
) -> None:
    middles = (drawn.edges[:-1] + drawn.edges[1:]) / 2
    for number, colour in enumerate(colours.values()):
        values = person.shares[:, number]
        lines.plot(*_joined(middles, values, drawn.judged), color=colour, linewidth=0.9)
    lines.set_title(
        f"face {person.face}: seen for {_lasting(person.seconds)}",
        fontsize=8, loc="left", pad=3,
    )  # fmt: skip
    for number, colour in enumerate(colours.values()):
        spans = _spans(person.dominant == number, drawn.edges)
        strip.broken_barh(spans, (0, 1), facecolor=colour, linewidth=0)
    strip.set(ylim=(0, 1), yticks=())
    absent = (person.dominant < 0) & drawn.judged & ~drawn.lost
    anyone = np.any([one.dominant >= 0 for one in drawn.persons], axis=0)
    _shade(lines, strip, drawn, absent & ~anyone, "no face")
    _shade(lines, strip, drawn, absent & anyone, "not seen")
    _shade_lost(lines, strip, drawn)
    _tidy(lines, strip)


def _draw_nobody(lines: Any, strip: Any, drawn: _Drawn) -> None:
    strip.set(ylim=(0, 1), yticks=())
    _shade(lines, strip, drawn, drawn.judged & ~drawn.lost, "no face")
    _shade_lost(lines, strip, drawn)
    _tidy(lines, strip)


def _joined(
    times: NDArray[np.float64], values: NDArray[np.float64], judged: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leave out bins in which no frame was looked at, so that lines go on over them.

    At a variable rate some bins hold none. Where a person was not seen a line is broken.
    """
    return times[judged], values[judged]


def _shade(lines: Any, strip: Any, drawn: _Drawn, where: NDArray[np.bool_], name: str) -> None:
    spans = _spans(where, drawn.edges)
    for axes in (lines, strip):
        axes.broken_barh(
            spans,
            (0, 1),
            facecolor=_NO_FACE,
            edgecolor=_NO_FACE_LINE,
            linewidth=0,
            transform=axes.get_xaxis_transform(),
            zorder=0.5,
        )
    _name_wide(lines, drawn, spans, name, _FAINT)


def _shade_lost(lines: Any, strip: Any, drawn: _Drawn) -> None:
    spans = _spans(drawn.lost, drawn.edges)
    for axes in (lines, strip):
        axes.broken_barh(
            spans,
            (0, 1),
            facecolor="white",
            edgecolor=_LOST,
            hatch="/////",
            linewidth=0,
            transform=axes.get_xaxis_transform(),
            zorder=0.5,
        )
    _name_wide(lines, drawn, spans, "not decoded", _LOST)


def _name_wide(
    axes: Any, drawn: _Drawn, spans: Sequence[tuple[float, float]], name: str, colour: str
) -> None:
    width = float(drawn.edges[-1] - drawn.edges[0])
    for begin, length in spans:
        if length >= _WIDE_ENOUGH * width:
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
            axes.text(
                begin + length / 2, 0.5, name, transform=axes.get_xaxis_transform(),
                ha="center", va="center", fontsize=7, color=colour, bbox=ground,
            )  # fmt: skip


def _spans(where: NDArray[np.bool_], edges: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return begin and length of each stretch of bins for which something holds."""
    changes = np.flatnonzero(np.diff(np.concatenate(([False], where, [False])).astype(np.int8)))
    pairs: Iterator[tuple[int, int]] = zip(changes[::2], changes[1::2], strict=True)
    return [(float(edges[a]), float(edges[b] - edges[a])) for a, b in pairs]


def _tidy(lines: Any, strip: Any) -> None:
    lines.spines[["top", "right"]].set_visible(False)
    lines.tick_params(axis="x", length=0, labelbottom=False)
    lines.grid(axis="y", color="#E3E5E8", linewidth=0.5)
    lines.set_axisbelow(True)
    strip.spines[:].set_visible(False)
    strip.tick_params(axis="x", length=0, labelbottom=False)


def _label_time(axes: Any, drawn: _Drawn) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    begin, end = float(drawn.edges[0]), float(drawn.edges[-1])
    long = end > _LONG
    axes.set_xlim(begin, end)
    steps = [1, 1.5, 3, 6, 10] if long else [1, 2, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=steps))
    if long:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: _clock(time)))
    axes.tick_params(axis="x", length=3, labelbottom=True)
    axes.set_xlabel(
        "time, " + ("h:mm:ss" if end >= 3600 else "m:ss" if long else "s") + _remarks(drawn)
    )


def _lasting(seconds: float) -> str:
    return _clock(seconds) if seconds > _LONG else f"{seconds:.1f} s"


def _clock(time: float) -> str:
    minutes, seconds = divmod(round(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _add_legend(figure: Any, title: str, drawn: _Drawn, colours: Mapping[str, str]) -> None:
    """Name the colours, and what the shades mean, under the title."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[Any] = [
        Line2D([], [], color=colour, linewidth=3, label=_plain(emotion))
        for emotion, colour in colours.items()
    ]
    absent = any((person.dominant < 0).any() for person in drawn.persons) or not drawn.persons
    if absent:
        keys.append(Patch(facecolor=_NO_FACE, edgecolor=_NO_FACE_LINE, label="no face, not seen"))
    if drawn.lost.any():
        keys.append(Patch(facecolor="white", edgecolor=_LOST, hatch="/////", label="not decoded"))
    columns = min(len(keys), _KEYS_IN_A_ROW)
    figure.legend(
        handles=[key for column in range(columns) for key in keys[column::columns]],
        loc="outside upper left",
        ncols=columns,
        title=_plain(title) or None,
        title_fontproperties={"size": 10},
        alignment="left",
        frameon=False,
        fontsize=7.5,
        handlelength=1.4,
        columnspacing=1.2,
    )


def _remarks(drawn: _Drawn) -> str:
    """Say what was averaged or left out."""
    remarks = []
    if drawn.averaged:
        remarks.append(f"means of {drawn.bin_seconds:.2g} s each")
    if drawn.further:
        remarks.append(f"{counted(drawn.further, 'further face')}, seen more briefly, not shown")
    return "".join(f"; {remark}" for remark in remarks)


def _plain(text: str) -> str:
    """Return a text in which no dollar begins a formula."""
    return text.replace("$", r"\$")
