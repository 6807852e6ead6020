"""A timeline whose values are known, and what tests of its page ask of a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from fer_pipeline.domain import Box, Status
from fer_pipeline.timeline import People, TimelineRow

STEP = 0.04
FRAMES = 60
NAMES = ("neutral", "happiness", "anger")

PEOPLE = People(by_face={("clip.mp4", 0): "P07", ("clip.mp4", 1): "P13"})

WHOLE = [0.0, round(FRAMES * STEP, 3)]


def shade(frame: int) -> int:
    """The brightness of a frame of the clip."""
    return 16 + 3 * frame


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


def assert_shows(page: Page, frame: float) -> None:
    """Check which frame the video shows; a browser that is busy shows it somewhat later."""
    for _ in range(50):
        if (shown := frame_shown(page)) == pytest.approx(frame, abs=0.5):
            return
        page.wait_for_timeout(100)
    assert shown == pytest.approx(frame, abs=0.5)


def visible(page: Page) -> list[float]:
    settle(page)
    return [round(one, 3) for one in page.evaluate("view")]


def colours_of(page: Page, selector: str) -> Callable[[float, float], tuple[int, ...]]:
    """Return what tells the colour that a chart has at a time, at a share of its height."""
    shown = picture(page.locator(f"{selector} .u-over"))
    first, last = page.evaluate("view")

    def colour_at(time: float, height: float) -> tuple[int, ...]:
        column = int((time - first) / (last - first) * shown.shape[1])
        return tuple(int(part) for part in shown[int(height * shown.shape[0]), column])

    return colour_at


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
