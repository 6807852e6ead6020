"""``fer annotate``: runs that are stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_annotate.results import (
    EVERYTHING,
    changed,
    files,
)

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def start(clips: Path, model: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Start ``fer annotate`` in a process of its own."""
    command = [sys.executable, "-m", "fer_pipeline", "annotate", str(clips), "--workers", "1"]
    command += ["--every", "3", "--model", str(model), *options]
    return subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str], below: Path, number: int) -> str:
    """Send a signal as soon as a first clip is finished; return what was said."""
    with process:
        while not any(below.rglob("*.json")):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02)
        process.send_signal(number)
        return process.communicate()[1]


# A child is started, and then given what it is to do through a pipe that is opened then.
SIGNALLED_BETWEEN = """
import os, signal, sys
from fer_pipeline.cli import main

sent = []

def tell(event, values):
    if event == "open" and "popen_spawn_posix" in sys._getframe(1).f_code.co_filename and not sent:
        sent.append(event)
        os.kill(os.getpid(), signal.{name})

if __name__ == "__main__":
    sys.addaudithook(tell)
    sys.argv[0] = "fer"
    main()
"""


@posix
@pytest.mark.parametrize(
    ("name", "status", "told"), [("SIGTERM", 143, "terminated"), ("SIGINT", 130, "interrupted")]
)
def test_a_signal_while_workers_are_started_is_told_by_one_process(
    clips, model_folder, tmp_path, name, status, told
):
    script = tmp_path / "signalled.py"
    script.write_text(SIGNALLED_BETWEEN.format(name=name))
    words = ["annotate", clips, "--workers", "2", "--every", "3", "--model", model_folder]
    command = [sys.executable, script, *words, "--out", tmp_path / "labels.csv", "-q"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert ended.stderr == f"fer: {told}; what was finished is kept; run it again to go on\n"


@posix
def test_a_run_that_was_killed_goes_on_and_gives_the_same_bytes(fer, model_folder, clips, tmp_path):
    (tmp_path / "once").mkdir()
    command = ["annotate", clips, "--every", 3, "--model", model_folder]
    once = fer(*command, "--out", tmp_path / "once/labels.csv")
    out = tmp_path / "again" / "labels.csv"
    process = start(clips, model_folder, "--out", str(out))
    stop(process, tmp_path / "again", signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    again = fer(*command, "--out", out)
    assert again.exit_code == 0
    assert "finished by an earlier run" in again.stderr
    assert out.read_bytes() == (tmp_path / "once/labels.csv").read_bytes()
    assert again.stdout.replace("again", "once") == once.stdout
    assert [path.name for path in out.parent.iterdir()] == ["labels.csv"]


@posix
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupted_run_keeps_what_was_finished(
    number, status, word, fer, model_folder, clips, tmp_path
):
    out = tmp_path / "out"
    process = start(clips, model_folder, "--out", f"{out}/")
    stderr = stop(process, out, number)
    assert process.returncode == status
    assert stderr.splitlines()[-1].startswith(f"fer: {word}; ")
    assert "Traceback" not in stderr
    before = changed(out)
    assert before
    again = fer("annotate", clips, "--every", 3, "--model", model_folder, "--out", f"{out}/")
    assert again.exit_code == 0
    assert set(changed(out)) == EVERYTHING
    assert files(out) == sorted(["fer-annotation.jsonl", *EVERYTHING])


@posix
def test_an_interrupted_run_without_outputs_leaves_nothing(model_folder, clips, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(clips, model_folder, TMPDIR=str(scratch))
    stop(process, scratch, signal.SIGINT)
    assert process.returncode == 130
    assert not any(scratch.iterdir())


def test_a_full_disk_ends_the_run_in_one_line(fer, model_folder, few_videos, small_disk):
    filler = small_disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while file.write(bytes(2**16)):
            file.flush()
    words = ["annotate", few_videos, "--model", model_folder, "--out", small_disk / "labels.csv"]
    full = fer(*words, "-q", "--workers", 1)
    assert full.exit_code == 1
    assert full.stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in full.stderr
    assert not (small_disk / "labels.csv").exists()
    filler.unlink()
    assert fer(*words, "--every", 10).exit_code == 0
    assert sorted(path.name for path in small_disk.iterdir()) == ["labels.csv"]
