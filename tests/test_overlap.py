"""Stages in threads: the same results as one after the other, and no thread left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from fer_pipeline.annotation import AnnotationTask, ClipRecord, annotate_clip
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import Box, Detection, UInt8Array
from fer_pipeline.errors import OutputError, VideoError, WorkerError
from fer_pipeline.extraction import ExtractionPlan, plan_extraction, publish, run_extraction
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, FaceDetector
from fer_pipeline.labels import LabelOptions
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.sources import Source
from fer_pipeline.video import open_video
from fer_pipeline.video_extraction import ExtractionOptions, extract_video
from fer_pipeline.workers import Crew, Progress
from tests.media import (
    PARTICIPANTS,
    SESSION,
    TURNING_HEAD,
    TWO_PEOPLE,
    cut_short,
    pictures_of,
    punch_hole,
    write_video,
)

posix = pytest.mark.skipif(os.name == "nt", reason="no signals, no limits")

SEARCHES = {
    "all faces": SearchOptions(),
    "largest": SearchOptions(faces="largest"),
    "dense": SearchOptions(detect="dense"),
    "every frame": SearchOptions(detect="every-frame"),
    "sampled": SearchOptions(sampling=SamplingOptions(fps=10)),
}


def ignored(_: int) -> None:
    """Progress that nobody follows."""


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before


def annotate(
    clip: Path,
    model: Path,
    folder: Path,
    *,
    overlap: bool,
    options: SearchOptions = SearchOptions(),
    progress: Progress = ignored,
) -> tuple[bytes, ClipRecord]:
    """Annotate a clip; return its piece and its record."""
    piece = folder / f"piece {overlap}.csv"
    task = AnnotationTask(Source(clip, clip.name), model, options, "settings", piece, overlap)
    record = annotate_clip(task, progress)
    return piece.read_bytes(), record


def plan(clips: list[Path], output: Path, **options: object) -> ExtractionPlan:
    wanted = ExtractionOptions(crop=CropOptions(48), **options)
    return plan_extraction(clips, LabelOptions(), wanted, output)


def extract(clips: list[Path], output: Path, *, overlap: bool, **options: object) -> str:
    """Extract clips in this process; return the digest of the dataset."""
    planned = plan(clips, output, **options)
    tasks = [replace(task, overlap=overlap) for task in planned.tasks]
    publish(planned, {task.source.name: extract_video(task, ignored) for task in tasks}, "extract")
    with open_dataset(output) as dataset:
        assert len(dataset) > 0
        return dataset.digest


# The same results


@pytest.mark.parametrize("options", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("clip", [PARTICIPANTS / "P34_scared.mp4", TURNING_HEAD])
def test_faces_are_the_same_whether_stages_overlap_or_not(clip, options):
    def found(*, overlap: bool) -> list[tuple[object, ...]]:
        with open_video(clip) as video:
            tracked = search_faces(video, FaceDetector(), options, ignored, overlap=overlap)
            return [(one.frame.index, one.frame.time, one.faces) for one in tracked]

    assert found(overlap=True) == found(overlap=False)


@pytest.mark.parametrize("profile", [False, True])
def test_several_threads_may_search_with_one_detector(profile):
    detector = FaceDetector(profile=profile)
    pictures = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in pictures_of(TWO_PEOPLE, 8)]
    alone = [detector.detect(one) for one in pictures]
    assert all(len(found) >= 2 for found in alone)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert [*pool.map(detector.detect, pictures)] == alone


@pytest.mark.parametrize(
    ("options", "overlap", "threads"),
    [
        (SearchOptions(detect="every-frame"), True, 2),
        (SearchOptions(sampling=SamplingOptions(fps=5)), True, 2),
        (SearchOptions(detect="every-frame"), False, 1),
        (SearchOptions(), False, 1),
    ],
)
def test_idle_cores_search_where_every_frame_is_searched_as_a_whole(options, overlap, threads):
    searching: set[int] = set()

    class Watched(FaceDetector):
        def detect(self, luma: UInt8Array, like: Sequence[Box] = ()) -> tuple[Detection, ...]:
            searching.add(threading.get_ident())
            return super().detect(luma, like)

    with open_video(PARTICIPANTS / "P00_happy.mp4") as video:
        for _ in search_faces(video, Watched(), options, ignored, overlap=overlap):
            pass
    assert len(searching) == threads
    assert (threading.get_ident() in searching) == (not overlap)


def test_two_people_are_the_same_whether_stages_overlap_or_not(model_folder, tmp_path):
    apart = annotate(TWO_PEOPLE, model_folder, tmp_path, overlap=False)
    assert annotate(TWO_PEOPLE, model_folder, tmp_path, overlap=True) == apart


def test_a_timeline_is_the_same_whether_stages_overlap_or_not(model_folder, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", pictures_of(SESSION, 160))
    apart = annotate(clip, model_folder, tmp_path, overlap=False)
    together = annotate(clip, model_folder, tmp_path, overlap=True)
    assert together == apart
    assert together[0].count(b"\n") == 161


@pytest.mark.parametrize("options", [{}, {"search": SearchOptions(faces="all", detect="dense")}])
def test_a_dataset_is_the_same_whether_stages_overlap_or_not(tmp_path, options):
    clips = [PARTICIPANTS / f"{name}.mp4" for name in ("P00_happy", "P213_angry")]
    apart = extract(clips, tmp_path / "apart.h5", overlap=False, **options)
    together = extract(clips, tmp_path / "together.h5", overlap=True, **options)
    assert together == apart


def test_kept_pictures_are_the_same_whether_stages_overlap_or_not(tmp_path):
    def kept(*, overlap: bool) -> dict[str, bytes]:
        folder = tmp_path / str(overlap)
        folders = {"keep_frames": folder / "frames", "keep_crops": folder / "crops"}
        extract([PARTICIPANTS / "P00_happy.mp4"], folder / "f.h5", overlap=overlap, **folders)
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}

    (tmp_path / "True").mkdir()
    (tmp_path / "False").mkdir()
    together = kept(overlap=True)
    assert together == kept(overlap=False)
    assert len(together) == 100


def test_stages_overlap_where_there_are_more_workers_than_videos(tmp_path):
    def threads(workers: int) -> set[bool]:
        """Return whether frames were counted in this thread."""
        here: set[bool] = set()

        def progress(frames: int) -> None:
            if frames:
                here.add(threading.current_thread() is threading.main_thread())

        planned = plan([PARTICIPANTS / "P00_happy.mp4"], tmp_path / f"{workers}.h5")
        (outcome,) = run_extraction(planned, Crew(workers), progress)
        assert outcome.error is None
        return here

    assert threads(1) == {True}
    assert threads(2) == {False}


# Damage


def in_groups(path: Path) -> Path:
    """Write a clip in which every tenth frame begins anew."""
    pictures = pictures_of(PARTICIPANTS / "P00_happy.mp4", 50)
    return write_video(path, pictures, options={"g": "10", "bf": "0"})


# The damage done to a clip at a path; what is cut short must be readable without its end.
DAMAGE = {
    "a hole": lambda path: punch_hole(in_groups(path), 0.4, 0.5),
    "two holes": lambda path: punch_hole(punch_hole(in_groups(path), 0.25, 0.3), 0.6, 0.65),
    "cut short": lambda path: cut_short(in_groups(path.with_suffix(".ts")), 0.6),
}


def damaged(folder: Path, damage: Callable[[Path], Path]) -> Path:
    damage(folder / "clip.mp4")
    (clip,) = folder.glob("clip.*")
    return clip


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_clip_gives_the_same_rows(model_folder, tmp_path, damage):
    clip = damaged(tmp_path, damage)
    apart = annotate(clip, model_folder, tmp_path, overlap=False)
    assert annotate(clip, model_folder, tmp_path, overlap=True) == apart
    assert apart[1].damaged or apart[1].lost or apart[1].read < 50
    assert apart[0].count(b"\n") > 20


@pytest.mark.parametrize("overlap", [False, True])
def test_a_clip_that_cannot_be_read_is_an_error(model_folder, tmp_path, overlap):
    cut_short(in_groups(tmp_path / "clip.mp4"), 0.6)  # its table of contents is gone
    with pytest.raises(VideoError, match=r"clip\.mp4: not a video that can be read"):
        annotate(tmp_path / "clip.mp4", model_folder, tmp_path, overlap=overlap)
    assert not [*tmp_path.glob("*.csv*")]


# What fails in the middle


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to write more bytes to a file, as a full disk does."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@posix
@pytest.mark.parametrize("overlap", [False, True])
def test_a_timeline_that_cannot_be_written_further_is_an_error(model_folder, tmp_path, overlap):
    read: list[int] = []
    before = {*threading.enumerate()}
    with pytest.raises(OutputError, match="cannot be written") as raised, largest_file(20_000):
        annotate(SESSION, model_folder, tmp_path, overlap=overlap, progress=read.append)
    assert {*threading.enumerate()} <= before  # although its traceback still holds everything
    assert raised.tb is not None
    assert 0 < len(read) < 480
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("overlap", [False, True])
def test_a_picture_that_cannot_be_written_is_an_error(tmp_path, overlap):
    (tmp_path / "crops").touch()
    clip = PARTICIPANTS / "P00_happy.mp4"
    planned = plan([clip], tmp_path / "f.h5", keep_crops=tmp_path / "crops")
    before = {*threading.enumerate()}
    with pytest.raises(OutputError, match="cannot be written") as raised:
        extract_video(replace(planned.tasks[0], overlap=overlap), ignored)
    assert {*threading.enumerate()} <= before  # although its traceback still holds everything
    assert raised.tb is not None
    assert not [*tmp_path.rglob("*.h5")]


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("at", [1, 30, 100])
def test_an_error_of_whoever_follows_the_progress_is_handed_on(model_folder, tmp_path, overlap, at):
    error = WorkerError("took longer than 1 s")
    read = []

    def progress(count: int) -> None:
        read.append(count)
        if len(read) == at:
            raise error

    with pytest.raises(WorkerError) as raised:
        annotate(SESSION, model_folder, tmp_path, overlap=overlap, progress=progress)
    assert raised.value is error
    assert len(read) == at
    assert not [*tmp_path.iterdir()]


def test_a_search_that_is_given_up_ends_its_threads():
    with open_video(SESSION) as video:
        tracked = search_faces(video, FaceDetector(), SearchOptions(), ignored, overlap=True)
        assert next(tracked).frame.index == 0
        tracked.close()


# Ctrl-C


def repeated(clip: Path, path: Path, times: int) -> Path:
    """Write a clip that goes on from its beginning again and again, without decoding it."""
    with av.open(str(path), "w") as copy:
        for turn in range(times):
            with av.open(str(clip)) as container:
                source = container.streams.video[0]
                if not turn:
                    stream = copy.add_stream_from_template(source)
                offset = turn * round(Fraction(source.frames, 25) / source.time_base)
                for packet in container.demux(source):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                        packet.stream = stream
                        copy.mux(packet)
    return path


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_soon_and_leaves_no_timeline(model_folder, tmp_path, number):
    clip = repeated(PARTICIPANTS / "P00_happy.mp4", tmp_path / "long.mp4", 400)
    out = tmp_path / "out" / "labels.csv"
    command = [sys.executable, "-m", "fer_pipeline", "annotate", str(clip), "--workers", "2"]
    command += ["--model", str(model_folder), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not any(p.is_file() and p.stat().st_size for p in tmp_path.glob("out/**/*")):
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.05)
            process.send_signal(number)
            stderr = process.communicate(timeout=15)[1]
        finally:
            process.kill()
    word, status = {2: ("interrupted", 130), 15: ("terminated", 143)}[number]
    assert process.returncode == status
    assert stderr.splitlines()[-1].startswith(f"fer: {word}; ")
    assert "Traceback" not in stderr
    assert not out.exists()
    assert not [p for p in tmp_path.glob("out/**/*") if p.is_file()]
