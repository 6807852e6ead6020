"""Whose faces `fer extract` keeps."""

from __future__ import annotations

import shutil

import numpy as np

from fer_pipeline.dataset import open_dataset
from tests.media import (
    PARTICIPANTS,
    TWO_PEOPLE,
    pictures_of,
    write_video,
)


def test_two_people_of_one_clip_become_two_participants(fer, tmp_path):
    labels = tmp_path / "labels.csv"
    rows = "two_people.mp4,left one,happy,left\ntwo_people.mp4,right one,sad,right\n"
    labels.write_text("video,participant,emotion,face\n" + rows)
    arguments = ["extract", TWO_PEOPLE, "--labels", labels, "--every", 20, "-o", tmp_path / "f.h5"]
    refused = fer(*arguments)
    assert refused.exit_code == 1
    assert "--faces all" in refused.output
    assert fer(*arguments, "--faces", "all").exit_code == 0
    with open_dataset(tmp_path / "f.h5") as dataset:
        people = np.array(dataset.participants)[dataset.column("participant")]
        left = dataset.column("box")[:, 0] + dataset.column("box")[:, 2] / 2 < 320
        assert len(dataset) == 24
        assert np.array_equal(people == "left one", left)
        assert np.array_equal(dataset.column("label") == 0, left)


def test_who_moves_across_the_middle_stays_who_they_are(fer, tmp_path, out):
    # The picture slides to the left, so that the right one of two people crosses its middle.
    wide = pictures_of(TWO_PEOPLE, 60)
    slides = [np.ascontiguousarray(np.roll(p, -5 * i, axis=1)) for i, p in enumerate(wide)]
    write_video(tmp_path / "slide.mp4", slides)
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "video,participant,emotion,face\nslide.mp4,A,happy,left\nslide.mp4,B,sad,right\n"
    )
    fer("extract", tmp_path / "slide.mp4", "--labels", labels, "--faces", "all", "-o", out)
    with open_dataset(out) as dataset:
        people = np.array(dataset.participants)[dataset.column("participant")]
        for track in np.unique(dataset.column("track")):
            assert len(set(people[dataset.column("track") == track])) == 1
        right = dataset.column("track")[people == "B"]
        assert len(right) >= 50


def test_short_stretches_keep_their_faces(fer, tmp_path, out):
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", tmp_path / "clip.mp4")
    labels = tmp_path / "labels.csv"
    rows = "clip.mp4,P00,happy,0.4,0.48\nclip.mp4,P00,happy,1.2,1.28\n"
    labels.write_text("video,participant,emotion,start,end\n" + rows)
    assert fer("extract", tmp_path / "clip.mp4", "--labels", labels, "-o", out).exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.column("frame").tolist() == [10, 11, 30, 31]


def test_numbers_in_labels_are_those_of_annotation(fer, tmp_path, out):
    # Nobody for a second, then two people; a third of the labels begins later still.
    shutil.copy2(TWO_PEOPLE, tmp_path / "two.mp4")
    labels = tmp_path / "labels.csv"
    labels.write_text("video,participant,emotion,start,end,face\ntwo.mp4,B,sad,4,4.4,1\n")
    fer("extract", tmp_path / "two.mp4", "--labels", labels, "--faces", "all", "-o", out)
    with open_dataset(out) as dataset:
        assert set(dataset.column("track").tolist()) == {1}
        assert (dataset.column("box")[:, 0] > 300).all()
