"""``fer live`` in a real window on a display of its own, with a file as the camera."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.domain import Box
from fer_pipeline.live.picture import shown_size
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.palette import emotion_colours, red_green_blue
from fer_pipeline.timeline import TimelineRow, open_timeline
from tests.desktop import Desktop, desktop, until
from tests.media import TWO_PEOPLE, pictures_of, write_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a display of X11")

SIZE = (640, 240)
STEP = 0.2  # seconds between frames, so that a machine with much else to do shows most of them
FRAMES = 150
FULL_BAR = 44  # pixels, in a picture so low


@pytest.fixture(scope="module")
def desk() -> Iterator[Desktop]:
    with desktop() as started:
        yield started


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """One person happy, one angry, in slow motion, forwards and backwards, for half a minute."""
    path = tmp_path_factory.mktemp("clip") / "slow.mp4"
    times = [STEP * number for number in range(FRAMES)]
    there = pictures_of(TWO_PEOPLE, 32)[20:]
    pictures = (there + there[::-1]) * FRAMES
    return write_video(path, pictures[:FRAMES], times)


AS_COMMAND = "from fer_pipeline.cli import main; main()"

TELLING_MODULES = f"""
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
{AS_COMMAND}
"""


def start(display: str, *arguments: object, program: str = AS_COMMAND) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    return subprocess.Popen(
        [sys.executable, "-c", program, "live", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"DISPLAY": display},
    )


@pytest.fixture
def live(desk) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``fer live`` with a model of eight emotions, and wait for its window."""
    processes = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        process = start(desk.name, *arguments, "--model", bundled_model())
        processes.append(process)
        until(lambda: desk.window() or process.poll() is not None, "a window")
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def told_by(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def records(path: Path) -> list[dict[str, str]]:
    """Return the complete lines of a table."""
    text = path.read_text("utf-8") if path.exists() else ""
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))


def growing(path: Path) -> Path:
    return path.with_name(path.name + ".recording")


def has_event(path: Path, name: str) -> Callable[[], bool]:
    """Tell whether an event is on the disk."""
    return lambda: any(event["trial_type"] == name for event in records(growing(path)))


# One recording


@dataclass(frozen=True)
class Session:
    """What somebody saw and did before the window.

    Attributes:
        status: Of the process.
        output: What it printed.
        labels: The timeline.
        paused: What the window showed in the pause.
        in_pause: Rows at the beginning of the pause and later in it.
        names: Files in the folder while it ran.
    """

    status: int
    output: str
    errors: str
    labels: Path
    paused: np.ndarray
    in_pause: tuple[int, int]
    names: set[str]

    @property
    def rows(self) -> list[TimelineRow]:
        return list(open_timeline(self.labels).rows())

    @property
    def events(self) -> list[dict[str, str]]:
        return records(self.labels.with_name("labels-events.csv"))


def still(desk: Desktop) -> np.ndarray:
    """Return what the window shows when it changes no more: a busy machine draws later."""
    seen = desk.look()
    for _ in range(20):
        time.sleep(0.5)
        before, seen = seen, desk.look()
        if np.array_equal(before, seen):
            return seen
    raise AssertionError("the window never stood still")


@pytest.fixture(scope="module")
def session(desk, clip, tmp_path_factory) -> Session:
    """A session in which the window knew both faces of the frame at which it was paused.

    Where a busy machine passes frames over, the recording may know of a face before the window.
    """
    for _ in range(3):
        found = played(desk, clip, tmp_path_factory.mktemp("session") / "labels.csv")
        rows = paused_rows(found)
        if len(rows) == 2 and all(is_framed(found, row) for row in rows):
            break
    return found


def played(desk: Desktop, clip: Path, labels: Path) -> Session:
    """Show the clip, mark events, pause, look, go on, and quit."""
    events = labels.with_name("labels-events.csv")
    process = start(desk.name, clip, "--out", labels, "--model", bundled_model())
    try:
        rows = growing(labels)
        # Both people are known for a while, with their bars.
        until(lambda: sum(row["face"] == "1" for row in records(rows)) > 5, "rows of two people")
        names = {path.name for path in labels.parent.iterdir()}
        for key, name in (("m", "mark"), ("7", "7"), ("space", "pause")):
            desk.press(key)
            until(has_event(events, name), f"the event {name}")
        before = len(records(rows))
        time.sleep(4 * STEP)
        in_pause = before, len(records(rows))
        paused = still(desk)
        desk.press("space")
        until(has_event(events, "resume"), "the event resume")
        until(lambda: len(records(rows)) > before + 4, "rows after the pause")
        desk.press("q")
        status, output, errors = told_by(process)
    finally:
        process.kill()
        process.communicate()
    return Session(status, output, errors, labels, paused, in_pause, names)


