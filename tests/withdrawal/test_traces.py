"""A participant goes with every trace in the dataset."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.care.withdrawal import plan_withdrawal, withdraw
from fer_pipeline.dataset import open_dataset
from tests.test_merging import contents, row, write
from tests.withdrawal.people import ANNA, OTHERS


def stored_images(path: Path, person: str) -> list[bytes]:
    """The compressed images of a person as they stand in the file."""
    with h5py.File(path) as file:
        index = list(file["participants"].asstr()[:]).index(person)
        rows = np.flatnonzero(file["participant"][:] == index)
        return [file["images"].id.read_direct_chunk((int(r), 0, 0, 0))[1] for r in rows]


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
