"""``fer import`` as it is typed: the dataset it leaves, what it says, and how it ends."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.corpora import CORPORA
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import Frame, Pixels
from fer_pipeline.faces import CropOptions, FaceDetector, crop
from fer_pipeline.files import locked
from fer_pipeline.splits import divide
from tests.conftest import write_faces
from tests.corpus_files import any_picture
from tests.media import PARTICIPANTS, pictures_of
from tests.test_corpora import (
    CODES,
    FACE,
    HEADER,
    USAGES,
    picture,
    pictures,
    row,
    some_faces,
    write_folder,
    write_table,
)

FACES = 42
"""All classes with all usages, twice."""


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "faces.h5"


@pytest.fixture
def source(tmp_path) -> Path:
    return write_table(tmp_path / "fer2013.csv", some_faces(FACES))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(path: Path) -> tuple[int, bytes]:
    return path.stat().st_mtime_ns, path.read_bytes()


def error_line(result) -> str:
    """Return the one line that tells why nothing was done."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("fer: ")
    return line


# What it leaves


def test_the_dataset_holds_every_face_as_the_corpus_has_it(fer, source, out):
    assert fer("import", "fer2013", source, "-o", out).exit_code == 0
    faces = some_faces(FACES)
    with h5py.File(out) as file:
        emotions = list(file.attrs["emotions"])
        assert emotions == [
            "neutral",
            "happiness",
            "sadness",
            "surprise",
            "fear",
            "disgust",
            "anger",
        ]
        assert np.array_equal(file["images"][..., 0], [image for image, _, _ in faces])
        assert [emotions[i] for i in file["label"]] == [CODES[code] for _, code, _ in faces]
        assert file["split"][:].tolist() == [USAGES[usage] for _, _, usage in faces]
        for column in ("participant", "video", "frame"):
            assert set(file[column][:]) == {-1}
        assert np.isnan(file["time"][:]).all()
        assert np.isnan(file["score"][:]).all()
        assert (file["box"][:] == [0, 0, 48, 48]).all()
        assert set(file["track"][:]) == {0}
        assert file["videos"].shape == file["participants"].shape == (0,)
    assert names_in(out.parent) == ["faces.h5"]


