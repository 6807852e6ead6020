"""Faces joined to people: numbers that stay, gaps that are bridged, false positives that go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Detection, Face, Frame, LostFrame, Pixels
from fer_pipeline.face_search import SearchOptions, largest, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.tracking import FaceTracker, TrackedFrame, TrackingOptions
from fer_pipeline.video import open_video
from tests.media import PARTICIPANTS, TURNING_HEAD, TWO_PEOPLE, noise, write_video

INTERVAL = 0.04
LOST = "lost"

Seen = Sequence[Box] | str


class Unseen(Pixels):
    """Pixels that nobody looks at."""

    def luma(self):
        raise AssertionError

    rgb = luma


def at(x: int, y: int = 50, side: int = 100) -> Box:
    return Box(x, y, side, side)


def rows(
    seen: Iterable[Seen], interval: float = INTERVAL
) -> Iterator[tuple[Frame | LostFrame, tuple[Detection, ...]]]:
    """Frames with what was seen in each: boxes, or ``LOST``."""
    for index, boxes in enumerate(seen):
        if boxes == LOST:
            yield LostFrame(index, index * interval), ()
        else:
            detections = tuple(Detection(box, 5.0) for box in boxes)
            yield Frame(index, index * interval, Unseen()), detections


def track_faces(
    frames: Iterable[tuple[Frame | LostFrame, tuple[Detection, ...]]],
    interval: float,
    options: TrackingOptions = TrackingOptions(),
    begins_shot: Callable[[Frame], bool] = lambda _: False,
) -> Iterator[TrackedFrame]:
    tracker = FaceTracker(interval, options)
    for frame, detections in frames:
        if isinstance(frame, Frame) and begins_shot(frame):
            tracker.cut()
        tracker.add(frame, detections)
        yield from tracker.certain()
    tracker.finish()
    yield from tracker.certain()


def track(seen: Iterable[Seen], interval: float = INTERVAL, **options: float) -> list[TrackedFrame]:
    return list(track_faces(rows(seen, interval), interval, TrackingOptions(**options)))


def numbers(tracked: Iterable[TrackedFrame]) -> list[tuple[int, ...]]:
    return [tuple(face.track for face in frame.faces) for frame in tracked]


# One person


def test_a_face_keeps_its_number():
    tracked = track([[at(100 + 3 * index)] for index in range(50)])
    assert numbers(tracked) == [(0,)] * 50
    assert [frame.faces[0].box.x for frame in tracked] == [100 + 3 * i for i in range(50)]
    assert all(frame.faces[0].score == 5.0 for frame in tracked)


@pytest.mark.parametrize("missed", [1, 5, 11])
def test_a_short_gap_is_bridged_by_interpolation_without_a_score(missed):
    gap = [[]] * missed
    end = 100 + 5 * (missed + 1)
    tracked = track([[at(100)]] * 10 + gap + [[Box(end, 50, 100, 100)]] * 10)
    assert numbers(tracked) == [(0,)] * (20 + missed)
    for step, frame in enumerate(tracked[10 : 10 + missed], 1):
        assert frame.faces == (Face(at(100 + 5 * step), None, 0),)
    assert all(frame.faces[0].score == 5.0 for frame in tracked[:10] + tracked[10 + missed :])


def test_a_longer_loss_gives_frames_without_a_face_and_a_return_the_same_number():
    tracked = track([[at(100)]] * 10 + [[]] * 14 + [[at(110)]] * 10)
    assert numbers(tracked) == [(0,)] * 10 + [()] * 14 + [(0,)] * 10


def test_the_longest_gap_is_an_option():
    seen = [[at(100)]] * 10 + [[]] * 14 + [[at(100)]] * 10
    assert numbers(track(seen, longest_gap=0.6)) == [(0,)] * 34
    assert numbers(track(seen, longest_gap=0.1))[10:24] == [()] * 14


def test_whoever_comes_at_another_place_gets_another_number():
    tracked = track([[at(0)]] * 10 + [[]] * 20 + [[at(400)]] * 10)
    assert numbers(tracked) == [(0,)] * 10 + [()] * 20 + [(1,)] * 10


def test_fast_motion_keeps_the_number():
    # Half the width of the face from one frame to the next: the boxes overlap by a third or less.
    tracked = track([[at(100)]] * 5 + [[at(100 + 80 * step)] for step in range(8)])
    assert numbers(tracked) == [(0,)] * 13


def test_growing_while_coming_closer_keeps_the_number():
    tracked = track([[Box(200 - 2 * i, 100 - 2 * i, 60 + 4 * i, 60 + 4 * i)] for i in range(30)])
    assert numbers(tracked) == [(0,)] * 30


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_one_or_two_frames_keeps_its_face(frames):
    assert numbers(track([[at(100)]] * frames)) == [(0,)] * frames


def test_a_face_counts_from_its_first_frame_on():
    assert numbers(track([[]] * 3 + [[at(100)]] * 5)) == [()] * 3 + [(0,)] * 5


def test_a_clip_without_a_face_has_only_frames():
    assert numbers(track([[]] * 20)) == [()] * 20
    assert track([]) == []


# Several people


@pytest.mark.parametrize("apart", [80, 160, 300])
def test_two_people_keep_their_numbers_in_whatever_order_they_are_found(apart):
    seen = [[at(100), at(100 + apart)][:: -1 if i % 3 else 1] for i in range(30)]
    for frame in track(seen):
        assert [(face.track, face.box.x) for face in frame.faces] == [(0, 100), (1, 100 + apart)]


@pytest.mark.parametrize("apart", [80, 160, 300])
def test_two_people_lost_in_turn_keep_their_numbers(apart):
    left, right = at(100), at(100 + apart)
    both = [[left, right]] * 10
    seen = both + [[right]] * 8 + both + [[left]] * 8 + both + [[]] * 20 + [[right, left]] * 10
    places = {(face.track, face.box.x) for frame in track(seen) for face in frame.faces}
    assert places == {(0, 100), (1, 100 + apart)}


@pytest.mark.parametrize("apart", [80, 160, 300])
def test_two_people_seen_once_a_second_keep_their_numbers(apart):
    seen = [[at(100 + i % 2), at(100 + apart - i % 3)] for i in range(10)]
    for frame in track(seen, interval=1.0):
        assert [face.track for face in frame.faces] == [0, 1]
        assert frame.faces[0].box.x < frame.faces[1].box.x


def test_two_people_who_both_move_fast_keep_their_numbers():
    still = [[at(100), at(320)]] * 5
    seen = still + [[at(320 + 95 * step), at(100 + 95 * step)] for step in range(1, 6)]
    for frame in track(seen):
        assert [face.track for face in frame.faces] == [0, 1]
        assert frame.faces[0].box.x + 220 == frame.faces[1].box.x


@pytest.mark.parametrize("behind", [0, 1])
def test_two_people_who_cross_keep_their_numbers(behind):
    # They walk through each other's place; while they overlap, only the one in front is found.
    walks = [(at(100 + 12 * i), at(500 - 12 * i)) for i in range(36)]
    seen = [[a, b] if abs(a.x - b.x) > 70 else [(a, b)[1 - behind]] for a, b in walks]
    for frame, (a, b) in zip(track(seen), walks, strict=True):
        for face in frame.faces:
            assert abs(face.box.x - (a, b)[face.track].x) <= 3


def test_a_cut_starts_new_tracks_at_the_same_place():
    shots = track_faces(
        rows([[at(100)]] * 20), INTERVAL, TrackingOptions(), lambda frame: frame.index == 10
    )
    assert numbers(shots) == [(0,)] * 10 + [(1,)] * 10


def test_faces_come_in_the_order_of_their_numbers():
    tracked = track([[at(400)]] * 5 + [[at(100), at(400)]] * 5)
    assert [face.box.x for face in tracked[-1].faces] == [400, 100]
    assert numbers(tracked)[-1] == (0, 1)


# False positives


@pytest.mark.parametrize("frames", [1, 2])
def test_isolated_false_positives_vanish(frames):
    false = at(400)
    seen = [[at(100)]] * 10 + [[at(100), false]] * frames + [[at(100)]] * 10
    assert numbers(track(seen)) == [(0,)] * (20 + frames)
    seen = [[]] * 10 + [[false]] * frames + [[]] * 10
    assert numbers(track(seen)) == [()] * (20 + frames)


def test_false_positives_far_between_do_not_add_up():
    seen = [[at(400)] if index % 8 == 0 else [] for index in range(60)]
    assert numbers(track(seen)) == [()] * 60


def test_the_evidence_asked_for_is_an_option():
    seen = [[]] * 5 + [[at(100)]] * 2 + [[]] * 5
    assert numbers(track(seen, detections=2)) == [()] * 5 + [(0,)] * 2 + [()] * 5


def test_sparse_sampling_keeps_every_detection_and_the_number():
    seen = [[at(100)], [at(110)], [], [at(105)], [at(100)]]
    tracked = track(seen, interval=1.0)
    assert numbers(tracked) == [(0,), (0,), (), (0,), (0,)]
    assert all(face.score == 5.0 for frame in tracked for face in frame.faces)


# Lost frames


def test_lost_frames_get_no_faces():
    tracked = track([[at(100)]] * 5 + [LOST] * 4 + [[at(110)]] * 5)
    assert numbers(tracked) == [(0,)] * 5 + [()] * 4 + [(0,)] * 5
    assert all(isinstance(frame.frame, LostFrame) for frame in tracked[5:9])


def test_a_clip_of_one_frame_among_lost_ones_keeps_its_face():
    assert numbers(track([LOST, LOST, [at(100)], LOST])) == [(), (), (0,), ()]


# Whatever comes

boxes = st.builds(
    Box, st.integers(0, 300), st.integers(0, 200), st.integers(40, 120), st.integers(40, 120)
)
steps = st.sampled_from([0.01, 0.033, 0.04, 0.1, 0.3, 1.0])
scenes = st.lists(
    st.tuples(steps, st.just(LOST) | st.lists(boxes, max_size=3, unique=True)), max_size=60
)


@given(scene=scenes, interval=st.sampled_from([0.04, 1.0]))
def test_every_frame_comes_out_once_in_order_and_soon(scene, interval):
    fed: list[Frame | LostFrame] = []
    found: dict[int, tuple[Detection, ...]] = {}

    def feed():
        times = itertools.accumulate((step for step, _ in scene), initial=0.0)
        for (frame, detections), time in zip(rows(seen for _, seen in scene), times, strict=False):
            fed.append(type(frame)(frame.index, time, *([Unseen()] * isinstance(frame, Frame))))
            found[frame.index] = detections
            yield fed[-1], detections

    out = []
    for tracked in track_faces(feed(), interval, TrackingOptions()):
        out.append(tracked)
        if 2 < len(fed) < len(scene):
            # Two tentative and one last tentative gap, or the longest bridged one. However far
            # away the next frame is, it is waited for.
            assert fed[-3].time - tracked.frame.time <= 0.6 + 1e-6
    assert [tracked.frame for tracked in out] == fed
    for tracked in out:
        tracks = [face.track for face in tracked.faces]
        assert tracks == sorted(set(tracks))
        for face in tracked.faces:
            assert isinstance(tracked.frame, Frame)
            carried = face.score is None
            assert carried or Detection(face.box, face.score) in found[tracked.frame.index]
    seen = {number for tracked in numbers(out) for number in tracked}
    assert seen == set(range(len(seen)))


def test_nothing_is_held_while_every_face_is_in_sight():
    fed = 0

    def feed():
        nonlocal fed
        for row in rows([[at(100), at(300)]] * 30):
            fed += 1
            yield row

    for tracked in track_faces(feed(), INTERVAL):
        assert fed == max(3, tracked.frame.index + 1)


# Real clips


def search(path, **options: object) -> list[TrackedFrame]:
    with open_video(path) as video:
        wanted = SearchOptions(**options)
        detector = FaceDetector(profile=wanted.profile)
        return list(search_faces(video, detector, wanted, lambda _: None))


def test_two_people_in_a_clip_keep_their_sides():
    tracked = search(TWO_PEOPLE)
    sides = [{face.track: face.box.center[0] < 320 for face in frame.faces} for frame in tracked]
    assert {number for side in sides for number in side} == {0, 1}
    right = sum(side in ({0: True, 1: False}, {0: False, 1: True}) for side in sides)
    assert right >= 0.98 * len(tracked) == 0.98 * 240
    for number in (0, 1):
        assert len({side[number] for side in sides if number in side}) == 1


@pytest.mark.parametrize("participant", ["P00", "P202", "P213"])
def test_nearly_every_frame_of_a_sample_clip_has_a_face(participant):
    clips = sorted(PARTICIPANTS.glob(f"{participant}_*.mp4"))
    assert len(clips) == 7
    for clip in clips:
        tracked = search(clip)
        assert sum(bool(frame.faces) for frame in tracked) >= 0.99 * len(tracked)
        assert {number for frame in numbers(tracked) for number in frame} == {0}


def test_a_head_turned_away_is_lost_and_comes_back_as_the_same_person():
    turned = [bool(frame.faces) for frame in search(TURNING_HEAD)]
    assert not any(turned[40:55])
    assert all(turned[:15] + turned[-15:])
    assert {number for frame in numbers(search(TURNING_HEAD)) for number in frame} == {0}


def test_the_profile_cascade_bridges_a_head_turned_away():
    tracked = search(TURNING_HEAD, profile=True)
    assert numbers(tracked) == [(0,)] * 90
    assert tracked[45].faces[0].score is not None


def test_a_face_turned_aside_starts_no_track():
    aside = [Detection(at(100), 5.0, frontal=False)]
    seen = [(Frame(i, i * INTERVAL, Unseen()), tuple(aside)) for i in range(20)]
    assert numbers(track_faces(seen, INTERVAL)) == [()] * 20


def test_a_search_looks_at_the_frames_asked_for_and_counts_all(tmp_path):
    path = write_video(tmp_path / "noise.mp4", noise(10))
    counted = []
    with open_video(path) as video:
        options = SearchOptions(sampling=SamplingOptions(every=2))
        found = search_faces(
            video, FaceDetector(), options, counted.append, lambda index, time: index != 4
        )
        assert [tracked.frame.index for tracked in found] == [0, 2, 6, 8]
    assert sum(counted) == 10


def test_the_largest_face_is_the_one_with_the_largest_box():
    small, large, equal = Face(at(0), 9.0, 0), Face(at(0, side=120), 1.0, 1), Face(at(9), 1.0, 2)
    assert largest((small, large, equal)) == (large,)
    assert largest((equal, small)) == (small,)
    assert largest(()) == ()


def test_a_search_may_keep_only_the_largest_face():
    every = search(TWO_PEOPLE, sampling=SamplingOptions(every=24))
    one = search(TWO_PEOPLE, sampling=SamplingOptions(every=24), faces="largest")
    for all_faces, kept in zip(every, one, strict=True):
        assert len(all_faces.faces) == 2
        assert np.argmax([face.box.area for face in all_faces.faces]) == kept.faces[0].track


def test_a_camera_that_slows_down_loses_no_face():
    times = [i / 30 for i in range(30)] + [1 + 0.25 * i for i in range(40)]
    seen = [
        (Frame(i, time, Unseen()), () if time < 1 else (Detection(at(100), 5.0),))
        for i, time in enumerate(times)
    ]
    assert numbers(track_faces(seen, 1 / 30)) == [()] * 30 + [(0,)] * 40


@pytest.mark.parametrize("step", [0.15, 0.25, 0.6])
def test_a_camera_that_slows_down_keeps_the_face_it_saw(step):
    times = [i / 30 for i in range(10)] + [10 / 30 + step * i for i in range(20)]
    seen = [(Frame(i, time, Unseen()), (Detection(at(100), 5.0),)) for i, time in enumerate(times)]
    assert numbers(track_faces(seen, 1 / 30)) == [(0,)] * 30


def test_two_faces_that_were_in_sight_together_never_share_a_number():
    """The second one is new and close to the first when the camera stops for a second."""
    first, second = at(100), at(110)
    times = [0.0, 0.01, 0.02, 1.02]
    seen = [
        (Frame(i, time, Unseen()), tuple(Detection(box, 5.0) for box in boxes))
        for i, (time, boxes) in enumerate(
            zip(times, [[first], [first, second], [first, second], [first, second]], strict=True)
        )
    ]
    assert numbers(track_faces(seen, 0.02)) == [(0,), (0, 1), (0, 1), (0, 1)]
