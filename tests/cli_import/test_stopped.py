"""`fer import`, stopped on the way."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from fer_pipeline.dataset import open_dataset
from tests.cli_import.results import names_in, start
from tests.fer2013.faces import FACE, HEADER, row


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_an_interrupted_run_leaves_nothing(tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text("\n".join([HEADER, *[row(FACE)] * 6000]))
    process = start(source, "-o", out)
    unfinished = out.with_name("faces.h5.unfinished")
    while process.poll() is None and not unfinished.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == "fer: interrupted; run it again\n"
    assert not out.parent.exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(source, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(30 * 2**20))
    process = start(source, "-o", small_disk / "faces.h5")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in stderr
    assert names_in(small_disk) == ["filler"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_ended_at_any_moment_leaves_nothing_broken(sent, tmp_path, out):
    source = tmp_path / "fer2013.csv"
    source.write_text("\n".join([HEADER, *[row(FACE, code) for code in (0, 3)] * 1000]))
    unfinished = out.with_name("faces.h5.whole.unfinished.unfinished")
    process = start(source, "-o", out, "--balance", "100")
    while process.poll() is None and not unfinished.exists():
        time.sleep(0.01)
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == (-9 if sent == signal.SIGKILL else 143)
    assert not out.exists()
    if sent == signal.SIGTERM:
        assert not out.parent.exists()
    again = start(source, "-o", out, "--balance", "100")
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert [name for name in names_in(out.parent) if "lock" not in name] == ["faces.h5"]
    with open_dataset(out) as dataset:
        assert np.bincount(dataset.column("label")).tolist() == [100, 100]


@pytest.mark.parametrize("balance", [(), ("--balance", "5")])
def test_what_a_killed_run_left_is_removed(fer, source, out, balance):
    out.parent.mkdir()
    for left in ("faces.h5.whole.unfinished", "faces.h5.whole.unfinished.unfinished"):
        out.with_name(left).write_text("everybody")
    assert fer("import", "fer2013", source, "-o", out, *balance).exit_code == 0
    assert names_in(out.parent) == ["faces.h5"]
