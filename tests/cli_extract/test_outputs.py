"""Outputs that `fer extract` cannot or may not write."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from fer_pipeline.files import locked
from tests.cli_extract.results import (
    FEW,
    ONE,
    error_line,
    fer_command,
    names_in,
    videos_of,
)
from tests.media import PARTICIPANTS


def test_the_output_cannot_be_a_folder(fer, videos, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for option in ((), ("--overwrite",)):
        assert "a folder" in error_line(fer("extract", videos, "-o", folder, *FEW, *option))
    assert names_in(tmp_path) == ["folder", "videos"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_cannot_be_written_to_is_one_line(fer, videos, tmp_path, workers):
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "faces.h5"
    result = fer("extract", videos, "-o", output, *FEW, "-q", "--workers", workers)
    assert "cannot be written" in error_line(result)
    assert len(result.output.splitlines()) == 1
    assert names_in(tmp_path) == ["file", "videos"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_permission_is_one_line(fer, videos, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    result = fer("extract", videos, "-o", closed / "faces.h5", *FEW, "-q")
    assert "cannot be written (Permission denied)" in error_line(result)
    assert names_in(closed) == []


def test_a_file_that_is_no_dataset_is_never_replaced(fer, videos, tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    for option in ((), ("--overwrite",)):
        result = fer("extract", videos, "-o", thesis, *FEW, *option)
        assert f"{thesis}: exists and is no dataset" in error_line(result)
        assert thesis.read_text() == "years of work"
    thesis.write_text("")
    assert fer("extract", videos, "-o", thesis, *FEW, "--overwrite").exit_code == 0
    assert len(videos_of(thesis)) == 4


def test_a_full_disk_is_one_line_and_what_was_finished_is_gone_on_with(fer, videos, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(22 * 2**20))
    arguments = ["extract", videos, "-o", small_disk / "faces.h5", "--every", 2, *ONE, "-q"]
    full = subprocess.run(fer_command(*arguments), capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in full.stderr
    assert not [*small_disk.rglob("*.unfinished")]
    assert not (small_disk / "faces.h5").exists()
    finished = len([*(small_disk / "faces.h5.parts").iterdir()])
    assert 0 < finished < 4
    filler.unlink()
    again = fer(*arguments[:-1])
    assert again.exit_code == 0
    assert f"finished by an earlier run: {finished} video" in again.stderr
    assert names_in(small_disk) == ["faces.h5"]


@pytest.mark.parametrize("what", ["clip", "labels"])
def test_an_input_is_never_written_over(fer, tmp_path, what):
    clip, labels = tmp_path / "clip.mp4", tmp_path / "labels.csv"
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", clip)
    labels.write_text("video,participant,emotion\nclip.mp4,P00,happy\n")
    target = clip if what == "clip" else labels
    before = target.read_bytes()
    result = fer("extract", clip, "--labels", labels, "-o", target, "--overwrite")
    assert result.exit_code == 1
    assert "is one of the inputs" in result.stderr
    assert target.read_bytes() == before


def test_a_second_run_on_the_same_output_is_kept_away(fer, videos, out):
    with locked(out):
        result = fer("extract", videos, "-o", out, *FEW)
    assert result.exit_code == 1
    assert "another run is writing it" in result.stderr
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 0
    assert names_in(out.parent) == ["faces.h5"]
