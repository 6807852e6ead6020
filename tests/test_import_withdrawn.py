"""Importing a corpus again does not bring back people who were withdrawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_pipeline.dataset import open_dataset


@pytest.fixture
def corpus(tmp_path):
    """A folder of faces: two people, two emotions."""
    rng = np.random.default_rng(0)
    for person in ("KA", "KM"):
        for emotion in ("fear", "anger"):
            folder = tmp_path / "corpus" / person / emotion
            folder.mkdir(parents=True)
            for number in range(3):
                picture = rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)
                (folder / f"{number}.png").write_bytes(cv2.imencode(".png", picture)[1])
    return tmp_path / "corpus"


def people(path):
    with open_dataset(path) as dataset:
        return set(dataset.participants), len(dataset)


@pytest.mark.parametrize("more", [(), ("--balance", 2)])
def test_a_person_stays_out_until_readmitted(fer, corpus, tmp_path, more):
    out = tmp_path / "faces.h5"
    words = ("import", "folder", corpus, "-o", out, "--no-detect", *more)
    assert fer(*words).exit_code == 0
    everybody = people(out)
    assert fer("data", "withdraw", out, "KA").exit_code == 0
    again = fer(*words)
    assert "nothing to do" in again.stderr
    assert people(out)[0] == {"KM"}
    anew = fer(*words, "--overwrite")
    assert anew.exit_code == 3, anew.output
    assert "left out: 6 faces of people who were withdrawn" in anew.stderr
    assert people(out)[0] == {"KM"}
    assert fer(*words, "--readmit", "KM").exit_code == 1
    back = fer(*words, "--readmit", "KA")
    assert back.exit_code == 0, back.output
    assert people(out) == everybody
