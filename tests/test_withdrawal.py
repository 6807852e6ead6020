"""``fer data withdraw``: a participant goes, with every trace, and does not come back unawares."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.care.withdrawal import plan_withdrawal, withdraw
from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import DatasetError
from fer_pipeline.work_folder import WorkFolder
from tests.media import PARTICIPANTS
from tests.test_merging import contents, row, write

ANNA, OTHERS = "ANNA-7", ("BERTA-8", "CLARA-9")


def clips(folder: Path, *codes: str) -> Path:
    """A folder of videos whose names tell people and emotions."""
    folder.mkdir(exist_ok=True)
    for code in codes:
        for emotion, short in (("happy", "happy"), ("neutral", "neutral")):
            shutil.copy2(PARTICIPANTS / f"P00_{short}.mp4", folder / f"{code} {emotion}.mp4")
    return folder


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> Path:
    """A folder with videos of three people and what was extracted of them."""
    from click.testing import CliRunner

    from fer_pipeline.cli.root import root

    folder = tmp_path_factory.mktemp("study")
    clips(folder / "videos", ANNA, *OTHERS)
    words = ["extract", str(folder / "videos"), "-o", str(folder / "faces.h5"), "--every", "8"]
    words += ["--pattern", "{participant} {emotion}", "--keep-crops", str(folder / "crops")]
    assert CliRunner().invoke(root, words).exit_code == 0
    return folder


@pytest.fixture
def study(extracted, tmp_path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(extracted, tmp_path / "study"))


def stored_images(path: Path, person: str) -> list[bytes]:
    """The compressed images of a person as they stand in the file."""
    with h5py.File(path) as file:
        index = list(file["participants"].asstr()[:]).index(person)
        rows = np.flatnonzero(file["participant"][:] == index)
        return [file["images"].id.read_direct_chunk((int(r), 0, 0, 0))[1] for r in rows]


def again(study: Path, *more: object) -> list[object]:
    return ["extract", study / "videos", "-o", study / "faces.h5", "--every", 8,
            "--pattern", "{participant} {emotion}", *more]  # fmt: skip


def test_no_byte_of_the_person_stays_in_the_file(fer, study):
    faces = study / "faces.h5"
    assert faces.read_bytes().count(ANNA.encode()) > 3
    result = fer("data", "withdraw", faces, ANNA)
    assert result.exit_code == 0, result.output
    after = faces.read_bytes()
    assert ANNA.encode() not in after
    with open_dataset(faces) as dataset:
        assert sorted(dataset.participants) == sorted(OTHERS)
        assert not any("ANNA" in name for name in dataset.videos)
        assert not verify(dataset)
        assert ANNA not in json.dumps(dataset.provenance)
        assert set(dataset.provenance["sources"]) == set(dataset.videos)


def test_bytes_of_images_that_only_the_person_has_are_gone(fer, tmp_path):
    rng = np.random.default_rng(1)
    rows = [row(0, "fear", person, frame) for person in ("P1", "P2") for frame in range(3)]
    for one in rows:
        one.image[:] = rng.integers(0, 255, one.image.shape)
    path = write(tmp_path / "f.h5", {"a.mp4": rows[:3], "b.mp4": rows[3:]})
    gone, stay = stored_images(path, "P1"), stored_images(path, "P2")
    assert fer("data", "withdraw", path, "P1").exit_code == 0
    after = path.read_bytes()
    assert not any(image in after for image in gone)
    assert all(image in after for image in stay)
    assert not list(tmp_path.glob("*.unfinished*"))


def test_the_log_tells_when_and_how_much_but_not_who(fer, study):
    assert fer("data", "withdraw", study / "faces.h5", ANNA).exit_code == 0
    (line,) = (study / "faces.h5.withdrawals.log").read_text("utf-8").splitlines()
    assert "removed: " in line
    assert "2 videos" in line
    assert "ANNA" not in line


def test_what_is_the_users_to_delete_is_listed(fer, study):
    result = fer("data", "withdraw", study / "faces.h5", ANNA)
    assert f"{ANNA} happy.mp4" in result.stderr
    with open_dataset(study / "faces.h5") as dataset:
        (folder,) = dataset.provenance["pictures"]
    assert str(Path(folder) / f"{ANNA} happy.mp4") in result.stderr
    assert (Path(folder) / f"{ANNA} happy.mp4").is_dir()


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


def test_videos_that_show_others_too_stay_without_the_person(fer, tmp_path):
    labels = {
        "stretches": [
            {"participant": "P1", "emotion": "fear", "start": 0, "end": 1},
            {"participant": "P2", "emotion": "fear", "start": 1, "end": 2},
        ],
        "outside": None,
    }
    rows = [row(1, "fear", "P1", 0), row(2, "fear", "P2", 30), row(3, "fear", None, 40)]
    record = {"digest": "0", "labels": labels}
    path = write(tmp_path / "f.h5", {"both.mp4": rows}, sources={"both.mp4": record})
    result = fer("data", "withdraw", path, "P1")
    assert result.exit_code == 0
    assert "both.mp4" in result.stderr
    with open_dataset(path) as dataset:
        assert dataset.videos == ("both.mp4",)
        assert dataset.images(slice(None))[:, 0, 0, 0].tolist() == [2, 3]
        kept = dataset.provenance["sources"]["both.mp4"]["labels"]["stretches"]
        assert [one["participant"] for one in kept] == ["P2"]


def test_a_short_code_leaves_times_and_versions_alone(fer, tmp_path):
    path = write(
        tmp_path / "f.h5",
        {"a.mp4": [row(1, "fear", "01")], "b.mp4": [row(2, "fear", "02")]},
        command="fer extract 01/a.mp4",
        time="2026-01-01T00:00:00+00:00",
        versions={"numpy": "2.01"},
        history=[{"command": "fer data apply faces_01.csv", "time": "2026-01-01"}],
    )
    assert fer("data", "withdraw", path, "01").exit_code == 0
    with open_dataset(path) as dataset:
        made = dataset.provenance
    assert made["time"] == "2026-01-01T00:00:00+00:00"
    assert made["versions"] == {"numpy": "2.01"}
    assert made["command"] == made["history"][0]["command"] == "(withheld)"


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


def test_a_dry_run_touches_nothing(fer, study):
    before = (study / "faces.h5").read_bytes()
    result = fer("data", "withdraw", study / "faces.h5", ANNA, "--dry-run")
    assert result.exit_code == 0
    assert "videos" in result.stdout
    assert (study / "faces.h5").read_bytes() == before
    assert not (study / "faces.h5.withdrawals.log").exists()


def test_an_unknown_code_is_one_clear_line_with_those_known(fer, study):
    result = fer("data", "withdraw", study / "faces.h5", "DORA")
    assert result.exit_code == 1
    assert f"no participant DORA; its participants are {ANNA}, BERTA-8, CLARA-9" in result.stderr


def test_withdrawing_again_does_nothing(fer, study):
    assert fer("data", "withdraw", study / "faces.h5", ANNA).exit_code == 0
    before = (study / "faces.h5").read_bytes()
    result = fer("data", "withdraw", study / "faces.h5", ANNA)
    assert result.exit_code == 0
    assert "nothing to do" in result.stderr
    assert (study / "faces.h5").read_bytes() == before
    assert len((study / "faces.h5.withdrawals.log").read_text("utf-8").splitlines()) == 1


def test_a_person_without_faces_is_withdrawn(fer, tmp_path):
    labels = {"stretches": [{"participant": "P7", "emotion": "fear"}], "outside": None}
    path = write(
        tmp_path / "f.h5",
        {"P7 a.mp4": [], "b.mp4": [row(1, "fear", "P1")]},
        sources={"P7 a.mp4": {"digest": "77", "labels": labels}},
    )
    assert fer("data", "withdraw", path, "P7").exit_code == 0
    with open_dataset(path) as dataset:
        assert dataset.videos == ("b.mp4",)
        assert dataset.provenance["sources"] == {}
        assert [one.is_of("P7") for one in dataset.withdrawn] == [True]


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


def test_the_file_behind_a_link_is_written_anew(fer, tmp_path):
    (tmp_path / "disk").mkdir()
    rows = [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]
    path = write(tmp_path / "disk" / "f.h5", {"a.mp4": rows})
    link = tmp_path / "link.h5"
    try:
        link.symlink_to(path)
    except OSError:
        pytest.skip("no links here")
    assert fer("data", "withdraw", link, "P1").exit_code == 0
    assert link.is_symlink()
    with open_dataset(path) as dataset:
        assert dataset.participants == ("P2",)


def test_other_people_and_their_videos_keep_their_names(fer, tmp_path):
    def labels(*people: str) -> dict[str, object]:
        return {"stretches": [{"participant": p, "emotion": "fear"} for p in people]}

    names = {"01/1.mp4": "01", "02/happy_01.mp4": "02", "02/11.mp4": "02", "01-b/x.mp4": "01-b"}
    videos = {name: [row(n, "fear", names[name])] for n, name in enumerate(sorted(names))}
    sources = {name: {"labels": labels(who)} for name, who in names.items()}
    path = write(tmp_path / "f.h5", videos, sources=sources, command="fer extract x --pattern y")
    assert fer("data", "withdraw", path, "01").exit_code == 0
    del sources["01/1.mp4"]
    with open_dataset(path) as dataset:
        assert dataset.provenance["sources"] == sources
        assert set(dataset.participants) == {"02", "01-b"}


def test_spellings_that_differ_in_case_are_one_person(fer, tmp_path):
    rows = [row(n, "fear", who, n) for n, who in enumerate(("P7", "p7", "P8"))]
    path = write(tmp_path / "f.h5", {"a.mp4": rows}, command="fer extract Study/p7")
    result = fer("data", "withdraw", path, "P7")
    assert result.exit_code == 0, result.output
    assert "taken for the same person: P7, p7" in result.stderr
    with open_dataset(path) as dataset:
        assert dataset.participants == ("P8",)
        assert dataset.provenance["command"] == "(withheld)"


def test_faces_of_nobody_known_are_told_or_go(fer, tmp_path):
    def stretch(who: str) -> dict[str, str]:
        return {"participant": who, "emotion": "fear"}

    videos = {
        "both.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1), row(3, None, None, 2)],
        "own.mp4": [row(4, "fear", "P1"), row(5, None, None, 1)],
    }
    sources = {
        "both.mp4": {"labels": {"stretches": [stretch("P1"), stretch("P2")]}},
        "own.mp4": {"labels": {"stretches": [stretch("P1")]}},
    }
    path = write(tmp_path / "f.h5", videos, sources=sources)
    result = fer("data", "withdraw", path, "P1")
    assert "1 face of nobody known in these videos stay" in result.stderr
    with open_dataset(path) as dataset:
        assert dataset.images(slice(None))[:, 0, 0, 0].tolist() == [2, 3]
        assert dataset.videos == ("both.mp4",)


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


def test_files_of_one_person_each_are_forgotten_by_name(fer, tmp_path):
    files = [
        write(
            tmp_path / f"{who}.h5", {"v.mp4": [row(n, "fear", who)]}, command=f"fer extract {who}"
        )
        for n, who in enumerate(("ANNA", "BERTA"))
    ]
    joined = tmp_path / "all.h5"
    assert fer("data", "merge", *files, "-o", joined, "--apart").exit_code == 0
    assert fer("data", "withdraw", joined, "ANNA/ANNA").exit_code == 0
    content = joined.read_bytes()
    assert b"ANNA" not in content
    assert b"BERTA/BERTA" in content


def test_trainings_that_may_hold_the_person_are_told(fer, tmp_path):
    path = write(tmp_path / "f.h5", {"a.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]})
    WorkFolder(tmp_path / "model", {"dataset": "of yesterday"}).open(resume=False)
    result = fer("data", "withdraw", path, "P1")
    assert "may hold that person's faces:" in result.stderr
    assert str(tmp_path / "model.unfinished") in result.stderr


def test_a_dataset_that_changes_meanwhile_is_not_written_over(tmp_path):
    path = write(tmp_path / "f.h5", {"a.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]})
    plan = plan_withdrawal(path, "P1")
    write(path, {"a.mp4": [row(n, "fear", f"P{n}", n) for n in range(9)]})
    with pytest.raises(DatasetError, match="changed while it was read"):
        withdraw(plan)
    with open_dataset(path) as dataset:
        assert len(dataset) == 9


def test_a_line_that_was_not_written_is_written_on_the_next_run(fer, tmp_path):
    path = write(tmp_path / "f.h5", {"a.mp4": [row(1, "fear", "P1"), row(2, "fear", "P2", 1)]})
    log = tmp_path / "f.h5.withdrawals.log"
    assert fer("data", "withdraw", path, "P1").exit_code == 0
    log.unlink()
    assert fer("data", "withdraw", path, "P1").exit_code == 0
    assert len(log.read_text("utf-8").splitlines()) == 1


def test_a_broken_dataset_is_not_replaced_unawares(fer, study):
    faces = study / "faces.h5"
    with h5py.File(faces, "a") as file:
        del file["label"]
    result = fer(*again(study, "--overwrite"))
    assert result.exit_code == 1
    assert "who was withdrawn from it cannot be told" in result.stderr


PEOPLE = st.lists(st.sampled_from(["P1", "P2", "p3", "Ärmel", None]), min_size=1, max_size=12)


@settings(max_examples=25)
@given(PEOPLE, st.data())
def test_whoever_is_withdrawn_is_never_found_again(tmp_path_factory, people, data):
    folder = tmp_path_factory.mktemp("w")
    rows = [row(n, "fear", person, -1) for n, person in enumerate(people)]
    path = write(folder / "f.h5", {None: rows})
    codes = sorted({person for person in people if person})
    if not codes:
        return
    gone = data.draw(st.sampled_from(codes))
    before = contents(path)
    withdraw(plan_withdrawal(path, gone))
    with open_dataset(path) as dataset:
        assert gone not in dataset.participants
        assert not verify(dataset)
        assert [one.is_of(gone) for one in dataset.withdrawn] == [True]
        assert not any(
            one.is_of(code) for one in dataset.withdrawn for code in dataset.participants
        )
    kept = {told: number for told, number in before.items() if told[2] != gone}
    assert contents(path) == kept


def test_killed_at_any_moment_the_dataset_is_whole(tmp_path):
    rows = [row(n % 250, "fear", f"P{n % 5}", n) for n in range(400)]
    source = write(tmp_path / "source.h5", {f"{n:03d}.mp4": [one] for n, one in enumerate(rows)})
    path = tmp_path / "f.h5"
    for milliseconds in range(300, 1200, 150):
        shutil.copy2(source, path)
        process = subprocess.Popen(
            [sys.executable, "-m", "fer_pipeline", "data", "withdraw", str(path), "P3"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with open_dataset(path) as dataset:
            assert not verify(dataset)
            assert len(dataset) in (400, 320)
    withdraw(plan_withdrawal(path, "P3"))
    with open_dataset(path) as dataset:
        assert len(dataset) == 320
    assert sorted(file.name for file in tmp_path.glob("f.h5*")) in (
        ["f.h5", "f.h5.withdrawals.log"],
        ["f.h5", "f.h5.lock", "f.h5.withdrawals.log"],
    )
