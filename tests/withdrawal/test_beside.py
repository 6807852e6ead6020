"""What lies beside the dataset goes, or is told: models, unfinished runs, exports, videos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from fer_pipeline.dataset import open_dataset
from fer_pipeline.work_folder import WorkFolder
from tests.test_merging import row, write
from tests.withdrawal.people import ANNA


def test_what_is_the_users_to_delete_is_listed(fer, study):
    result = fer("data", "withdraw", study / "faces.h5", ANNA)
    assert f"{ANNA} happy.mp4" in result.stderr
    with open_dataset(study / "faces.h5") as dataset:
        (folder,) = dataset.provenance["pictures"]
    assert str(Path(folder) / f"{ANNA} happy.mp4") in result.stderr
    assert (Path(folder) / f"{ANNA} happy.mp4").is_dir()


def test_unfinished_extractions_and_trainings_of_the_person_go(fer, study):
    faces = study / "faces.h5"
    parts = study / "faces.h5.parts"
    parts.mkdir()
    theirs = write(parts / "1.h5", {"x.mp4": [row(1, "fear", ANNA)]}, record={"labels": {}})
    others = write(parts / "2.h5", {"y.mp4": [row(1, "fear", "P2")]}, record={"labels": {}})
    broken = parts / "3.h5.unfinished"
    broken.write_bytes(b"half a file")
    with open_dataset(faces) as dataset:
        digest = dataset.digest
    on_this = WorkFolder(study / "model", {"dataset": digest})
    on_this.open(resume=False)
    in_a_table = WorkFolder(study / "comparison" / "runs" / "lenet-gray", {"dataset": digest})
    in_a_table.open(resume=False)
    on_another = WorkFolder(study / "other", {"dataset": "0"})
    on_another.open(resume=False)
    result = fer("data", "withdraw", faces, ANNA)
    assert result.exit_code == 0, result.output
    assert (theirs.exists(), others.exists(), broken.exists()) == (False, True, False)
    places = (on_this.path, in_a_table.path, on_another.path)
    assert [path.exists() for path in places] == [False, False, True]
    assert f"{on_this.path}: has to be trained from the beginning" in result.stderr


def test_models_trained_with_the_person_are_told(fer, faces_file, model_folder, tmp_path):
    faces = Path(shutil.copy2(faces_file, tmp_path / "faces.h5"))
    spec = json.loads((model_folder / "spec.json").read_text("utf-8"))
    for side, people in spec["split"]["participants"].items():
        words = ("--models", model_folder.parent, "--dry-run")
        result = fer("data", "withdraw", faces, people[0], *words)
        assert f"{model_folder}: has seen that person ({side})" in result.stderr
    none = fer("data", "withdraw", faces, "P00", "--models", tmp_path / "none")
    assert none.exit_code == 1
    assert "no model folder" in none.stderr


def test_what_a_killed_export_left_is_told(fer, study):
    left = [study / ".crops.exporting", study / "pictures" / ".crops.exporting"]
    for folder in left:
        folder.mkdir(parents=True)
    result = fer("data", "withdraw", study / "faces.h5", ANNA)
    assert result.exit_code == 0
    assert "unfinished exports may hold" in result.stderr
    for folder in left:
        assert str(folder) in result.stderr


def test_a_person_who_is_only_in_an_unfinished_extraction_is_withdrawn(fer, tmp_path):
    path = write(tmp_path / "f.h5", {"b.mp4": [row(1, "fear", "P1")]})
    (tmp_path / "f.h5.parts").mkdir()
    labels = {"stretches": [{"participant": "P7", "emotion": "fear"}], "outside": None}
    part = tmp_path / "f.h5.parts" / "1.h5"
    write(part, {"a.mp4": [row(1, "fear", "P7")]}, record={"labels": labels})
    assert fer("data", "withdraw", path, "P8").exit_code == 1
    assert part.exists()
    assert fer("data", "withdraw", path, "P7").exit_code == 0
    assert not part.parent.exists()
    with open_dataset(path) as dataset:
        assert [one.is_of("P7") for one in dataset.withdrawn] == [True]


def test_every_unfinished_file_of_the_dataset_goes(fer, tmp_path):
    path = write(tmp_path / "f.h5", {"a.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]})
    left = [tmp_path / "f.h5.unfinished", tmp_path / "f.h5.whole.unfinished"]
    other = tmp_path / "other.h5.unfinished"
    for file in (*left, other):
        file.write_bytes(b"faces")
    assert fer("data", "withdraw", path, "P1").exit_code == 0
    assert [file.exists() for file in (*left, other)] == [False, False, True]


def test_trainings_that_may_hold_the_person_are_told(fer, tmp_path):
    path = write(tmp_path / "f.h5", {"a.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]})
    WorkFolder(tmp_path / "model", {"dataset": "of yesterday"}).open(resume=False)
    result = fer("data", "withdraw", path, "P1")
    assert "may hold that person's faces:" in result.stderr
    assert str(tmp_path / "model.unfinished") in result.stderr
