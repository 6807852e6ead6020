"""What ``fer live`` leaves behind, whatever happens, and what it refuses."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import cv2
import pytest

from fer_pipeline.domain import EMOTIONS, Box, Status
from fer_pipeline.errors import DisplayError, OutputError
from fer_pipeline.files import locked
from fer_pipeline.live import RecordingFiles, window
from fer_pipeline.live.recording import Recording
from fer_pipeline.timeline import TimelineRow, open_timeline
from tests.media import SESSION

# The recording

ROW = TimelineRow(
    "=camera", 3, 0.12, Status.OK, 0, Box(1, 2, 30, 40), 1.5, (0.75, 0.25, *[0.0] * 6)
)


def test_rows_and_events_are_on_the_disk_at_once_and_named_at_the_end(tmp_path):
    files = RecordingFiles(tmp_path / "new" / "labels.csv")
    rows, events = files.growing
    with Recording(files, EMOTIONS) as recording:
        recording.add([ROW])
        recording.mark(1.25, "mark", 3)
        assert len(rows.read_text("utf-8").splitlines()) == 2
        assert events.read_text("utf-8").splitlines()[1] == "1.250000,0.000000,mark,3"
        assert not files.timeline.exists()
        recording.finish({"source": "camera 0"})
    (read,) = open_timeline(files.timeline).rows()
    assert read == ROW
    names = {path.name for path in files.timeline.parent.iterdir()}
    assert names == {"labels.csv", "labels-events.csv", "labels.csv.live.json"}
    with files.events.open(newline="", encoding="utf-8") as file:
        assert [row["trial_type"] for row in csv.DictReader(file)] == ["mark"]


def test_after_an_error_what_was_recorded_stays(tmp_path):
    files = RecordingFiles(tmp_path / "labels.csv")
    with Recording(files, EMOTIONS) as recording:
        recording.add([])
        recording.add([ROW])  # and it is never finished
    assert [path.exists() for path in (*files.growing, files.timeline)] == [True, True, False]


def test_a_full_disk_leaves_whole_lines(small_disk):
    files = RecordingFiles(small_disk / "labels.csv")
    batch = [replace(ROW, frame=number) for number in range(100)]

    def fill(recording: Recording) -> None:
        while True:
            recording.add(batch)

    with Recording(files, EMOTIONS) as recording:
        room = shutil.disk_usage(small_disk).free - 40_000
        (small_disk / "filler").write_bytes(bytes(room))
        with pytest.raises(OutputError, match=r"labels.csv.recording: cannot be written"):
            fill(recording)
    lines = files.growing[0].read_text("utf-8").splitlines(keepends=True)
    assert len(lines) > 100
    assert len(lines) % 100 == 1  # the header, and whole batches
    assert lines[-1] == lines[100]


def test_of_a_recording_that_cannot_begin_nothing_stays(small_disk):
    files = RecordingFiles(small_disk / "labels.csv")
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(OutputError, match="cannot be written"), Recording(files, EMOTIONS):
        pass
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_of_a_recording_whose_events_cannot_be_written_nothing_stays(tmp_path):
    files = RecordingFiles(tmp_path / "labels.csv")
    files.growing[1].mkdir()
    with pytest.raises(OutputError, match="cannot be written"), Recording(files, EMOTIONS):
        pass
    assert list(tmp_path.iterdir()) == [files.growing[1]]


def test_what_another_run_is_recording_is_not_told_to_be_left_over(fer, tmp_path):
    files = RecordingFiles(tmp_path / "labels.csv")
    with locked(files.timeline), Recording(files, EMOTIONS):
        result = fer("live", SESSION, "--out", files.timeline)
    assert result.exit_code == 1
    assert "another run is writing it" in result.stderr


def test_of_a_recording_without_a_row_nothing_stays(tmp_path):
    files = RecordingFiles(tmp_path / "labels.csv")
    with Recording(files, EMOTIONS) as recording:
        recording.add([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["labels.csv", "labels-events.csv", "labels.csv.live.json"])
def test_what_is_there_is_not_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_text("mine")
    files = RecordingFiles(tmp_path / "labels.csv")
    with pytest.raises(OutputError, match=rf"{name}: exists; give another --out, or --overwrite"):
        files.check(overwrite=False)
    files.check(overwrite=True)


@pytest.mark.parametrize("name", ["labels.csv.recording", "labels-events.csv.recording"])
def test_what_a_crash_left_is_not_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_text("rows")
    files = RecordingFiles(tmp_path / "labels.csv")
    with pytest.raises(OutputError, match=rf"{name}: is what an earlier run recorded"):
        files.check(overwrite=False)
    files.check(overwrite=True)


def test_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(OutputError, match="is no file"):
        RecordingFiles(tmp_path / "labels.csv").check(overwrite=True)


def test_other_formats_are_made_afterwards(fer, tmp_path):
    result = fer("live", SESSION, "--out", tmp_path / "labels.eaf")
    assert result.exit_code == 2
    assert "fer timeline makes the other formats of it" in result.stderr


@pytest.mark.parametrize("size", ["640", "640x", "1x1", "axb", "640x480x3"])
def test_a_size_is_width_and_height(fer, size):
    result = fer("live", "--size", size)
    assert result.exit_code == 2
    assert "is no size such as 1280x720" in result.stderr


# Whether there can be a window


def test_without_a_display_there_is_none(monkeypatch):
    monkeypatch.setattr(window.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="there is no display"):
        window.require_window()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_always_have_one(monkeypatch, platform):
    monkeypatch.setattr(window.sys, "platform", platform)
    monkeypatch.delenv("DISPLAY", raising=False)
    window.require_window()


def test_an_opencv_without_windows_is_told(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    with pytest.raises(DisplayError, match="opencv-python-headless"):
        window.require_window()
