"""``fer import`` of corpora that consist of clips, as it is typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import open_dataset
from tests.cli_import.results import error_line, state
from tests.media import PARTICIPANTS


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("RAVDESS")
    clips = {
        "Actor_01/01-01-03-01-01-01-01": "P00_happy",
        "Actor_01/02-01-03-01-01-01-01": "P00_happy",
        "Actor_01/02-01-04-01-01-01-01": "P00_sad",
        "Actor_02/02-01-02-01-01-01-02": "P07_neutral",
    }
    for name, clip in clips.items():
        path = folder / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        shutil.copy2(PARTICIPANTS / f"{clip}.mp4", path)
    return folder


def test_clips_of_a_corpus_are_extracted_by_its_layout(fer, ravdess, out):
    arguments = ("import", "ravdess", ravdess, "-o", out, "--every", "10", "--workers", "1")
    result = fer(*arguments, "--size", "32", "--channels", "gray")
    assert result.exit_code == 0
    assert "passed over: 1 file of takes that others show, too" in result.stderr
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("happiness", "sadness", "calm")
        assert dataset.participants == ("02", "01")  # as they come first
        assert dataset.videos == (
            "02-01-02-01-01-01-02.mp4",
            "02-01-03-01-01-01-01.mp4",
            "02-01-04-01-01-01-01.mp4",
        )
        assert (dataset.crop.size, dataset.crop.channels) == (32, "gray")
        assert dataset.provenance["corpus"] == "ravdess"
    before = state(out)
    again = fer(*arguments, "--size", "32", "--channels", "gray")
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert state(out) == before
    changed = fer(*arguments)
    assert changed.exit_code == 1
    assert "made with other settings" in changed.stderr


def test_clips_of_crema_d_are_extracted(fer, tmp_path, out):
    for code, emotion in (("ANG", "angry"), ("NEU", "neutral")):
        shutil.copy2(PARTICIPANTS / f"P00_{emotion}.mp4", tmp_path / f"1001_DFA_{code}_XX.mp4")
    result = fer("import", "crema-d", tmp_path, "-o", out, "--fps", "5", "--workers", "1")
    assert result.exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("neutral", "anger")
        assert dataset.participants == ("1001",)
        assert dataset.provenance["corpus"] == "crema-d"


def test_a_corpus_of_clips_is_not_mixed_with_one_of_pictures(fer, source, ravdess, out):
    fer("import", "ravdess", ravdess, "-o", out, "--every", "25", "--workers", "1")
    line = error_line(fer("import", "fer2013", source, "-o", out))
    assert "made from ravdess, not fer2013" in line
    fer("import", "fer2013", source, "-o", out, "--overwrite")
    refused = fer("import", "ravdess", ravdess, "-o", out)
    assert refused.exit_code == 1
    assert "not made by fer extract" in refused.stderr


def test_clips_of_two_studies_are_not_mixed(fer, ravdess, few_videos, tmp_path, out):
    """By default all commands write faces.h5, so that one easily comes upon another's."""
    few = ("--every", "25", "--workers", "1")
    both = {
        "ravdess": ("import", "ravdess", ravdess, "-o", out, *few),
        "videos of your own": ("extract", few_videos, "-o", out, *few),
        "crema-d": ("import", "crema-d", tmp_path / "1001_DFA_ANG_XX.mp4", "-o", out, *few),
    }
    shutil.copy2(PARTICIPANTS / "P00_angry.mp4", tmp_path / "1001_DFA_ANG_XX.mp4")
    for first in ("ravdess", "videos of your own"):
        assert fer(*both[first], "--overwrite").exit_code == 0
        before = state(out)
        for second in both.keys() - {first}:
            refused = fer(*both[second])
            assert refused.exit_code == 1
            told = f"{out}: made from {first}, not {second}; give another -o, or --overwrite"
            assert told in refused.stderr
            assert state(out) == before
        assert "nothing to do" in fer(*both[first]).stderr


def test_a_take_that_is_held_with_sound_is_not_added_without(fer, ravdess, tmp_path, out):
    take, other = "-01-03-01-01-01-01.mp4", "-01-04-01-01-01-01.mp4"
    actor = ravdess / "Actor_01"
    folder = tmp_path / "RAVDESS"
    folder.mkdir()
    shutil.copy2(actor / f"01{take}", folder)
    arguments = ("import", "ravdess", folder, "-o", out, "--every", "25", "--workers", "1")
    assert fer(*arguments).exit_code == 0
    before = state(out)
    (folder / f"01{take}").rename(folder / f"02{take}")
    result = fer(*arguments)
    assert result.exit_code == 0
    assert f"passed over: 1 file of takes that {out} holds already" in result.stderr
    assert "nothing to do" in result.stderr
    assert state(out) == before
    assert "made with other settings" in fer(*arguments, "--size", "32").stderr
    shutil.copy2(actor / f"02{other}", folder)
    assert fer(*arguments).exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.videos == (f"01{take}", f"02{other}")
    assert fer(*arguments, "--overwrite").exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.videos == (f"02{take}", f"02{other}")