def test_the_dataset_tells_how_to_crop_and_where_it_comes_from(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    with open_dataset(out) as dataset:
        assert (dataset.crop.size, dataset.crop.channels) == (48, "gray")
        assert dataset.crop.margin == CORPORA["fer2013"].crop([source]).margin
        assert dataset.crop.cascade_digest == FaceDetector().digest
        made = dataset.provenance
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert made["corpus"] == "fer2013"
    assert "own" not in made
    assert made["sources"] == {"fer2013.csv": {"size": source.stat().st_size, "digest": digest}}
    assert {"command", "time", "versions"} <= made.keys()


def test_it_is_sound_and_divides_as_the_corpus_says(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    with open_dataset(out) as dataset:
        assert verify(dataset) == []
        (split,) = divide(dataset, None, 0)
        sides = dataset.column("split")
        assert split.kind == "corpus"
        for value, rows in enumerate((split.training, split.validation, split.test)):
            assert rows.tolist() == np.flatnonzero(sides == value).tolist()
    assert fer("data", "verify", out).exit_code == 0
    assert fer("data", "show", out).exit_code == 0


def test_emotions_without_a_face_are_not_listed(fer, tmp_path, out):
    faces = [(image, code, "Training") for image, _, _ in some_faces(3) for code in (6, 2, 0)]
    fer("import", "fer2013", write_table(tmp_path / "t.csv", faces), "-o", out)
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "fear", "anger")
        assert dataset.column("label").tolist() == [0, 1, 2] * 3


def test_folders_given_apart_become_one_dataset(fer, tmp_path, out):
    folder = write_folder(tmp_path / "fer", pictures(some_faces(FACES)))
    fer("import", "fer2013", folder, "-o", out)
    apart = out.with_name("apart.h5")
    result = fer("import", "fer2013", folder / "test", folder / "train", "-o", apart)
    assert result.exit_code == 0
    with open_dataset(out) as one, open_dataset(apart) as other:
        assert one.digest == other.digest
        assert [*other.provenance["sources"]] == ["test", "train"]


# What it says


def test_the_summary_counts_faces_by_emotion_and_side(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out)
    lines = [re.split(r"\s+", line) for line in result.stdout.splitlines()]
    assert lines[0] == ["emotion", "training", "validation", "test", "all"]
    assert [line[0] for line in lines[1:8]] == [*CORPORA["fer2013"].emotions]
    assert {tuple(line[1:]) for line in lines[1:8]} == {("2", "2", "2", "6")}
    assert lines[8] == ["all", "14", "14", "14", "42"]
    assert f"{out}: 42 faces of fer2013" in result.stdout
    assert "exact copies of an image before: 0" in result.stdout
    assert "images that are in the training part" not in result.stdout
    assert result.stderr == ""


def test_copies_are_told(fer, tmp_path, out):
    one, two, three, four = (image for image, _, _ in some_faces(4))
    faces = [
        *[(image, 0, "Training") for image in (one, one, two, three)],
        *[(image, 1, "PublicTest") for image in (two, four)],
        *[(image, 0, "PrivateTest") for image in (one, three, one, four, FACE[::-1])],
    ]
    source = write_table(tmp_path / "t.csv", faces)
    for _ in range(2):  # made, and found again
        result = fer("import", "fer2013", source, "-o", out)
        assert result.stdout.splitlines()[-3:] == [
            "exact copies of an image before: 6",
            "test images that are in the training part, too: 3",
            "validation images that are in the training part, too: 1",
        ]


def test_quiet_says_results_only(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out, "-q")
    again = fer("import", "fer2013", source, "-o", out, "-q")
    assert result.stdout == again.stdout
    assert result.stderr == again.stderr == ""


# Rows that make no sense


def test_bad_rows_are_listed_and_the_rest_is_imported(fer, tmp_path, out):
    bad = ["9,1 2,Training", row(FACE[1:]), "", row(FACE, 3, "Test")]
    source = write_table(tmp_path / "fer2013.csv", some_faces(3), bad)
    result = fer("import", "fer2013", source, "-o", out, "-q")
    assert result.exit_code == 3
    warning, header, *listed = result.stderr.splitlines()
    assert warning == "warning: left out because they cannot be used: 3 rows or files"
    assert header.split() == ["place", "problem"]
    assert [re.split(r"\s{2,}", line) for line in listed] == [
        [f"{source}, line 5", "the emotion is '9', not a number from 0 to 6"],
        [f"{source}, line 6", "pixels: 2256 instead of 2304"],
        [
            f"{source}, line 8",
            "the usage is 'Test', none of Training, PublicTest, PrivateTest",
        ],
    ]
    with open_dataset(out) as dataset:
        assert len(dataset) == 3
        assert dataset.provenance["left_out"] == 3
    again = fer("import", "fer2013", source, "-o", out)
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert warning in again.stderr


def test_bad_pictures_are_listed_and_the_rest_is_imported(fer, tmp_path, out):
    members = pictures(some_faces(3)) | {"train/happy/bad.png": picture(FACE)[:99]}
    folder = write_folder(tmp_path / "fer", members)
    result = fer("import", "fer2013", folder, "-o", out)
    assert result.exit_code == 3
    assert f"{folder / 'train/happy/bad.png'}  no whole picture" in result.stderr
    with open_dataset(out) as dataset:
        assert len(dataset) == 3


def test_a_long_list_is_cut_short_until_more_is_asked_for(fer, tmp_path, out):
    source = write_table(tmp_path / "fer2013.csv", some_faces(1), ["x"] * 1100)
    result = fer("import", "fer2013", source, "-o", out)
    assert "cannot be used: 1100 rows or files" in result.stderr
    assert result.stderr.count(", line ") == 20
    assert result.stderr.splitlines()[-1] == "and 1080 more; -v lists up to 1000"
    result = fer("import", "fer2013", source, "-o", out, "--overwrite", "-v")
    assert result.stderr.count(", line ") == 1000
    assert result.stderr.splitlines()[-1].startswith("and 100 more")


def test_nothing_usable_is_an_error_and_leaves_nothing(fer, tmp_path, out):
    source = write_table(tmp_path / "fer2013.csv", [], ["x", "y"])
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert f"{source}: none of its 2 rows or files can be used; " in line
    assert "columns: 1 instead of 3" in line
    empty = write_table(tmp_path / "empty.csv", [])
    assert "holds no faces" in error_line(fer("import", "fer2013", empty, "-o", out))
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "the first line lacks"), (f"emotion,pixels\n3,{row(FACE)}\n", "lacks usage")],
)
def test_what_is_no_fer2013_is_an_error_and_leaves_nothing(content, problem, fer, tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text(content)
    assert problem in error_line(fer("import", "fer2013", source, "-o", out))
    missing = tmp_path / "nowhere.csv"
    assert f"{missing}: no such file" in error_line(fer("import", "fer2013", missing, "-o", out))
    assert not out.parent.exists()


@pytest.mark.parametrize("arguments", [[], ["fer2013"], ["unheard-of", "fer2013.csv"]])
def test_wrong_usage_is_told_as_such(arguments, fer):
    assert fer("import", *arguments).exit_code == 2


# What is there already


def test_the_same_again_does_nothing_wherever_it_lies(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    before = state(out)
    moved = source.rename(source.with_name("moved.csv"))
    os.utime(moved, (0, 0))
    result = fer("import", "fer2013", moved, "-o", out)
    assert result.exit_code == 0
    assert "nothing to do" in result.stderr
    assert re.search(r"^all +14 +14 +14 +42$", result.stdout, re.MULTILINE)
    assert state(out) == before


def test_the_order_of_the_sources_does_not_matter(fer, tmp_path, out):
    folder = write_folder(tmp_path / "fer", pictures(some_faces(FACES)))
    sides = folder / "train", folder / "test"
    fer("import", "fer2013", *sides, "-o", out)
    assert "nothing to do" in fer("import", "fer2013", *reversed(sides), "-o", out).stderr
    assert "other content" in error_line(fer("import", "fer2013", sides[0], "-o", out))


def test_other_content_is_refused_until_overwrite(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    before = state(out)
    write_table(source, some_faces(7, seed=1))
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert "made from other content (fer2013.csv); " in line
    assert "--overwrite" in line
    assert state(out) == before
    assert fer("import", "fer2013", source, "-o", out, "--overwrite").exit_code == 0
    with open_dataset(out) as dataset:
        assert len(dataset) == 7


def test_a_dataset_made_of_videos_is_refused_until_overwrite(fer, source, tmp_path):
    out = write_faces(tmp_path / "faces.h5", people=2)
    assert "not made by fer import" in error_line(fer("import", "fer2013", source, "-o", out))
    assert fer("import", "fer2013", source, "-o", out, "--overwrite").exit_code == 0


def test_videos_are_not_added_to_a_corpus(fer, source, out, few_videos):
    fer("import", "fer2013", source, "-o", out)
    before = state(out)
    result = fer("extract", few_videos, "-o", out, "-q")
    assert result.exit_code == 1
    assert "not made by fer extract" in result.stderr
    assert state(out) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.pop("copies"),
        lambda made: made.update(sources=3),
        lambda made: made.update(copies={"all": 1}),
    ],
)
def test_a_dataset_that_does_not_tell_its_sources_is_refused(change, fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    with h5py.File(out, "a") as file:
        made = json.loads(file.attrs["provenance"])
        change(made)
        file.attrs["provenance"] = json.dumps(made)
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert "does not tell what it was made from" in line


def test_another_crop_is_refused(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    with h5py.File(out, "a") as file:
        file.attrs["crop"] = json.dumps(json.loads(file.attrs["crop"]) | {"margin": 0.3})
    assert "another crop" in error_line(fer("import", "fer2013", source, "-o", out))


def test_a_failed_run_leaves_the_dataset_as_it_was(fer, source, out, tmp_path):
    fer("import", "fer2013", source, "-o", out)
    before = state(out)
    bad = write_table(tmp_path / "bad.csv", [], ["x"])
    error_line(fer("import", "fer2013", bad, "-o", out, "--overwrite"))
    assert state(out) == before
    assert names_in(out.parent) == ["faces.h5"]


def test_outputs_that_cannot_be_are_refused(fer, source, tmp_path):
    before = state(source)
    line = error_line(fer("import", "fer2013", source, "-o", source, "--overwrite"))
    assert "is one of the inputs" in line
    assert state(source) == before
    assert "a folder" in error_line(fer("import", "fer2013", source, "-o", tmp_path))


def test_sources_of_one_name_are_refused(fer, source, out):
    line = error_line(fer("import", "fer2013", source, source, "-o", out))
    assert "two sources are called fer2013.csv" in line


def test_another_run_is_kept_away(fer, source, out):
    with locked(out):
        line = error_line(fer("import", "fer2013", source, "-o", out))
    assert "another run is writing it" in line


# What goes wrong on the way


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fer_pipeline", "import", "fer2013", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_an_interrupted_run_leaves_nothing(tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text("\n".join([HEADER, *[row(FACE)] * 6000]))
    process = start(source, "-o", out)
    unfinished = out.with_name("faces.h5.unfinished")
    while process.poll() is None and not unfinished.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == "fer: interrupted; run it again\n"
    assert not out.parent.exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(source, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(30 * 2**20))
    process = start(source, "-o", small_disk / "faces.h5")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in stderr
    assert names_in(small_disk) == ["filler"]


# Pictures that show more than a face


PEOPLE = ("P00", "P07")
SHOWN = ("happy", "sad", "neutral")
PLAIN = np.full((120, 160, 3), 99, np.uint8)


@pytest.fixture(scope="module")
def portraits(tmp_path_factory) -> Path:
    """Two people with three emotions, three pictures of each."""
    folder = tmp_path_factory.mktemp("portraits")
    for person in PEOPLE:
        for emotion in SHOWN:
            frames = pictures_of(PARTICIPANTS / f"{person}_{emotion}.mp4", 3)
            names = [f"{person}/{emotion}/{i}.png" for i in range(len(frames))]
            write_folder(
                folder, {n: picture(f[..., ::-1]) for n, f in zip(names, frames, strict=True)}
            )
    return folder


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


class Picture(Pixels):
    """A picture as a video frame would have it."""

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb

    def luma(self) -> np.ndarray:
        return cv2.cvtColor(self._rgb, cv2.COLOR_RGB2GRAY)

    def rgb(self) -> np.ndarray:
        return self._rgb


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


def test_classes_of_ones_own_come_behind_the_known_ones(fer, tmp_path, out):
    names = ("zen/a.png", "neutral/b.png", "bored/c.png", "angry/d.png")
    image = picture(np.zeros((48, 48, 3), np.uint8))
    folder = write_folder(tmp_path / "own", dict.fromkeys(names, image))
    result = fer("import", "folder", folder, "-o", out, "--no-detect", "--pattern", "{emotion}/{x}")
    assert result.exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "anger", "bored", "zen")
        label = dataset.column("label")
        assert [dataset.emotions[i] for i in label] == ["anger", "bored", "neutral", "zen"]
        assert dataset.provenance["options"] == {"detect": False, "pattern": "{emotion}/{x}"}


# Choosing


def test_emotions_are_chosen_and_joined(fer, source, out):
    result = fer("import", "fer2013", source, "-o", out, "--emotions", "happy,bad=fear+anger+sad")
    assert result.exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("happiness", "bad")
        kept = [CODES[code] for _, code, _ in some_faces(FACES)]
        kept = [name for name in kept if name in ("happiness", "fear", "anger", "sadness")]
        assert dataset.column("label").tolist() == [int(name != "happiness") for name in kept]
        assert dataset.provenance["options"]["emotions"]["anger"] == "bad"
        assert dataset.provenance["skipped"] == {
            f"{name}: not among --emotions": 6 for name in ("disgust", "neutral", "surprise")
        }
    assert "left out, disgust: not among --emotions: 6" in result.stdout


def test_votes_follow_the_emotions_chosen(fer, tmp_path, out):
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt"
    votes = ["6,0,0,0,4,0,0,0,0,0", "0,0,0,0,7,0,3,0,0,0", "0,8,0,2,0,0,0,0,0,0"]
    lines = [f"Training,fer{i:07d}.png,{one}" for i, one in enumerate(votes)]
    labels = tmp_path / "fer2013new.csv"
    labels.write_text("\n".join([f"{header},unknown,NF", *lines]) + "\n")
    faces = [(image, 3, "Training") for image, _, _ in some_faces(3)]
    table = write_table(tmp_path / "fer2013.csv", faces)
    arguments = ("import", "ferplus", table, labels, "-o", out)
    assert fer(*arguments, "--emotions", "neutral,bad=fear+anger+sad").exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "bad")
        assert dataset.column("label").tolist() == [0, 1]
        shares = dataset.votes / dataset.votes.sum(axis=1, keepdims=True)
        assert np.allclose(shares, [[0.6, 0.4], [0.0, 1.0]])


def test_a_corpus_without_sides_or_people_has_no_columns_for_them(fer, tmp_path, out):
    faces = tmp_path / "faces"
    for name in ("fear", "anger"):
        (faces / name).mkdir(parents=True)
        (faces / name / "1.png").write_bytes(any_picture(len(name), 48))
    result = fer("import", "folder", faces, "-o", out, "--no-detect")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["emotion", "all"]
    assert result.stdout.splitlines()[-2].startswith(f"{out}: 2 faces of folder, of nobody known")


def test_emotions_that_nothing_shows_are_told(fer, portraits, tmp_path, out):
    result = fer("import", "folder", portraits, "-o", out, "--emotions", "happy,contempt")
    assert result.exit_code == 0
    assert "warning: no face of contempt" in result.stderr
    none = tmp_path / "none.h5"
    line = error_line(fer("import", "folder", portraits, "-o", none, "--emotions", "contempt"))
    assert "all of its faces are left out" in line
    assert "happiness: not among --emotions (6)" in line
    assert not none.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["fer2013", "--emotions", "contempt"], "the corpus has no contempt; it has neutral"),
        (["fer2013", "--emotions", "fear+anger"], "'fear+anger' has no name"),
        (["fer2013", "--last", "2"], "--last means nothing to fer2013"),
        (["fer2013", "--last", "3"], "--last means nothing to fer2013"),
        (["fer2013", "--pattern", "{emotion}/{x}"], "--pattern means nothing to fer2013"),
        (["fer2013", "--fps", "2"], "--fps means nothing to fer2013"),
        (["fer2013", "--seed", "2"], "--seed draws the faces of --balance; give both"),
        (["ravdess", "--no-detect"], "--detect means nothing to ravdess"),
        (["ravdess", "--pattern", "{emotion}"], "--pattern means nothing to ravdess"),
    ],
)
def test_options_that_mean_nothing_are_wrong_usage(options, problem, fer, source, out):
    result = fer("import", *options, source, "-o", out)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert not out.parent.exists()


