"""What holds whatever comes, and how few frames are held."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Frame, LostFrame
from fer_pipeline.following import FaceFollower
from fer_pipeline.tracking import Row
from tests.following.scenes import (
    INTERVAL,
    MODES,
    Script,
    always,
    at,
    film,
    follow,
    nobody,
    numbers,
    scenery,
)

# Whatever comes

stretches = st.lists(st.tuples(st.integers(3, 20), st.integers(1, 25)), max_size=6)


@given(absent=st.integers(0, 8), stretches=stretches, static=st.booleans())
def test_one_person_who_comes_and_goes_is_seen_as_if_all_frames_were_searched(
    absent, stretches, static
):
    shown = [False] * absent
    for present, gone in stretches:
        shown += [True] * present + [False] * gone

    def seen(index: int) -> list[Box]:
        return [at(100 if static else 100 + index)] * shown[index]

    sparse, _ = follow(seen, film(len(shown)))
    dense, _ = follow(seen, film(len(shown)), "dense")
    every, _ = follow(seen, film(len(shown)), "every-frame")
    assert numbers(sparse) == numbers(dense) == numbers(every)
    for one, other in zip(sparse, dense, strict=True):
        for face, same in zip(one.faces, other.faces, strict=True):
            assert abs(face.box.x - same.box.x) <= 1


boxes = st.builds(
    Box, st.integers(0, 300), st.integers(0, 200), st.integers(30, 150), st.integers(30, 150)
)
moments = st.tuples(
    st.sampled_from([0.01, 0.033, 0.04, 0.04, 0.04, 0.1, 0.3, 1.0, 2.5]),
    st.sampled_from(["goes on"] * 8 + ["lost", "cut"]),
    st.none() | st.lists(boxes, max_size=3, unique=True),
)


@settings(max_examples=60)
@given(scene=st.lists(moments, max_size=60), interval=st.sampled_from([0.02, 0.04, 0.1, 1.0]))
@pytest.mark.parametrize("mode", MODES)
def test_every_frame_comes_out_once_and_in_order(mode, scene, interval):
    frames: list[Row] = []
    found: list[list[Box]] = []
    shots: list[int] = []
    time, shot = 0.0, 0
    for index, (step, event, seen) in enumerate(scene):
        shot += event == "cut"
        frames.append(
            LostFrame(index, time) if event == "lost" else Frame(index, time, scenery(index, shot))
        )
        found.append(seen if seen is not None else found[-1] if found else [])
        shots.append(shot)
        time += step
    tracked, script = follow(lambda index: found[index], frames, mode, interval)
    assert [one.frame for one in tracked] == frames
    assert len(script.searched) == len({*script.searched})
    if mode != "sparse":
        assert script.searched == [row.index for row in frames if isinstance(row, Frame)]
    sightings: dict[int, list[int]] = {}
    for one in tracked:
        index = one.frame.index
        assert isinstance(one.frame, Frame) or not one.faces
        assert [face.track for face in one.faces] == sorted({face.track for face in one.faces})
        for face in one.faces:
            if face.score is not None:
                assert face.box in found[index]
                assert index in script.searched
                sightings.setdefault(face.track, []).append(index)
    for one in tracked:  # what is carried lies between two sightings in the same shot
        index = one.frame.index
        for face in one.faces:
            if face.score is None:
                before = [i for i in sightings[face.track] if i < index]
                after = [i for i in sightings[face.track] if i > index]
                assert shots[before[-1]] == shots[index] == shots[after[0]]


# Memory


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seen", [always, nobody])
def test_few_frames_are_held_while_nothing_changes(mode, seen):
    alive: weakref.WeakSet[Frame] = weakref.WeakSet()
    fed = 0

    def feed() -> Iterator[Row]:
        nonlocal fed
        for row in film(400):
            alive.add(row)
            fed += 1
            yield row
            del row

    most = 0
    for tracked in FaceFollower(Script(seen), INTERVAL, mode=mode).follow(feed()):
        assert fed <= max(4, tracked.frame.index + 3)
        most = max(most, len(alive))
    assert most <= 6