# Emotions and balance


def shown(path: Path) -> list[tuple[str, str, int, float]]:
    """Return emotion, video, frame and a sum of the image of every row."""
    with open_dataset(path) as dataset:
        sums = dataset.images(slice(None)).sum(axis=(1, 2, 3))
        columns = (dataset.column(name) for name in ("label", "video", "frame"))
        return [
            (dataset.emotions[label], dataset.videos[video], int(frame), int(total))
            for label, video, frame, total in zip(*columns, sums, strict=True)
        ]


def last_line(result) -> str:
    """Return why nothing was done; what was passed over is told before."""
    assert result.exit_code == 1, result.output
    return result.stderr.splitlines()[-1]


def test_emotions_of_clips_are_chosen_and_joined(fer, ravdess, out):
    arguments = ("import", "ravdess", ravdess, "-o", out, "--every", "10", "--workers", "1")
    chosen = (*arguments, "--emotions", "calm,upset=sad+fear")
    result = fer(*chosen)
    assert result.exit_code == 0
    assert "left out: 1 video of emotions not among --emotions" in result.stderr
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("calm", "upset")
        assert dataset.videos == ("02-01-02-01-01-01-02.mp4", "02-01-04-01-01-01-01.mp4")
        assert verify(dataset) == []
    before = state(out)
    assert "nothing to do" in fer(*chosen).stderr
    for other in ((), ("--emotions", "calm,sad"), ("--emotions", "calm,happy")):
        line = fer(*arguments, *other).stderr.splitlines()[-1]
        assert f"{out}: made with other settings (emotions: " in line
        assert state(out) == before


def test_a_choice_that_no_clip_shows_is_told(fer, ravdess, out):
    arguments = ("import", "ravdess", ravdess, "-o", out, "--every", "25", "--workers", "1")
    result = fer(*arguments, "--emotions", "happy,disgust")
    assert "warning: disgust: no video shows it" in result.stderr
    line = last_line(fer(*arguments, "--emotions", "disgust", "--overwrite"))
    assert "not among --emotions; they show happiness, sadness, calm" in line


def test_clips_are_balanced_alike_however_many_work_on_them(fer, ravdess, tmp_path, out):
    arguments = ("import", "ravdess", ravdess, "--every", "5", "--size", "32")
    balance = ("--balance", "7", "--seed", "3")
    whole = tmp_path / "whole.h5"
    fer(*arguments, "-o", whole)
    assert fer(*arguments, "-o", out, *balance, "--workers", "1").exit_code == 0
    drawn = shown(out)
    emotions, counts = np.unique([row[0] for row in drawn], return_counts=True)
    assert emotions.tolist() == ["calm", "happiness", "sadness"]
    assert counts.tolist() == [7, 7, 7]
    assert set(drawn) <= set(shown(whole))
    with open_dataset(out) as dataset:
        assert dataset.provenance["settings"]["balance"] == {"faces": 7, "seed": 3}
        assert verify(dataset) == []
    again = tmp_path / "again.h5"
    fer(*arguments, "-o", again, *balance, "--workers", "2")
    assert shown(again) == drawn
    others = tmp_path / "others.h5"
    fer(*arguments, "-o", others, "--balance", "7", "--seed", "4")
    assert shown(others) != drawn


def test_a_balanced_dataset_of_clips_does_not_grow(fer, ravdess, tmp_path, out):
    actor, other = ravdess / "Actor_01", ravdess / "Actor_02"
    folder = tmp_path / "RAVDESS"
    shutil.copytree(actor, folder / actor.name)
    arguments = ("import", "ravdess", folder, "-o", out, "--every", "25", "--workers", "1")
    fer(*arguments, "--balance", "3")
    before = state(out)
    assert "nothing to do" in fer(*arguments, "--balance", "3").stderr
    assert "made with other settings (balance: " in fer(*arguments).stderr
    assert "made with other settings (balance: " in fer(*arguments, "--balance", "4").stderr
    shutil.copytree(other, folder / other.name)
    line = last_line(fer(*arguments, "--balance", "3"))
    assert f"{out}: balanced, so that it cannot take in 1 video more; give another -o" in line
    assert state(out) == before
    assert fer(*arguments, "--balance", "3", "--overwrite").exit_code == 0
    assert len(shown(out)) == 9


def test_a_balanced_dataset_is_not_written_without_a_clip_that_failed(fer, ravdess, tmp_path, out):
    folder = tmp_path / "RAVDESS"
    shutil.copytree(ravdess / "Actor_01", folder)
    broken = folder / "02-01-05-01-01-01-01.mp4"
    broken.write_bytes(b"no video")
    arguments = ("import", "ravdess", folder, "-o", out, "--every", "25", "--workers", "1")
    for _ in range(2):
        line = last_line(fer(*arguments, "--balance", "3"))
        assert f"{out}: not written, because it is balanced over all videos, and 1 video" in line
        assert not out.exists()
    broken.unlink()
    result = fer(*arguments, "--balance", "3")
    assert "finished by an earlier run: 2 videos" in result.stderr
    assert len(shown(out)) == 6