def test_the_training_part_is_balanced_and_nothing_else(fer, source, out):
    whole = out.with_name("whole.h5")
    fer("import", "fer2013", source, "-o", whole)
    result = fer("import", "fer2013", source, "-o", out, "--balance", "5", "--seed", "3")
    assert result.exit_code == 0
    assert names_in(out.parent) == ["faces.h5", "whole.h5"]
    with open_dataset(out) as balanced, open_dataset(whole) as before:
        split, label = balanced.column("split"), balanced.column("label")
        assert np.bincount(label[split == 0]).tolist() == [5] * 7
        hashes = balanced.image_hashes
        for side in (1, 2):
            kept = before.image_hashes[before.column("split") == side]
            assert hashes[split == side].tolist() == kept.tolist()
        trained = before.image_hashes[before.column("split") == 0]
        assert set(hashes[split == 0]) == set(trained)  # two of each class, two or three times
        assert verify(balanced) == []
        made = balanced.provenance
        assert made["options"] == {"balance": 5, "seed": 3}
        assert made["copies"] == {"all": 0, "validation_in_training": 0, "test_in_training": 0}


def test_what_balancing_needs_for_a_while_is_no_file_of_the_users(fer, source, out):
    out.parent.mkdir()
    mine = out.with_name("faces.h5.whole")
    mine.write_text("mine")
    assert fer("import", "fer2013", source, "-o", out, "--balance", "5").exit_code == 0
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("balance", [(), ("--balance", "5")])
def test_what_a_killed_run_left_is_removed(fer, source, out, balance):
    out.parent.mkdir()
    for left in ("faces.h5.whole.unfinished", "faces.h5.whole.unfinished.unfinished"):
        out.with_name(left).write_text("everybody")
    assert fer("import", "fer2013", source, "-o", out, *balance).exit_code == 0
    assert names_in(out.parent) == ["faces.h5"]


