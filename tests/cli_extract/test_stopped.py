"""`fer extract`, stopped at any moment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli_extract.results import FEW, content, fer_command, names_in
from tests.media import PARTICIPANTS
from tests.test_extraction import extract

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture(scope="module")
def eight(tmp_path_factory) -> Path:
    """A folder of eight clips."""
    folder = tmp_path_factory.mktemp("eight")
    for clip in sorted(PARTICIPANTS.glob("P1*.mp4"))[:8]:
        shutil.copy2(clip, folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(eight, tmp_path_factory) -> str:
    """The digest of the eight clips, extracted in one go."""
    out = tmp_path_factory.mktemp("undisturbed") / "faces.h5"
    extract(eight, out, workers=2)
    return content(out)


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start ``fer`` as a shell would: in a process group of its own."""
    return subprocess.Popen(
        fer_command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], *, until) -> None:
    """Wait until something is so, while a process runs."""
    while not until():
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"ended too early: {process.communicate()}")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process, and for all its children, which hold its standard error too."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@POSIX
@pytest.mark.parametrize(
    ("how", "workers"),
    [("SIGKILL", 1), ("SIGKILL", 2), ("SIGINT", 1), ("SIGINT", 2), ("SIGTERM", 2)],
)
def test_a_run_stopped_in_the_middle_goes_on_from_there(fer, eight, undisturbed, out, how, workers):
    arguments = ("extract", eight, "-o", out, *FEW)
    process = start(*arguments, "--workers", workers)
    parts = out.with_name("faces.h5.parts")
    wait_for(process, until=lambda: [*parts.glob("*.h5")])
    # Ctrl-C of a terminal goes to the whole group, a kill to the one process.
    send = os.killpg if how == "SIGINT" else os.kill
    send(process.pid, getattr(signal, how))
    status, said = end(process)
    assert "Traceback" not in said
    if how == "SIGKILL":
        assert status == -signal.SIGKILL
    else:
        word, code = {"SIGINT": ("interrupted", 130), "SIGTERM": ("terminated", 143)}[how]
        assert status == code
        assert said.splitlines()[-1].startswith(f"fer: {word}; what was finished is kept")
        assert not [*parts.glob("*.unfinished")]
    assert not out.exists()
    finished = len([*parts.glob("*.h5")])
    result = fer(*arguments)
    assert result.exit_code == 0
    assert f"finished by an earlier run: {finished} video" in result.stderr
    assert content(out) == undisturbed
    assert names_in(out.parent) == ["faces.h5"]


def read(path: str | Path) -> str:
    """Read a file of the system, which is gone as soon as its process is."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs the proc file system")
def test_ctrl_c_while_the_workers_load_is_one_line(eight, out):
    process = start("extract", eight, "-o", out, *FEW, "--workers", 2, "-q")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def loading() -> bool:
        return any("numpy" in read(f"/proc/{child}/maps") for child in read(children).split())

    wait_for(process, until=loading)
    os.killpg(process.pid, signal.SIGINT)
    status, said = end(process)
    assert status == 130
    assert said == ("fer: interrupted; what was finished is kept; run it again to go on\n")


@POSIX
def test_a_second_ctrl_c_does_not_disturb_the_end(eight, out):
    process = start("extract", eight, "-o", out, "--workers", 2, "-q")
    parts = out.with_name("faces.h5.parts")
    wait_for(process, until=lambda: [*parts.glob("*.h5*")])
    for _ in range(40):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
    status, said = end(process)
    assert status == 130
    assert said == "fer: interrupted; what was finished is kept; run it again to go on\n"
