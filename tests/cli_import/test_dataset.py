"""The dataset that `fer import` leaves."""

from __future__ import annotations

import hashlib

import h5py
import numpy as np

from fer_pipeline.care.checking import verify
from fer_pipeline.corpora import CORPORA
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import EMOTIONS
from fer_pipeline.faces import FaceDetector
from fer_pipeline.splits import divide
from tests.cli_import.results import FACES, names_in
from tests.corpus_files import any_picture, picture, write_folder
from tests.fer2013.faces import CODES, USAGES, pictures, some_faces, write_table


def test_the_dataset_holds_every_face_as_the_corpus_has_it(fer, source, out):
    assert fer("import", "fer2013", source, "-o", out).exit_code == 0
    faces = some_faces(FACES)
    with h5py.File(out) as file:
        emotions = list(file.attrs["emotions"])
        assert emotions == list(EMOTIONS[:-1])  # nobody shows contempt
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


def test_a_corpus_without_sides_or_people_has_no_columns_for_them(fer, tmp_path, out):
    faces = tmp_path / "faces"
    for name in ("fear", "anger"):
        (faces / name).mkdir(parents=True)
        (faces / name / "1.png").write_bytes(any_picture(len(name), 48))
    result = fer("import", "folder", faces, "-o", out, "--no-detect")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["emotion", "all"]
    assert result.stdout.splitlines()[-2].startswith(f"{out}: 2 faces of folder, of nobody known")
