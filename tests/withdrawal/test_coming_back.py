"""Nobody who was withdrawn comes back unawares."""

from __future__ import annotations

import json
import shutil

import h5py

from fer_pipeline.dataset import open_dataset
from tests.test_merging import row, write
from tests.withdrawal.people import ANNA, again, clips


def test_extract_does_not_bring_the_person_back_until_readmitted(fer, study):
    faces = study / "faces.h5"
    with open_dataset(faces) as dataset:
        digest = dataset.digest
    assert fer("data", "withdraw", faces, ANNA).exit_code == 0
    refused = fer(*again(study))
    assert refused.exit_code == 3, refused.output
    assert "left out: 2 videos of people who were withdrawn" in refused.stderr
    anew = fer(*again(study, "--overwrite"))
    assert anew.exit_code == 3
    with open_dataset(faces) as dataset:
        assert ANNA not in dataset.participants
    for wrong in ("BERTA-8", "NOBODY"):
        result = fer(*again(study, "--readmit", wrong))
        assert result.exit_code == 1
        assert f"{wrong}: was never withdrawn" in result.stderr
    readmitted = fer(*again(study, "--readmit", ANNA.lower()))
    assert readmitted.exit_code == 0, readmitted.output
    with open_dataset(faces) as dataset:
        assert dataset.digest == digest
        assert dataset.withdrawn == ()
    assert fer(*again(study)).exit_code == 0


def test_a_damaged_dataset_that_is_replaced_still_tells_who_was_withdrawn(fer, study):
    faces = study / "faces.h5"
    assert fer("data", "withdraw", faces, ANNA).exit_code == 0
    with h5py.File(faces, "r+") as file:
        file["label"][0] = 99
    anew = fer(*again(study, "--overwrite"))
    assert anew.exit_code == 3, anew.stderr
    assert "left out: 2 videos of people who were withdrawn" in anew.stderr
    with open_dataset(faces) as dataset:
        assert ANNA not in dataset.participants


def test_readmit_without_a_code_takes_all_in(fer, study):
    assert fer("data", "withdraw", study / "faces.h5", ANNA).exit_code == 0
    result = fer(*again(study, "--readmit"))
    assert result.exit_code == 0, result.output
    with open_dataset(study / "faces.h5") as dataset:
        assert ANNA in dataset.participants


def test_a_study_of_nobody_else_is_refused(fer, study, tmp_path):
    assert fer("data", "withdraw", study / "faces.h5", ANNA).exit_code == 0
    shutil.rmtree(study / "videos")
    clips(study / "videos", ANNA)
    result = fer(*again(study, "--overwrite"))
    assert result.exit_code == 1
    assert "all videos show people who were withdrawn" in result.stderr


def test_merge_does_not_bring_the_person_back_until_readmitted(fer, study, tmp_path):
    faces, old = study / "faces.h5", tmp_path / "old.h5"
    old.write_bytes(faces.read_bytes())
    assert fer("data", "withdraw", faces, ANNA).exit_code == 0
    extra = write(tmp_path / "extra.h5", {f"x {ANNA}.mp4": [row(3, "fear", ANNA)]})
    merged = tmp_path / "all.h5"
    result = fer("data", "merge", faces, extra, "-o", merged)
    assert result.exit_code == 3
    assert "left out: 1 participant who had been withdrawn" in result.stderr
    with open_dataset(merged) as dataset:
        assert ANNA not in dataset.participants
        assert not any(ANNA in name for name in dataset.videos)
        assert len(dataset.withdrawn) == 1
    # It goes on refusing, whatever becomes of the file.
    assert fer("data", "merge", merged, extra, "-o", tmp_path / "more.h5").exit_code == 3
    assert fer("data", "merge", extra, "-o", merged, "--overwrite").exit_code == 3
    words = ("--readmit", ANNA, "--overwrite")
    assert fer("data", "merge", faces, extra, "-o", merged, *words).exit_code == 0
    with open_dataset(merged) as dataset:
        assert ANNA in dataset.participants


def test_people_of_a_corpus_are_withdrawn_before_and_after_joining(fer, tmp_path):
    stills = [row(n, "fear", code, -1) for n, code in enumerate(("KA", "KM"))]
    jaffe = write(tmp_path / "jaffe.h5", {None: stills}, corpus="jaffe", command="fer import KA")
    whole = tmp_path / "whole.h5"
    whole.write_bytes(jaffe.read_bytes())
    study = write(tmp_path / "study.h5", {"v.mp4": [row(9, "fear", "KA")]})
    assert fer("data", "withdraw", jaffe, "KA").exit_code == 0
    assert fer("data", "merge", study, jaffe, "-o", tmp_path / "a.h5").exit_code == 0
    with open_dataset(tmp_path / "a.h5") as dataset:
        assert set(dataset.participants) == {"KA", "jaffe/KM"}  # KA of the study is another
    both = tmp_path / "b.h5"
    assert fer("data", "merge", study, whole, "-o", both).exit_code == 0
    assert fer("data", "withdraw", both, "jaffe/KA").exit_code == 0
    with open_dataset(both) as dataset:
        assert set(dataset.participants) == {"KA", "jaffe/KM"}
        told = json.dumps(dataset.provenance["merged"]["whole.h5"])
        assert "KA" not in told
    assert fer("data", "merge", both, whole, "-o", tmp_path / "c.h5").exit_code == 3
    with open_dataset(tmp_path / "c.h5") as dataset:
        assert "jaffe/KA" not in dataset.participants


def test_what_replaces_a_dataset_refuses_whom_it_refused(fer, study, tmp_path):
    faces, whole = study / "faces.h5", tmp_path / "whole.h5"
    whole.write_bytes(faces.read_bytes())
    assert fer("data", "withdraw", faces, ANNA).exit_code == 0
    before = faces.read_bytes()
    for words in (("dedupe", whole), ("split", whole, "--by", "random")):
        result = fer("data", *words, "-o", faces, "--overwrite")
        assert result.exit_code == 1, words
        assert f"{ANNA}: was withdrawn" in result.stderr
        assert faces.read_bytes() == before


def test_a_merged_dataset_does_not_tell_of_people_it_refused(fer, study, tmp_path):
    faces, whole = study / "faces.h5", tmp_path / "whole.h5"
    whole.write_bytes(faces.read_bytes())
    assert fer("data", "withdraw", faces, ANNA).exit_code == 0
    merged, words = tmp_path / "all.h5", ("data", "merge", faces, whole, "--apart")
    extra = write(tmp_path / "extra.h5", {"z.mp4": [row(3, "fear", "P1")]})
    assert fer("data", "merge", extra, whole, "-o", merged).exit_code == 0
    assert fer("data", "withdraw", merged, ANNA).exit_code == 0
    again = ("data", "merge", extra, whole, "-o", merged, "--overwrite")
    assert fer(*again).exit_code == 3
    assert b"ANNA" not in merged.read_bytes()
    assert fer(*again[:-1]).exit_code == 3  # nothing to do, and still told
    # In another file, the same code may stand for another person, or not.
    assert fer(*words, "-o", tmp_path / "apart.h5").exit_code == 3
    assert fer(*words, "-o", tmp_path / "both.h5", "--readmit").exit_code == 0


def test_a_broken_dataset_is_not_replaced_unawares(fer, study):
    faces = study / "faces.h5"
    with h5py.File(faces, "a") as file:
        del file["label"]
    result = fer(*again(study, "--overwrite"))
    assert result.exit_code == 1
    assert "who was withdrawn from it cannot be told" in result.stderr
