"""Which frames are searched, for faces of which size."""

from __future__ import annotations

import itertools

import pytest

from fer_pipeline.domain import Frame
from tests.following.scenes import (
    MODES,
    always,
    at,
    carried,
    film,
    follow,
    nobody,
    numbers,
    scenery,
)


def test_one_of_three_frames_is_searched_while_nothing_changes():
    tracked, script = follow(lambda index: [at(100 + index)], film(60))
    assert numbers(tracked) == [(0,)] * 60
    # The first ones all, until it is certain that there is somebody.
    assert sorted(script.searched) == [0, 1, 2, 3, *range(6, 60, 3), 59]
    for frame in tracked:
        (face,) = frame.faces
        assert face.box == at(100 + frame.frame.index)
        assert (face.score is None) == (frame.frame.index not in script.searched)
    assert carried(tracked) < 0.7


@pytest.mark.parametrize("mode", ["dense", "every-frame"])
def test_every_frame_is_searched_where_that_is_asked_for(mode):
    tracked, script = follow(always, film(60), mode)
    assert script.searched == [*range(60)]
    assert all(frame.faces[0].score == 5.0 for frame in tracked)


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_only_one_frame_is_searched_for_faces_of_any_size_while_somebody_is_there(mode):
    _, script = follow(always, film(60), mode)
    assert script.any_size == [0]


def test_every_frame_is_searched_for_faces_of_any_size_where_that_is_asked_for():
    _, script = follow(always, film(60), "every-frame")
    assert script.any_size == script.searched == [*range(60)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interval", [0.126, 0.2, 1.0])
def test_frames_far_apart_are_all_searched_for_faces_of_any_size(mode, interval):
    _, script = follow(always, film(20, interval), mode, interval)
    assert script.any_size == script.searched == [*range(20)]


@pytest.mark.parametrize(
    ("rate", "every"), [(60, 3), (30, 3), (25, 3), (24, 3), (20, 2), (15, 1), (10, 1)]
)
def test_no_more_than_an_eighth_of_a_second_passes_between_searches(rate, every):
    _, script = follow(always, film(100, 1 / rate), interval=1 / rate)
    searched = sorted(script.searched)[4:-1]
    assert {after - before for before, after in itertools.pairwise(searched)} == {every}


def test_where_nobody_is_one_of_three_frames_is_searched_for_faces_of_any_size():
    tracked, script = follow(nobody, film(60))
    assert numbers(tracked) == [()] * 60
    assert script.any_size == script.searched == [*range(0, 60, 3), 59]


def test_a_camera_that_slows_down_is_searched_in_every_frame():
    times = [*(i * 0.04 for i in range(30)), *(1.2 + i * 0.3 for i in range(30))]
    frames = [Frame(i, time, scenery(i)) for i, time in enumerate(times)]
    tracked, script = follow(always, frames)
    assert numbers(tracked) == [(0,)] * 60
    assert [*range(33, 60)] == sorted(script.searched)[-27:]


def test_faces_stay_until_the_last_frame_before_a_jump_in_time():
    """A screen that does not change, or a camera that sleeps, leaves frames out."""
    times = [*(i * 0.04 for i in range(9)), *(2.4 + i * 0.04 for i in range(9))]
    for mode in MODES:
        frames = [Frame(i, time, scenery(i)) for i, time in enumerate(times)]
        tracked, _ = follow(always, frames, mode)
        assert numbers(tracked) == [(0,)] * 18, mode
