"""Which frames come out of a whole file, and at which times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.domain import Frame
from fer_pipeline.video import expected_frames, open_video
from tests.media import noise, write_video
from tests.video.reading import H264, MILLISECOND, RATE, SMALL, VP9, constant, kinds, marked, read


@kinds
def test_every_frame_comes_out_at_its_time(tmp_path, name, codec, options):
    path = write_video(tmp_path / name, noise(30, SMALL), codec=codec, options=options)
    rows, report, info = reading = read(path)
    assert reading.times == pytest.approx(constant(30), abs=MILLISECOND)
    assert not reading.lost
    assert (report.damaged, report.warnings) == (False, [])
    assert (info.rate, info.width, info.height, info.audio) == (RATE, *SMALL, False)
    assert all(isinstance(row, Frame) and row.rgb.shape == (50, 66, 3) for row in rows)


@kinds
def test_frames_come_out_in_the_order_they_are_shown(tmp_path, name, codec, options):
    pictures = marked(20)
    read_back = read(write_video(tmp_path / name, pictures, codec=codec, options=options)).rows
    for written, row in zip(pictures, read_back, strict=True):
        distances = [np.abs(row.rgb.astype(int) - other).mean() for other in pictures]
        assert pictures[int(np.argmin(distances))] is written


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv", "clip.webm"])
def test_times_of_a_variable_rate_are_those_of_the_file(tmp_path, name):
    times = [0.0, 0.033, 0.1, 0.101, 0.5, 0.54, 0.9, 1.25, 1.3, 1.301, 1.4, 2.0]
    codec, options = ("libvpx-vp9", VP9) if name.endswith("webm") else ("libx264", H264)
    path = write_video(tmp_path / name, noise(12, SMALL), times, codec=codec, options=options)
    reading = read(path)
    assert reading.times == pytest.approx(times, abs=MILLISECOND)
    assert not reading.report.damaged


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm"])
def test_a_gap_without_an_error_is_a_variable_rate(tmp_path, name):
    times = constant(10) + constant(10, start=8.0)
    codec, options = ("libvpx-vp9", VP9) if name.endswith("webm") else ("libx264", H264)
    path = write_video(tmp_path / name, noise(20, SMALL), times, codec=codec, options=options)
    reading = read(path)
    assert reading.times == pytest.approx(times, abs=MILLISECOND)
    assert not reading.lost
    assert not reading.report.damaged


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_time_counts_from_the_earliest_stream(tmp_path, suffix):
    path = tmp_path / f"late{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        sound = container.add_stream("pcm_s16le" if suffix != ".mp4" else "aac", rate=48000)
        samples = np.zeros((1, 1024), np.int16 if suffix != ".mp4" else np.float32)
        for index in range(40):
            frame = av.AudioFrame.from_ndarray(
                samples, format="s16" if suffix != ".mp4" else "fltp", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
        for index, picture in enumerate(noise(5, SMALL)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index + 10, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    reading = read(path)
    assert reading.info.audio
    assert reading.times == pytest.approx(constant(5, start=0.4), abs=MILLISECOND)
    assert not reading.report.damaged


@pytest.mark.parametrize("name", ["late.mp4", "late.mov", "late.avi", "late.mkv", "late.webm"])
def test_a_whole_video_that_begins_late_is_not_short(tmp_path, name):
    codec, options = ("libvpx-vp9", VP9) if name.endswith("webm") else ("mpeg4", {"g": "10"})
    times = None if name.endswith("avi") else constant(50, start=3.0)
    path = write_video(tmp_path / name, noise(50, SMALL), times, codec=codec, options=options)
    reading = read(path)
    assert len(reading.rows) == 50
    assert reading.info.duration == pytest.approx(2.0, abs=0.05)
    assert (reading.report.damaged, reading.report.warnings) == (False, [])


def write_late_pictures(path: Path, frames: int, start: float) -> Path:
    """Write a video whose sound begins at 0 and whose pictures begin later."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48000)
        for index in range(round((start + frames / RATE) * 50)):
            piece = av.AudioFrame.from_ndarray(
                np.zeros((1, 960), np.int16), format="s16", layout="mono"
            )
            piece.sample_rate, piece.pts, piece.time_base = 48000, index * 960, Fraction(1, 48000)
            container.mux(sound.encode(piece))
        for index, picture in enumerate(noise(frames, SMALL)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index + round(start * RATE), Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_no_frame_is_lost_before_the_first_of_a_video_whose_sound_begins_sooner(tmp_path):
    path = write_late_pictures(tmp_path / "clip.mkv", 50, 2.0)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size][:15]
    content = bytearray(path.read_bytes())
    for packet in packets:  # the heads stay, so that their times are known
        content[packet.pos + 20 : packet.pos + packet.size - 20] = bytes(packet.size - 40)
    path.write_bytes(content)
    reading = read(path)
    assert reading.lost
    assert reading.rows[0].time >= 2.0 - MILLISECOND
    assert reading.times == pytest.approx(constant(50, start=2.0), abs=MILLISECOND)


def test_recordings_joined_end_to_end_count_on(tmp_path):
    path = write_video(tmp_path / "joined.ts", marked(40))
    path.write_bytes(path.read_bytes() * 2)
    reading = read(path)
    assert reading.times == pytest.approx(constant(80), abs=MILLISECOND)
    for first, second in zip(reading.rows[:40], reading.rows[40:], strict=True):
        assert np.array_equal(first.luma, second.luma)
    assert "timestamps jump back" in reading.report.warnings[0]


def test_pictures_that_share_a_timestamp_are_all_kept(tmp_path):
    # The muxer of program streams gives two small pictures of a packet one stamp.
    path = write_video(tmp_path / "clip.mpg", noise(30, (64, 48)), codec="mpeg2video")
    reading = read(path)
    assert len(reading.rows) == 30
    assert not reading.report.damaged


# How many frames to expect


@pytest.mark.parametrize(("name", "claimed"), [("clip.mp4", 30), ("clip.mkv", 0)])
def test_expected_frames_are_claimed_or_estimated(tmp_path, name, claimed):
    path = write_video(tmp_path / name, noise(30, SMALL))
    with open_video(path) as video:
        assert video.info.frames == claimed
    assert expected_frames(path) == 30
