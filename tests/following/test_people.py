"""Nobody is missed who comes, goes or moves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fer_pipeline.domain import Box, Frame
from fer_pipeline.following import FaceFollower
from tests.following.scenes import (
    INTERVAL,
    MODES,
    Script,
    always,
    at,
    film,
    follow,
    places,
    scenery,
)


@pytest.mark.parametrize("first", range(60, 66))
def test_somebody_farther_away_who_comes_back_is_seen_at_once(first):
    """It is known how large they were."""
    near, far = at(100), at(400, 40)

    def seen(index: int) -> list[Box]:
        return [near] if 40 <= index < first else [near, far]

    tracked, _ = follow(seen, film(100))
    without = [frame.frame.index for frame in tracked if len(frame.faces) < 2]
    assert without == [*range(40, first)]


@pytest.mark.parametrize("first", range(10, 16))
@pytest.mark.parametrize("length", [3, 4, 5, 20])
@pytest.mark.parametrize("others", [[], [at(400, 120)]])
def test_a_face_is_there_from_its_first_frame_to_its_last(first, length, others):
    def seen(index: int) -> list[Box]:
        return [at(100)] * (first <= index < first + length) + others

    sparse, script = follow(seen, film(60))
    dense, _ = follow(seen, film(60), "dense")
    assert places(sparse) == places(dense)
    shown = [any(face.box.x == 100 for face in frame.faces) for frame in sparse]
    assert shown == [first <= index < first + length for index in range(60)]
    assert len(script.searched) < 45


@pytest.mark.parametrize("first", range(20, 26))
@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_a_face_that_is_not_found_for_a_moment_is_carried(first, length):
    def seen(index: int) -> list[Box]:
        return [] if first <= index < first + length else always(index)

    tracked, _ = follow(seen, film(60))
    assert places(tracked) == [[(0, at(100))]] * 60
    assert all(frame.faces[0].score is None for frame in tracked[first : first + length])


def test_a_face_that_moves_on_fast_is_looked_for_in_between():
    def seen(index: int) -> list[Box]:
        return [at(100 + 30 * max(0, index - 30))]

    tracked, script = follow(seen, film(40))
    assert places(tracked) == [[(0, seen(index)[0])] for index in range(40)]
    assert {*range(33, 40)} <= {*script.searched}


@pytest.mark.parametrize("sides", [(100, 40), (40, 100)])
def test_two_people_of_different_sizes_are_followed(sides):
    people = [at(100, sides[0]), at(400, sides[1])]
    tracked, script = follow(lambda _: people, film(100))
    assert places(tracked) == [[*enumerate(people)]] * 100
    assert script.any_size == [0]


@pytest.mark.parametrize("mode", ["sparse", "dense"])
@pytest.mark.parametrize("first", range(25, 51, 3))
@pytest.mark.parametrize("side", [30, 350])
def test_somebody_of_another_size_is_seen_after_a_second_and_a_half(mode, first, side):
    other = Box(300, 20, side, side)

    def seen(index: int) -> list[Box]:
        return [at(100), other] if index >= first else [at(100)]

    tracked, script = follow(seen, film(120), mode)
    together = [frame.frame.index for frame in tracked if len(frame.faces) == 2]
    # A second to the next look, 0.4 until its result counts, and two searches at their times.
    assert first <= together[0] <= first + (1.0 + 0.4 + 2 * 0.12) / INTERVAL
    assert together == [*range(together[0], 120)]
    if mode == "sparse":  # in the two frames passed over before, they are there as well
        position = script.searched.index(together[0])
        assert script.searched[position - 1 : position + 2] == [
            together[0] + 2,
            together[0],
            together[0] + 1,
        ]


@pytest.mark.parametrize("mode", MODES)
def test_somebody_of_another_size_is_seen_though_the_camera_has_slowed_down(mode):
    times = [*(i * 0.04 for i in range(10)), *(0.4 + 1.1 * i for i in range(1, 11))]
    frames = [Frame(i, time, scenery(i)) for i, time in enumerate(times)]

    def seen(index: int) -> list[Box]:
        return [at(100), at(400, 30)] if index >= 12 else [at(100)]

    tracked, _ = follow(seen, frames, mode)
    assert [len(frame.faces) for frame in tracked][-5:] == [2] * 5


@pytest.mark.parametrize("mode", MODES)
def test_a_look_around_in_a_thread_tells_the_same(mode):
    def seen(index: int) -> list[Box]:
        return [at(100), at(300, 30)] if index >= 30 else [at(100)]

    plain, _ = follow(seen, film(100), mode)
    with ThreadPoolExecutor(1) as pool:
        follower = FaceFollower(
            Script(seen),
            INTERVAL,
            mode=mode,
            aside=lambda search: pool.submit(search).result,
        )
        assert places(follower.follow(film(100))) == places(plain)
