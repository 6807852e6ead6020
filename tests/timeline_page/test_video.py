"""The page of a timeline in a real browser: its video, and the place in it."""

from __future__ import annotations

import base64
import shutil

import numpy as np
import pytest
from playwright.sync_api import expect

from fer_pipeline.domain import Box, Status
from fer_pipeline.report import timeline_page
from fer_pipeline.report.timeline_page import PageOptions, write_timeline_page
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video
from tests.media import cut_short, write_video
from tests.timeline_page.pages import (
    FRAMES,
    NAMES,
    STEP,
    assert_shows,
    away,
    click,
    frame_told,
    middle,
    point,
    ready,
    rows_of,
    settle,
    shade,
    shares,
    told,
    until,
    values,
    visible,
)

# The video and the place in it


def test_a_click_goes_to_that_frame_of_the_video(look, written):
    page = look(written)
    for frame in (25, 3, 50):
        click(page, "#lines", (frame + 0.5) * STEP)
        assert frame_told(page) == frame
        assert_shows(page, frame)
        away(page)
        assert frame_told(page) == frame
        assert page.locator("#clock").inner_text() == f"0:0{(frame + 0.5) * STEP:.2f} / 0:02.40"
        cursor = page.locator("#lines .now").bounding_box()
        wanted = middle(page, "#lines", (frame + 0.5) * STEP)[0]
        assert cursor["x"] + cursor["width"] / 2 == pytest.approx(wanted, abs=2)


def test_a_drag_in_the_bands_goes_along(look, written):
    page = look(written)
    point(page, "#strip", 10.5 * STEP)
    page.mouse.down()
    told = []
    for frame in (20, 28, 41):
        point(page, "#strip", (frame + 0.5) * STEP)
        told.append(frame_told(page))
    page.mouse.up()
    away(page)
    assert told == [20, 28, 41]
    assert frame_told(page) == 41
    assert_shows(page, 41)


def test_keys_step_by_frames_and_seconds_and_to_the_ends(look, written):
    page = look(written)
    ready(page)
    told = []
    for key in (
        *["ArrowRight"] * 3,
        "ArrowLeft",
        "Shift+ArrowRight",
        "Shift+ArrowLeft",
        "End",
        "ArrowRight",
        "Home",
        "ArrowLeft",
    ):
        page.keyboard.press(key)
        told.append(frame_told(page))
    assert told == [1, 2, 3, 2, 27, 2, 59, 59, 0, 0]
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert_shows(page, 2)


def test_space_plays_and_the_cursor_moves_along_until_it_pauses(look, written):
    page = look(written)
    ready(page)
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    until(page, "now > 0.3")
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    settle(page)
    stopped = page.evaluate("now")
    page.wait_for_timeout(200)
    assert page.evaluate("now") == stopped
    assert page.evaluate("video.currentTime") == pytest.approx(stopped, abs=0.1)
    assert_shows(page, frame_told(page))


def test_playing_turns_the_page_of_a_zoomed_view(look, written):
    page = look(written)
    ready(page)
    page.evaluate("look(0, 0.4)")
    page.keyboard.press(" ")
    until(page, "now > 0.5")
    page.keyboard.press(" ")
    first, last = visible(page)
    assert first <= page.evaluate("now") <= last
    assert last - first == pytest.approx(0.4, abs=5e-3)


def test_faces_are_framed_where_they_are(look, written):
    page = look(written)
    ready(page)
    click(page, "#strip", 22.5 * STEP)
    video = page.locator("#video").bounding_box()
    scale = video["height"] / 120  # the picture is as high as its place
    left = video["x"] + (video["width"] - 160 * scale) / 2
    for face, box in enumerate(page.locator(".box:visible").all()):
        found = box.bounding_box()
        assert found["x"] == pytest.approx(left + (20 + 70 * face) * scale, abs=1.5)
        assert found["y"] == pytest.approx(video["y"] + 40 * scale, abs=1.5)
        assert found["width"] == pytest.approx(30 * scale, abs=1.5)
    assert page.locator(".box:visible").all_inner_texts() == ["P07: happiness", "P13: anger"]
    click(page, "#strip", 9.5 * STEP)
    assert page.locator(".box:visible").count() == 0


