"""Hard cuts are found, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from fer_pipeline.cuts import CutFinder
from fer_pipeline.domain import Frame
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.video import open_video
from tests.media import PARTICIPANTS, SESSION, TWO_PEOPLE, pictures_of, write_video


class Luma:
    def __init__(self, luma):
        self.luma = lambda: luma


def cuts(lumas) -> list[int]:
    finder = CutFinder()
    frames = [Frame(i, i / 25, Luma(np.asarray(luma, np.uint8))) for i, luma in enumerate(lumas)]
    return [frame.index for frame in frames if finder.begins_shot(frame)]


def scene(seed: int) -> np.ndarray:
    """A picture with broad light and dark areas."""
    coarse = np.random.default_rng(seed).integers(20, 200, (6, 8))
    return np.kron(coarse, np.ones((40, 40), int))


def test_another_scene_is_a_cut():
    assert cuts([scene(0)] * 5 + [scene(1)] * 5 + [scene(0)] * 5) == [5, 10]


@pytest.mark.parametrize("change", [lambda s: s // 2, lambda s: s + 50])
def test_another_light_is_no_cut(change):
    assert cuts([scene(0), change(scene(0)), scene(0)]) == []


def test_motion_is_no_cut():
    assert cuts([np.roll(scene(0), shift, axis=1) for shift in range(0, 160, 8)]) == []


def test_black_frames_between_equal_scenes_are_no_cut():
    black = np.zeros((240, 320))
    assert cuts([scene(0), black, black, scene(0)]) == []
    assert cuts([scene(0), black, black, scene(1)]) == [3]


def test_another_size_is_a_cut():
    assert cuts([scene(0), scene(0)[:, :200]]) == [1]


@pytest.mark.parametrize("clip", [SESSION, TWO_PEOPLE], ids=lambda path: path.stem)
def test_sample_sessions_are_one_shot(clip):
    finder = CutFinder()
    with open_video(clip) as video:
        assert not any(finder.begins_shot(frame) for frame in video.frames())


def test_people_before_and_after_a_cut_have_different_numbers(tmp_path):
    first = pictures_of(PARTICIPANTS / "P00_happy.mp4", 12)
    second = [picture[:, ::-1] for picture in pictures_of(PARTICIPANTS / "P208_sad.mp4", 12)]
    clip = write_video(tmp_path / "cut.mp4", [*first, *map(np.ascontiguousarray, second)])
    with open_video(clip) as video:
        found = search_faces(video, FaceDetector(), SearchOptions(), lambda _: None)
        seen = [{face.track for face in tracked.faces} for tracked in found]
    assert seen == [{0}] * 12 + [{1}] * 12
