"""The short form: some fresh cases of every kind, always the same, in one process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import share_of
from tests.fuzz.kinds import KINDS

_PROJECT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="commands run in forks")
def test_no_mutated_input_breaks_a_promise(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", "--cases", "1", "--seed", "7"]
    report = tmp_path / "report.md"
    made = subprocess.run(
        [*command, "--work", str(tmp_path / "work"), "--report", str(report)],
        cwd=_PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    table = report.read_text("utf-8")
    for kind in KINDS:
        assert f"| {kind.name} | {share_of(kind, 1)} |" in table
