"""``fer live`` in a terminal that is closed: what was recorded is finished, and nobody is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from fer_pipeline.live import stop_on_signals
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.timeline import open_timeline
from tests.desktop import desktop, until
from tests.media import TWO_PEOPLE, pictures_of, write_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a display of X11, and setsid")

# Tests may run under nohup, which all that they start would inherit.
HEARS_HANG_UPS = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

FRAMES = 100
STEP = 0.2  # seconds between frames: it plays for twenty seconds


def test_a_recording_is_finished_when_its_terminal_is_closed(tmp_path):
    there = pictures_of(TWO_PEOPLE, 26)[20:]
    pictures = (there * FRAMES)[:FRAMES]
    clip = write_video(tmp_path / "slow.mp4", pictures, [STEP * one for one in range(FRAMES)])
    labels = tmp_path / "labels.csv"
    growing = labels.with_name("labels.csv.recording")
    words = ["live", clip, "--out", labels, "--model", bundled_model()]
    in_a_terminal = [
        shutil.which("setsid") or "setsid",
        "--ctty",
        sys.executable,
        "-c",
        HEARS_HANG_UPS,
    ]
    terminal, inside = os.openpty()
    with desktop() as desk:
        environment = os.environ | {"DISPLAY": desk.name}
        environment.pop("WAYLAND_DISPLAY", None)
        with subprocess.Popen(
            [*in_a_terminal, "-m", "fer_pipeline", *map(str, words)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environment,
        ) as process:
            os.close(inside)
            until(lambda: growing.exists() and growing.read_text("utf-8").count("\n") > 3, "rows")
            os.close(terminal)
            assert process.wait(timeout=60) == 143
    assert 0 < [*open_timeline(labels).rows()][-1].frame < FRAMES - 20  # not by itself
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "labels-events.csv",
        "labels.csv",
        "labels.csv.live.json",
        "slow.mp4",
    ]


def _ours(number: int, frame: object) -> None:
    """Hear of it, so that a failure here does not end all tests."""


@pytest.mark.parametrize(("before", "ends"), [(_ours, True), (signal.SIG_IGN, False)])
def test_who_started_it_with_nohup_wants_it_to_go_on(before, ends):
    outside = signal.signal(signal.SIGHUP, before)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert (bool(stop), stop.terminated, stop.hung_up) == (ends,) * 3
        assert signal.getsignal(signal.SIGHUP) == before
    finally:
        signal.signal(signal.SIGHUP, outside)
