"""``fer data dedupe``."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.dataset import FaceRow, Withdrawn, create_dataset, open_dataset
from fer_pipeline.domain import Box
from tests.conftest import crop_record

SIDE = 24


def image(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)


def lines(text: str) -> list[str]:
    """Return the lines of a table, its cells one blank apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


# Number of the image, side, person, emotion. Image 0 is in training, validation and test; image 1
# twice in training; image 2 in test with another emotion than in training; 3 under two people.
FACES = (
    (0, 0, None, "fear"),
    (0, 1, None, "fear"),
    (0, 2, None, "fear"),
    (1, 0, None, "anger"),
    (1, 0, None, "anger"),
    (2, 0, None, "fear"),
    (2, 2, None, "anger"),
    (3, 0, "P1", "fear"),
    (3, 0, "P2", "fear"),
    (4, 0, "P1", "anger"),
)


@pytest.fixture
def faces(tmp_path) -> Path:
    """A corpus with copies, votes, provenance, and somebody who was withdrawn from it."""
    path = tmp_path / "faces.h5"
    gone = Withdrawn.of("P9", "2026-01-02T03:04:05+00:00", 1, 0)
    with create_dataset(
        path, crop_record(SIDE), ["fear", "anger"], votes=True, withdrawn=[gone]
    ) as writer:
        for number, side, person, emotion in FACES:
            box = Box(0, 0, SIDE, SIDE)
            votes = {"fear": float(number), "anger": 1.0}
            row = FaceRow(
                image(number), emotion, person, -1, np.nan, box, None, 0, split=side, votes=votes
            )
            writer.append(None, row)
        writer.finish({"command": "fer import fer2013 fer2013.csv"})
    return path


def images_of(path: Path) -> list[int]:
    """Return the numbers of the images that a dataset holds, in its order."""
    known = {image(number).tobytes(): number for number in range(5)}
    with h5py.File(path) as file:
        return [known[one.tobytes()] for one in file["images"][:]]


def test_copies_on_two_sides_or_under_two_people_go_from_the_side_that_matters_less(
    fer, faces, tmp_path
):
    before, out = faces.read_bytes(), tmp_path / "clean.h5"
    result = fer("data", "dedupe", faces, "-o", out)
    assert result.exit_code == 0
    assert lines(result.stdout) == [
        "images training validation test all",
        "copy of one on another side 2 1 0 3",
        "copy of one under another person 1 0 0 1",
        "stays 4 0 2 6",
        "",
        f"{out}: 6 faces",
    ]
    assert result.stderr == (
        "warning: 2 images had exact copies under another emotion; "
        "--drop-contradictions removes them\n"
    )
    assert images_of(out) == [0, 1, 1, 2, 3, 4]
    with h5py.File(out) as file:
        assert file["split"][:].tolist() == [2, 0, 0, 2, 0, 0]
    assert faces.read_bytes() == before


