"""The page of a timeline in a real browser: which part of it is seen, and how."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from fer_pipeline.domain import EMOTIONS, Box, Status
from fer_pipeline.report.timeline_page import write_timeline_page
from fer_pipeline.timeline import TimelineRow
from tests.timeline_page.pages import (
    WHOLE,
    frame_told,
    moment,
    picture,
    point,
    settle,
    values,
    visible,
)

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
    page = look(written, size=(390, 1300), has_touch=True)
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


# Sizes and colours


def test_an_hour_is_shown_to_the_last_frame(look, tmp_path):
    count, rate, together = 36_000, 10, 128
    pieces = np.random.default_rng(0).dirichlet(np.ones(8), 997).round(6)
    told = [tuple(map(float, shares)) for shares in pieces]
    box = Box(1, 2, 30, 40)
    rows = [
        TimelineRow("hour.mp4", i, round(i / rate, 6), Status.OK, 0, box, 5.0, told[i % 997])
        for i in range(count)
    ]
    rows[18_107] = TimelineRow("hour.mp4", 18_107, rows[18_107].time, Status.DECODE_ERROR)
    for i in (20, 21, *range(2 * together, 4 * together)):
        rows[i] = TimelineRow("hour.mp4", i, rows[i].time, Status.NO_FACE)
    path = tmp_path / "hour.html"
    write_timeline_page(path, None, rows, EMOTIONS)
    page = look(path)
    assert path.stat().st_size < 4.2e6
    expect(page.locator("#means")).to_have_text(f"lines are means of {together} frames each")
    drawn = page.evaluate("chartOf('lines').data.map((one) => one.length)")
    assert max(drawn) < 1000
    first = np.mean([told[i] for i in range(together) if i not in (20, 21)], axis=0)
    assert page.evaluate("chartOf('lines').data.slice(1).map((one) => one[0])") == pytest.approx(
        first, abs=1e-4
    )
    assert page.evaluate("chartOf('lines').data[1].slice(1, 5).map((one) => one === null)") == [
        False,
        True,
        True,
        False,
    ]
    # A frame that was lost is seen even if each pixel stands for many.
    columns = page.evaluate("[...columnsOf(chartOf('overview'), 1000)]")
    assert columns[18_107 * 1000 // count] == page.evaluate("LOST")
    assert columns.count(page.evaluate("LOST")) == 1
    page.evaluate("look(3599.5, 3600)")
    settle(page)
    expect(page.locator("#means")).to_be_hidden()
    point(page, "#lines", (count - 1.5) / rate)
    assert frame_told(page) == count - 2
    wanted = told[(count - 2) % 997]
    found = list(values(page).values())
    assert [float(one) for one in found] == pytest.approx(wanted, abs=6e-4)
    page.mouse.wheel(0, -2000)
    assert np.diff(visible(page)) < 6 / rate


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
    page = look(written, size=(360, 1300))
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 360
    page.set_viewport_size({"width": 1000, "height": 800})
    settle(page)
    settle(page)
    lines = page.locator("#lines .u-over").bounding_box()
    assert 800 < lines["width"] < 1000  # it grows again
    assert page.evaluate(wide) <= 1000
