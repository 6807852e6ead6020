"""The page of a timeline, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from fer_pipeline.domain import EMOTIONS, Box, Status
from fer_pipeline.errors import OutputError, TimelineError, UsageError
from fer_pipeline.exports.writing import one_line
from fer_pipeline.palette import emotion_colours, red_green_blue
from fer_pipeline.report import timeline_page
from fer_pipeline.report.timeline_page import PageOptions, is_timeline_page, write_timeline_page
from fer_pipeline.timeline import (
    AnalysisOptions,
    BaselineOptions,
    People,
    Smoothing,
    Tally,
    TimelineRow,
    analysed,
    clips_of,
    find_references,
    open_timeline,
    segment_clip,
)
from fer_pipeline.video import open_video
from tests.media import cut_short, write_video

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")

STEP = 0.04
FRAMES = 60
NAMES = ("neutral", "happiness", "anger")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window and without a network."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        assert "CI" not in os.environ, "install a Chromium"
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


@pytest.fixture
def look(browser) -> Iterator[Callable[..., Page]]:
    """Open a page; it must ask for nothing but its clip and fail nowhere."""
    contexts, errors, asked, kinds = [], [], [], {"file", "blob"}

    def open_page(
        path: Path, *, fails: str = "", asks: Set[str] = frozenset(), width: int = 1200, **settings
    ) -> Page:
        kinds.update(asks)
        size = {"width": width, "height": 1300}
        contexts.append(browser.new_context(offline=True, viewport=size, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda told: None if fails and fails in told.text else errors.append(told.text),
        )
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        expect(page.locator("#lines canvas")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert {url.partition(":")[0] for url in asked} <= kinds


def shade(frame: int) -> int:
    """The brightness of a frame of the clip."""
    return 16 + 3 * frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A clip of which each frame tells its number by its brightness."""
    pictures = (np.full((120, 160, 3), shade(i), np.uint8) for i in range(FRAMES))
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, pictures, options={"crf": "1", "g": "5"})


