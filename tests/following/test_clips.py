"""Faces in real pictures are followed as if everything was searched."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
import pytest

from fer_pipeline.domain import Box, Detection, Face, Frame, UInt8Array
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import DetectionMode, FaceFollower
from fer_pipeline.tracking import Row, TrackedFrame
from fer_pipeline.video import open_video
from tests.following.scenes import INTERVAL, Picture, carried, numbers
from tests.media import PARTICIPANTS, TURNING_HEAD, TWO_PEOPLE, noise, pictures_of


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
