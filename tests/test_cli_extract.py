"""``fer extract`` as it is typed: what it says, what it leaves, and how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from tests.media import (
    PARTICIPANTS,
    SEGMENTS,
    TWO_PEOPLE,
    noise,
    pictures_of,
    punch_hole,
    write_sound,
    write_video,
)
from tests.test_extraction import extract, plan, run, wanted

ONE = "--workers", 1
FEW = "--every", 10, "--size", 24, *ONE
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(path: Path) -> str:
    """Return the digest of a dataset's data."""
    with open_dataset(path) as dataset:
        return dataset.digest


def videos_of(path: Path) -> tuple[str, ...]:
    with open_dataset(path) as dataset:
        return dataset.videos


def table(output: str, first: str) -> list[list[str]]:
    """Return the rows of the printed table whose header begins with ``first``."""
    lines = iter(output.splitlines())
    next(line for line in lines if line.startswith(first))
    rows = []
    for line in lines:
        if not line.strip():
            break
        rows.append(re.split(r"\s{2,}", line))
    return rows


def error_line(result) -> str:
    """Return the one line that tells why nothing was done."""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("fer: ")]
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert result.stderr.splitlines()[-1] == line
    return line


@pytest.fixture(scope="module")
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


# What it says


def test_the_summary_counts_frames_and_faces_with_right_sums(fer, videos, out):
    write_video(videos / "P07_sad.mp4", noise(20))
    result = fer("extract", videos, "-o", out, "--every", 7, "--size", 24, *ONE)
    assert result.exit_code == 0
    *clips, blank, total = table(result.stdout, "video ")
    assert [row[0] for row in clips] == names_in(videos)[:-1]
    assert all(row[1:] == ["50", "0", "8", "8", "100.0 %"] for row in clips)
    assert blank == ["P07_sad.mp4", "20", "0", "3", "0", "0.0 %"]
    assert total == ["5 videos", "220", "0", "35", "32", "91.4 %"]
    assert table(result.stdout, "participant") == [
        ["P00", "8", "8", "16"],
        ["P07", "8", "8", "16"],
        ["all", "16", "16", "32"],
    ]
    assert f"{out}: 32 faces of 5 videos" in result.stdout


def test_what_was_guessed_is_told_as_a_table(fer, videos, out):
    result = fer("extract", videos, "-o", out, *FEW)
    assert table(result.stderr, "video ")[0] == ["P00_happy.mp4", "P00", "happiness", "all"]
    assert "happiness" not in fer("extract", videos, "-o", out, *FEW, "--quiet").stderr


def test_a_dry_run_tells_what_was_understood_and_touches_nothing(fer, videos, out):
    before = {path: path.stat() for path in videos.iterdir()}
    result = fer("extract", videos, "-o", out, "--labels", SEGMENTS, "--dry-run")
    assert result.exit_code == 0
    assert table(result.stdout, "video ")[:2] == [
        ["P00_happy.mp4", "P00", "happiness", "0.52 to 1.52"],
        ["P00_neutral.mp4", "P00", "neutral", "0 to 2.0"],
    ]
    assert not out.parent.exists()
    assert {path: path.stat() for path in videos.iterdir()} == before


def test_a_dry_run_tells_which_emotions_were_chosen(fer, videos, out):
    result = fer("extract", videos, "-o", out, "--dry-run", "--emotions", "good=happy+surprised")
    assert result.exit_code == 0, result.output
    shown = {line.split()[2] for line in result.stdout.splitlines()[1:]} - {"-" * 7}
    assert shown == {"good"}
    assert "of emotions not among --emotions" in result.stderr


def test_a_dry_run_tells_what_would_be_left_out(fer, videos, out):
    shutil.copy2(videos / "P00_happy.mp4", videos / "P00_2.mp4")
    result = fer("extract", videos, "-o", out, "--dry-run", "--skip-unlabelled")
    assert "P00_2.mp4" not in result.stdout
    assert "1 left out" in result.stderr
    assert "P00_2.mp4: no word of its path names an emotion" in result.stderr


def test_a_clip_without_a_face_is_told(fer, tmp_path, out):
    clip = write_video(tmp_path / "P1_happy.mp4", noise(4))
    result = fer("extract", clip, "-o", out, "--every", 2)
    assert result.exit_code == 0
    assert "warning: P1_happy.mp4: no face found" in result.stderr


def test_no_progress_is_shown_where_there_is_no_terminal(fer, videos, out):
    assert "frames/s" not in fer("extract", videos, "-o", out, *FEW).stderr


# Run again


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


# Videos that fail


