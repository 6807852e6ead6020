"""Which frames are searched, for faces of which size, and that nobody is the worse for it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Detection, Face, Frame, LostFrame, Pixels, UInt8Array
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import DetectionMode, FaceFollower
from fer_pipeline.tracking import Row, TrackedFrame
from fer_pipeline.video import open_video
from tests.media import PARTICIPANTS, TURNING_HEAD, TWO_PEOPLE, noise, pictures_of

INTERVAL = 0.04
MODES: tuple[DetectionMode, ...] = ("sparse", "dense", "every-frame")

Seen = Callable[[int], Sequence[Box]]


# Scenes in which it is known who is where


@dataclass(frozen=True, eq=False)
class Picture(Pixels):
    """Pixels that are there already."""

    gray: UInt8Array

    def luma(self) -> UInt8Array:
        return self.gray

    def rgb(self) -> UInt8Array:
        return np.repeat(self.gray[..., None], 3, axis=2)


def scenery(index: int, shot: int = 0) -> Picture:
    """Draw a picture that tells its number, in a shot that looks like no other."""
    picture = np.random.default_rng(shot).integers(0, 256, (16, 16), dtype=np.uint8)
    picture[0, :2] = divmod(index, 256)
    return Picture(picture)


class Script:
    """Finds the faces that a script puts into the frames; like a detector, only of some sizes.

    Args:
        seen: The boxes in a frame, by its number.
    """

    def __init__(self, seen: Seen) -> None:
        self.searched: list[int] = []
        self.any_size: list[int] = []
        self._seen = seen

    def coarse(self) -> Script:
        return Script(self._seen)

    def detect(self, luma: UInt8Array, like: Sequence[Box] = ()) -> tuple[Detection, ...]:
        index = int(luma[0, 0]) * 256 + int(luma[0, 1])
        self.searched.append(index)
        if not like:
            self.any_size.append(index)
        sides = [box.width for box in like] or [1, 10_000]
        return tuple(
            Detection(box, 5.0)
            for box in self._seen(index)
            if min(sides) / 1.5 <= box.width <= max(sides) * 1.5
        )


def film(
    count: int,
    interval: float = INTERVAL,
    cuts: Sequence[int] = (),
    lost: Sequence[int] = (),
) -> Iterator[Row]:
    for index in range(count):
        if index in lost:
            yield LostFrame(index, index * interval)
        else:
            shot = sum(cut <= index for cut in cuts)
            yield Frame(index, index * interval, scenery(index, shot))


def follow(
    seen: Seen, frames: Iterable[Row], mode: DetectionMode = "sparse", interval: float = INTERVAL
) -> tuple[list[TrackedFrame], Script]:
    script = Script(seen)
    return list(FaceFollower(script, interval, mode=mode).follow(frames)), script


def numbers(tracked: Iterable[TrackedFrame]) -> list[tuple[int, ...]]:
    return [tuple(face.track for face in frame.faces) for frame in tracked]


def places(tracked: Iterable[TrackedFrame]) -> list[list[tuple[int, Box]]]:
    return [[(face.track, face.box) for face in frame.faces] for frame in tracked]


def carried(tracked: Iterable[TrackedFrame]) -> float:
    """Return the share of faces that were not looked for."""
    faces = [face for frame in tracked for face in frame.faces]
    return sum(face.score is None for face in faces) / len(faces)


def at(x: int, side: int = 100) -> Box:
    return Box(x, 50, side, side)


def always(_: int) -> list[Box]:
    return [at(100)]


def nobody(_: int) -> list[Box]:
    return []


# Which frames are searched


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


# Who comes and goes


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


# Cuts and lost frames


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


# Real pictures


class Counted(FaceDetector):
    """A detector that notes for what it looked."""

    def __init__(self) -> None:
        super().__init__()
        self.likes: list[tuple[Box, ...]] = []

    def detect(self, luma: UInt8Array, like: Sequence[Box] = ()) -> tuple[Detection, ...]:
        self.likes.append(tuple(like))
        return super().detect(luma, like)

    def coarse(self) -> FaceDetector:
        return FaceDetector().coarse()  # what it looks for is not counted


def look(
    frames: Iterable[Row], mode: DetectionMode, interval: float = INTERVAL
) -> tuple[list[TrackedFrame], list[tuple[Box, ...]]]:
    detector = Counted()
    follower = FaceFollower(detector, interval, mode=mode)
    return list(follower.follow(frames)), detector.likes


def shown(pictures: Iterable[UInt8Array]) -> list[Row]:
    return [Frame(i, i * INTERVAL, Picture(gray)) for i, gray in enumerate(pictures)]


def grays(path, count: int) -> list[UInt8Array]:
    """Return pictures of a clip, which goes to and fro if it is too short."""
    there = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in pictures_of(path, count)]
    return list(itertools.islice(itertools.cycle(there + there[-2:0:-1]), count))


@pytest.mark.parametrize(
    "clip",
    [
        *(PARTICIPANTS / f"{name}.mp4" for name in ("P00_happy", "P34_scared", "P213_angry")),
        TWO_PEOPLE,
    ],
    ids=lambda path: path.stem,
)
def test_faces_of_sample_clips_are_found_as_if_everything_was_searched(clip):
    with open_video(clip) as video:
        rows = list(itertools.islice(video.frames(), 100))
    every, likes = look(rows, "every-frame")
    assert likes == [()] * len(rows)
    for mode in ("sparse", "dense"):
        tracked, likes = look(rows, mode)
        assert [one.frame for one in tracked] == rows
        assert sum(not like for like in likes) <= 4
        assert hit_rate(tracked) == pytest.approx(hit_rate(every), abs=0.01)
        assert np.mean([*overlaps(tracked, every)]) >= 0.9
        if mode == "sparse":
            assert 0.5 < carried(tracked) < 0.7
            assert len(likes) < 0.45 * len(rows)
        else:
            assert len(likes) == len(rows)
            assert carried(tracked) <= 0.05


def hit_rate(tracked: Sequence[TrackedFrame]) -> float:
    return sum(bool(frame.faces) for frame in tracked) / len(tracked)


def overlaps(some: Iterable[TrackedFrame], others: Iterable[TrackedFrame]) -> Iterator[float]:
    for one, other in zip(some, others, strict=True):
        expected: dict[int, Face] = {face.track: face for face in other.faces}
        for face in one.faces:
            if face.track in expected:
                yield face.box.overlap(expected[face.track].box)


def test_a_head_turned_away_is_lost_and_found_at_about_the_same_frames():
    with open_video(TURNING_HEAD) as video:
        rows = list(video.frames())
    every, _ = look(rows, "every-frame")
    tracked, _ = look(rows, "sparse")
    differ = sum(
        bool(one.faces) != bool(other.faces) for one, other in zip(tracked, every, strict=True)
    )
    assert differ <= 0.05 * len(rows)


@pytest.mark.parametrize("mode", ["sparse", "dense"])
@pytest.mark.parametrize("comes", [0, 25])
def test_a_much_smaller_face_in_the_same_picture_is_found(mode, comes):
    near, far = (
        grays(PARTICIPANTS / "P00_neutral.mp4", 85),
        grays(PARTICIPANTS / "P07_happy.mp4", 85),
    )
    pictures = []
    for index, (left, right) in enumerate(zip(near, far, strict=True)):
        picture = np.full((240, 480), 128, np.uint8)
        picture[:, :320] = left
        if index >= comes:
            picture[80:160, 350:457] = cv2.resize(right, (107, 80), interpolation=cv2.INTER_AREA)
        pictures.append(picture)
    tracked, likes = look(shown(pictures), mode)
    both = [
        frame.frame.index
        for frame in tracked
        if len(frame.faces) == 2 and max(face.box.x for face in frame.faces) > 340
    ]
    assert comes <= both[0] <= (comes + 41 if comes else 0)
    assert len(both) >= 0.9 * (85 - both[0])
    small = min(frame.faces[1].box.width for frame in tracked if len(frame.faces) == 2)
    large = max(frame.faces[0].box.width for frame in tracked)
    assert large > 2 * small
    assert likes[0] == ()


def test_in_noise_nobody_is_found():
    pictures = [one[..., 0] for one in noise(1, (320, 240))] * 30
    tracked, likes = look(shown(pictures), "sparse")
    assert numbers(tracked) == [()] * 30
    assert likes == [()] * 11
