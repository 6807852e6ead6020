"""Killed again and again at random moments, a command ends as one that was left alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import open_dataset
from tests.conftest import write_faces
from tests.media import PARTICIPANTS

CLIPS = [
    PARTICIPANTS / f"{person}_{emotion}.mp4"
    for person in ("P00", "P07")
    for emotion in ("sad", "happy")
]


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "fer_pipeline", *map(str, words)]


def run(words: Sequence[str]) -> float:
    """Run a command to its end; return how many seconds it took."""
    started = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


def kill_at_random(words: Sequence[str], result: Path, kills: int, seconds: float) -> None:
    """Start a command and kill it, over and over; whenever it finished before, begin anew."""
    moments = random.Random(0)
    done = 0
    while done < kills:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=moments.uniform(0.02, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
        else:
            remove(result)


def remove(result: Path) -> None:
    for path in sorted([result, *result.rglob("*")], reverse=True):
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("workers", "kills"), [(1, 2), (2, 5)])
def test_extract_survives_being_killed(tmp_path, workers, kills):
    def extract(folder: str) -> list[str]:
        out = tmp_path / folder / "faces.h5"
        return command("extract", *CLIPS, "-o", out, "--every", 5, "--workers", workers)

    seconds = run(extract("alone"))
    kill_at_random(extract("killed"), tmp_path / "killed" / "faces.h5", kills, seconds)
    run(extract("killed"))
    digests = []
    for folder in ("alone", "killed"):
        assert names_in(tmp_path / folder) == ["faces.h5"]
        with open_dataset(tmp_path / folder / "faces.h5") as dataset:
            digests.append(dataset.digest)
    assert digests[0] == digests[1]


def test_annotate_survives_being_killed(tmp_path, model_folder):
    def annotate(name: str) -> list[str]:
        out = tmp_path / name / "labels.csv"
        return command("annotate", *CLIPS, "--model", model_folder, "--every", 5, "--out", out)

    seconds = run(annotate("alone"))
    kill_at_random(annotate("killed"), tmp_path / "killed" / "labels.csv", 4, seconds)
    run(annotate("killed"))
    results = [(tmp_path / name / "labels.csv").read_bytes() for name in ("alone", "killed")]
    assert results[0] == results[1]
    assert names_in(tmp_path / "killed") == ["labels.csv"]


def test_train_survives_being_killed(tmp_path, faces_file):
    def train(name: str) -> list[str]:
        words = ["train", "--data", faces_file, "-o", tmp_path / name / "model", "--resume"]
        return command(*words, "--network", "lenet5", "--size", 32, "--epochs", 4)

    seconds = run(train("alone"))
    kill_at_random(train("killed"), tmp_path / "killed" / "model", 2, seconds)
    run(train("killed"))
    figures = [
        json.loads((tmp_path / name / "model" / "metrics.json").read_text("utf-8"))
        for name in ("alone", "killed")
    ]
    assert figures[0] == figures[1]
    assert names_in(tmp_path / "killed") == ["model"]


CARE = {
    "merge": (["merge", "FACES", "MORE", "-o", "OUT"], "OUT"),
    "split": (["split", "FACES", "--overwrite"], "FACES"),
    "withdraw": (["withdraw", "FACES", "P03"], "FACES"),
    "dedupe": (["dedupe", "FACES", "-o", "OUT", "--overwrite"], "OUT"),
    "pseudonymize": (["pseudonymize", "FACES", "-o", "OUT", "--key", "KEY", "--overwrite"], "OUT"),
    "export": (["export", "FACES", "-o", "ARRAYS", "--overwrite"], "ARRAYS"),
}


@pytest.mark.parametrize("name", CARE)
def test_care_of_a_dataset_leaves_nothing_broken_when_killed(tmp_path, name):
    paths = {
        word: tmp_path / file
        for word, file in {
            "FACES": "faces.h5",
            "MORE": "more.h5",
            "OUT": "out.h5",
            "KEY": "key",
            "ARRAYS": "faces.npz",
        }.items()
    }
    write_faces(paths["FACES"], people=6, frames=40)
    others = write_faces(tmp_path / "others.h5", people=6, frames=40)
    run(command("data", "merge", others, "-o", paths["MORE"], "--apart"))
    words, result = CARE[name]
    line = command("data", *(paths.get(word, word) for word in words))
    before = paths["FACES"].read_bytes()
    seconds = run(line)
    moments = random.Random(0)
    for _ in range(3):
        if words[0] != "merge":
            paths["FACES"].write_bytes(before)
        else:
            paths["OUT"].unlink(missing_ok=True)
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=moments.uniform(0.3, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        require_whole(paths[result])
    run(line)
    require_whole(paths[result])
    assert not list(tmp_path.glob("*.unfinished*"))


def require_whole(path: Path) -> None:
    """Read all of what stands under a final name, if anything does."""
    if path.suffix == ".h5" and path.exists():
        with open_dataset(path) as dataset:
            assert not verify(dataset)
    elif path.exists():
        with np.load(path) as arrays:
            assert len({len(arrays[name]) for name in ("images", "label", "frame")}) == 1