@pytest.mark.parametrize(
    "known", [pytest.param(True, id="linked"), pytest.param(False, id="chosen")]
)
def test_frames_are_found_in_a_clip_of_variable_rate_that_begins_late(look, tmp_path, known):
    times = [round(0.5 + 0.03 * i + (0.2 if i > 20 else 0) + 0.007 * (i % 3), 3) for i in range(60)]
    pictures = (np.full((120, 160, 3), shade(i), np.uint8) for i in range(FRAMES))
    late = write_video(
        tmp_path / "late.mp4", pictures, times, options={"crf": "1", "g": "10", "bf": "2"}
    )
    with open_video(late) as video:
        found = [frame.time for frame in video.frames()]
    rows = [
        TimelineRow("late.mp4", i, time, Status.OK, 0, Box(20, 40, 30, 40), 5.0, shares(i, 0))
        for i, time in enumerate(found)
    ]
    write_timeline_page(tmp_path / "r.html", late if known else late.with_name("x"), rows, NAMES)
    page = look(tmp_path / "r.html", fails="" if known else "ERR_FILE_NOT_FOUND")
    if not known:
        page.locator("#choose").set_input_files(late)
    ready(page)
    for frame in (0, 20, 21, 43, 59):
        page.evaluate(f"jump({found[frame]})")
        assert frame_told(page) == frame
        assert_shows(page, frame)
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    until(page, "now > 0.2")
    page.keyboard.press(" ")
    assert_shows(page, frame_told(page))


# Where the video is


def test_a_clip_in_another_folder_is_linked_whatever_it_is_called(look, tmp_path, clip):
    odd = tmp_path / "clips #1" / "100%: a?b&c 'ü'.mp4"
    odd.parent.mkdir()
    shutil.copy(clip, odd)
    path = tmp_path / "reports" / "deep" / "r.html"
    write_timeline_page(path, odd, rows_of(), NAMES)
    page = look(path)
    page.keyboard.press("End")
    assert_shows(page, 59)


def test_an_embedded_clip_needs_no_other_file(look, tmp_path, clip, monkeypatch):
    monkeypatch.setattr(timeline_page, "_PIECE", 999)  # many pieces, of which the last is short
    path = tmp_path / "r.html"
    write_timeline_page(path, clip, rows_of(), NAMES, PageOptions(embed=True))
    assert base64.b64encode(clip.read_bytes()[:999]).decode() in path.read_text("utf-8")
    page = look(path)
    for frame in (40, 7):
        click(page, "#strip", (frame + 0.5) * STEP)
        assert_shows(page, frame)


def test_without_the_video_the_rest_works_until_somebody_finds_it(look, tmp_path, clip):
    path = tmp_path / "r.html"
    write_timeline_page(path, tmp_path / "gone.mp4", rows_of(), NAMES)
    page = look(path, fails="ERR_FILE_NOT_FOUND")
    expect(page.locator("#why-missing")).to_contain_text("gone.mp4 was not found")
    assert page.locator("#play").is_disabled()
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    assert frame_told(page) == 1
    click(page, "#lines", 25.5 * STEP)
    assert values(page) == told(shares(25, 0))
    page.locator("#choose").set_input_files(clip)
    expect(page.locator("#video")).to_be_visible()
    assert_shows(page, 25)
    assert page.locator("#play").is_enabled()


def test_a_clip_that_cannot_be_read_is_no_reason_to_have_no_page(look, tmp_path, clip):
    broken = tmp_path / "broken.mp4"
    shutil.copy(clip, broken)
    cut_short(broken, 0.3)
    write_timeline_page(tmp_path / "r.html", broken, rows_of(), NAMES)
    page = look(tmp_path / "r.html")
    expect(page.locator("#why-missing")).to_contain_text("cannot play it")
