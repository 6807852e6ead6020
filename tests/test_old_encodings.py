"""Paths that are no UTF-8, as an old system or an old locale gives them, in what tells of a run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.dataset import open_dataset
from fer_pipeline.json_values import json_text, parse_json
from fer_pipeline.provenance import command_line
from tests.conftest import write_faces
from tests.media import PARTICIPANTS

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")

HALVES = st.text('aë田\\"\n\U0001f600\ud83d\ude00\udc80')


def written_out(values: object) -> object:
    """Return values as a file tells of them."""
    if isinstance(values, str):
        return values.encode("utf-8", "backslashreplace").decode()
    if isinstance(values, list):
        return [written_out(one) for one in values]
    if isinstance(values, dict):
        return {written_out(key): written_out(one) for key, one in values.items()}
    return values


@given(st.lists(HALVES, min_size=1) | st.dictionaries(HALVES, st.lists(HALVES), min_size=1))
def test_json_of_any_names_can_be_written_and_tells_them(values):
    text = json_text(values).encode().decode()
    assert parse_json(text) == written_out(values)


def test_a_command_line_can_be_kept_in_a_file(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fer", "train", "-o", "Zo\udceb", "Zoë 田"])
    assert command_line() == "fer train -o 'Zo\\udceb' 'Zoë 田'"


# In a locale of ASCII alone, each letter beyond it is such a byte.
OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
FOLDER, WRITTEN = "Zoë", "Zo\\udcc3\\udcab"

SEVERAL = """
import sys
from fer_pipeline.cli import main

for line in sys.argv[1:]:
    sys.argv = ["fer", *line.split()]
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{line!a}: {end.code}")
"""


def several(place: Path, *lines: str) -> str:
    """Run commands in a locale of ASCII alone; return what they printed."""
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, *lines],
        cwd=place,
        env=os.environ | OLD_LOCALE,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("ascii")


def told(path: Path) -> str:
    """Return the plain values of a record, on one line."""
    return json.dumps(parse_json(path.read_text("utf-8")), ensure_ascii=False)


@linux
def test_commands_tell_of_paths_that_the_locale_cannot_read(tmp_path):
    (tmp_path / FOLDER).mkdir()
    shutil.copy(PARTICIPANTS / "P00_happy.mp4", tmp_path)
    write_faces(tmp_path / "é.h5", 6, frames=1, size=16)
    labels = f"{FOLDER}/labels.csv"
    printed = several(
        tmp_path,
        f"annotate P00_happy.mp4 --every 10 --smooth mean:0.2 --out {labels}",
        f"timeline {labels} --out {FOLDER}/t.eaf",
        f"timeline {labels} --out {FOLDER}/t.eaf",  # knows the record for one of its own
        f"summarize {labels} --out {FOLDER}/s.csv",
        f"agree {labels} {labels} --out {FOLDER}/d.csv",
        f"data merge é.h5 -o {FOLDER}/m.h5",
        f"data split {FOLDER}/m.h5 -o {FOLDER}/s.h5",
    )
    assert "Zo??/s.h5" in printed
    for name in ("t.eaf", "s.csv", "d.csv"):
        record = told(tmp_path / FOLDER / f"{name}.analysis.json")
        assert json.dumps(f"{WRITTEN}/labels.csv") in record
        assert json.dumps(f"{WRITTEN}/{name}")[1:-1] in record  # of the command
    with open_dataset(tmp_path / FOLDER / "m.h5") as merged:
        assert f"{WRITTEN}/m.h5" in merged.provenance["command"]
        assert [*merged.provenance["merged"]] == ["\\udcc3\\udca9.h5"]