def test_one_broken_clip_costs_only_itself_and_is_tried_again(fer, videos, out, tmp_path):
    broken = videos / "P10_happy.mp4"
    broken.write_text("not a video")
    result = fer("extract", videos, "-o", out, *FEW)
    assert result.exit_code == 3
    assert "1 could not be done; they are tried again on the next run" in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "not a video" in line]
    assert line.startswith(broken.name)
    assert line.endswith("see whether a player shows it, or copy it again")
    assert len(videos_of(out)) == 4
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 3
    shutil.copy2(PARTICIPANTS / "P10_happy.mp4", broken)
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 0
    assert fer("extract", videos, "-o", tmp_path / "fresh.h5", *FEW).exit_code == 0
    assert content(out) == content(tmp_path / "fresh.h5")
    assert names_in(out.parent) == ["faces.h5"]


def test_when_all_clips_are_broken_nothing_is_written(fer, tmp_path, out):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "a_happy.mp4").touch()
    (folder / "b_happy.mp4").write_text("text")
    write_sound(folder / "c_happy.mp4")
    result = fer("extract", folder, "-o", out, *FEW)
    assert "no video could be extracted" in error_line(result)
    for reason in ("is empty (0 bytes)", "not a video that can be read", "holds only sound"):
        assert reason in result.stderr
    assert not out.parent.exists()


def test_a_single_broken_clip_is_one_line(fer, tmp_path, out):
    (tmp_path / "a_happy.mp4").touch()
    result = fer("extract", tmp_path / "a_happy.mp4", "-o", out, "-q")
    assert "a_happy.mp4: the file is empty" in error_line(result)
    assert len(result.output.splitlines()) == 1


def test_a_damaged_clip_gives_what_it_holds_with_a_warning(fer, videos, out):
    clips = punch_hole(videos / "P00_happy.mp4", 0.35, 0.5), videos / "P07_happy.mp4"
    result = fer("extract", *clips, "-o", out, *FEW, "--every", 1)
    assert result.exit_code == 3
    assert re.search(r"warning: P00_happy.mp4: \d+ decoding errors, \d+ frames lost", result.stderr)
    damaged = next(row for row in table(result.stdout, "video ") if row[0] == "P00_happy.mp4")
    read, lost, looked_at, with_face = map(int, damaged[1:5])
    assert read + lost == 50
    assert lost > 0
    assert read == looked_at >= with_face > 0
    assert len(videos_of(out)) == 2
    assert fer("extract", *clips, "-o", out, *FEW, "--every", 1).exit_code == 0  # known by now


def test_a_damaged_clip_that_an_earlier_run_finished_is_still_told(fer, videos, out):
    clip = punch_hole(videos / "P00_happy.mp4", 0.35, 0.5)
    run(plan(clip, out, wanted()))  # to its part, but no further
    result = fer("extract", clip, "-o", out, *FEW)
    assert result.exit_code == 3
    assert "finished by an earlier run: 1 video" in result.stderr
    assert "warning: P00_happy.mp4: " in result.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("missing", "no such file or folder"),
        ("empty", "no videos in this folder"),
    ],
)
def test_inputs_that_are_not_there_are_one_line(fer, tmp_path, out, given, told):
    (tmp_path / "empty").mkdir()
    result = fer("extract", tmp_path / given, "-o", out)
    assert told in error_line(result)
    assert len(result.output.splitlines()) == 1


# Labels that cannot be told


@pytest.fixture
def untold(videos) -> Path:
    """The folder with a fifth clip whose name tells nothing."""
    shutil.copy2(videos / "P00_happy.mp4", videos / "P00_2.mp4")
    return videos


def test_labels_that_cannot_be_told_stop_before_anything_is_extracted(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW)
    assert "the emotion cannot be told for 1 of 5 videos" in result.stderr
    assert "P00_2.mp4: no word of its path names an emotion" in result.stderr
    assert result.exit_code == 1
    assert not out.parent.exists()


def test_videos_that_cannot_be_told_are_left_out_when_asked_for(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW, "--skip-unlabelled")
    assert result.exit_code == 3
    assert "1 left out because it cannot be told what they show" in result.stderr
    assert "P00_2.mp4" not in videos_of(out)
    assert len(videos_of(out)) == 4


def test_videos_that_cannot_be_told_are_kept_without_a_label_when_asked_for(fer, untold, out):
    result = fer("extract", untold, "-o", out, *FEW, "--unlabelled")
    assert result.exit_code == 0
    assert table(result.stdout, "participant")[-2:] == [
        ["(unknown)", "0", "0", "5", "5"],
        ["all", "10", "10", "5", "25"],
    ]
    with open_dataset(out) as dataset:
        kept = dataset.rows_by_video()["P00_2.mp4"]
        assert dataset.column("label")[kept].tolist() == [-1] * 5