def test_balancing_without_training_faces_is_refused(fer, tmp_path, out):
    faces = [(image, code, "PrivateTest") for image, code, _ in some_faces(3)]
    source = write_table(tmp_path / "t.csv", faces)
    line = error_line(fer("import", "fer2013", source, "-o", out, "--balance", "5"))
    assert f"{out}: no training faces to balance" in line
    assert not out.parent.exists()


def test_balancing_is_repeatable_and_depends_on_the_seed(fer, portraits, out):
    digests = []
    for seed in (0, 0, 1):
        arguments = ("--balance", "2", "--seed", seed, "--overwrite")
        fer("import", "folder", portraits, "-o", out, *arguments)
        with open_dataset(out) as dataset:
            assert np.bincount(dataset.column("label")).tolist() == [2] * 3
            digests.append(dataset.digest)
    assert digests[0] == digests[1] != digests[2]


def test_other_options_are_refused_until_overwrite(fer, source, out):
    balanced = ("import", "fer2013", source, "-o", out, "--balance", "2")
    fer(*balanced)
    before = state(out)
    assert "nothing to do" in fer(*balanced).stderr
    assert "nothing to do" in fer(*balanced, "--seed", "0").stderr
    line = error_line(fer(*balanced, "--seed", "1"))
    assert "made with other options (seed: 0 → 1)" in line
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert "made with other options (balance: 2 → None; seed: 0 → None)" in line
    line = error_line(fer(*balanced, "--size", "64"))
    assert "made with another crop (size: 48 → 64)" in line
    assert state(out) == before
    assert fer(*balanced, "--seed", "1", "--overwrite").exit_code == 0


def test_a_dataset_of_an_earlier_version_is_known(fer, source, out):
    fer("import", "fer2013", source, "-o", out)
    with h5py.File(out, "a") as file:
        made = json.loads(file.attrs["provenance"])
        file.attrs["provenance"] = json.dumps(
            {name: made[name] for name in made if name not in ("options", "skipped")}
        )
    assert "nothing to do" in fer("import", "fer2013", source, "-o", out).stderr


# Stopped


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_ended_at_any_moment_leaves_nothing_broken(sent, tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text("\n".join([HEADER, *[row(FACE, code) for code in (0, 3)] * 1000]))
    unfinished = out.with_name("faces.h5.whole.unfinished.unfinished")
    process = start(source, "-o", out, "--balance", "100")
    while process.poll() is None and not unfinished.exists():
        time.sleep(0.01)
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == (-9 if sent == signal.SIGKILL else 143)
    assert not out.exists()
    if sent == signal.SIGTERM:
        assert not out.parent.exists()
    again = start(source, "-o", out, "--balance", "100")
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert [name for name in names_in(out.parent) if "lock" not in name] == ["faces.h5"]
    with open_dataset(out) as dataset:
        assert np.bincount(dataset.column("label")).tolist() == [100, 100]
