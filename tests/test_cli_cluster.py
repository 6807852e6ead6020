"""``--scheduler`` as it is typed: the same data from a real Dask cluster as from this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_pipeline.dataset import open_dataset
from tests.clusters import Cluster, running_cluster
from tests.media import PARTICIPANTS

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the shared cluster is ended with signals")

FEW = "--every", 10, "--size", 24
CLIPS = ("P00_happy.mp4", "P07_neutral.mp4")


@pytest.fixture(scope="module")
def dask(tmp_path_factory) -> Iterator[Cluster]:
    """A cluster of one worker that takes two tasks at a time."""
    with running_cluster(tmp_path_factory.mktemp("dask"), "--nthreads", "2") as running:
        yield running


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """A folder with two clips, from which paths are typed."""
    (tmp_path / "clips").mkdir()
    for name in CLIPS:
        shutil.copy2(PARTICIPANTS / name, tmp_path / "clips")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_extraction_on_a_cluster_gives_the_same_dataset(dask, fer, study):
    there = fer("extract", "clips", "-o", "there.h5", *FEW, "--scheduler", dask.address)
    here = fer("extract", "clips", "-o", "here.h5", *FEW, "--workers", 1)
    assert there.exit_code == here.exit_code == 0, there.output
    assert there.stdout.replace("there.h5", "here.h5") == here.stdout
    with open_dataset(study / "here.h5") as one, open_dataset(study / "there.h5") as other:
        assert one.digest == other.digest
        assert one.provenance["sources"] == other.provenance["sources"]
    assert {path.name for path in study.iterdir()} == {"clips", "here.h5", "there.h5"}
    again = fer("extract", "clips", "-o", "there.h5", *FEW, "--scheduler", dask.address)
    assert "nothing to do" in again.stderr


def test_annotation_on_a_cluster_gives_the_same_bytes_and_fails_where_it_fails_here(
    dask, fer, study
):
    (study / "clips" / CLIPS[1]).write_bytes(b"no video")
    ways = {"there": ("--scheduler", dask.address), "here": ("--workers", 1)}
    for folder, way in ways.items():
        goals = ("--out", f"{folder}/rows/", "--plot", f"{folder}/plots/")
        done = fer("annotate", "clips", *goals, "--every", 10, *way)
        assert done.exit_code == 3, done.output
        assert "1 could not be done; they are tried again on the next run:" in done.stderr
        assert CLIPS[1] in done.stderr
    here, there = files_in(study / "here"), files_in(study / "there")
    assert here.keys() == there.keys()
    same = [name for name in here if name.endswith((".csv", ".png"))]
    assert len(same) == 2
    for name in same:
        assert here[name] == there[name], name
    assert not any("unfinished" in name for name in there)


def test_networks_are_compared_on_a_cluster(dask, fer, study, faces_file):
    wanted = ("--networks", "lenet5", "--channels", "gray", "--size", 16, "--epochs", 1)
    words = ("compare", "--data", faces_file, "-o", "table", *wanted, "--scheduler", dask.address)
    done = fer(*words)
    assert done.exit_code == 0, done.output
    assert "1 of 1: lenet5-gray: done" in done.stderr
    assert "lenet5" in done.stdout
    assert {path.name for path in (study / "table" / "runs").iterdir()} == {
        "lenet5-gray",
        "lenet5-gray.log",
    }
    again = fer(*words)
    assert "1 run, 1 of them finished already" in again.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("extract", "clips", "--workers", 2), "--workers and --scheduler exclude each other"),
        (("annotate", "clips", "--out", "a.csv", "--workers", 2), "--workers and --scheduler"),
        (("compare", "--data", "faces.h5", "--jobs", 2), "--jobs and --scheduler exclude"),
        (("annotate", "clips"), "--scheduler: give --out"),
    ],
)
def test_what_a_cluster_does_not_go_with_is_wrong_usage(fer, study, words, problem):
    done = fer(*words, "--scheduler", "tcp://127.0.0.1:1")
    assert done.exit_code == 2
    assert problem in done.stderr


# Ends the cluster of this module, and so comes last.
def test_a_cluster_that_is_gone_is_told_and_nothing_is_left(dask, fer, study, monkeypatch):
    monkeypatch.setattr("fer_pipeline.workers.cluster._CONNECT_SECONDS", 0.5)
    address = dask.address
    dask.scheduler.kill()
    dask.scheduler.wait()
    done = fer("extract", "clips", "-o", "faces.h5", *FEW, "--scheduler", address)
    assert done.exit_code == 1
    assert f"fer: {address}: no Dask scheduler answers" in done.stderr
    assert {path.name for path in study.iterdir()} == {"clips"}