def shares(frame: int, face: int) -> tuple[float, ...]:
    """Of a frame: the first face goes from neutral to happiness and on to anger."""
    main = (frame // 20 + face) % 3
    top = 0.6 + (frame % 20) / 100
    return tuple(top if i == main else (1 - top) / 2 for i in range(3))


def rows_of(video: str = "clip.mp4", faces: int = 2) -> list[TimelineRow]:
    """Two faces, one of them to the end; some frames without any, some that did not decode."""
    rows = []
    for frame in range(FRAMES):
        time = round(frame * STEP, 6)
        if 8 <= frame < 12:
            rows.append(TimelineRow(video, frame, time, Status.NO_FACE))
        elif 30 <= frame < 34:
            rows.append(TimelineRow(video, frame, time, Status.DECODE_ERROR))
        else:
            seen = range(faces if frame < 40 else 1)
            for face in seen:
                status, score = (Status.OK, 5.25) if frame % 3 == 0 else (Status.TRACKED, None)
                box = Box(20 + 70 * face, 40, 30, 40)
                told = shares(frame, face)
                rows.append(TimelineRow(video, frame, time, status, face, box, score, told))
    return rows


PEOPLE = People(by_face={("clip.mp4", 0): "P07", ("clip.mp4", 1): "P13"})


@pytest.fixture
def written(tmp_path, clip) -> Path:
    path = tmp_path / "report.html"
    write_timeline_page(path, clip, rows_of(), NAMES, PageOptions(people=PEOPLE))
    return path


def middle(page: Page, selector: str, time: float) -> tuple[float, float]:
    """Return where a chart shows a time, in its middle, by the seconds at its edges."""
    box = page.locator(f"{selector} .u-over").bounding_box()
    first, last = page.evaluate("view")
    share = (time - first) / (last - first)
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def point(page: Page, selector: str, time: float) -> None:
    page.mouse.move(*middle(page, selector, time))


def click(page: Page, selector: str, time: float) -> None:
    page.mouse.click(*middle(page, selector, time))


def moment(page: Page) -> str:
    return page.locator("#moment").inner_text()


def frame_told(page: Page) -> int:
    return int(re.search(r"frame (\d+)", moment(page))[1])


def values(page: Page) -> dict[str, str]:
    names = page.locator(".emotion .name").all_inner_texts()
    return dict(zip(names, page.locator(".emotion .number").all_inner_texts(), strict=True))


def told(numbers: tuple[float, ...]) -> dict[str, str]:
    return {name: f"{number:.3f}" for name, number in zip(NAMES, numbers, strict=True)}


def away(page: Page) -> None:
    page.mouse.move(5, 5)


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def until(page: Page, condition: str) -> None:
    """Wait until something holds; Playwright's own way would need the page to allow ``eval``."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {condition}")


def ready(page: Page) -> None:
    """Wait until the video can be shown where the page asks for it."""
    until(page, "playable && video.readyState >= 2 && !video.seeking")


def picture(shown: Locator) -> np.ndarray:
    """Return what is on the screen, red first."""
    return cv2.imdecode(np.frombuffer(shown.screenshot(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def frame_shown(page: Page) -> float:
    """Return the number of the frame that the video shows, by its brightness."""
    ready(page)
    page.wait_for_timeout(80)
    shown = picture(page.locator("#video"))
    inner = shown[shown.shape[0] // 2, 10 * shown.shape[1] // 20]
    return (float(inner.mean()) - 16) / 3


def visible(page: Page) -> list[float]:
    settle(page)
    return [round(one, 3) for one in page.evaluate("view")]


WHOLE = [0.0, round(FRAMES * STEP, 3)]


# The video and the place in it


def test_a_click_goes_to_that_frame_of_the_video(look, written):
    page = look(written)
    for frame in (25, 3, 50):
        click(page, "#lines", (frame + 0.5) * STEP)
        assert frame_told(page) == frame
        assert frame_shown(page) == pytest.approx(frame, abs=0.5)
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
    assert frame_shown(page) == pytest.approx(41, abs=0.5)


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
    assert frame_shown(page) == pytest.approx(2, abs=0.5)


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
    assert frame_shown(page) == pytest.approx(frame_told(page), abs=2)


def test_playing_turns_the_page_of_a_zoomed_view(look, written):
    page = look(written)
    ready(page)
    page.evaluate("look(0, 0.4)")
    page.keyboard.press(" ")
    until(page, "now > 0.5")
    page.keyboard.press(" ")
    first, last = visible(page)
    assert first <= page.evaluate("now") <= last
    assert last - first == pytest.approx(0.4, abs=1e-3)


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
        for _ in range(50):  # a browser that is busy shows the new picture somewhat later
            if (shown := frame_shown(page)) == pytest.approx(frame, abs=0.5):
                break
            page.wait_for_timeout(100)
        assert shown == pytest.approx(frame, abs=0.5)
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    until(page, "now > 0.2")
    page.keyboard.press(" ")
    assert frame_shown(page) == pytest.approx(frame_told(page), abs=3)


# Values


def test_the_pointer_tells_the_values_beneath_it(look, written):
    page = look(written)
    for frame in (0, 7, 25, 59):
        point(page, "#lines", (frame + 0.5) * STEP)
        assert moment(page).startswith(f"Pointer: 0:0{frame * STEP:.3f} · frame {frame} · ")
        assert values(page) == told(shares(frame, 0))
        kind = "face found" if frame % 3 == 0 else "face tracked"
        assert moment(page).endswith(kind)
    strongest = page.locator(".emotion.strongest .name")
    assert strongest.inner_text() == "anger"
    for frame, why in ((9, "no face"), (31, "not decoded")):
        point(page, "#strip", (frame + 0.5) * STEP)
        assert moment(page).endswith(f"frame {frame} · {why}")
        assert set(values(page).values()) == {"–"}
    away(page)
    assert frame_told(page) == 0


def test_a_person_is_chosen_from_the_list_with_a_key_or_in_the_video(look, written):
    page = look(written)
    ready(page)
    assert page.locator("#person option").all_inner_texts() == ["P07", "P13"]
    click(page, "#strip", 22.5 * STEP)
    away(page)
    assert values(page) == told(shares(22, 0))
    page.locator("#person").select_option("P13")
    assert values(page) == told(shares(22, 1))
    page.locator("h1").click()
    page.keyboard.press("p")
    assert values(page) == told(shares(22, 0))
    page.locator(".box").nth(1).click()
    assert page.locator("#person").input_value() == "1"
    assert values(page) == told(shares(22, 1))
    click(page, "#strip", 50.5 * STEP)
    away(page)
    assert moment(page).endswith("frame 50 · not seen")


def colours_of(page: Page, selector: str) -> Callable[[float, float], tuple[int, ...]]:
    """Return what tells the colour that a chart has at a time, at a share of its height."""
    shown = picture(page.locator(f"{selector} .u-over"))
    first, last = page.evaluate("view")

    def colour_at(time: float, height: float) -> tuple[int, ...]:
        column = int((time - first) / (last - first) * shown.shape[1])
        return tuple(int(part) for part in shown[int(height * shown.shape[0]), column])

    return colour_at


def test_bands_have_the_colour_of_the_strongest_emotion(look, written):
    page = look(written)
    away(page)
    lines, strip, overview = (colours_of(page, f"#{n}") for n in ("lines", "strip", "overview"))
    colours = emotion_colours(NAMES)
    for frame, name in ((4, "neutral"), (25, "happiness"), (50, "anger")):
        time, wanted = (frame + 0.5) * STEP, red_green_blue(colours[name])
        assert strip(time, 0.25) == strip(time, 0.93) == overview(time, 0.5) == wanted
    absent = page.evaluate("getComputedStyle(document.querySelector('.absent')).backgroundColor")
    wanted = tuple(map(int, re.findall(r"\d+", absent)))
    assert lines(10.5 * STEP, 0.3) == strip(10.5 * STEP, 0.25) == wanted
    lost = {lines(31 * STEP + x / 500, 0.3) for x in range(30)}
    assert len(lost) > 2  # hatched


def test_an_emotion_is_hidden_and_shown(look, written):
    page = look(written)
    page.get_by_role("button", name="anger", exact=False).first.click()
    colour = red_green_blue(emotion_colours(NAMES)["anger"])

    def drawn() -> bool:
        settle(page)
        return bool((picture(page.locator("#lines .u-over")) == colour).all(axis=2).any())

    assert not drawn()
    page.get_by_role("button", name="anger", exact=False).first.click()
    assert drawn()


def test_each_step_can_be_looked_at(look, tmp_path, clip):
    rows = rows_of(faces=1)
    baseline = BaselineOptions.parse("auto")
    references = find_references(clips_of(rows), NAMES, People(), baseline)
    options = AnalysisOptions(baseline=baseline, smoothing=Smoothing.parse("mean:0.2"))
    made = list(analysed(rows, options, People(), references))
    path = tmp_path / "r.html"
    write_timeline_page(path, clip, made, NAMES, PageOptions(derived=("baseline", "smoothed")))
    page = look(path)
    row = next(row for row in made if row.frame == 25)
    point(page, "#lines", 25.5 * STEP)
    for name, wanted in (
        ("smoothed", row.smoothed),
        ("baseline", row.baseline),
        ("raw", row.probabilities),
    ):
        if name != "smoothed":  # the last step is what one sees first
            page.locator("#step").select_option(name)
            point(page, "#lines", 25.5 * STEP)
        found = [float(text.replace("−", "-")) for text in values(page).values()]
        assert found == pytest.approx(wanted, abs=6e-4)
    assert any(share < 0 for share in row.baseline)


# Zoom


def test_zoom_by_wheel_drag_buttons_and_keys(look, written):
    page = look(written)
    assert visible(page) == WHOLE
    assert page.get_by_role("button", name="All").is_disabled()

    point(page, "#lines", 1.2)
    page.mouse.wheel(0, -300)
    first, last = visible(page)
    assert last - first < 0.7 * WHOLE[1]
    assert first < 1.2 < last
    assert (1.2 - first) / (last - first) == pytest.approx(0.5, abs=0.02)  # it stays in place
    page.mouse.wheel(0, 3000)
    assert visible(page) == WHOLE

    point(page, "#lines", 0.6)
    page.mouse.down()
    point(page, "#lines", 1.0)
    point(page, "#lines", 1.4)
    page.mouse.up()
    assert visible(page) == pytest.approx([0.6, 1.4], abs=0.02)
    assert page.locator("#stretch").inner_text() == "0:00.60 – 0:01.40"
    assert page.evaluate("now") == 0  # it was no click

    before = visible(page)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Shift")
    settle(page)
    assert visible(page)[0] > before[0] + 0.01
    page.get_by_role("button", name="Zoom in").click()
    assert np.diff(visible(page)) == pytest.approx(0.4, abs=0.02)
    page.get_by_role("button", name="Zoom out").click()
    assert np.diff(visible(page)) == pytest.approx(0.8, abs=0.02)
    page.get_by_role("button", name="All").click()
    assert visible(page) == WHOLE
    page.keyboard.press("+")
    assert np.diff(visible(page)) == pytest.approx(1.2, abs=0.02)
    page.keyboard.press("-")
    assert visible(page) == WHOLE
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert visible(page) == WHOLE


def test_the_window_over_the_whole_clip_is_dragged(look, written):
    page = look(written)
    page.evaluate("look(0, 0.6)")
    settle(page)
    box = page.locator("#overview .u-over").bounding_box()
    across = box["width"] / WHOLE[1]
    middle_of = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * across, middle_of)
    page.mouse.down()
    page.mouse.move(box["x"] + 1.3 * across, middle_of, steps=3)
    page.mouse.up()
    assert visible(page) == pytest.approx([1.0, 1.6], abs=0.02)
    window = page.locator("#overview .u-select").bounding_box()
    assert window["x"] == pytest.approx(box["x"] + 1.0 * across, abs=3)
    assert window["width"] == pytest.approx(0.6 * across, abs=3)


def test_fingers_pan_pinch_and_tap(look, written):
    page = look(written, width=390, has_touch=True)
    page.evaluate("look(1.0, 1.8)")
    settle(page)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *times: float, view: tuple[float, float]) -> None:
        box = page.locator("#lines .u-over").bounding_box()
        places = [
            {
                "x": box["x"] + (time - view[0]) / (view[1] - view[0]) * box["width"],
                "y": box["y"] + 50,
                "id": number,
            }
            for number, time in enumerate(times)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
        settle(page)

    page.locator("#lines").scroll_into_view_if_needed()
    fingers("touchStart", 1.4, view=(1.0, 1.8))
    for time in (1.35, 1.3, 1.2):
        fingers("touchMove", time, view=(1.0, 1.8))
    fingers("touchEnd", view=(1.0, 1.8))
    first, last = visible(page)
    assert first == pytest.approx(1.2, abs=0.03)
    assert last - first == pytest.approx(0.8, abs=0.01)
    seen = (first, last)
    fingers("touchStart", first + 0.3, first + 0.5, view=seen)
    for reach in (0.55, 0.6, 0.7):
        fingers("touchMove", first + 0.3, first + reach, view=seen)
    fingers("touchEnd", view=seen)
    first, last = visible(page)
    assert last - first == pytest.approx(0.4, abs=0.05)
    box = page.locator("#lines .u-over").bounding_box()
    for _ in range(5):  # what a busy browser takes for a long press is no tap
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 60)
        page.wait_for_timeout(1000)
        if page.evaluate("now") == pytest.approx((first + last) / 2, abs=0.02):
            break
    assert page.evaluate("now") == pytest.approx((first + last) / 2, abs=0.02)
    assert not moment(page).startswith("Pointer")


# Segments, totals, settings


def test_segments_are_listed_and_a_click_goes_there(look, written):
    page = look(written)
    wanted = segment_clip(rows_of(), NAMES, PageOptions().segments).of_face(0)
    lines = page.locator("#segments tbody tr")
    assert lines.count() == len(wanted) > 2
    for line, one in zip(lines.all(), wanted, strict=True):
        cells = line.locator("td").all_inner_texts()
        assert cells[0].strip() == one.emotion
        assert cells[1:] == [
            f"0:0{one.onset:.2f}",
            f"0:0{one.offset:.2f}",
            f"{one.duration:.2f} s",
            f"0:0{one.apex:.2f}",
            f"{one.peak:.3f}",
            f"{one.mean:.3f}",
        ]
    page.evaluate("look(0, 0.3)")
    lines.nth(2).locator("button").click()
    assert page.evaluate("now") == pytest.approx(wanted[2].onset)
    expect(lines.nth(2)).to_have_attribute("aria-current", "true")
    first, last = visible(page)
    assert first <= wanted[2].onset <= last
    page.keyboard.press("[")
    assert page.evaluate("now") == pytest.approx(wanted[1].onset)
    page.keyboard.press("]")
    assert page.evaluate("now") == pytest.approx(wanted[2].onset)
    assert page.locator("#segments tr[aria-current]").count() == 1


def test_totals_are_those_of_the_timeline(look, written):
    page = look(written)
    tally = Tally(NAMES)
    for row in rows_of():
        tally.add(row)
    totals = tally.totals()
    for face, name in ((0, "P07"), (1, "P13")):
        page.locator("#person").select_option(name)
        seconds = totals.seconds[face]
        whole = sum(seconds.values())
        lines = page.locator("#totals tbody tr").all()
        for emotion, line in zip(NAMES, lines, strict=True):
            cells = line.locator("td").all_inner_texts()
            share = 100 * seconds.get(emotion, 0) / whole
            assert cells[0].strip() == emotion
            assert cells[2:] == [f"{seconds.get(emotion, 0):.2f} s", f"{share:.1f} %"]
    assert page.locator("#frames").inner_text() == (
        "60 frames looked at, 52 with a face, 4 not decoded"
    )


def test_settings_and_provenance_are_told(look, tmp_path):
    path = tmp_path / "r.html"
    made = {"command": "fer annotate 'a b.mp4'", "model": {"input": [48, 48], "seed": None}}
    write_timeline_page(path, None, rows_of(), NAMES, PageOptions(made=made))
    page = look(path)
    page.get_by_text("Settings and provenance").click()
    names = page.locator("#made dt").all_inner_texts()
    found = dict(zip(names, page.locator("#made dd").all_inner_texts(), strict=True))
    assert found == {
        "command": "fer annotate 'a b.mp4'",
        "model: input": "48, 48",
        "model: seed": "none",
        "segments: enter": "0.5",
        "segments: leave": "0.35",
        "segments: shortest": "0.2",
        "segments: gap": "0.2",
    }


# Export


def export(page: Page, path: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    download.value.save_as(path)
    return download.value.suggested_filename


def assert_alike(found: list[TimelineRow], wanted: list[TimelineRow]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert (one.video, one.frame, one.time, one.status, one.face, one.box, one.score) == (
            (other.video, other.frame, other.time, other.status, other.face, other.box, other.score)
        )
        for step in ("probabilities", "baseline", "smoothed"):
            mine, theirs = getattr(one, step), getattr(other, step)
            assert (mine is None) == (theirs is None)
            assert mine is None or mine == pytest.approx(theirs, abs=6e-5)


def test_the_visible_stretch_is_exported_as_a_timeline(look, tmp_path, clip):
    rows = list(analysed(rows_of(), AnalysisOptions(smoothing=Smoothing.parse("mean:0.2"))))
    write_timeline_page(tmp_path / "r.html", clip, rows, NAMES, PageOptions(derived=("smoothed",)))
    page = look(tmp_path / "r.html")
    assert export(page, tmp_path / "all.csv") == "clip.csv"
    read = open_timeline(tmp_path / "all.csv")
    assert (read.emotions, read.derived) == (NAMES, ("smoothed",))
    assert_alike(list(read.rows()), rows)
    page.evaluate("look(0.3, 1.3)")
    settle(page)
    assert export(page, tmp_path / "part.csv") == "clip_0.30-1.30.csv"
    part = [row for row in rows if 0.3 <= row.time <= 1.3]
    assert_alike(list(open_timeline(tmp_path / "part.csv").rows()), part)


# Names that are not harmless

NASTY = (
    "<img src=x onerror=document.title='run'>",
    "</script><script>document.title='run'</script>",
    "<!--<script>\"&lt;b>'",
    '=HYPERLINK("http://x.invalid";1)',
    "a,b;c\t\u2028é\u202eü",
)


@pytest.mark.parametrize("name", NASTY)
def test_names_are_shown_as_they_are_and_nothing_in_them_runs(look, tmp_path, clip, name):
    emotions = (f"+{name}", f"<i>{name}", "'neutral'")
    rows = rows_of(video=f"{name}.mp4")
    people = People(by_face={(f"{name}.mp4", 0): f"<u>{name}"})
    made = {f"<s>{name}": {name: [f"<s>{name}"]}}
    target = tmp_path / ("".join(re.findall(r"[^/]", name)) + ".mp4")
    shutil.copy(clip, target)
    path = tmp_path / "r.html"
    write_timeline_page(path, target, rows, emotions, PageOptions(people=people, made=made))
    page = look(path)
    ready(page)
    assert page.title().split() == f"{name}.mp4".split()
    assert page.locator("h1").text_content() == f"{name}.mp4"
    assert not page.locator("main img, main s, main u, #emotions i i").count()
    assert page.locator(".emotion .name").evaluate_all(
        "all => all.map(one => one.textContent)"
    ) == [*emotions]
    assert page.locator("#person option").first.text_content() == "<u>" + one_line(name)
    assert f"<s>{name}: {name}" in page.locator("#made dt").first.text_content()
    export(page, tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text("utf-8")
    assert not re.search(r'(^|,)"?[=+@]', lines, re.MULTILINE)
    read = open_timeline(tmp_path / "all.csv")
    assert read.emotions == emotions
    assert_alike(list(read.rows()), rows)
    assert page.title() != "run"


def test_the_policy_lets_nothing_run_or_load(look, written):
    page = look(written, fails="Content Security Policy", asks={"http"})
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'run'";
          document.body.append(script);
          const link = document.createElement("a");
          link.setAttribute("onclick", "document.title = 'run'");
          document.body.append(link);
          link.click();
          document.body.append(Object.assign(document.createElement("img"),
            {src: "http://localhost/x.png"}));
        }"""
    )
    blocked = page.evaluate("() => fetch('http://localhost/x').then(() => false, () => true)")
    assert blocked
    assert page.title() == "clip.mp4"
    for what in ("inline script", "inline event handler", "image", "x.png", "/x'"):
        assert any("Content Security Policy" in one and what in one for one in told), told


