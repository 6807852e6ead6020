"""What tests of the page of a timeline share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from fer_pipeline.report.timeline_page import PageOptions, write_timeline_page
from tests.browsing import looking
from tests.media import write_video
from tests.timeline_page.pages import FRAMES, NAMES, PEOPLE, rows_of, shade


@pytest.fixture
def look(browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a timeline."""
    with looking(browser, "#lines canvas", 10) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """A clip of which each frame tells its number by its brightness."""
    pictures = (np.full((120, 160, 3), shade(i), np.uint8) for i in range(FRAMES))
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, pictures, options={"crf": "1", "g": "5"})


@pytest.fixture
def written(tmp_path, clip) -> Path:
    path = tmp_path / "report.html"
    write_timeline_page(path, clip, rows_of(), NAMES, PageOptions(people=PEOPLE))
    return path
