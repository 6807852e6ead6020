"""Which frames are looked at."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import LostFrame, PassedFrame
from fer_pipeline.sampling import Sampler, SamplingOptions, sample


def frames_at(times: list[float]) -> list[LostFrame]:
    return [LostFrame(index, time) for index, time in enumerate(times)]


def constant(rate: float, seconds: float) -> list[LostFrame]:
    return frames_at([index / rate for index in range(round(seconds * rate))])


def kept(frames: list[LostFrame], **options: float) -> list[int]:
    return [frame.index for frame in sample(frames, SamplingOptions(**options))]


def test_every_frame_is_the_default():
    assert kept(constant(25, 2)) == list(range(50))


@pytest.mark.parametrize(("every", "first"), [(1, [0, 1, 2]), (2, [0, 2, 4]), (7, [0, 7, 14])])
def test_one_frame_in_so_many_is_kept_by_its_number(every, first):
    assert kept(constant(25, 2), every=every)[:3] == first


@pytest.mark.parametrize(
    ("rate", "fps", "first"),
    [
        (25, 5, [0, 5, 10, 15]),
        (25, 25, [0, 1, 2, 3]),
        (30, 10, [0, 3, 6, 9]),
        (30_000 / 1001, 10, [0, 3, 6, 9]),
        (25, 10, [0, 3, 5, 8]),
        (50, 25, [0, 2, 4, 6]),
        (25, 1, [0, 25, 50, 75]),
        (25, 0.5, [0, 50, 100, 150]),
    ],
)
def test_so_many_a_second_keeps_the_first_frame_at_or_after_each_tick(rate, fps, first):
    assert kept(constant(rate, 8), fps=fps)[:4] == first


def test_a_rounding_error_before_a_tick_does_not_matter():
    assert kept(constant(50, 4), fps=25) == list(range(0, 200, 2))  # 58 / 50 * 25 < 29


def test_more_than_there_are_keeps_each_frame_once():
    assert kept(constant(25, 1), fps=120) == list(range(25))


def test_ticks_count_media_time_not_frames():
    frames = frames_at([0.0, 0.1, 0.2, 0.9, 1.05, 1.1, 3.5, 3.6, 4.0])
    assert kept(frames, fps=1) == [0, 4, 6, 8]


def test_a_picture_that_starts_late_is_sampled_from_its_start():
    assert kept(frames_at([0.6, 0.7, 0.9, 1.0, 1.1]), fps=2) == [0, 3]


def test_frames_that_were_passed_over_count_and_do_not_come_out():
    frames = [PassedFrame(0, 0.0), *frames_at([0.0, 0.04, 0.08, 0.12])[1:]]
    assert kept(frames, every=2) == [2]
    assert kept(frames, fps=12.5) == [2]


@pytest.mark.parametrize(
    ("options", "all_of_them"), [({}, True), ({"every": 2}, False), ({"fps": 100}, False)]
)
def test_whether_all_frames_are_looked_at_is_known_beforehand(options, all_of_them):
    assert SamplingOptions(**options).takes_all is all_of_them


@pytest.mark.parametrize("options", [{"every": 3}, {"fps": 7.5}])
def test_two_samplers_say_the_same(options):
    one, other = Sampler(SamplingOptions(**options)), Sampler(SamplingOptions(**options))
    frames = constant(25, 3)
    assert [one.takes(f.index, f.time) for f in frames] == [
        other.takes(f.index, f.time) for f in frames
    ]


@pytest.mark.parametrize(
    ("options", "rate", "interval"),
    [
        ({}, 25, 0.04),
        ({"every": 5}, 25, 0.2),
        ({"fps": 5}, 25, 0.2),
        ({"fps": 100}, 25, 0.04),
    ],
)
def test_the_interval_is_the_time_between_kept_frames(options, rate, interval):
    assert SamplingOptions(**options).interval(rate) == pytest.approx(interval)


@given(
    steps=st.lists(st.floats(0.001, 3), min_size=1, max_size=60),
    fps=st.floats(0.1, 60),
)
def test_each_tick_gets_one_frame_at_most(steps, fps):
    frames = frames_at([sum(steps[: index + 1]) for index in range(len(steps))])
    chosen = kept(frames, fps=fps)
    ticks = [math.floor(frames[index].time * fps + 1e-6) for index in chosen]
    assert len(set(ticks)) == len(ticks)
    assert set(ticks) == {math.floor(frame.time * fps + 1e-6) for frame in frames}
