"""A real browser for tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium without a window; where none is installed, the test is skipped."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        assert "CI" not in os.environ, "install a Chromium"
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


@contextmanager
def looking(browser: Browser, drawn: str, seconds: float) -> Iterator[Callable[..., Page]]:
    """Give what opens pages, which must ask for nothing but files and fail nowhere.

    Args:
        browser: It opens them without a network.
        drawn: What is to be seen on a page that is ready.
        seconds: How long anything on a page may take.
    """
    contexts, errors, asked, kinds = [], [], [], {"file", "blob"}

    def open_page(
        path: Path,
        *,
        fails: str = "",
        asks: Set[str] = frozenset(),
        size: tuple[int, int] = (1200, 1300),
        remembers: bool = False,
        **settings: object,
    ) -> Page:
        """Open a page.

        Args:
            path: The page.
            fails: What is in errors that are expected.
            asks: Kinds of addresses that it may ask for, too.
            size: Of the window in pixels.
            remembers: Whether the browser knows what earlier pages have stored.
            settings: Of the browser's context.
        """
        kinds.update(asks)
        if not (remembers and contexts):
            viewport = {"width": size[0], "height": size[1]}
            contexts.append(browser.new_context(offline=True, viewport=viewport, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(1000 * seconds)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda told: None if fails and fails in told.text else errors.append(told.text),
        )
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(path.as_uri())
        page.locator(drawn).first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert {url.partition(":")[0] for url in asked} <= kinds
