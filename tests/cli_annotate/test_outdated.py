"""``fer annotate``: files beside a replaced timeline that tell of the earlier one are named."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from fer_pipeline.domain import Box, Status
from fer_pipeline.exports import FORMATS, write_timeline
from fer_pipeline.presenting import made_beside
from fer_pipeline.timeline import TimelineRow
from tests.cli_annotate.results import CLIP, said

TOLD = "is still what an earlier run made; make it anew with fer timeline, or remove it"


def outdated(lines: list[str]) -> list[str]:
    """Return the names of files that a run said to be outdated."""
    told = [line.removesuffix(f": {TOLD}") for line in lines if line.endswith(TOLD)]
    assert all(one.startswith("warning: ") for one in told)
    return [Path(one.removeprefix("warning: ")).name for one in told]


@pytest.fixture(scope="module")
def row() -> TimelineRow:
    return TimelineRow("a.mp4", 0, 0.0, Status.OK, 0, Box(1, 1, 9, 9), 1.0, (0.25, 0.75))


def run(fer, out: Path, *words: object) -> list[str]:
    """Annotate with the bundled model; return what was said."""
    result = fer("annotate", CLIP, "--out", out, "--workers", 1, *words)
    assert result.exit_code == 0, result.output
    return said(result)


def test_pictures_and_formats_of_an_earlier_run_are_named_unless_they_are_made_again(fer, tmp_path):
    out = tmp_path / "labels.csv"
    page, elan, subtitles, other = (
        tmp_path / name for name in ("labels.html", "labels.eaf", "labels.vtt", "others.html")
    )
    made = ("--report", page, "--out", elan, "--out", subtitles)
    assert outdated(run(fer, out, "--every", 25, "--smooth", "mean:0.2", *made)) == []
    shutil.copy(page, other)  # of another name
    (tmp_path / "labels.json").write_text("{}")  # somebody else's
    assert outdated(run(fer, out, "--every", 25, "--smooth", "mean:0.2")) == []  # the same again
    again = run(fer, out, "--every", 20, "--overwrite", "--out", subtitles)
    assert sorted(outdated(again)) == ["labels.eaf", "labels.html"]
    assert not (tmp_path / "labels.csv.analysis.json").exists()  # of what stood there before
    assert sorted(outdated(run(fer, f"{tmp_path}/", "--every", 20))) == []  # another place


def test_in_folders_too(fer, tmp_path):
    out, page = f"{tmp_path}/out/", ("--report", f"{tmp_path}/out/")
    assert outdated(run(fer, out, "--every", 25, *page)) == []
    assert outdated(run(fer, out, "--every", 20)) == ["P00_happy.html"]
    assert outdated(run(fer, out, "--every", 20, *page)) == []


@pytest.mark.parametrize("length", [1, 248])
def test_every_format_is_found_beside_every_other(tmp_path, row, length):
    files = {}
    for name, one in FORMATS.items():
        path = tmp_path / f"short{one.suffix}"
        write_timeline(path, name, [row], ("neutral", "anger"))
        with suppress(OSError):  # a name too long
            files[name] = path.rename(tmp_path / ("x" * length + one.suffix))
    assert files
    known = {path for name, path in files.items() if name != "srt"}  # which tells of nobody
    for name, path in files.items():
        assert {*made_beside(path, name)} == known - {path}
