"""The damage that a file has, and what still comes out of it."""

from __future__ import annotations

import contextlib
import shutil
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Frame, LostFrame
from fer_pipeline.errors import VideoError
from fer_pipeline.video.clock import MOST_LOST_IN_A_GAP
from tests.media import cut_short, noise, punch_hole, write_video
from tests.video.reading import H264, KINDS, MILLISECOND, RATE, SMALL, constant, kinds, read


@kinds
def test_a_hole_leaves_every_other_frame_in_its_place(tmp_path, name, codec, options):
    path = write_video(tmp_path / name, noise(60, SMALL), codec=codec, options=options)
    whole = read(path)
    holed = read(punch_hole(path, 0.4, 0.5))
    assert 3 <= len(holed.lost) <= 25
    assert holed.times == pytest.approx(whole.times, abs=MILLISECOND)
    for row, before in zip(holed.rows[-15:], whole.rows[-15:], strict=True):
        assert np.array_equal(row.luma, before.luma)
    assert holed.report.damaged
    assert holed.report.errors
    assert holed.report.warnings[-1].endswith(f"{len(holed.lost)} frames lost")


def test_pictures_that_a_damaged_file_gives_late_are_kept(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", noise(60, SMALL), options=H264)
    late = 0
    for start in np.linspace(0.1, 0.8, 15):
        path = punch_hole(shutil.copy(whole, tmp_path / "clip.mp4"), start, start + 0.03)
        stamps = []
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                with contextlib.suppress(av.error.FFmpegError):
                    stamps += [picture.pts for picture in packet.decode()]
        late += stamps != sorted(stamps)
        assert read(path).report.decoded == len(stamps)
    assert late


def test_lost_frames_of_a_variable_rate_stand_at_their_listed_times(tmp_path):
    times = [index * 0.04 + index % 3 * 0.01 for index in range(60)]
    path = write_video(tmp_path / "clip.mp4", noise(60, SMALL), times, options={"g": "10"})
    holed = read(punch_hole(path, 0.4, 0.5))
    assert len(holed.lost) >= 3
    assert holed.times == pytest.approx(times, abs=MILLISECOND)


def test_a_broken_table_that_lists_a_time_twice_counts_it_once(tmp_path):
    path = write_video(tmp_path / "clip.mp4", noise(20, SMALL), options=H264)
    data = bytearray(path.read_bytes())
    # Composition offsets: size, name, version, number of entries, then pairs of count and offset.
    first = data.index(b"ctts") + 12
    (offset,) = struct.unpack_from(">I", data, first + 4)
    struct.pack_into(">II", data, first + 8, 1, offset - 512)  # a frame takes 512 of 12800 units
    path.write_bytes(data)
    holed = read(punch_hole(path, 0.01, 0.3))  # it looks at indexes and times
    assert len(holed.rows) == 19
    assert 3 < len(holed.lost) < 15


def test_two_holes_in_matroska_are_both_told(tmp_path):
    path = write_video(tmp_path / "clip.mkv", noise(80, SMALL), options=H264)
    punch_hole(path, 0.25, 0.3)
    holed = read(punch_hole(path, 0.6, 0.65))
    assert holed.times == pytest.approx(constant(80), abs=MILLISECOND)
    assert holed.report.errors >= 2


def test_a_gap_too_long_for_lost_frames_is_one_row(tmp_path):
    times = constant(50) + constant(50, start=(MOST_LOST_IN_A_GAP + 200) / RATE)
    path = write_video(tmp_path / "clip.mkv", noise(100, SMALL), times, options={"g": "5"})
    reading = read(punch_hole(path, 0.47, 0.53))
    assert len(reading.lost) == 1
    assert "one row stands for about 1" in reading.report.warnings[0]
    assert reading.times[-1] == pytest.approx(times[-1], abs=MILLISECOND)


@pytest.fixture(scope="module")
def small_files(tmp_path_factory) -> dict[str, bytes]:
    """The bytes of a small video of each container."""
    folder = tmp_path_factory.mktemp("small")
    made = {}
    for name, codec, options in KINDS:
        path = folder / f"{codec}{Path(name).suffix}"
        made[path.name] = write_video(path, noise(24, SMALL), codec=codec, options=options)
    return {name: path.read_bytes() for name, path in made.items()}


SHARE = st.floats(0, 1, exclude_max=True)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.integers(0, len(KINDS) - 1),
    flips=st.lists(st.tuples(SHARE, st.integers(0, 255)), max_size=8),
    hole=st.tuples(SHARE, st.floats(0, 0.3)),
    length=st.just(1.0) | st.floats(0.02, 1),
)
def test_no_damage_breaks_the_order(small_files, tmp_path_factory, kind, flips, hole, length):
    name, original = list(small_files.items())[kind]
    data = bytearray(original)
    for share, value in flips:
        data[int(share * len(data))] = value
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}"
    path.write_bytes(data)
    punch_hole(path, hole[0], min(1.0, sum(hole)))
    cut_short(path, length)
    for row in read_or_refuse(path):
        assert isinstance(row, LostFrame) or row.luma.ndim == 2


def read_or_refuse(path: Path) -> list[Frame | LostFrame]:
    """Read a file that may be so broken that a clear line is all that comes of it."""
    try:
        return read(path).rows
    except VideoError as error:
        line = str(error)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return []
