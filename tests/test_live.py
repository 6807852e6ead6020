"""What stands behind the window of ``fer live``: frames, rows, the picture, the recording."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import EMOTIONS, Box, Frame, LostFrame, Status
from fer_pipeline.errors import UsageError, VideoError
from fer_pipeline.live import CameraWishes, WatchOptions, session, sources
from fer_pipeline.live.newest import Newest, Taken
from fer_pipeline.live.picture import Artist, Caption, shown_size
from fer_pipeline.live.pixels import CameraPixels
from fer_pipeline.live.sources import Camera, LiveSource, PlayClock, open_camera, open_source
from fer_pipeline.live.tallies import Tallies
from fer_pipeline.live.watching import Watcher
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.palette import red_green_blue
from fer_pipeline.timeline import TimelineRow, read_rows
from fer_pipeline.video import open_video
from tests.media import SESSION, TWO_PEOPLE, cut_short, noise, pictures_of, write_video


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(bundled_model())


def frame(index: int, size: tuple[int, int] = (64, 48)) -> Frame:
    return Frame(index, index / 25, CameraPixels(noise(1, size)[0]))


# Always the newest frame


def test_the_newest_frame_is_fetched_and_those_before_it_are_counted():
    newest = Newest()
    for index in range(4):
        newest.put(frame(index))
    assert [taken.frame.index for taken in newest.fetch(0)] == [3]
    assert newest.passed_over == 3
    assert newest.fetch(0) == []
    newest.put(frame(4))
    assert [taken.frame.index for taken in newest.fetch(0)] == [4]
    assert newest.passed_over == 3


def test_frames_that_were_lost_are_never_passed_over():
    newest = Newest()
    for row in (frame(0), LostFrame(1, 0.04), LostFrame(2, 0.08), frame(3), LostFrame(4, 0.16)):
        newest.put(row)
    assert [taken.frame.index for taken in newest.fetch(0)] == [1, 2, 3, 4]
    assert newest.passed_over == 1


def test_what_came_before_an_error_is_fetched_first():
    newest = Newest()
    newest.put(frame(0))
    newest.end(VideoError("gone"))
    assert len(newest.fetch(0)) == 1
    assert not newest.exhausted
    with pytest.raises(VideoError, match="gone"):
        newest.fetch(0)


def test_a_source_is_exhausted_when_all_was_fetched():
    newest = Newest()
    newest.put(frame(0))
    newest.end()
    assert not newest.exhausted
    newest.fetch(0)
    assert newest.exhausted


# A file as a camera


def fetched(source: LiveSource) -> list:
    """Fetch as fast as frames come, until the end."""
    taken = []
    while not source.newest.exhausted:
        taken += source.newest.fetch(0.1)
    return taken


def test_a_file_is_played_at_its_own_rate(tmp_path):
    times = [0.0, 0.1, 0.4, 0.5]
    clip = write_video(tmp_path / "clip.mp4", noise(4), times)
    with open_source(str(clip), CameraWishes()) as source:
        taken = fetched(source)
        assert source.name == "clip.mp4"
        assert source.warnings == ()
    shown = {one.frame.index: one.at for one in taken}
    assert [one.frame.time for one in taken] == [times[one.frame.index] for one in taken]
    for index, at in shown.items():  # never before its time, however late
        assert at - shown[0] >= times[index] - 0.01


def test_a_file_stands_still_while_it_is_held(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", noise(20), [0.1 * i for i in range(20)])
    with open_source(str(clip), CameraWishes()) as source:
        while not source.newest.fetch(0.1):
            pass
        source.hold()
        held = source.now
        time.sleep(0.3)
        assert source.now == held
        assert len(source.newest.fetch(0)) <= 1  # one that was on its way
        source.go_on()
        assert held <= source.now
        taken = fetched(source)
    assert taken[-1].frame.index == 19


def test_a_clock_goes_on_from_where_it_stood(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(sources.time, "monotonic", lambda: now[0])
    clock = PlayClock()
    clock.start(2.0)
    now[0] += 1
    clock.hold()
    now[0] += 60
    assert clock.now == 3
    clock.hold()  # once more makes no difference
    clock.go_on()
    now[0] += 1
    assert clock.now == 4


def test_a_clock_that_has_not_begun_stands_at_0():
    clock = PlayClock()
    clock.hold()
    clock.go_on()
    assert clock.now == 0
    clock.hold()
    clock.start(2.5)
    assert clock.now == 2.5


def test_a_damaged_file_is_told(tmp_path):
    clip = write_video(
        tmp_path / "clip.mp4", noise(60), container_options={"movflags": "faststart"}
    )
    with open_source(str(cut_short(clip, 0.3)), CameraWishes()) as source:
        fetched(source)
        assert any("are claimed" in warning for warning in source.warnings)


@pytest.mark.parametrize(
    ("text", "message"),
    [("missing.mp4", "no such file"), (".", "is a folder; give one file"), ("text.mp4", "not a")],
)
def test_what_is_no_video_is_refused(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("no video at all")
    with pytest.raises(VideoError, match=message), open_source(text, CameraWishes()):
        pass


def test_a_file_is_asked_for_nothing():
    with (
        pytest.raises(UsageError, match="--size and --fps are asked of a camera"),
        open_source(str(SESSION), CameraWishes(fps=30)),
    ):
        pass


# A camera: OpenCV's own capture, which plays a file here


def camera_on(path: Path) -> Camera:
    capture = cv2.VideoCapture(str(path))
    assert capture.isOpened()
    return Camera(capture, "camera 0")


def test_a_camera_tells_time_from_its_first_picture_and_its_end(tmp_path):
    clip = write_video(tmp_path / "clip.avi", noise(30), codec="mjpeg", pixels="yuvj420p")
    camera = camera_on(clip)
    assert camera.rate == 25
    assert camera.now == 0
    camera.start()
    taken = fetched(camera)
    camera.stop()
    assert taken[-1].frame.index == 29
    assert len(taken) + camera.newest.passed_over == 30
    times = [one.frame.time for one in taken]
    assert times == sorted(times)
    assert taken[-1].at - taken[0].at == pytest.approx(times[-1] - times[0])
    assert camera.warnings == ("gave no more pictures; is it still connected?",)


def test_a_held_camera_goes_on_counting(tmp_path):
    clip = write_video(tmp_path / "clip.avi", noise(30), codec="mjpeg", pixels="yuvj420p")
    camera = camera_on(clip)
    camera.hold()
    camera.start()
    assert fetched(camera) == []
    assert camera.newest.passed_over == 0
    assert camera.now > 0
    camera.stop()


def test_a_camera_without_a_picture_is_an_error(tmp_path):
    clip = write_video(tmp_path / "clip.avi", noise(1), codec="mjpeg", pixels="yuvj420p")
    capture = cv2.VideoCapture(str(clip))
    capture.grab()
    camera = Camera(capture, "camera 3")
    camera.start()
    with pytest.raises(VideoError, match="camera 3: opens but gives no picture"):
        fetched(camera)
    camera.stop()


def test_a_missing_camera_is_told(capfd):
    with pytest.raises(VideoError, match=r"camera 97: cannot be opened; .* fer live 98"):
        open_camera(97, CameraWishes())
    assert capfd.readouterr() == ("", "")  # OpenCV would fill the terminal


def test_pixels_of_a_camera_are_those_of_its_picture():
    rgb = noise(1)[0]
    pixels = CameraPixels(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    assert np.array_equal(pixels.rgb(), rgb)
    part = Box(10, 20, 30, 40)
    assert np.array_equal(pixels.rgb_within(part), rgb[part.slices])
    assert np.array_equal(pixels.luma(), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


# Rows


def watched(watcher: Watcher, clip: Path, pause_at: float = -1) -> list[TimelineRow]:
    rows: list[TimelineRow] = []
    with open_video(clip) as video:
        for row in video.frames():
            watcher.take(row)
            rows += watcher.certain()
            if row.time == pause_at:
                rows += watcher.interrupt()
                assert rows[-1].frame == row.index
    return [*rows, *watcher.finish()]


@pytest.mark.parametrize("faces", ["all", "largest"])
def test_rows_are_those_of_annotation_if_no_frame_is_passed_over(faces, classifier, fer, tmp_path):
    pictures = [*noise(3, (640, 240)), *pictures_of(TWO_PEOPLE, 20), *noise(14, (640, 240))]
    clip = write_video(tmp_path / "clip.mp4", pictures)
    labels = tmp_path / "labels.csv"
    options = ["--detect", "dense", "--faces", faces, "--model", bundled_model(), "--out", labels]
    assert fer("annotate", clip, *options).exit_code == 0
    watcher = Watcher("clip.mp4", 25, classifier, WatchOptions(faces))
    values = [row.values(classifier.spec.emotions) for row in watched(watcher, clip)]
    expected = [row.values(classifier.spec.emotions) for row in read_rows(labels)]
    assert values == expected
    assert {row["status"] for row in values} == {"ok", "no_face"}


def test_a_face_is_shown_in_its_frame_and_recorded_with_the_same_figures(classifier):
    watcher = Watcher("clip", 25, classifier)
    shown: dict[int, tuple[TimelineRow, ...]] = {}
    recorded: list[TimelineRow] = []
    with open_video(TWO_PEOPLE) as video:
        for row in video.frames():
            shown[row.index] = watcher.take(row)
            recorded += watcher.certain()
            if row.index == 12:
                break
    for index in range(2, 13):  # from the third time that they are found
        assert [row.face for row in shown[index]] == [0, 1]
        assert shown[index] == tuple(row for row in recorded if row.frame == index)


def test_people_keep_their_numbers_over_a_pause(classifier):
    watcher = Watcher("clip", 25, classifier)
    rows: list[TimelineRow] = []
    pictures = pictures_of(TWO_PEOPLE, 24)
    for index, picture in enumerate(pictures):
        at = index / 25 + (60 if index >= 12 else 0)
        watcher.take(Frame(index, at, CameraPixels(picture[:, :, ::-1])))
        rows += watcher.certain()
        if index == 11:
            rows += watcher.interrupt()
            assert rows[-1].frame == 11
    rows += watcher.finish()
    assert [row.face for row in rows] == [0, 1] * 24
    assert {row.status for row in rows} == {Status.OK}


def test_a_lost_frame_has_its_row(classifier):
    watcher = Watcher("clip", 25, classifier)
    assert [row.status for row in watcher.take(LostFrame(0, 0.0))] == [Status.DECODE_ERROR]
    assert [row.status for row in watcher.finish()] == [Status.DECODE_ERROR]


def test_a_pause_belongs_to_no_emotion():
    shares = (1.0, *[0.0] * 7)
    box = Box(0, 0, 9, 9)
    tallies = Tallies(EMOTIONS)

    def show(*times: float) -> None:
        for at in times:
            row = TimelineRow("c", round(at * 10), at, Status.OK, 0, box, 1.0, shares)
            tallies.add([row])

    show(0.0, 0.1, 0.2)
    tallies.interrupt()
    show(60.0, 60.1)
    tallies.interrupt()
    totals = tallies.totals()
    assert totals.frames == totals.with_face == 5
    assert totals.seconds[0]["neutral"] == pytest.approx(0.5)
    assert list(totals.seconds[0]) == ["neutral"]


def test_a_pause_is_no_delay(monkeypatch):
    """A frame may wait through it for being shown."""
    now = [100.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    pace = session.Pace()
    pace.show(Taken(frame(0), 99.5))
    pace.interrupt()
    waiting = Taken(frame(1), 100.0)
    now[0] += 60
    pace.resume()
    now[0] += 0.25
    pace.show(waiting)
    assert (pace.shown, pace.delay, pace.seconds) == (2, 0.75, 0)


# The picture


@given(st.integers(2, 8000), st.integers(2, 8000))
def test_what_is_shown_is_even_and_fits(width, height):
    across, down = shown_size(width, height)
    assert across % 2 == down % 2 == 0
    assert 960 <= max(across, down) <= 1280
    if min(width, height) * 20 > max(width, height):
        assert across / down == pytest.approx(width / height, rel=0.05)


def drawn(picture: np.ndarray, rows: list[TimelineRow], *, mirror: bool) -> np.ndarray:
    shown = Frame(7, 1.5, CameraPixels(picture))
    bgr = Artist(EMOTIONS, mirror=mirror).draw(shown, rows, Caption("state", ["a line"]))
    return bgr[:, :, ::-1].astype(np.int16)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirror_turns_the_picture_and_the_box_with_it(mirror):
    bgr = np.full((240, 320, 3), 90, np.uint8)
    bgr[:, :100] = (200, 60, 20)  # blue at the left
    shares = (0.0, 1.0, *[0.0] * 6)
    row = TimelineRow("c", 7, 1.5, Status.OK, 0, Box(20, 80, 60, 60), 1.0, shares)
    shown = drawn(bgr, [row], mirror=mirror)
    assert shown.shape == (720, 960, 3)
    orange = np.array(red_green_blue("#E69F00"))
    columns = np.flatnonzero((np.abs(shown[330] - orange) < 24).all(axis=1))
    sides = (60, 239) if not mirror else (960 - 240, 960 - 61)
    assert (columns[0], columns[-1]) == pytest.approx(sides, abs=5)
    blue = shown[600, -100] if mirror else shown[600, 100]
    assert blue == pytest.approx(np.array([20, 60, 200]), abs=12)
    assert row.box == Box(20, 80, 60, 60)
