"""Pictures that show more than a face."""

from __future__ import annotations

import re

import numpy as np

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import Frame
from fer_pipeline.faces import CropOptions, FaceDetector, crop
from tests.cli_import.results import PEOPLE
from tests.corpus_files import picture, write_folder
from tests.media import PARTICIPANTS, Picture, pictures_of

PLAIN = np.full((120, 160, 3), 99, np.uint8)


def test_faces_are_found_in_portraits_as_in_videos(fer, portraits, out):
    result = fer("import", "folder", portraits, "-o", out)
    assert result.exit_code == 0
    assert f"{out}: 18 faces of folder, 2 people" in result.stdout
    assert re.search(r"^all +18$", result.stdout, re.MULTILINE)
    detector = FaceDetector()
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "happiness", "sadness")
        assert dataset.participants == PEOPLE
        assert dataset.videos == ()
        assert verify(dataset) == []
        row = int(np.flatnonzero(dataset.column("label") == 1)[0])  # the first happy one
        rgb = pictures_of(PARTICIPANTS / "P00_happy.mp4", 1)[0]
        frame = Frame(0, 0.0, Picture(rgb))
        (face,) = detector.detect(frame.luma)
        assert np.array_equal(dataset.images([row])[0], crop(frame, face.box, CropOptions()))
        assert dataset.column("score")[row] == np.float32(face.score)
        assert not np.isnan(dataset.column("score")).any()
        made = dataset.provenance
        assert (made["corpus"], made["own"]) == ("folder", True)  # its people may be a study's own


def test_pictures_without_a_face_are_listed_until_they_are_taken_whole(fer, tmp_path, out):
    members = {
        "happy/plain.png": picture(PLAIN),
        "happy/P.jpg": picture(pictures_of(PARTICIPANTS / "P00_happy.mp4", 1)[0][..., ::-1]),
        "sad/cut.png": picture(PLAIN)[:60],
    }
    folder = write_folder(tmp_path / "faces", members)
    result = fer("import", "folder", folder, "-o", out, "-q")
    assert result.exit_code == 3
    lines = [re.split(r"\s{2,}", line) for line in result.stderr.splitlines()]
    assert lines[2:4] == [
        [f"{folder / 'happy/plain.png'}", "no face found"],
        [f"{folder / 'sad/cut.png'}", "no whole picture"],
    ]
    assert lines[-1][-1].endswith("taken as they are with --no-detect")
    whole = ("import", "folder", folder, "-o", out, "--no-detect", "--size", "64", "--overwrite")
    result = fer(*whole, "--channels", "gray", "--margin", "0.3")
    assert result.exit_code == 3
    assert "--no-detect" not in result.stderr
    with open_dataset(out) as dataset:
        assert len(dataset) == 2
        assert (dataset.images([1]) == 99).all()
        assert dataset.column("box").tolist() == [[0, 0, 320, 240], [0, 0, 160, 120]]
        crop = dataset.crop
        assert (crop.size, crop.margin, crop.channels) == (64, 0.3, "gray")


def test_the_number_of_threads_does_not_matter(fer, portraits, out):
    digests = set()
    for threads in (1, 4):
        fer("import", "folder", portraits, "-o", out, "--workers", threads, "--overwrite")
        with open_dataset(out) as dataset:
            digests.add(dataset.digest)
    assert len(digests) == 1
