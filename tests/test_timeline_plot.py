"""Timelines as pictures, and the colours of emotions in all pictures."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import EMOTIONS, Box, Status
from fer_pipeline.errors import UsageError
from fer_pipeline.palette import EMOTION_COLOURS, emotion_colours, ink_on, red_green_blue
from fer_pipeline.report.timeline_plot import (
    MOST_BINS,
    MOST_PERSONS,
    is_timeline_plot,
    plot_timeline,
)
from fer_pipeline.timeline import TimelineRow

SHOWN = ("neutral", "happiness", "anger")


def row(frame: int, face: int | None, leads: int = 0, status: Status = Status.OK) -> TimelineRow:
    time = 0.3 + frame / 25
    if face is None:
        return TimelineRow("clip.mp4", frame, time, status)
    shares = tuple(0.8 if number == leads else 0.1 for number in range(3))
    return TimelineRow("clip.mp4", frame, time, status, face, Box(1, 2, 30, 30), 1.0, shares)


def clip() -> Iterator[TimelineRow]:
    """Two people; nobody from 50 to 69, the second from 100 on no more, lost from 130 to 149."""
    for frame in range(200):
        if 50 <= frame < 70:
            yield row(frame, None, status=Status.NO_FACE)
        elif 130 <= frame < 150:
            yield row(frame, None, status=Status.DECODE_ERROR)
        else:
            yield row(frame, 0, leads=1 if frame < 120 else 2)
            if frame < 100:
                yield row(frame, 1)


def pixels(path: Path) -> np.ndarray:
    shown = cv2.imread(str(path))
    assert shown is not None
    return shown[..., ::-1]


def share_of(picture: np.ndarray, colour: str) -> float:
    return float((picture == red_green_blue(colour)).all(axis=2).mean())


def svg_of(tmp_path: Path, rows: Sequence[TimelineRow], emotions=SHOWN, title: str = "") -> str:
    plot_timeline(tmp_path / "t.svg", lambda: rows, emotions, title)
    return (tmp_path / "t.svg").read_text("utf-8")


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_strip_shows_for_how_long_each_emotion_led(tmp_path):
    plot_timeline(tmp_path / "t.png", clip, SHOWN)
    picture = pixels(tmp_path / "t.png")
    strip = max(range(len(picture)), key=lambda y: share_of(picture[y : y + 1], "#E69F00"))
    line = picture[strip : strip + 1]
    orange, vermilion = share_of(line, "#E69F00"), share_of(line, "#D55E00")
    assert orange / vermilion == pytest.approx(100 / 60, rel=0.03)


def test_what_was_not_seen_is_shaded_and_named(tmp_path):
    shown = texts(svg_of(tmp_path, list(clip())))
    assert shown.count("no face") == 2
    assert shown.count("not seen") == 2  # before and after the loss
    assert shown.count("not decoded") == 3  # in both panels, and in the legend
    assert "no face, not seen" in shown
    assert [text for text in shown if text.startswith("face ")] == [
        "face 0: seen for 6.4 s",
        "face 1: seen for 3.2 s",
    ]


def test_a_clip_without_a_face_has_one_shaded_panel(tmp_path):
    rows = [row(frame, None, status=Status.NO_FACE) for frame in range(50)]
    assert "no face" in texts(svg_of(tmp_path, rows))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_timelines_of_hardly_any_rows_are_drawn(tmp_path, count):
    svg_of(tmp_path, [row(frame, 0) for frame in range(count)])
    plot_timeline(tmp_path / "t.png", lambda: [row(n, 0) for n in range(count)], SHOWN)
    assert pixels(tmp_path / "t.png").shape[1] == 1800


def test_text_stays_text_with_fonts_that_publishers_take(tmp_path):
    plot_timeline(tmp_path / "t.pdf", clip, SHOWN, "a title")
    data = (tmp_path / "t.pdf").read_bytes()
    assert b"/FontFile2" in data or b"/Type0" in data
    assert b"/Type3" not in data.replace(b" ", b"")
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    unpacked = b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"x")
    assert b"/Type3" not in unpacked.replace(b" ", b"")
    assert {"happiness", "a title"} <= {*texts(svg_of(tmp_path, list(clip()), title="a title"))}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_timeline_gives_the_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        plot_timeline(tmp_path / f"{name}.{suffix}", clip, SHOWN, "clip.mp4")
    first = (tmp_path / f"a.{suffix}").read_bytes()
    assert first == (tmp_path / f"b.{suffix}").read_bytes()
    assert is_timeline_plot(tmp_path / f"a.{suffix}")
    assert [path.suffix for path in tmp_path.iterdir()] == [f".{suffix}"] * 2


def test_other_files_are_known_to_be_none(tmp_path):
    (tmp_path / "other.png").write_bytes(b"\x89PNG and more")
    assert not is_timeline_plot(tmp_path / "other.png")
    assert not is_timeline_plot(tmp_path / "missing.png")
    with pytest.raises(UsageError, match=r"\.gif: plots are written as \.png \.svg \.pdf"):
        plot_timeline(tmp_path / "t.gif", clip, SHOWN)


def test_names_may_hold_anything(tmp_path):
    shown = texts(svg_of(tmp_path, list(clip()), ("$a$", "b_{x}", "中文"), "the $clip$ & <more>"))
    assert {"$a$", "b_{x}", "中文", "the $clip$ &amp; &lt;more&gt;"} <= {*shown}


def test_long_clips_are_averaged_and_many_people_counted(tmp_path):
    frames = 3 * MOST_BINS
    rows = [row(frame, frame % (MOST_PERSONS + 3), leads=1) for frame in range(frames)]
    shown = texts(svg_of(tmp_path, rows))
    assert len([text for text in shown if text.startswith("face ")]) == MOST_PERSONS
    assert shown.count("time, m:ss; means of 0.12 s each; 3 further faces, seen more briefly, not shown") == 1  # fmt: skip # noqa: E501


# Colours


# Machado, Oliveira and Fernandes 2009, severity 1.
_SEEN = {
    "all cones": np.eye(3),
    "no long": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no middle": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no short": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour: str, seen: str) -> np.ndarray:
    parts = np.array(red_green_blue(colour)) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.clip(_SEEN[seen] @ linear, 0, 1)
    xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ linear / (0.9505, 1, 1.089)  # fmt: skip
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = roots
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", _SEEN)
def test_everybody_can_tell_the_colours_of_emotions_apart(seen):
    apart = {
        (one, other): float(
            np.linalg.norm(lab(EMOTION_COLOURS[one], seen) - lab(EMOTION_COLOURS[other], seen))
        )
        for one, other in combinations(EMOTIONS, 2)
    }
    assert min(apart.values()) > 16


@given(st.lists(st.sampled_from([*EMOTIONS, *"abcdefghijklmnopqrstuvwxyz"]), unique=True))
def test_each_class_has_a_colour_of_its_own_and_known_ones_always_the_same(names):
    colours = emotion_colours(names)
    assert list(colours) == names
    assert len({*colours.values()}) == len(names)
    for name in EMOTIONS:
        assert colours.get(name, EMOTION_COLOURS[name]) == EMOTION_COLOURS[name]


def test_ink_is_readable():
    assert ink_on("#FFFFFF") == ink_on("#E69F00") == ink_on("#BBBBBB") == "#000000"
    assert ink_on("#000000") == ink_on("#0072B2") == ink_on("#882255") == "#FFFFFF"


@pytest.mark.parametrize(
    ("derived", "axis"),
    [
        ((), ["probability"]),
        (("smoothed",), ["smoothed probability"]),
        (("baseline",), ["probability above", "the neutral reference"]),
        (("baseline", "smoothed"), ["smoothed probability above", "the neutral reference"]),
    ],
)
def test_the_last_step_of_an_analysis_is_drawn_and_named(derived, axis, tmp_path):
    """Raw values say happiness throughout; every later step says anger."""
    later = dict.fromkeys(derived, (-0.5, 0.1, 0.4))
    rows = [replace(row(frame, 0, leads=1), **later) for frame in range(20)]
    plot_timeline(tmp_path / "t.svg", lambda: rows, SHOWN, derived=derived)
    assert set(axis) <= set(texts((tmp_path / "t.svg").read_text("utf-8")))
    plot_timeline(tmp_path / "t.png", lambda: rows, SHOWN, derived=derived)
    picture = pixels(tmp_path / "t.png")
    anger_leads = share_of(picture, "#D55E00") > share_of(picture, "#E69F00")
    assert anger_leads == bool(derived)
    ticks = texts((tmp_path / "t.svg").read_text("utf-8"))
    assert any(tick.startswith("\N{MINUS SIGN}1") for tick in ticks) == ("baseline" in derived)
