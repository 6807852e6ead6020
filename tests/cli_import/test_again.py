"""`fer import` where something is there already."""

from __future__ import annotations

import json
import os
import re

import h5py
import pytest

from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from tests.cli_import.results import FACES, error_line, names_in, state
from tests.conftest import write_faces
from tests.corpus_files import write_folder
from tests.fer2013.faces import pictures, some_faces, write_table


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