# Where the video is


def test_a_clip_in_another_folder_is_linked_whatever_it_is_called(look, tmp_path, clip):
    odd = tmp_path / "clips #1" / "100%: a?b&c 'ü'.mp4"
    odd.parent.mkdir()
    shutil.copy(clip, odd)
    path = tmp_path / "reports" / "deep" / "r.html"
    write_timeline_page(path, odd, rows_of(), NAMES)
    page = look(path)
    page.keyboard.press("End")
    assert frame_shown(page) == pytest.approx(59, abs=0.5)


def test_an_embedded_clip_needs_no_other_file(look, tmp_path, clip, monkeypatch):
    monkeypatch.setattr(timeline_page, "_PIECE", 999)  # many pieces, of which the last is short
    path = tmp_path / "r.html"
    write_timeline_page(path, clip, rows_of(), NAMES, PageOptions(embed=True))
    assert base64.b64encode(clip.read_bytes()[:999]).decode() in path.read_text("utf-8")
    page = look(path)
    for frame in (40, 7):
        click(page, "#strip", (frame + 0.5) * STEP)
        assert frame_shown(page) == pytest.approx(frame, abs=0.5)


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
    assert frame_shown(page) == pytest.approx(25, abs=0.5)
    assert page.locator("#play").is_enabled()


