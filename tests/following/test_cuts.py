"""Faces around cuts and lost frames."""

from __future__ import annotations

import pytest

from fer_pipeline.domain import Box, LostFrame
from tests.following.scenes import MODES, always, at, film, follow, numbers, places


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cut", range(20, 24))
def test_a_cut_begins_new_tracks_and_no_box_is_carried_over_it(mode, cut):
    def seen(index: int) -> list[Box]:
        return [at(100 if index < cut else 130)]

    tracked, script = follow(seen, film(50, cuts=[cut]), mode)
    assert places(tracked) == [[(int(i >= cut), seen(i)[0])] for i in range(50)]
    assert {cut - 1, cut} <= {*script.searched}


@pytest.mark.parametrize("cut", range(20, 24))
@pytest.mark.parametrize("gap", [1, 2, 4])
def test_nobody_is_shown_around_a_cut_where_nobody_is(cut, gap):
    def seen(index: int) -> list[Box]:
        return [] if cut - gap <= index < cut + gap else [at(100)]

    for mode in MODES:
        tracked, _ = follow(seen, film(50, cuts=[cut]), mode)
        shown = [(0,)] * (cut - gap) + [()] * (2 * gap) + [(1,)] * (50 - cut - gap)
        assert numbers(tracked) == shown


@pytest.mark.parametrize("lost", [[20], [21], [22], [20, 21], [20, 22], [20, 21, 22, 23]])
def test_lost_frames_have_no_faces_and_change_nothing_around_them(lost):
    tracked, _ = follow(always, film(60, lost=lost))
    assert numbers(tracked) == [() if index in lost else (0,) for index in range(60)]
    assert [frame.frame.index for frame in tracked if isinstance(frame.frame, LostFrame)] == lost
