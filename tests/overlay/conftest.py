"""A clip for videos with their timeline drawn in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media import (
    noise,
    write_video,
)


@pytest.fixture(scope="module")
def plain_clip(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("plain") / "clip.mp4", noise(30))