def test_a_clip_that_cannot_be_read_is_no_reason_to_have_no_page(look, tmp_path, clip):
    broken = tmp_path / "broken.mp4"
    shutil.copy(clip, broken)
    cut_short(broken, 0.3)
    write_timeline_page(tmp_path / "r.html", broken, rows_of(), NAMES)
    page = look(tmp_path / "r.html")
    expect(page.locator("#why-missing")).to_contain_text("cannot play it")


# Sizes and colours


def test_an_hour_is_shown_to_the_last_frame(look, tmp_path):
    pieces = np.random.default_rng(0).dirichlet(np.ones(8), 997).round(6)
    told = [tuple(map(float, shares)) for shares in pieces]
    box = Box(1, 2, 30, 40)
    rows = [
        TimelineRow("hour.mp4", i, round(i / 30, 6), Status.OK, 0, box, 5.0, told[i % 997])
        for i in range(108_000)
    ]
    rows[54_321] = TimelineRow("hour.mp4", 54_321, rows[54_321].time, Status.DECODE_ERROR)
    for i in (100, 101, *range(512, 1024)):
        rows[i] = TimelineRow("hour.mp4", i, rows[i].time, Status.NO_FACE)
    path = tmp_path / "hour.html"
    write_timeline_page(path, None, rows, EMOTIONS)
    page = look(path)
    assert path.stat().st_size < 12e6
    expect(page.locator("#means")).to_have_text("lines are means of 256 frames each")
    drawn = page.evaluate("chartOf('lines').data.map((one) => one.length)")
    assert max(drawn) < 1000
    first = np.mean([told[i] for i in range(256) if i not in (100, 101)], axis=0)
    assert page.evaluate("chartOf('lines').data.slice(1).map((one) => one[0])") == pytest.approx(
        first, abs=1e-4
    )
    assert page.evaluate("chartOf('lines').data[1].slice(1, 5).map((one) => one === null)") == [
        False,
        True,
        True,
        False,
    ]
    # A frame that was lost is seen even if each pixel stands for a hundred.
    columns = page.evaluate("[...columnsOf(chartOf('overview'), 1000)]")
    assert columns[54_321 * 1000 // 108_000] == page.evaluate("LOST")
    assert columns.count(page.evaluate("LOST")) == 1
    page.evaluate("look(3599.5, 3600)")
    settle(page)
    expect(page.locator("#means")).to_be_hidden()
    point(page, "#lines", 107_998.5 / 30)
    assert frame_told(page) == 107_998
    wanted = told[107_998 % 997]
    found = list(values(page).values())
    assert [float(one) for one in found] == pytest.approx(wanted, abs=6e-4)
    page.mouse.wheel(0, -2000)
    assert np.diff(visible(page)) < 0.2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_readable_by_day_and_by_night(look, written, scheme):
    page = look(written, color_scheme=scheme)

    def luminance(property_: str) -> float:
        told = page.evaluate(f"getComputedStyle(document.querySelector('.card')).{property_}")
        parts = np.array([int(part) for part in re.findall(r"\d+", told)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    ink, ground = luminance("color"), luminance("backgroundColor")
    assert (ink < ground) == (scheme == "light")
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) > 7
    drawn = picture(page.locator("#lines")).reshape(-1, 3)
    common = np.median(drawn, axis=0)
    assert (common.mean() > 128) == (scheme == "light")


def test_a_narrow_screen_needs_no_scrolling_aside(look, written):
    page = look(written, width=360)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 360
    page.set_viewport_size({"width": 1000, "height": 800})
    settle(page)
    settle(page)
    lines = page.locator("#lines .u-over").bounding_box()
    assert 800 < lines["width"] < 1000  # it grows again
    assert page.evaluate(wide) <= 1000


# Files


def test_a_clip_without_a_single_face_has_a_page(look, tmp_path):
    rows = [TimelineRow("a.mp4", i, i / 10, Status.NO_FACE) for i in range(5)]
    write_timeline_page(tmp_path / "r.html", None, rows, NAMES)
    page = look(tmp_path / "r.html")
    point(page, "#lines", 0.25)
    assert moment(page).endswith("frame 2 · no face")
    page.keyboard.press("p")
    page.keyboard.press("]")
    assert page.locator("#totals-told").inner_text() == "· nobody was seen"
    export(page, tmp_path / "a.csv")
    assert_alike(list(open_timeline(tmp_path / "a.csv").rows()), rows)


def test_a_single_frame_has_a_page(look, tmp_path):
    write_timeline_page(tmp_path / "r.html", None, rows_of()[:1], NAMES)
    page = look(tmp_path / "r.html")
    assert values(page) == told(shares(0, 0))
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert frame_told(page) == 0


_numbers = st.floats(0, 1, allow_nan=False)


@st.composite
def _rows(draw: st.DrawFn) -> list[TimelineRow]:
    rows, time = [], draw(st.floats(0, 1e5))
    for frame in sorted(draw(st.sets(st.integers(0, 10**10), min_size=1, max_size=8))):
        time = round(time + draw(st.floats(1e-3, 50)), 6)
        faces = draw(st.sets(st.integers(0, 300), max_size=3))
        if not faces:
            status = draw(st.sampled_from([Status.NO_FACE, Status.DECODE_ERROR]))
            rows.append(TimelineRow("a.mp4", frame, time, status))
        for face in sorted(faces):
            box = Box(*(draw(st.integers(-5, 10**5)) for _ in range(4)))
            score = draw(st.none() | st.floats(-100, 100, width=32))
            told = tuple(draw(_numbers) for _ in NAMES)
            smoothed = tuple(draw(st.floats(-1.2, 1.2)) for _ in NAMES)
            rows.append(
                TimelineRow(
                    "a.mp4", frame, time, Status.OK, face, box, score, told, smoothed=smoothed
                )
            )
    return rows


KINDS = {"number": "<f8", "time": "<f8", "score": "<f4", "status": "u1"}
KINDS |= dict.fromkeys(("frame", "person", "box"), "<i4")
KINDS |= dict.fromkeys(("strongest", "raw", "smoothed"), "<i2")


@settings(max_examples=30)
@given(_rows())
def test_a_page_holds_every_row_as_it_is(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.html"
    write_timeline_page(path, None, rows, NAMES, PageOptions(derived=("smoothed",)))
    text = path.read_text("utf-8")
    about = json.loads(re.search(r'id="about">(.*?)</script>', text)[1])
    found = {
        name: np.frombuffer(base64.b64decode(content), KINDS[name])
        for name, content in re.findall(r'data-column="(\w+)">(.*?)</script>', text)
    }
    assert set(found) == set(KINDS)
    raw, smoothed = (found[name].reshape(-1, 3) / about["units"] for name in ("raw", "smoothed"))
    for i, row in enumerate(rows):
        frame = found["frame"][i]
        assert (found["number"][frame], found["time"][frame]) == (row.frame, row.time)
        assert about["statuses"][found["status"][i]] == row.status
        if row.face is None:
            assert found["person"][i] == -1
            continue
        assert about["people"][found["person"][i]]["face"] == row.face
        assert Box(*found["box"].reshape(-1, 4)[i].tolist()) == row.box
        score = found["score"][i]
        assert np.isnan(score) if row.score is None else score == row.score
        assert NAMES[found["strongest"][i]] == row.dominant(NAMES)[0]
        assert raw[i] == pytest.approx(row.probabilities, abs=5.1e-5)
        assert smoothed[i] == pytest.approx(row.smoothed, abs=5.1e-5)


def test_the_same_timeline_gives_the_same_page(tmp_path, clip):
    for name in ("a.html", "b.html"):
        write_timeline_page(tmp_path / name, clip, rows_of(), NAMES)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_page_is_known_again(tmp_path, written):
    assert is_timeline_page(written)
    other = tmp_path / "other.html"
    other.write_text("<!doctype html><title>clip.mp4</title>")
    assert not is_timeline_page(other)
    assert not is_timeline_page(tmp_path / "missing.html")


def test_the_charts_are_as_they_were_published_and_carry_their_licence(written):
    folder = Path(timeline_page.__file__).parent
    digests = {
        "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    }
    for name, digest in digests.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (folder / "uplot.LICENSE").read_text("utf-8") in written.read_text("utf-8")


def test_what_makes_no_page_is_refused_in_one_line(tmp_path, clip, monkeypatch):
    rows = rows_of()
    page = tmp_path / "r.html"
    with pytest.raises(UsageError, match=r"r\.txt: a web page; give it a name"):
        write_timeline_page(tmp_path / "r.txt", clip, rows, NAMES)
    with pytest.raises(TimelineError, match=r"r\.html: there are no rows"):
        write_timeline_page(page, clip, [], NAMES)
    with pytest.raises(OutputError, match=r"r\.html: a page holds one clip"):
        write_timeline_page(page, clip, [*rows, replace(rows[0], video="b.mp4")], NAMES)
    embed = PageOptions(embed=True)
    with pytest.raises(OutputError, match=r"gone\.mp4: cannot be put into a page \(No such file"):
        write_timeline_page(page, tmp_path / "gone.mp4", rows, NAMES, embed)
    monkeypatch.setattr(timeline_page, "MOST_EMBEDDED", 100)
    with pytest.raises(UsageError, match=r"clip\.mp4: has 0 MiB, more than .*; link to it"):
        write_timeline_page(page, clip, rows, NAMES, embed)
    assert not list(tmp_path.iterdir())
