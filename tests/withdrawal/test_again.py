"""A withdrawal tried, given again, stopped or overtaken."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.care.withdrawal import plan_withdrawal, withdraw
from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import DatasetError
from tests.test_merging import row, write
from tests.withdrawal.people import ANNA


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
