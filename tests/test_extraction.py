"""From real clips to the rows of a dataset, compared with what is known of the clips."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.domain import Box, canonical_emotion
from fer_pipeline.errors import OutputError
from fer_pipeline.extraction import (
    Existing,
    ExtractionPlan,
    plan_extraction,
    publish,
    run_extraction,
)
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import Channels, CropOptions, crop
from fer_pipeline.labels import LabelOptions
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.video import open_video
from fer_pipeline.video_extraction import ExtractionOptions, VideoRecord, extract_video
from fer_pipeline.workers import Crew
from tests.media import (
    PARTICIPANTS,
    SAMPLE_FPS,
    SEGMENTS,
    TWO_PEOPLE,
    noise,
    pictures_of,
    write_video,
)

FRAMES = 50  # of each sample clip
HAPPY = PARTICIPANTS / "P00_happy.mp4"


def wanted(
    every: int = 10,
    fps: float | None = None,
    size: int = 24,
    margin: float = 0.1,
    channels: Channels = "rgb",
    **others: object,
) -> ExtractionOptions:
    """Return options that make small crops of few frames."""
    search = SearchOptions(SamplingOptions(every, fps), faces=others.pop("faces", "largest"))
    return ExtractionOptions(search=search, crop=CropOptions(size, margin, channels), **others)


def plan(inputs: object, output: Path, options: ExtractionOptions, **labels: object):
    paths = inputs if isinstance(inputs, list) else [inputs]
    return plan_extraction(paths, LabelOptions(**labels), options, output)


def run(planned: ExtractionPlan, workers: int = 1) -> dict[str, VideoRecord]:
    """Extract the videos of a plan, none of which fails, to their parts."""
    records = {}
    for outcome in run_extraction(planned, Crew(workers), lambda _: None):
        assert outcome.error is None
        records[outcome.task.source.name] = outcome.result
    return records


def extract(
    inputs: object,
    output: Path,
    options: ExtractionOptions | None = None,
    workers: int = 1,
    **labels: object,
) -> dict[str, VideoRecord]:
    """Extract videos to a dataset."""
    planned = plan(inputs, output, options or wanted(), **labels)
    records = run(planned, workers)
    publish(planned, records, "fer extract")
    return records


def digest(path: Path) -> str:
    with open_dataset(path) as dataset:
        return dataset.digest


def rows(dataset: Dataset) -> list[dict[str, object]]:
    """Return the rows with names in the place of numbers."""
    emotions, people = (*dataset.emotions, None), (*dataset.participants, None)
    return [
        {
            "video": dataset.videos[dataset.column("video")[index]],
            "emotion": emotions[dataset.column("label")[index]],
            "participant": people[dataset.column("participant")[index]],
            "box": Box(*map(int, dataset.column("box")[index])),
            **{
                name: dataset.column(name)[index].item()
                for name in ("frame", "time", "score", "track")
            },
        }
        for index in range(len(dataset))
    ]


def segments() -> dict[str, dict[str, str]]:
    with SEGMENTS.open() as file:
        return {row["video"]: row for row in csv.DictReader(file)}


# The rows


@pytest.fixture(scope="module")
def dataset(few_videos, tmp_path_factory) -> Iterator[Dataset]:
    """Four clips, two people and two emotions, every fifth frame of the labelled stretches."""
    path = tmp_path_factory.mktemp("extracted") / "faces.h5"
    extract(few_videos, path, wanted(every=5), labels=SEGMENTS)
    with open_dataset(path) as opened:
        yield opened


def test_the_frames_of_the_labelled_stretches_are_there_and_no_others(dataset):
    truth = segments()
    expected = [
        (video, frame)
        for video in dataset.videos
        for frame in range(0, FRAMES, 5)
        if float(truth[video]["start"]) <= frame / SAMPLE_FPS < float(truth[video]["end"])
    ]
    assert len(expected) < len(dataset.videos) * FRAMES / 5  # the stretches are not all
    assert [(row["video"], row["frame"]) for row in rows(dataset)] == expected
    looked_at = sum(source["sampled"] for source in dataset.provenance["sources"].values())
    assert looked_at == len(expected)


def test_each_row_tells_what_the_table_says_of_its_video(dataset):
    truth = segments()
    for row in rows(dataset):
        assert row["participant"] == truth[row["video"]]["participant"]
        assert row["emotion"] == canonical_emotion(truth[row["video"]]["emotion"])


def test_videos_stand_in_the_order_of_their_paths_and_people_in_that_of_their_rows(dataset):
    assert dataset.videos == tuple(sorted(dataset.videos))
    assert dataset.participants == ("P00", "P07")
    assert dataset.emotions == ("neutral", "happiness")


def test_times_are_those_of_the_frames(dataset):
    for row in rows(dataset):
        assert row["time"] == pytest.approx(row["frame"] / SAMPLE_FPS, abs=1e-9)


def test_boxes_lie_in_the_frame_and_faces_are_where_they_are_drawn(dataset):
    for row in rows(dataset):
        box = row["box"]
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= 320
        assert box.y + box.height <= 240
        assert box.x < 160 < box.x + box.width  # the people look into the middle
        assert row["score"] > 0
        assert row["track"] == 0


def test_a_dataset_that_was_extracted_is_in_order(dataset):
    assert verify(dataset) == []


def test_the_provenance_tells_command_versions_and_sources(dataset, few_videos):
    made = dataset.provenance
    assert made["command"] == "fer extract"
    assert {"fer-pipeline", "python", "opencv-python", "av"} <= set(made["versions"])
    assert set(made["sources"]) == {path.name for path in few_videos.iterdir()}
    source = made["sources"]["P00_happy.mp4"]
    assert source["size"] == HAPPY.stat().st_size
    assert len(source["digest"]) == 64
    assert (source["read"], source["lost"]) == (FRAMES, 0)


@pytest.mark.parametrize(("outside", "emotion"), [("unlabelled", None), ("calm", "calm")])
def test_frames_outside_the_stretches_are_kept_when_asked_for(tmp_path, outside, emotion):
    extract(HAPPY, tmp_path / "f.h5", labels=SEGMENTS, outside=outside)  # happy from 0.52 to 1.52
    with open_dataset(tmp_path / "f.h5") as dataset:
        told = {row["frame"]: row["emotion"] for row in rows(dataset)}
        assert told == {0: emotion, 10: emotion, 20: "happiness", 30: "happiness", 40: emotion}
        assert dataset.participants == ("P00",)
        assert (dataset.column("participant") == 0).all()


def test_a_guessed_label_covers_the_whole_clip(tmp_path):
    records = extract(HAPPY, tmp_path / "f.h5")
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert [row["frame"] for row in rows(dataset)] == [0, 10, 20, 30, 40]
        assert {row["emotion"] for row in rows(dataset)} == {"happiness"}
    assert (records["P00_happy.mp4"].sampled, records["P00_happy.mp4"].with_face) == (5, 5)


def test_frames_a_second_are_counted_in_media_time(tmp_path):
    extract(HAPPY, tmp_path / "f.h5", wanted(every=1, fps=4))
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert dataset.column("frame").tolist() == [0, 7, 13, 19, 25, 32, 38, 44]


def test_a_video_that_cannot_be_told_is_kept_without_a_label_when_asked_for(tmp_path):
    clip = shutil.copy2(HAPPY, tmp_path / "clip.mp4")
    extract(Path(clip), tmp_path / "f.h5", unlabelled=True)
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert dataset.emotions == ()
        assert dataset.column("label").tolist() == [-1] * 5
        assert dataset.column("participant").tolist() == [-1] * 5


# The images


def frame_of(video: Path, number: int):
    with open_video(video) as opened:
        return next(frame for frame in opened.frames() if frame.index == number)


@pytest.mark.parametrize(
    "options", [CropOptions(24, 0.0), CropOptions(31, 0.6, "gray"), CropOptions(140, 0.1)]
)
def test_an_image_is_the_crop_of_its_frame_and_box(tmp_path, options):
    extract(HAPPY, tmp_path / "f.h5", replace(wanted(every=25), crop=options))
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert (dataset.crop.size, dataset.crop.margin) == (options.size, options.margin)
        assert dataset.crop.channels == options.channels
        images = dataset.images(slice(None))
        assert len(images) == 2
        for row, image in zip(rows(dataset), images, strict=True):
            assert np.array_equal(image, crop(frame_of(HAPPY, row["frame"]), row["box"], options))


def test_a_gray_image_is_the_luma_of_the_coloured_one(tmp_path):
    for channels in ("rgb", "gray"):
        extract(HAPPY, tmp_path / f"{channels}.h5", wanted(channels=channels))
    with open_dataset(tmp_path / "rgb.h5") as rgb, open_dataset(tmp_path / "gray.h5") as gray:
        assert np.array_equal(rgb.column("box"), gray.column("box"))
        red, green, blue = np.moveaxis(rgb.images(slice(None)).astype(float), -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue  # BT.601
        assert np.abs(gray.images(slice(None))[..., 0] - luma).max() < 2


def test_a_margin_shows_more_around_the_same_box(tmp_path):
    """Without a margin the picture is the middle of the one with a margin, enlarged."""
    for margin in (0.0, 0.5):
        options = wanted(size=40, margin=margin, channels="gray")
        extract(HAPPY, tmp_path / f"{margin}.h5", options)
    with open_dataset(tmp_path / "0.0.h5") as tight, open_dataset(tmp_path / "0.5.h5") as wide:
        assert np.array_equal(tight.column("box"), wide.column("box"))
        for one, other in zip(tight.images(slice(None)), wide.images(slice(None)), strict=True):
            middle = cv2.resize(other[10:30, 10:30, 0], (40, 40))
            assert np.corrcoef(middle.ravel(), one.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("channels", ["rgb", "gray"])
def test_kept_pictures_equal_what_was_looked_at_and_stored(tmp_path, channels):
    folders = {"keep_frames": tmp_path / "frames", "keep_crops": tmp_path / "crops"}
    extract(HAPPY, tmp_path / "f.h5", wanted(every=25, channels=channels, **folders))
    names = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.png"))]
    assert names == [
        "crops/P00_happy.mp4/000000_0.png",
        "crops/P00_happy.mp4/000025_0.png",
        "frames/P00_happy.mp4/000000.png",
        "frames/P00_happy.mp4/000025.png",
    ]
    crops, frames = (
        [cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED) for name in names[begin:][:2]]
        for begin in (0, 2)
    )
    with open_dataset(tmp_path / "f.h5") as dataset:
        images = dataset.images(slice(None))
    for kept, image in zip(crops, images, strict=True):
        assert np.array_equal(kept.reshape(image.shape)[..., ::-1], image)
    for kept, number in zip(frames, (0, 25), strict=True):
        assert np.array_equal(kept[..., ::-1], frame_of(HAPPY, number).rgb)


def test_folders_of_pictures_are_remembered_when_the_dataset_is_begun_anew(tmp_path):
    output = tmp_path / "f.h5"
    extract(HAPPY, output, wanted(keep_crops=tmp_path / "crops"))
    for anew in (wanted(keep_frames=tmp_path / "frames"), wanted(size=30)):
        planned = plan_extraction([HAPPY], LabelOptions(), anew, output, Existing(overwrite=True))
        publish(planned, run(planned), "fer extract --overwrite")
        with open_dataset(output) as dataset:
            made = dataset.provenance
        assert made["pictures"] == [str(tmp_path / "crops"), str(tmp_path / "frames")]


def test_folders_of_pictures_of_joined_datasets_are_remembered(fer, tmp_path):
    extract(HAPPY, tmp_path / "a.h5", wanted(keep_crops=tmp_path / "crops"))
    extract(PARTICIPANTS / "P07_happy.mp4", tmp_path / "b.h5")
    output = tmp_path / "both.h5"
    assert fer("data", "merge", tmp_path / "a.h5", tmp_path / "b.h5", "-o", output).exit_code == 0
    planned = plan_extraction([HAPPY], LabelOptions(), wanted(), output, Existing(overwrite=True))
    publish(planned, run(planned), "fer extract --overwrite")
    with open_dataset(output) as dataset:
        assert dataset.provenance["pictures"] == [str(tmp_path / "crops")]


# Faces


def test_all_faces_of_two_people_are_two_tracks_in_each_frame(tmp_path):
    records = extract(TWO_PEOPLE, tmp_path / "f.h5", wanted(faces="all", every=20), unlabelled=True)
    with open_dataset(tmp_path / "f.h5") as dataset:
        found = rows(dataset)
        frames = sorted({row["frame"] for row in found})
        assert [(row["frame"], row["track"]) for row in found] == [
            (frame, track) for frame in frames for track in (0, 1)
        ]
        sides = {row["track"]: row["box"].center[0] < 320 for row in found}
        assert all(sides[row["track"]] == (row["box"].center[0] < 320) for row in found)
        assert sorted(sides.values()) == [False, True]
        assert verify(dataset) == []
    assert records["two_people.mp4"].with_face == len(frames) == 12


def test_of_two_people_the_larger_face_is_taken_unless_all_are(tmp_path):
    for faces in ("largest", "all"):
        options = wanted(faces=faces, every=60)
        extract(TWO_PEOPLE, tmp_path / f"{faces}.h5", options, unlabelled=True)
    with open_dataset(tmp_path / "largest.h5") as one, open_dataset(tmp_path / "all.h5") as both:
        largest = {
            frame: max(row["box"].area for row in rows(both) if row["frame"] == frame)
            for frame in both.column("frame").tolist()
        }
        assert {row["frame"]: row["box"].area for row in rows(one)} == largest
        assert len(one) == len(largest)


def test_a_clip_without_a_face_has_no_rows_and_is_listed(tmp_path):
    clip = write_video(tmp_path / "P1_happy.mp4", noise(5))
    records = extract(clip, tmp_path / "f.h5", wanted(every=1))
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert dataset.videos == ("P1_happy.mp4",)
        assert len(dataset) == 0
        assert verify(dataset) == []
    assert (records["P1_happy.mp4"].sampled, records["P1_happy.mp4"].with_face) == (5, 0)


def test_a_clip_of_one_frame_is_one_row(tmp_path):
    clip = write_video(tmp_path / "P1_happy.mp4", pictures_of(HAPPY, 1))
    extract(clip, tmp_path / "f.h5", wanted(every=1))
    with open_dataset(tmp_path / "f.h5") as dataset:
        assert [(row["frame"], row["time"]) for row in rows(dataset)] == [(0, 0.0)]


@pytest.mark.parametrize(
    "name",
    [
        "P 1, left happy.mp4",
        "Łukasz_happy.mp4",
        "参加者 一/1, happy.mp4",
        "مشارك/happy.mp4",
        "a'b\"c_happy.mp4" if os.name != "nt" else "a'bc_happy.mp4",
    ],
)
def test_names_of_any_kind_are_kept_as_they_are(tmp_path, name):
    clip = tmp_path / "videos" / name
    clip.parent.mkdir(parents=True)
    shutil.copy2(HAPPY, clip)
    extract(
        tmp_path / "videos", tmp_path / "ü ö.h5", wanted(every=50, keep_crops=tmp_path / "kept")
    )
    with open_dataset(tmp_path / "ü ö.h5") as dataset:
        assert dataset.videos == (name,)
        assert len(dataset) == 1
    assert (tmp_path / "kept" / name / "000000_0.png").exists()


# The same data, whichever way


def test_a_large_video_can_be_given_up_before_its_first_frame(few_videos, tmp_path):
    (task, *_) = plan(few_videos, tmp_path / "faces.h5", wanted()).tasks

    def give_up(frames: int) -> None:
        raise RuntimeError(frames)

    with pytest.raises(RuntimeError, match=r"^0$"):
        extract_video(task, give_up)


def test_any_number_of_workers_makes_the_same_data(few_videos, tmp_path):
    for workers in (1, 2, 4):
        extract(few_videos, tmp_path / f"{workers}.h5", workers=workers)
    assert len({digest(tmp_path / f"{workers}.h5") for workers in (1, 2, 4)}) == 1


def test_videos_added_later_make_the_same_data_as_all_at_once(few_videos, tmp_path):
    clips = sorted(few_videos.iterdir())
    for step in ([clips[1], clips[3]], clips[1:], clips):
        extract(step, tmp_path / "grown.h5")
    extract(few_videos, tmp_path / "fresh.h5")
    assert digest(tmp_path / "grown.h5") == digest(tmp_path / "fresh.h5")
    with open_dataset(tmp_path / "grown.h5") as dataset:
        assert list(dataset.provenance["sources"]) == [clip.name for clip in clips]


def test_a_stopped_run_goes_on_from_the_videos_that_were_finished(few_videos, tmp_path):
    output = tmp_path / "f.h5"
    first = plan(few_videos, output, wanted())
    done = [next(run_extraction(first, Crew(), lambda _: None)).task.source.name]
    second = plan(few_videos, output, wanted())
    assert [*second.finished] == done == ["P00_happy.mp4"]
    assert "P00_happy.mp4" not in [task.source.name for task in second.tasks]
    publish(second, run(second), "fer extract")
    extract(few_videos, tmp_path / "undisturbed.h5")
    assert digest(output) == digest(tmp_path / "undisturbed.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.h5", "undisturbed.h5"]


def test_what_was_finished_in_another_way_is_not_gone_on_with(tmp_path):
    clip = Path(shutil.copy2(HAPPY, tmp_path / "P1_happy.mp4"))
    output = tmp_path / "f.h5"
    run(plan(clip, output, wanted()))
    assert plan(clip, output, wanted()).finished
    assert not plan(clip, output, wanted(size=25)).finished
    assert not plan(clip, output, wanted(every=9)).finished
    assert not plan(clip, output, wanted(), pattern="{participant}_{emotion}").tasks
    assert not plan(clip, output, wanted(), pattern="{emotion}_{participant}").finished
    os.utime(clip, ns=(1, 1))
    assert not plan(clip, output, wanted()).finished


def test_a_broken_part_is_made_again(tmp_path):
    output = tmp_path / "f.h5"
    run(plan(HAPPY, output, wanted()))
    (part,) = (tmp_path / "f.h5.parts").iterdir()
    part.write_bytes(part.read_bytes()[:1000])
    extract(HAPPY, output)
    with open_dataset(output) as dataset:
        assert verify(dataset) == []
    assert [*tmp_path.iterdir()] == [output]


def test_parts_left_by_a_run_that_was_killed_after_joining_them_are_removed(tmp_path):
    output = tmp_path / "f.h5"
    planned = plan(HAPPY, output, wanted())
    records = run(planned)
    shutil.copytree(planned.parts, tmp_path / "copy")
    publish(planned, records, "fer extract")
    (tmp_path / "copy").rename(planned.parts)
    again = plan(HAPPY, output, wanted())
    assert (again.tasks, again.finished) == ((), {})
    publish(again, {}, "fer extract")
    assert [*tmp_path.iterdir()] == [output]


def test_a_part_that_cannot_be_written_ends_the_run(few_videos, tmp_path):
    (tmp_path / "f.h5.parts").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        run(plan(few_videos, tmp_path / "f.h5", wanted()))


# Memory

MEASURE = """
import resource, sys
from pathlib import Path
from tests.test_extraction import extract, wanted
peaks = []
for clip in map(Path, sys.argv[1:]):
    extract(clip, clip.with_suffix(".h5"), wanted(every=1, size=160))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
unit = 1 if sys.platform == "darwin" else 1024
print((peaks[1] - peaks[0]) * unit)
"""


@pytest.mark.skipif(os.name == "nt", reason="the system does not tell")
def test_memory_does_not_grow_with_the_length_of_a_clip(tmp_path):
    small = [cv2.resize(picture, (80, 60)) for picture in pictures_of(HAPPY, 20)]
    clips = [write_video(tmp_path / f"P{times}_happy.mp4", small * times) for times in (6, 24)]
    grown = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, clips)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    with open_dataset(clips[1].with_suffix(".h5")) as dataset:
        images = len(dataset) * 160 * 160 * 3
    assert images > 35e6
    assert int(grown.stdout) < images / 3