def test_q_ends_with_a_summary(session):
    assert session.status == 0, session.errors
    frames = {row.frame for row in session.rows}
    assert session.output.splitlines()[1].split()[:2] == ["slow.mp4", str(len(frames))]
    assert f"\n{session.labels}\n" in session.output
    assert "labels-events.csv: 4 events" in session.output
    assert " passed over, " in session.output
    assert "ms from a frame's coming to the window" in session.output
    assert "the bundled model (seresnet, 8 emotions)" in session.errors


def test_files_have_their_names_when_it_has_ended(session):
    assert session.names == {
        "labels.csv.recording", "labels-events.csv.recording", "labels.csv.lock"
    }  # fmt: skip
    names = {path.name for path in session.labels.parent.iterdir()}
    assert names == {"labels.csv", "labels-events.csv", "labels.csv.live.json"}


def test_rows_are_those_of_annotation(session, clip, fer, tmp_path):
    """Frames that were passed over may put a box a little differently; times are the same."""
    whole = tmp_path / "whole.csv"
    options = ["--detect", "dense", "--model", bundled_model(), "--out", whole]
    assert fer("annotate", clip, *options).exit_code == 0
    expected = {(row.frame, row.face): row for row in open_timeline(whole).rows()}
    recorded = [row for row in session.rows if row.box is not None]
    assert len(recorded) > 10
    for row in recorded:
        other = expected[row.frame, row.face]
        assert (row.video, row.time) == (other.video, other.time)
        assert row.box.overlap(other.box) > 0.8
    told = [np.abs(np.subtract(row.probabilities, expected[row.frame, row.face].probabilities))
            for row in recorded]  # fmt: skip
    assert np.median(np.max(told, axis=1)) < 0.05


def test_frames_are_in_order_and_each_has_its_media_time(session):
    frames = [row.frame for row in session.rows]
    assert frames == sorted(frames)
    assert {(row.frame, row.time) for row in session.rows} == {
        (frame, round(STEP * frame, 6)) for frame in frames
    }


def test_events_tell_when_what_was_marked(session):
    names = [event["trial_type"] for event in session.events]
    assert names == ["mark", "7", "pause", "resume"]
    assert list(session.events[0]) == ["onset", "duration", "trial_type", "frame"]
    shown = {row.frame for row in session.rows}
    onsets = [float(event["onset"]) for event in session.events]
    assert onsets == sorted(onsets)
    for event in session.events:
        assert int(event["frame"]) in shown
        assert float(event["onset"]) >= STEP * int(event["frame"]) - 1e-6
        assert float(event["duration"]) == 0
    assert onsets[3] == pytest.approx(onsets[2], abs=0.001)  # a file stands still


def test_nothing_is_recorded_in_a_pause(session):
    assert session.in_pause[0] == session.in_pause[1]


def test_the_record_tells_how_it_was_made(session):
    record = json.loads(session.labels.with_name("labels.csv.live.json").read_text("utf-8"))
    assert (record["format"], record["version"]) == ("fer-live", 1)
    assert record["source"] == "slow.mp4"
    assert record["size"] == list(SIZE)
    assert record["shown"] == len({row.frame for row in session.rows})
    assert record["model"]["network"] == "seresnet"
    assert record["began"].endswith("+00:00")
    ((begin, end),) = record["pauses"]
    assert begin == pytest.approx(end, abs=0.001)


def paused_rows(session: Session) -> list[TimelineRow]:
    frame = int(session.events[2]["frame"])
    return [row for row in session.rows if row.frame == frame and row.box is not None]


def near(picture: np.ndarray, colour: str) -> np.ndarray:
    """Tell which pixels have a colour, as far as video can show it."""
    return (np.abs(picture - np.array(red_green_blue(colour))) < 24).all(axis=2)


def in_window(box: Box) -> Box:
    width, height = shown_size(*SIZE)
    x, y = width / SIZE[0], height / SIZE[1]
    return Box(round(box.x * x), round(box.y * y), round(box.width * x), round(box.height * y))


def is_framed(session: Session, row: TimelineRow) -> bool:
    """Tell whether the paused window has the box of a row, in the colour of its emotion."""
    emotions = open_timeline(session.labels).emotions
    emotion, _ = row.dominant(emotions)
    coloured = near(session.paused, emotion_colours(emotions)[emotion])
    box = in_window(row.box)
    middle, center = box.y + box.height // 2, box.x + box.width // 2
    edges = [coloured[middle, max(0, x - 4) : x + 4] for x in (box.x, box.x + box.width)]
    edges += [coloured[max(0, y - 4) : y + 4, center] for y in (box.y, box.y + box.height)]
    return all(edge.sum() >= 2 for edge in edges)


