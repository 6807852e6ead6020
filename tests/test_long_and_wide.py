"""What the measurements of ten hours, many clips and many faces say is what happened."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.files import digest_of
from fer_pipeline.labels import guess
from fer_pipeline.video import open_video

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


@pytest.fixture(autouse=True, scope="module")
def _benchmarks_importable():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


# Clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    import made_clips
    import wide_folder

    few = tmp_path_factory.mktemp("participants")
    for name in ("P00_happy.mp4", "P07_happy.mp4", "P07_sad.mp4"):
        (few / name).symlink_to(made_clips.PARTICIPANTS / name)
    folder = tmp_path_factory.mktemp("wide") / "clips"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide_folder, "PARTICIPANTS", few)
        wide_folder.make_clips(folder, 24)
    return folder


def test_every_clip_is_another_file_of_one_second_whose_name_tells_what_it_shows(clips):
    files = sorted(clips.iterdir())
    assert len({digest_of(file) for file in files}) == len(files) == 24
    told = Counter((guess(file.name).participant, guess(file.name).emotion) for file in files)
    assert told == {("Q0000", "happiness"): 20, ("Q0000", "sadness"): 4}
    for file in (files[0], files[1], files[-1]):
        with open_video(file) as video:
            assert len([*video.frames()]) == 25
        assert not video.report.warnings


def test_a_run_that_is_killed_goes_on_and_what_it_took_is_told(clips, tmp_path):
    import wide_folder

    output = tmp_path / "faces.h5"
    killed = wide_folder.extract(clips, output, kill_at=4)
    assert killed.status == -9
    assert 4 <= killed.most("done") < 24
    assert not output.exists()
    rest = wide_folder.extract(clips, output)
    assert rest.moments[0].done >= killed.moments[-1].done
    assert rest.status == 0
    assert rest.most("processes") >= 3  # the command and two workers
    assert rest.most("main") > 20
    assert rest.most("all") > rest.most("main") + rest.most("worker")
    assert 0 < rest.processor < rest.seconds * (os.cpu_count() or 1) + 1
    assert "24 videos" in rest.said


# Figures


def moments(done: list[int]):
    from process_watch import Moment

    return [Moment(float(at), count, 1, 1, 0, 1, 1, 3, 0) for at, count in enumerate(done)]


def seen(done: list[int]):
    from process_watch import Watched

    return Watched(0, float(len(done)), 1.0, tuple(moments(done)), "")


def test_what_was_seen_is_the_same_from_a_file():
    from process_watch import Watched

    assert Watched.from_json(seen([0, 5]).to_json()) == seen([0, 5])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_the_pace_of_the_tenths_adds_up_to_all_that_was_done(steps):
    import wide_folder

    done = [7]
    for step in steps:
        done.append(done[-1] + step)
    tenths = wide_folder.pace(seen(done), 7, done[-1])
    assert len(tenths) == wide_folder.TENTHS
    at, total = 0.0, 0.0
    for pace, moment in tenths:
        total += pace * (moment.at - at)
        at = moment.at
    assert total == pytest.approx(done[-1] - 7)


def test_a_slower_half_shows_in_its_tenths():
    import wide_folder

    quick, slow = [*range(0, 500, 10)], [*range(500, 1001, 2)]
    paces = [pace for pace, _ in wide_folder.pace(seen(quick + slow), 0, 1000)]
    assert paces[:4] == pytest.approx([10] * 4)
    assert paces[6:] == pytest.approx([2] * 4)


def test_joining_begins_when_the_last_part_is_there():
    import wide_folder

    run = seen([3, 3, 5, 9, 9, 9, 2, 0])
    assert wide_folder.first_part(run) == 2
    assert wide_folder.last_part(run) == 3


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda rows: rows, []),
        (lambda rows: rows[:-1], ["3 frames instead of 4"]),
        (lambda rows: [*rows, rows[-1]], []),  # a second face
        (lambda rows: [rows[1], rows[0], *rows[2:]], ["time goes back"]),
        (lambda rows: [*rows[:-1], (75, 3.001)], ["a time is not that of its frame"]),
    ],
)
def test_wrong_rows_of_a_long_clip_are_told(change, wrong):
    import long_stream

    rows = [(frame, frame / 25) for frame in range(0, 90, 25)]
    assert long_stream.wrong_moments(change(rows), 90, 25.0) == wrong


# A dataset


def test_the_halves_of_a_dataset_are_in_order_and_have_no_person_and_no_image_in_common(tmp_path):
    import big_dataset

    from fer_pipeline.care.checking import examine
    from fer_pipeline.dataset import open_dataset

    people, images = [], []
    for half in (0, 1):
        path = tmp_path / f"{half}.h5"
        big_dataset.make_half(path, 300, half)
        with open_dataset(path) as dataset:
            assert len(dataset) == 300
            found = examine(dataset)
            assert not found.broken
            assert not found.copies
            people.append({*dataset.participants})
            images.append({*dataset.image_hashes.tolist()})
    assert not people[0] & people[1]
    assert not images[0] & images[1]


# Steps


def test_a_step_is_done_once_and_one_that_failed_again(tmp_path):
    from long_and_wide import Ledger

    ledger, calls = Ledger(tmp_path), []

    def measure() -> dict[str, int]:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError
        return {"calls": len(calls)}

    with pytest.raises(RuntimeError):
        ledger.once("step", measure)
    assert ledger.once("step", measure) == ledger.once("step", measure) == {"calls": 2}
