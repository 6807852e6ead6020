"""Several people in one picture, each with labels of their own."""

from __future__ import annotations

import pytest

from fer_pipeline.errors import LabelError
from fer_pipeline.labels import LabelOptions, label_videos


def test_labels_of_two_faces_may_overlap_and_each_face_gets_its_own(tmp_path):
    rows = "clip.mp4,P1,happy,0,2,left\nclip.mp4,P2,sad,1,3,Right\nclip.mp4,P3,fear,3,4,\n"
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,start,end,face\n" + rows)
    labels = label_videos(["clip.mp4"], LabelOptions(labels=file)).videos["clip.mp4"]
    told = {
        (time, side): getattr(labels.of_face(time, 0, lambda _, s=side: s), "participant", None)
        for time in (0.5, 1.5, 2.5, 3.5)
        for side in ("left", "right")
    }
    assert told == {
        (0.5, "left"): "P1",
        (0.5, "right"): None,
        (1.5, "left"): "P1",
        (1.5, "right"): "P2",
        (2.5, "left"): None,
        (2.5, "right"): "P2",
        (3.5, "left"): "P3",
        (3.5, "right"): "P3",
    }
    assert labels.tells_faces_apart


def test_a_face_may_be_named_by_its_number(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,face\nc.mp4,P1,happy,0\nc.mp4,P2,sad,01\n")
    labels = label_videos(["c.mp4"], LabelOptions(labels=file)).videos["c.mp4"]
    people = [labels.of_face(0, number, lambda _: "left") for number in range(3)]
    assert [one and one.participant for one in people] == ["P1", "P2", None]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("c.mp4,P1,happy,left\nc.mp4,P1,sad,left\n", "line 3: the stretch of c.mp4 overlaps"),
        ("c.mp4,P1,happy,left\nc.mp4,P1,sad,\n", "line 3: the stretch of c.mp4 overlaps"),
        ("c.mp4,P1,happy,middle\n", "line 2: the face 'middle' is none"),
        ("c.mp4,P1,happy,left\nc.mp4,P2,sad,0\n", "line 3: c.mp4 has faces by number, and by side"),
    ],
)
def test_labels_of_faces_that_make_no_sense_are_refused(tmp_path, rows, problem):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,face\n" + rows)
    with pytest.raises(LabelError, match=problem):
        label_videos(["c.mp4"], LabelOptions(labels=file))


def test_outside_their_stretches_faces_keep_their_person_and_bystanders_are_left_out(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,start,end,face\nc.mp4,P1,happy,0,4,0\n")
    options = LabelOptions(labels=file, outside="neutral")
    labels = label_videos(["c.mp4"], options).videos["c.mp4"]
    told = [labels.of_face(time, number, lambda _: "left") for time in (1, 5) for number in (0, 1)]
    assert [one and (one.participant, one.emotion) for one in told] == [
        ("P1", "happiness"),
        None,
        ("P1", "neutral"),
        None,
    ]