def test_the_window_shows_a_box_in_the_colour_of_the_emotion_around_each_face(session):
    assert session.paused.shape[1::-1] == shown_size(*SIZE)
    rows = paused_rows(session)
    assert len(rows) == 2
    assert all(is_framed(session, row) for row in rows)


def test_the_window_shows_a_bar_as_long_as_the_probability(session):
    """The longest line of an emotion's colour outside the boxes and the labels above them."""
    emotions = open_timeline(session.labels).emotions
    rows = paused_rows(session)
    assert rows
    picture = session.paused.copy()
    for box in (in_window(row.box) for row in rows):
        top, left = max(0, box.y - 30), max(0, box.x - 4)
        picture[top : box.y + box.height + 4, left : box.x + box.width + 4] = 0
    for row in rows:
        emotion, share = row.dominant(emotions)
        assert emotion != "neutral"  # which is as gray as other things
        coloured = near(picture, emotion_colours(emotions)[emotion])
        longest = max(len(line) for row in coloured for line in bytes(row).split(b"\0"))
        assert longest == pytest.approx(share * FULL_BAR, abs=3)


# Ways to end


def test_after_a_kill_all_is_there_that_was_shown_a_moment_before(live, desk, clip, fer, tmp_path):
    labels, events = tmp_path / "labels.csv", tmp_path / "labels-events.csv"
    process = live(clip, "--out", labels)
    until(lambda: len(records(growing(labels))) > 4, "rows")
    desk.press("m")
    until(has_event(events, "mark"), "the event")
    time.sleep(0.7)  # as long as a face may be open, and a little more
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not labels.exists()
    shown = int(records(growing(events))[0]["frame"])
    again = fer("live", clip, "--out", labels)
    assert again.exit_code == 1
    assert "labels.csv.recording: is what an earlier run recorded" in again.stderr
    kept = growing(labels).rename(tmp_path / "kept.csv")
    frames = [row.frame for row in open_timeline(kept).rows()]
    assert shown in frames


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(live, clip, tmp_path, number, status):
    labels = tmp_path / "labels.csv"
    process = live(clip, "--out", labels)
    until(lambda: records(growing(labels)), "rows")
    process.send_signal(number)
    assert told_by(process)[0] == status
    assert list(open_timeline(labels).rows())[-1].frame < FRAMES - 20  # not by itself
    assert not growing(labels).exists()


def test_closing_the_window_ends_it(live, desk, clip):
    process = live(clip, "--mirror", "--faces", "largest")
    desk.close_window()
    status, output, errors = told_by(process)
    assert status == 0, errors
    assert output.splitlines()[1].startswith("slow.mp4")


def test_a_file_ends_by_itself_with_all_rows_and_no_tensorflow_is_loaded(desk, tmp_path):
    dark = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)  # who is lost here might come back
    pictures = [*pictures_of(TWO_PEOPLE, 5), dark]
    clip = write_video(tmp_path / "short.mp4", pictures, [STEP * i for i in range(6)])
    labels = tmp_path / "labels.csv"
    arguments = [clip, "--model", bundled_model(), "--out", labels]
    status, output, errors = told_by(start(desk.name, *arguments, program=TELLING_MODULES))
    assert status == 0, errors
    assert "short.mp4" in output
    assert list(open_timeline(labels).rows())[-1].frame == 5
    loaded = set(errors.splitlines()[-1].split())
    assert "cv2" in loaded
    assert not {"tensorflow", "keras"} & loaded


# What cannot be


@pytest.mark.parametrize(
    ("display", "message"),
    [
        ("", "fer: there is no display to open a window on; run it on a desktop"),
        (":7777", "fer: no window can be opened on the display :7777 ("),
    ],
)
def test_without_a_display_it_says_so(clip, display, message):
    status, output, errors = told_by(start(display, clip))
    assert (status, output) == (1, "")
    assert errors.startswith(message)
    assert errors.count("\n") == 1


def test_a_camera_that_is_not_there(desk):
    status, output, errors = told_by(start(desk.name, "97", "--model", bundled_model()))
    assert (status, output) == (1, "")
    assert errors.splitlines()[-1].startswith("fer: camera 97: cannot be opened; ")
    assert len(errors.splitlines()) == 2  # the model, and that
