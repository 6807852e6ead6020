"""What a frame at a given time gets."""

from __future__ import annotations

import csv
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import canonical_emotion
from fer_pipeline.labels import LabelOptions, Stretch, label_videos
from tests.labels.labelling import HEADER, label_from


@pytest.mark.parametrize(
    ("time", "emotion"),
    [
        (0.0, None),
        (0.999999, None),
        (1.0, "sadness"),
        (0.9999999999, "sadness"),
        (1.999999, "sadness"),
        (2.0, "fear"),
        (1.9999999999, "fear"),
        (2.999999, "fear"),
        (3.0, None),
        (4.0, "anger"),
        (1e6, "anger"),
        (math.nan, None),
    ],
)
def test_frame_on_a_boundary(tmp_path: Path, time: float, emotion: str | None) -> None:
    rows = "P0.mp4,P0,fear,2,3\nP0.mp4,P0,sad,1,2\nP0.mp4,P0,angry,4,\n"
    stretch = label_from(tmp_path, HEADER + rows, "P0.mp4").videos["P0.mp4"].at(time)
    assert (stretch.emotion if stretch else None) == emotion


def test_still_gets_the_label_of_a_whole_video() -> None:
    labels = label_videos(["P0_sad.jpg"], LabelOptions()).videos["P0_sad.jpg"]
    assert labels.at(math.nan) == Stretch("sadness", "P0")


@pytest.mark.parametrize(
    ("outside", "second", "expected"),
    [
        (None, "P0", None),
        ("unlabelled", "P0", Stretch(None, "P0")),
        ("Unlabelled", "P1", Stretch(None, None)),
        ("Neutral", "P0", Stretch("neutral", "P0")),
        ("resting", "P1", Stretch("resting", None)),
    ],
)
def test_outside(
    tmp_path: Path, outside: str | None, second: str, expected: Stretch | None
) -> None:
    rows = f"P.mp4,P0,sad,1,2\nP.mp4,{second},fear,3,4\n"
    labelling = label_from(tmp_path, HEADER + rows, "P.mp4", outside=outside)
    labels = labelling.videos["P.mp4"]
    assert [labels.at(t) for t in (0.0, 2.5, 4.0)] == [expected] * 3
    assert labels.at(1.0) == Stretch("sadness", "P0", 1.0, 2.0)
    own = {expected.emotion} if expected and expected.emotion else set()
    assert set(labelling.emotions) == {"sadness", "fear"} | own


microseconds = st.integers(0, 5_000_000)
names = st.none() | st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1)


@st.composite
def timelines(draw: st.DrawFn) -> list[tuple[int | None, int | None, str | None, str | None]]:
    """Stretches of one video: start and end in microseconds, participant, emotion."""
    cuts = sorted(draw(st.sets(microseconds, min_size=2, max_size=8)))
    starts: list[int | None] = [*cuts[:-1]]
    ends: list[int | None] = [*cuts[1:]]
    if draw(st.booleans()) and cuts[1]:
        starts[0] = None
    if draw(st.booleans()):
        ends[-1] = None
    spans = draw(st.permutations(list(zip(starts, ends, strict=True))))
    kept = spans[: draw(st.integers(1, len(spans)))]
    return [(start, end, draw(names), draw(names)) for start, end in kept]


@given(
    stretches=timelines(),
    times=st.lists(microseconds),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_csv_gives_back_what_was_written(
    stretches: list[tuple[int | None, int | None, str | None, str | None]],
    times: list[int],
    delimiter: str,
    line_end: str,
    encoding: str,
) -> None:
    point = "," if delimiter == ";" else "."

    def cell(time: int | None) -> str:
        return "" if time is None else str(time / 1e6).replace(".", point)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "segments.csv"
        with file.open("w", encoding=encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end)
            writer.writerow(HEADER.strip().split(","))
            for start, end, who, what in stretches:
                writer.writerow(["v.mp4", who, what, cell(start), cell(end)])
        labels = label_videos(["v.mp4"], LabelOptions(labels=file)).videos["v.mp4"]

    bounds = [time for start, end, *_ in stretches for time in (start, end) if time is not None]
    for time in [*times, *bounds, *(bound - 1 for bound in bounds)]:
        expected = [
            (who, what and (canonical_emotion(what) or what))
            for start, end, who, what in stretches
            if (start is None or start <= time) and (end is None or time < end)
        ]
        found = labels.at(time / 1e6)
        assert ([(found.participant, found.emotion)] if found else []) == expected