# Outputs that cannot be written


def test_the_output_cannot_be_a_folder(fer, videos, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for option in ((), ("--overwrite",)):
        assert "a folder" in error_line(fer("extract", videos, "-o", folder, *FEW, *option))
    assert names_in(tmp_path) == ["folder", "videos"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_cannot_be_written_to_is_one_line(fer, videos, tmp_path, workers):
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "faces.h5"
    result = fer("extract", videos, "-o", output, *FEW, "-q", "--workers", workers)
    assert "cannot be written" in error_line(result)
    assert len(result.output.splitlines()) == 1
    assert names_in(tmp_path) == ["file", "videos"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_permission_is_one_line(fer, videos, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    result = fer("extract", videos, "-o", closed / "faces.h5", *FEW, "-q")
    assert "cannot be written (Permission denied)" in error_line(result)
    assert names_in(closed) == []


def test_a_file_that_is_no_dataset_is_never_replaced(fer, videos, tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    for option in ((), ("--overwrite",)):
        result = fer("extract", videos, "-o", thesis, *FEW, *option)
        assert f"{thesis}: exists and is no dataset" in error_line(result)
        assert thesis.read_text() == "years of work"
    thesis.write_text("")
    assert fer("extract", videos, "-o", thesis, *FEW, "--overwrite").exit_code == 0
    assert len(videos_of(thesis)) == 4


def test_a_full_disk_is_one_line_and_what_was_finished_is_gone_on_with(fer, videos, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(22 * 2**20))
    arguments = ["extract", videos, "-o", small_disk / "faces.h5", "--every", 2, *ONE, "-q"]
    full = subprocess.run(fer_command(*arguments), capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert "cannot be written (No space left on device)" in full.stderr
    assert not [*small_disk.rglob("*.unfinished")]
    assert not (small_disk / "faces.h5").exists()
    finished = len([*(small_disk / "faces.h5.parts").iterdir()])
    assert 0 < finished < 4
    filler.unlink()
    again = fer(*arguments[:-1])
    assert again.exit_code == 0
    assert f"finished by an earlier run: {finished} video" in again.stderr
    assert names_in(small_disk) == ["faces.h5"]


# Options that contradict each other


@pytest.mark.parametrize(
    "options",
    [
        ("--every", 2, "--fps", 5),
        ("--every", 0),
        ("--fps", 0),
        ("--size", 7),
        ("--channels", "cmyk"),
        ("--layout", "unheard-of"),
        ("--faces", "some"),
    ],
)
def test_wrong_usage_is_told_as_such(fer, videos, out, options):
    assert fer("extract", videos, "-o", out, *options).exit_code == 2
    assert not out.parent.exists()


# Stopped at any moment


def fer_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "fer_pipeline", *map(str, arguments)]


@pytest.fixture(scope="module")
def eight(tmp_path_factory) -> Path:
    """A folder of eight clips."""
    folder = tmp_path_factory.mktemp("eight")
    for clip in sorted(PARTICIPANTS.glob("P1*.mp4"))[:8]:
        shutil.copy2(clip, folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(eight, tmp_path_factory) -> str:
    """The digest of the eight clips, extracted in one go."""
    out = tmp_path_factory.mktemp("undisturbed") / "faces.h5"
    extract(eight, out, workers=2)
    return content(out)


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start ``fer`` as a shell would: in a process group of its own."""
    return subprocess.Popen(
        fer_command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], *, until) -> None:
    """Wait until something is so, while a process runs."""
    while not until():
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"ended too early: {process.communicate()}")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process, and for all its children, which hold its standard error too."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@POSIX
@pytest.mark.parametrize(
    ("how", "workers"),
    [("SIGKILL", 1), ("SIGKILL", 2), ("SIGINT", 1), ("SIGINT", 2), ("SIGTERM", 2)],
)
def test_a_run_stopped_in_the_middle_goes_on_from_there(fer, eight, undisturbed, out, how, workers):
    arguments = ("extract", eight, "-o", out, *FEW)
    process = start(*arguments, "--workers", workers)
    parts = out.with_name("faces.h5.parts")
    wait_for(process, until=lambda: [*parts.glob("*.h5")])
    # Ctrl-C of a terminal goes to the whole group, a kill to the one process.
    send = os.killpg if how == "SIGINT" else os.kill
    send(process.pid, getattr(signal, how))
    status, said = end(process)
    assert "Traceback" not in said
    if how == "SIGKILL":
        assert status == -signal.SIGKILL
    else:
        word, code = {"SIGINT": ("interrupted", 130), "SIGTERM": ("terminated", 143)}[how]
        assert status == code
        assert said.splitlines()[-1].startswith(f"fer: {word}; what was finished is kept")
        assert not [*parts.glob("*.unfinished")]
    assert not out.exists()
    finished = len([*parts.glob("*.h5")])
    result = fer(*arguments)
    assert result.exit_code == 0
    assert f"finished by an earlier run: {finished} video" in result.stderr
    assert content(out) == undisturbed
    assert names_in(out.parent) == ["faces.h5"]


def read(path: str | Path) -> str:
    """Read a file of the system, which is gone as soon as its process is."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs the proc file system")
def test_ctrl_c_while_the_workers_load_is_one_line(eight, out):
    process = start("extract", eight, "-o", out, *FEW, "--workers", 2, "-q")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def loading() -> bool:
        return any("numpy" in read(f"/proc/{child}/maps") for child in read(children).split())

    wait_for(process, until=loading)
    os.killpg(process.pid, signal.SIGINT)
    status, said = end(process)
    assert status == 130
    assert said == ("fer: interrupted; what was finished is kept; run it again to go on\n")


# Provenance


def test_the_command_is_kept_as_it_was_typed(videos, tmp_path):
    out = tmp_path / "a name.h5"
    typed = ["extract", videos, "-o", out, *FEW, "-q"]
    subprocess.run(fer_command(*typed), check=True, capture_output=True)
    with open_dataset(out) as dataset:
        command = dataset.provenance["command"]
    assert command == f"fer extract {videos} -o '{out}' --every 10 --size 24 --workers 1 -q"


def test_two_people_of_one_clip_become_two_participants(fer, tmp_path):
    labels = tmp_path / "labels.csv"
    rows = "two_people.mp4,left one,happy,left\ntwo_people.mp4,right one,sad,right\n"
    labels.write_text("video,participant,emotion,face\n" + rows)
    arguments = ["extract", TWO_PEOPLE, "--labels", labels, "--every", 20, "-o", tmp_path / "f.h5"]
    refused = fer(*arguments)
    assert refused.exit_code == 1
    assert "--faces all" in refused.output
    assert fer(*arguments, "--faces", "all").exit_code == 0
    with open_dataset(tmp_path / "f.h5") as dataset:
        people = np.array(dataset.participants)[dataset.column("participant")]
        left = dataset.column("box")[:, 0] + dataset.column("box")[:, 2] / 2 < 320
        assert len(dataset) == 24
        assert np.array_equal(people == "left one", left)
        assert np.array_equal(dataset.column("label") == 0, left)


def test_a_video_that_takes_too_long_is_given_up(fer, tmp_path, out):
    write_video(tmp_path / "short_happy.mp4", noise(2))
    write_video(tmp_path / "long_happy.mp4", noise(2000), options={"preset": "ultrafast"})
    result = fer("extract", tmp_path, "-o", out, "--timeout", 2, "--workers", 1)
    assert result.exit_code == 3
    assert "took longer than 2 s" in result.stderr
    assert videos_of(out) == ("short_happy.mp4",)
    assert names_in(out.parent) == ["faces.h5"]


def test_who_moves_across_the_middle_stays_who_they_are(fer, tmp_path, out):
    # The picture slides to the left, so that the right one of two people crosses its middle.
    wide = pictures_of(TWO_PEOPLE, 60)
    slides = [np.ascontiguousarray(np.roll(p, -5 * i, axis=1)) for i, p in enumerate(wide)]
    write_video(tmp_path / "slide.mp4", slides)
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "video,participant,emotion,face\nslide.mp4,A,happy,left\nslide.mp4,B,sad,right\n"
    )
    fer("extract", tmp_path / "slide.mp4", "--labels", labels, "--faces", "all", "-o", out)
    with open_dataset(out) as dataset:
        people = np.array(dataset.participants)[dataset.column("participant")]
        for track in np.unique(dataset.column("track")):
            assert len(set(people[dataset.column("track") == track])) == 1
        right = dataset.column("track")[people == "B"]
        assert len(right) >= 50


def test_short_stretches_keep_their_faces(fer, tmp_path, out):
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", tmp_path / "clip.mp4")
    labels = tmp_path / "labels.csv"
    rows = "clip.mp4,P00,happy,0.4,0.48\nclip.mp4,P00,happy,1.2,1.28\n"
    labels.write_text("video,participant,emotion,start,end\n" + rows)
    assert fer("extract", tmp_path / "clip.mp4", "--labels", labels, "-o", out).exit_code == 0
    with open_dataset(out) as dataset:
        assert dataset.column("frame").tolist() == [10, 11, 30, 31]


def test_numbers_in_labels_are_those_of_annotation(fer, tmp_path, out):
    # Nobody for a second, then two people; a third of the labels begins later still.
    shutil.copy2(TWO_PEOPLE, tmp_path / "two.mp4")
    labels = tmp_path / "labels.csv"
    labels.write_text("video,participant,emotion,start,end,face\ntwo.mp4,B,sad,4,4.4,1\n")
    fer("extract", tmp_path / "two.mp4", "--labels", labels, "--faces", "all", "-o", out)
    with open_dataset(out) as dataset:
        assert set(dataset.column("track").tolist()) == {1}
        assert (dataset.column("box")[:, 0] > 300).all()


@pytest.mark.parametrize("what", ["clip", "labels"])
def test_an_input_is_never_written_over(fer, tmp_path, what):
    clip, labels = tmp_path / "clip.mp4", tmp_path / "labels.csv"
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", clip)
    labels.write_text("video,participant,emotion\nclip.mp4,P00,happy\n")
    target = clip if what == "clip" else labels
    before = target.read_bytes()
    result = fer("extract", clip, "--labels", labels, "-o", target, "--overwrite")
    assert result.exit_code == 1
    assert "is one of the inputs" in result.stderr
    assert target.read_bytes() == before


def test_a_second_run_on_the_same_output_is_kept_away(fer, videos, out):
    with locked(out):
        result = fer("extract", videos, "-o", out, *FEW)
    assert result.exit_code == 1
    assert "another run is writing it" in result.stderr
    assert fer("extract", videos, "-o", out, *FEW).exit_code == 0
    assert names_in(out.parent) == ["faces.h5"]


def test_an_emotion_without_any_face_is_told_and_not_listed(fer, tmp_path, out):
    shutil.copy2(PARTICIPANTS / "P00_happy.mp4", tmp_path)
    write_video(tmp_path / "P00_contempt.mp4", noise(5))
    result = fer("extract", tmp_path, "-o", out, *FEW)
    assert "contempt: labelled, but no face of it was found" in result.stderr
    with open_dataset(out) as dataset:
        assert dataset.emotions == ("happiness",)


def test_wrong_usage_is_told_by_its_exit_status(fer, videos, out, tmp_path):
    (tmp_path / "l.csv").write_text("video,participant,emotion\n")
    for wrong in (
        ["--labels", tmp_path / "l.csv", "--pattern", "{emotion}"],
        ["--unlabelled", "--skip-unlabelled"],
        ["--outside", "neutral"],
        ["--pattern", "abc"],
    ):
        assert fer("extract", videos, "-o", out, *wrong).exit_code == 2


@POSIX
def test_a_second_ctrl_c_does_not_disturb_the_end(eight, out):
    process = start("extract", eight, "-o", out, "--workers", 2, "-q")
    parts = out.with_name("faces.h5.parts")
    wait_for(process, until=lambda: [*parts.glob("*.h5*")])
    for _ in range(40):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
    status, said = end(process)
    assert status == 130
    assert said == "fer: interrupted; what was finished is kept; run it again to go on\n"


def test_a_participant_taken_from_behind_the_emotion_is_doubted(fer, tmp_path, out):
    (tmp_path / "P07").mkdir()
    shutil.copy2(PARTICIPANTS / "P07_happy.mp4", tmp_path / "P07" / "happy_take1.mp4")
    doubted = fer("extract", tmp_path / "P07", "-o", out, "--dry-run")
    assert "participants taken from the word behind the emotion: take1" in doubted.stderr
    sure = fer("extract", tmp_path, "-o", out, "--dry-run")
    assert "taken from" not in sure.stderr


def test_a_dry_run_tells_what_was_understood_beside_a_dataset_of_other_settings(
    fer, videos, extracted
):
    result = fer("extract", videos, "-o", extracted, "--size", 99, "--dry-run")
    assert result.exit_code == 0
    assert "P00_happy.mp4" in result.stdout


def test_pictures_of_videos_that_are_known_already_are_not_promised(
    fer, videos, extracted, tmp_path
):
    crops = tmp_path / "crops"
    result = fer("extract", videos, "-o", extracted, *FEW, "--keep-crops", crops)
    assert "no pictures of the 4 videos" in result.stderr
    assert not crops.exists()
