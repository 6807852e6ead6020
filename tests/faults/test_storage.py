"""Datasets where the system refuses to write: one clear error, and a process that goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fer_pipeline.dataset import open_dataset
from tests.conftest import write_faces

resource = pytest.importorskip("resource", reason="no limits on Windows")

# In a process of its own: HDF5 may take the whole process with it.
LIMITED = """
import gc, resource, sys
from pathlib import Path
from fer_pipeline.errors import OutputError
from tests.conftest import write_faces

path, *limits = sys.argv[1:]
for limit in map(int, limits):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_faces(Path(path), size=24)
    except OutputError as error:
        print(error)
    gc.collect()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
write_faces(Path(path), size=24)
"""

SHARES = (0.0, 0.0002, 0.1, 0.5, 0.9, 0.9999)


def test_wherever_a_file_may_not_get_larger_it_is_one_line_and_nothing_is_left(tmp_path):
    whole = write_faces(tmp_path / "whole.h5", size=24)
    size = whole.stat().st_size
    path = tmp_path / "limited" / "faces.h5"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path, *(str(int(share * size)) for share in SHARES)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert done.stdout.splitlines() == [f"{path}: cannot be written (File too large)"] * len(SHARES)
    assert done.stderr == ""
    assert [one.name for one in path.parent.iterdir()] == ["faces.h5"]
    with open_dataset(path) as dataset, open_dataset(whole) as other:
        assert dataset.digest == other.digest


# In a process of its own, which another thread disturbs.
INTERRUPTED = """
import os, random, signal, sys, threading, time
from pathlib import Path
from tests.conftest import write_faces

# Of what is started in the background, a shell lets Ctrl-C be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
path, times = Path(sys.argv[1]), int(sys.argv[2])
moments = random.Random(0)
begun = time.monotonic()
write_faces(path, size=24)
seconds = time.monotonic() - begun
interrupted = 0
for _ in range(times):
    timer = threading.Timer(moments.uniform(0, seconds), os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        write_faces(path, size=24)
        timer.join()
        time.sleep(0.01)
    except KeyboardInterrupt:
        interrupted += 1
    timer.join()
write_faces(path, size=24)
print(interrupted)
"""


def test_ctrl_c_at_any_moment_of_writing_leaves_nothing_broken(tmp_path):
    whole = write_faces(tmp_path / "whole.h5", size=24)
    path = tmp_path / "interrupted" / "faces.h5"
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, path, "12"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 3
    assert [one.name for one in path.parent.iterdir()] == ["faces.h5"]
    with open_dataset(path) as dataset, open_dataset(whole) as other:
        assert dataset.digest == other.digest
