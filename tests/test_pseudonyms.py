"""``fer data pseudonymize``: codes stand for people and videos, and a key leads them back."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.care.pseudonyms import Key, make_key, read_key
from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import DatasetError
from tests.test_merging import row, write


@pytest.fixture
def study(tmp_path):
    """A dataset of two people, whose names are everywhere."""
    videos = {
        "ANNA/happy.MP4": [row(1, "happiness", "ANNA"), row(2, "happiness", "ANNA", 1)],
        "BERTA/sad.mp4": [row(3, "sadness", "BERTA")],
    }
    made = {
        "command": "fer extract ANNA BERTA",
        "settings": {},
        "sources": {name: {"digest": "0"} for name in videos},
    }
    return write(tmp_path / "study.h5", videos, **made)


def test_no_name_stays_and_no_face_is_lost(fer, study, tmp_path):
    out, key = tmp_path / "shared.h5", tmp_path / "study.key"
    result = fer("data", "pseudonymize", study, "-o", out, "--key", key)
    assert result.exit_code == 0, result.output
    content = out.read_bytes()
    for name in (b"ANNA", b"BERTA", b"happy", b"sad.mp4"):
        assert name not in content
    code = read_key(key)
    with open_dataset(study) as before, open_dataset(out) as after:
        assert not verify(after)
        assert set(after.participants) == {code.person("ANNA"), code.person("BERTA")}
        assert set(after.videos) == {code.video(name) for name in before.videos}
        assert after.emotions == before.emotions
        for name in before.videos:
            rows, own = before.rows_by_video()[name], after.rows_by_video()[code.video(name)]
            assert np.array_equal(before.images(rows), after.images(own))
            for column in ("label", "frame", "time", "box"):
                assert np.array_equal(before.column(column)[rows], after.column(column)[own])


def test_the_key_gives_the_same_codes_again_and_another_key_others(fer, study, tmp_path):
    people = []
    for out, key in (("a.h5", "one.key"), ("b.h5", "one.key"), ("c.h5", "two.key")):
        words = ("-o", tmp_path / out, "--key", tmp_path / key)
        assert fer("data", "pseudonymize", study, *words).exit_code == 0
        with open_dataset(tmp_path / out) as dataset:
            people.append(set(dataset.participants))
    assert people[0] == people[1]
    assert not people[0] & people[2]


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_only_the_owner_may_read_the_key(tmp_path):
    make_key(tmp_path / "k")
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_somebody_is_withdrawn_by_name_with_the_key(fer, study, tmp_path):
    out, key = tmp_path / "shared.h5", tmp_path / "study.key"
    assert fer("data", "pseudonymize", study, "-o", out, "--key", key).exit_code == 0
    assert fer("data", "withdraw", out, "ANNA").exit_code == 1
    assert fer("data", "withdraw", out, "ANNA", "--key", key).exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.participants == (read_key(key).person("BERTA"),)


def test_models_from_before_are_found_by_the_code_behind_the_pseudonym(
    fer, faces_file, model_folder, tmp_path
):
    """They were trained while the person still went by the real code."""
    out, key = tmp_path / "shared.h5", tmp_path / "study.key"
    assert fer("data", "pseudonymize", faces_file, "-o", out, "--key", key).exit_code == 0
    with open_dataset(faces_file) as dataset:
        person = dataset.participants[0]
    words = ("--key", key, "--models", model_folder, "--dry-run")
    result = fer("data", "withdraw", out, person, *words)
    assert f"{model_folder}: has seen that person" in result.stderr


def test_the_new_file_does_not_tell_who_had_been_withdrawn(fer, study, tmp_path):
    out = tmp_path / "shared.h5"
    assert fer("data", "withdraw", study, "ANNA").exit_code == 0
    result = fer("data", "pseudonymize", study, "-o", out, "--key", tmp_path / "k")
    assert result.exit_code == 0
    assert "1 participant had been withdrawn" in result.stderr
    with open_dataset(out) as dataset:
        assert dataset.withdrawn == ()


def test_whoever_was_withdrawn_from_the_new_file_does_not_come_back(fer, study, tmp_path):
    words = ("-o", tmp_path / "shared.h5", "--key", tmp_path / "k")
    assert fer("data", "pseudonymize", study, *words).exit_code == 0
    assert fer("data", "withdraw", words[1], "ANNA", *words[2:]).exit_code == 0
    before = words[1].read_bytes()
    again = fer("data", "pseudonymize", study, *words, "--overwrite")
    assert again.exit_code == 1
    assert words[1].read_bytes() == before


def test_the_names_of_files_are_not_told_either(fer, tmp_path):
    study = write(tmp_path / "ANNA.h5", {"v.mp4": [row(1, person="ANNA")]})
    words = ("-o", tmp_path / "shared ANNA.h5", "--key", tmp_path / "ANNA.key")
    assert fer("data", "pseudonymize", study, *words).exit_code == 0
    assert b"ANNA" not in (tmp_path / "shared ANNA.h5").read_bytes()


def test_stills_stand_in_the_order_of_the_codes(fer, tmp_path):
    stills = [row(n, person=f"P{n:02d}", frame=-1) for n in range(9)]
    study = write(tmp_path / "f.h5", {None: stills})
    out = tmp_path / "shared.h5"
    words = ("-o", out, "--key", tmp_path / "k")
    assert fer("data", "pseudonymize", study, *words).exit_code == 0
    with open_dataset(out) as dataset:
        assert list(dataset.participants) == sorted(dataset.participants)
        assert len(dataset) == 9
        assert not verify(dataset)


def test_only_the_name_of_a_corpus_stays_before_the_code(fer, tmp_path):
    key = Key(bytes(32))
    assert key.person("jaffe/KA", ["jaffe"]) == f"jaffe/{key.person('KA')}"
    assert "smith" not in key.person("smith/P08", ["jaffe"])
    jaffe = write(tmp_path / "j.h5", {None: [row(1, person="KA", frame=-1)]}, corpus="jaffe")
    own = write(tmp_path / "o.h5", {"v.mp4": [row(2, person="smith/P08")]})
    joined, out, file = (tmp_path / name for name in ("all.h5", "shared.h5", "k"))
    assert fer("data", "merge", own, jaffe, "-o", joined).exit_code == 0
    assert fer("data", "pseudonymize", joined, "-o", out, "--key", file).exit_code == 0
    key = read_key(file)
    with open_dataset(out) as dataset:
        expected = {key.person("jaffe/KA", ["jaffe"]), key.person("smith/P08")}
        assert set(dataset.participants) == expected
    assert fer("data", "withdraw", out, "jaffe/KA", "--key", file).exit_code == 0


def test_what_is_no_key_is_refused(fer, study, tmp_path):
    for content in ("", "00" * 31, "zz" * 32):
        (tmp_path / "k").write_text(content, "ascii")
        with pytest.raises(DatasetError, match="no key"):
            read_key(tmp_path / "k")
        words = ("-o", tmp_path / "o.h5", "--key", tmp_path / "k")
        assert fer("data", "pseudonymize", study, *words).exit_code == 1
        assert (tmp_path / "k").read_text("ascii") == content
    with pytest.raises(DatasetError, match="no such key"):
        read_key(tmp_path / "none")


def test_nothing_is_replaced_unasked(fer, study, tmp_path):
    out, key = tmp_path / "o.h5", tmp_path / "k"
    out.write_bytes(b"precious")
    result = fer("data", "pseudonymize", study, "-o", out, "--key", key)
    assert result.exit_code == 1
    assert out.read_bytes() == b"precious"
    assert not key.exists()
    for words in ((study, "-o", study, "--key", key), (study, "-o", key, "--key", key)):
        assert fer("data", "pseudonymize", *words).exit_code == 2


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES, NAMES, st.binary(min_size=32, max_size=32))
def test_codes_tell_nothing_but_who_is_the_same(one, other, secret):
    key = Key(secret)
    assert (key.video(one) == key.video(other)) == (one == other) or "/" in one + other
    code = key.person(one.replace("/", "-"))
    assert json.dumps(code).isascii()
    assert len(code) == len("P-") + 10
