"""A model and clips for `fer annotate`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli_annotate.results import CLIPS


@pytest.fixture
def annotate(fer, model_folder):
    """Run ``fer annotate`` with a model, quickly: every tenth frame, in this process."""

    def run(*arguments: object) -> Result:
        quick = ["--every", 10, "--workers", 1, "--model", model_folder]
        return fer("annotate", *quick, *arguments)

    return run


@pytest.fixture
def clips(few_videos, tmp_path) -> Path:
    """A folder with four clips, two of them a level deeper."""
    folder = tmp_path / "clips"
    for name in CLIPS:
        below = folder / "second" if name.startswith("P07") else folder
        below.mkdir(parents=True, exist_ok=True)
        shutil.copy2(few_videos / f"{name}.mp4", below)
    return folder
