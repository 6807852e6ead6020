"""Pictures of FER2013 in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.corpora import Still, Unusable
from tests.corpus_files import picture, write_folder, write_tar, write_zip
from tests.fer2013.faces import CODES, FACE, everything, pictures, plain, some_faces


def side_of(usage: str) -> int:
    return 0 if usage == "Training" else 2


def test_folders_of_classes_are_read_in_the_order_of_their_names(tmp_path):
    faces = some_faces(21)
    members = pictures(faces)
    wanted = {
        name: (image.tobytes(), CODES[code], side_of(usage))
        for name, (image, code, usage) in zip(members, faces, strict=True)
    }
    folder = write_folder(tmp_path / "fer", members)
    assert plain(everything(folder)) == [wanted[name] for name in sorted(wanted)]
    for source in (write_zip(tmp_path / "a.zip", members), write_tar(tmp_path / "a.tgz", members)):
        assert plain(everything(source)) == [*wanted.values()]


@pytest.mark.parametrize(
    ("name", "emotion", "split"),
    [
        ("train/angry/1.png", "anger", 0),
        ("Training/Happy/1.PNG", "happiness", 0),
        ("validation/sad/1.png", "sadness", 1),
        ("val/fear/1.jpg", "fear", 1),
        ("PublicTest/surprised/1.jpeg", "surprise", 1),
        ("deep/er/PrivateTest/neutral/1.png", "neutral", 2),
        ("test/disgusted/1.png", "disgust", 2),
    ],
)
def test_folders_tell_emotion_and_side(name, emotion, split, tmp_path):
    image = np.full((48, 48), 77, np.uint8)
    content = picture(image, Path(name).suffix.lower())
    (still,) = everything(write_folder(tmp_path / "fer", {name: content}))
    assert (still.emotion, still.split) == (emotion, split)
    assert np.array_equal(still.image[..., 0], image)


def test_the_name_of_the_folder_given_tells_too(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "test", {"happy/1.png": picture(FACE)})
    assert plain(everything(folder)) == [(FACE.tobytes(), "happiness", 2)]
    monkeypatch.chdir(folder)
    assert plain(everything(Path())) == [(FACE.tobytes(), "happiness", 2)]


def test_pictures_in_colour_stay_so_until_they_are_cut(tmp_path):
    colour = np.dstack([FACE, FACE // 2, FACE // 3])  # red, green, blue
    source = write_folder(tmp_path / "fer", {"train/happy/1.png": picture(colour[..., ::-1])})
    (still,) = everything(source)
    assert np.array_equal(still.image, colour)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("train/happy/bad.png", b"", "no whole picture"),
        ("train/happy/bad.png", b"not a picture", "no whole picture"),
        ("train/happy/bad.png", picture(FACE)[:-100], "no whole picture"),
        ("train/happy/bad.jpg", picture(FACE, ".jpg")[:-100], "no whole picture"),
        ("train/happy/bad.jpg", picture(FACE, ".jpg")[:-1], "no whole picture"),
        ("train/happy/bad.png", b"\x89PNGIEND", "no whole picture"),
        (
            "train/happy/bad.png",
            picture(FACE)[:60] + b"damage" + picture(FACE)[66:],
            "no whole picture",
        ),
        ("train/happy/bad.png", picture(FACE[:40]), "48 x 40 px instead of 48 x 48"),
        (
            "train/contempt/bad.png",
            picture(FACE),
            "its folder names none of the seven emotions",
        ),
        ("train/others/bad.png", picture(FACE), "its folder names none of the seven emotions"),
        ("bad.png", picture(FACE), "its folder names none of the seven emotions"),
        (
            "happy/bad.png",
            picture(FACE),
            "the folder above is none of train, validation and test",
        ),
    ],
)
def test_a_bad_picture_is_listed_and_the_others_are_read(name, content, problem, tmp_path, capfd):
    good = {"train/angry/1.png": picture(FACE), "test/sad/2.png": picture(FACE)}
    folder = write_folder(tmp_path / "fer", {**good, name: content})
    entries = everything(folder)
    bad = [entry for entry in entries if isinstance(entry, Unusable)]
    assert bad == [Unusable(str(folder / name), problem)]
    assert len(plain([entry for entry in entries if isinstance(entry, Still)])) == 2
    assert capfd.readouterr() == ("", "")


def test_hidden_files_and_what_macos_adds_are_passed_over(tmp_path):
    members = {
        "train/happy/1.png": picture(FACE),
        "train/happy/._1.png": b"",
        "train/.trash/happy/1.png": b"",
        "__MACOSX/train/happy/1.png": b"",
        "train/happy/Thumbs.db": b"",
        "README.txt": b"",
    }
    for source in (
        write_folder(tmp_path / "fer", members),
        write_zip(tmp_path / "a.zip", members),
        write_tar(tmp_path / "a.tar.gz", members),
    ):
        assert plain(everything(source)) == [(FACE.tobytes(), "happiness", 0)]
