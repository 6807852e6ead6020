"""A study of three people."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.withdrawal.people import ANNA, OTHERS, clips


@pytest.fixture(scope="package")
def extracted(tmp_path_factory) -> Path:
    """A folder with videos of three people and what was extracted of them."""
    from click.testing import CliRunner

    from fer_pipeline.cli.root import root

    folder = tmp_path_factory.mktemp("study")
    clips(folder / "videos", ANNA, *OTHERS)
    words = ["extract", str(folder / "videos"), "-o", str(folder / "faces.h5"), "--every", "8"]
    words += ["--pattern", "{participant} {emotion}", "--keep-crops", str(folder / "crops")]
    assert CliRunner().invoke(root, words).exit_code == 0
    return folder


@pytest.fixture
def study(extracted, tmp_path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(extracted, tmp_path / "study"))
