"""`fer extract` on a dataset that exists."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.cli_extract.results import (
    FEW,
    content,
    error_line,
    names_in,
    table,
    videos_of,
)
from tests.media import PARTICIPANTS, SEGMENTS


def test_the_same_command_again_does_nothing(fer, videos, extracted):
    before, state = extracted.read_bytes(), extracted.stat()
    result = fer("extract", videos, "-o", extracted, *FEW)
    assert result.exit_code == 0
    assert "nothing to do" in result.stderr
    assert extracted.read_bytes() == before
    assert extracted.stat().st_mtime_ns == state.st_mtime_ns
    assert extracted.stat().st_ino == state.st_ino
    assert names_in(extracted.parent) == ["faces.h5"]


def test_new_videos_are_added_as_if_all_had_been_there(fer, videos, extracted, tmp_path):
    for name in ("P00_sad.mp4", "P200_happy.mp4"):
        shutil.copy2(PARTICIPANTS / name, videos)
    result = fer("extract", videos, "-o", extracted, *FEW)
    assert result.exit_code == 0
    assert f"{extracted} holds 4 videos already" in result.stderr
    assert [row[0] for row in table(result.stdout, "video ")] == [
        "P00_sad.mp4",
        "P200_happy.mp4",
        "2 videos",
    ]
    assert fer("extract", videos, "-o", tmp_path / "fresh.h5", *FEW).exit_code == 0
    assert content(extracted) == content(tmp_path / "fresh.h5")


def test_a_video_that_is_gone_stays_with_a_note(fer, videos, extracted):
    (videos / "P00_happy.mp4").unlink()
    before = extracted.read_bytes()
    result = fer("extract", videos, "-o", extracted, *FEW)
    assert result.exit_code == 0
    assert "1 of them are not among the inputs, and stay: P00_happy.mp4" in result.stderr
    assert extracted.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("--size", 25), "size: 24 → 25"),
        (("--margin", 0.2), "margin: 0.1 → 0.2"),
        (("--channels", "gray"), "channels: rgb → gray"),
        (("--every", 9), "sampling: {'every': 10, 'fps': None} → {'every': 9, 'fps': None}"),
        (("--faces", "all"), "faces: largest → all"),
        (("--smallest-face", 0.2), "'smallest_face': 0.2"),
        (("--cascade", "haarcascade_frontalface_default"), "cascade_digest"),
    ],
)
def test_changed_settings_are_refused_by_name(fer, videos, extracted, change, told):
    before = extracted.read_bytes()
    result = fer("extract", videos, "-o", extracted, *FEW, *change)
    line = error_line(result)
    assert told in line
    assert "--overwrite" in line
    assert extracted.read_bytes() == before


def test_a_changed_source_is_refused_by_name_until_overwritten(fer, videos, extracted):
    clip = videos / "P07_neutral.mp4"
    shutil.copyfile(PARTICIPANTS / "P13_neutral.mp4", clip)
    before = extracted.read_bytes()
    for option in ((), ("--verify",)):
        line = error_line(fer("extract", videos, "-o", extracted, *FEW, *option))
        assert str(clip) in line
        assert "changed since it was extracted" in line
    assert extracted.read_bytes() == before
    assert fer("extract", videos, "-o", extracted, *FEW, "--overwrite").exit_code == 0
    assert extracted.read_bytes() != before
    assert fer("extract", videos, "-o", extracted, *FEW).exit_code == 0


def test_changed_labels_are_refused_by_name(fer, videos, extracted):
    result = fer("extract", videos, "-o", extracted, *FEW, "--labels", SEGMENTS)
    assert "P00_happy.mp4: its labels are others" in error_line(result)


def test_a_touched_source_is_accepted_when_its_content_is_compared(fer, videos, extracted):
    os.utime(videos / "P00_happy.mp4", ns=(1, 1))
    before = extracted.read_bytes()
    refused = error_line(fer("extract", videos, "-o", extracted, *FEW))
    assert "run again with --verify" in refused
    assert fer("extract", videos, "-o", extracted, *FEW, "--verify").exit_code == 0
    assert extracted.read_bytes() == before


def test_overwriting_begins_anew(fer, videos, extracted):
    (videos / "P00_happy.mp4").unlink()
    result = fer("extract", videos, "-o", extracted, *FEW, "--size", 16, "--overwrite")
    assert result.exit_code == 0
    assert videos_of(extracted) == ("P00_neutral.mp4", "P07_happy.mp4", "P07_neutral.mp4")
