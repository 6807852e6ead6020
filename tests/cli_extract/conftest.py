"""Clips for `fer extract`, and what it makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.test_extraction import extract


@pytest.fixture(scope="package")
def extracted_once(few_videos, tmp_path_factory) -> Path:
    """The dataset of four clips, two people and two emotions."""
    out = tmp_path_factory.mktemp("extracted") / "faces.h5"
    extract(few_videos, out)
    return out


@pytest.fixture
def videos(few_videos, tmp_path) -> Path:
    """The four clips, in a folder of the test's own."""
    return Path(shutil.copytree(few_videos, tmp_path / "videos"))


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "faces.h5"


@pytest.fixture
def extracted(extracted_once, out) -> Path:
    """The dataset of the four clips, made with ``FEW``, in a folder of the test's own."""
    out.parent.mkdir()
    return Path(shutil.copy2(extracted_once, out))