def test_all_else_of_a_dataset_is_kept(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    fer("data", "dedupe", faces, "-o", out)
    with open_dataset(faces) as old, open_dataset(out) as new:
        assert new.participants == ("P1",)
        assert new.crop == old.crop
        assert new.withdrawn == old.withdrawn
        rows = np.array([2, 3, 4, 6, 7, 9])
        assert np.array_equal(new.votes, old.votes[rows])
        assert np.array_equal(new.column("label"), old.column("label")[rows])
        assert new.provenance["command"] == "fer import fer2013 fer2013.csv"
        assert len(new.provenance["history"]) == 1


def test_across_splits_leaves_copies_under_two_people(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    fer("data", "dedupe", faces, "-o", out, "--across-splits")
    assert images_of(out) == [0, 1, 1, 2, 3, 3, 4]


def test_everywhere_leaves_each_image_once(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    result = fer("data", "dedupe", faces, "-o", out, "--everywhere")
    assert images_of(out) == [0, 1, 2, 3, 4]
    assert "copy of another one 1 0 0 1" in lines(result.stdout)


def test_contradictions_are_removed_if_asked(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    result = fer("data", "dedupe", faces, "-o", out, "--drop-contradictions")
    assert images_of(out) == [0, 1, 1, 3, 4]
    assert "copies under two emotions 1 0 1 2" in lines(result.stdout)
    assert not result.stderr


def test_near_finds_what_looks_alike(fer, tmp_path):
    path, out = tmp_path / "faces.h5", tmp_path / "clean.h5"
    brighter = np.clip(image(0).astype(int) + 2, 0, 255).astype(np.uint8)
    with create_dataset(path, crop_record(SIDE), ["fear"]) as writer:
        for pixels, side in ((image(0), 0), (image(1), 0), (brighter, 2)):
            box = Box(0, 0, SIDE, SIDE)
            row = FaceRow(pixels, "fear", None, -1, np.nan, box, None, 0, split=side)
            writer.append(None, row)
        writer.finish({})
    fer("data", "dedupe", path, "-o", out)
    with open_dataset(out) as dataset:
        assert len(dataset) == 3
    for number, near in enumerate((["--near"], ["--near", "2"])):
        out = tmp_path / f"near{number}.h5"
        assert fer("data", "dedupe", path, *near, "-o", out).exit_code == 0
        with open_dataset(out) as dataset:
            assert dataset.column("split").tolist() == [0, 2]


def test_a_dry_run_tells_and_writes_nothing(fer, faces, tmp_path):
    result = fer("data", "dedupe", faces, "--dry-run", "-o", tmp_path / "clean.h5")
    assert result.exit_code == 0
    assert result.stdout.endswith("\n6 faces would be left of 10\n")
    assert [one.name for one in tmp_path.iterdir()] == ["faces.h5"]


def test_no_output_is_wrong_usage(fer, faces):
    result = fer("data", "dedupe", faces)
    assert result.exit_code == 2
    assert "give the new dataset with -o, or --dry-run" in result.stderr


def test_two_scopes_are_wrong_usage(fer, faces):
    result = fer("data", "dedupe", faces, "--dry-run", "--across-splits", "--everywhere")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_a_file_in_its_place_is_refused_until_overwrite(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    out.write_text("notes")
    result = fer("data", "dedupe", faces, "-o", out)
    assert result.exit_code == 1
    assert result.stderr == f"fer: {out}: exists; give another -o, or --overwrite to replace it\n"
    assert out.read_text() == "notes"
    refused = fer("data", "dedupe", faces, "-o", out, "--overwrite")
    assert refused.exit_code == 1
    assert f"{out}: exists and is no dataset" in refused.stderr
    assert out.read_text() == "notes"
    shutil.copyfile(faces, out)
    assert fer("data", "dedupe", faces, "-o", out, "--overwrite").exit_code == 0
    assert len(images_of(out)) == 6
    assert fer("data", "dedupe", faces, "-o", tmp_path, "--overwrite").exit_code == 1


def test_a_dataset_may_be_replaced_by_itself_without_copies(fer, faces):
    assert fer("data", "dedupe", faces, "-o", faces, "--overwrite").exit_code == 0
    assert images_of(faces) == [0, 1, 1, 2, 3, 4]


def test_after_it_verify_has_nothing_to_tell(fer, faces, tmp_path):
    out = tmp_path / "clean.h5"
    assert "training, too" in fer("data", "verify", faces).stdout
    fer("data", "dedupe", faces, "-o", out, "--drop-contradictions")
    assert fer("data", "verify", out).stdout == f"{out}: 5 faces, all in order\n"


def test_a_dataset_without_sides_has_one_column_of_numbers(fer, faces_file):
    result = fer("data", "dedupe", faces_file, "--dry-run")
    assert lines(result.stdout)[:2] == ["images all", "stays 144"]


def test_an_empty_dataset_has_no_copies(fer, tmp_path):
    path = tmp_path / "faces.h5"
    with create_dataset(path, crop_record(SIDE), []) as writer:
        writer.finish({})
    for near in ([], ["--near"]):
        result = fer("data", "dedupe", path, "--dry-run", *near)
        assert result.stdout.endswith("\n0 faces would be left of 0\n")
