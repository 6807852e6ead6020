"""The decoder: which frames come out of a file, at which times, the damaged file included."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import struct
import sys
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Frame, LostFrame
from fer_pipeline.errors import VideoError
from fer_pipeline.video import (
    ReadReport,
    VideoInfo,
    expected_frames,
    open_video,
)
from fer_pipeline.video.clock import MOST_LOST_IN_A_GAP
from tests.media import SESSION, cut_short, noise, pictures_of, punch_hole, write_sound, write_video
from tests.permissions import run_without_rights_of_root

RATE = 25
MILLISECOND = 1e-3
SMALL = (66, 50)  # no multiple of 16: planes are padded
H264 = {"bf": "3", "g": "10", "x264-params": "b-adapt=0:scenecut=0"}
H265 = {"x265-params": "log-level=none:keyint=10:bframes=3:b-adapt=0"}
VP9 = {"deadline": "realtime", "cpu-used": "8", "g": "10"}

# Each container of the promise; but for avi and webm, with frames not decoded in their order.
KINDS = [
    ("clip.mp4", "libx264", H264),
    ("clip.mp4", "libx265", H265),
    ("clip.mp4", "mpeg4", {"g": "10", "bf": "2"}),
    ("clip.mov", "libx264", H264),
    ("clip.avi", "mpeg4", {"g": "10"}),
    ("clip.mkv", "libx264", H264),
    ("clip.webm", "libvpx-vp9", VP9),
]
kinds = pytest.mark.parametrize(
    ("name", "codec", "options"), KINDS, ids=[f"{codec} in {name[5:]}" for name, codec, _ in KINDS]
)


class Reading(NamedTuple):
    """All that came out of a file."""

    rows: list[Frame | LostFrame]
    report: ReadReport
    info: VideoInfo

    @property
    def times(self) -> list[float]:
        return [row.time for row in self.rows]

    @property
    def lost(self) -> list[int]:
        return [row.index for row in self.rows if isinstance(row, LostFrame)]


def read(path: Path) -> Reading:
    """Read a video to its end; its rows must be numbered from 0 and go on in time."""
    with open_video(path) as video:
        rows = list(video.frames())
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(a.time < b.time for a, b in itertools.pairwise(rows))
    assert video.report.rows == len(rows)
    return Reading(rows, video.report, video.info)


def constant(frames: int, start: float = 0.0) -> list[float]:
    """Times of frames at the nominal rate."""
    return [start + index / RATE for index in range(frames)]


def marked(frames: int) -> list[np.ndarray]:
    """Pictures that can be told apart, by a bright column that moves, and cost some bytes."""
    pictures = [picture // 2 for picture in noise(frames, SMALL)]
    for index, picture in enumerate(pictures):
        picture[:, index % SMALL[0]] = 255
    return pictures


# Frames and times


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


# Pixels


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_metadata_gives_upright_pixels(tmp_path, rotation):
    picture = np.zeros((50, 66, 3), np.uint8)
    picture[:25, :33] = 255, 0, 0
    picture[25:, :33] = 0, 0, 255
    plain = read(write_video(tmp_path / "plain.mp4", [picture] * 3)).rows[0]
    path = write_video(tmp_path / "turned.mp4", [picture] * 3, rotation=rotation)
    turned = read(path).rows[0]
    assert np.array_equal(turned.rgb, np.rot90(plain.rgb, rotation // 90))
    assert np.array_equal(turned.luma, np.rot90(plain.luma, rotation // 90))
    shown_by_opencv = cv2.VideoCapture(str(path)).read()[1][:, :, ::-1]
    assert np.abs(turned.rgb.astype(int) - shown_by_opencv).max() < 20


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
def test_luma_is_the_brightness_that_the_decoder_put_out(tmp_path, pixels):
    path = write_video(tmp_path / "clip.mkv", marked(3), codec="ffv1", pixels=pixels)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(video=0)]
    for row, planes in zip(read(path).rows, frames, strict=True):
        assert np.array_equal(row.luma.ravel(), planes[: row.luma.size])


@pytest.mark.parametrize(
    ("codec", "pixels", "options"),
    [
        ("libx264", "yuv420p10le", {}),
        ("libx265", "yuv420p10le", H265),
        ("ffv1", "bgr0", {}),
        ("mjpeg", "yuvj420p", {}),
    ],
)
def test_other_pixel_formats_show_the_same_picture(tmp_path, codec, pixels, options):
    picture = cv2.resize(pictures_of(SESSION, 1)[0], SMALL)
    path = tmp_path / "clip.mkv"
    write_video(path, [picture] * 3, codec=codec, pixels=pixels, options=options)
    for row in read(path).rows:
        assert np.abs(row.rgb.astype(int) - picture).mean() < 8
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        assert row.luma.dtype == np.uint8
        assert np.corrcoef(row.luma.ravel(), gray.ravel())[0, 1] > 0.98


# Damage


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


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", H264), ("libx265", H265), ("mpeg4", {"bf": "2"})]
)
@pytest.mark.parametrize("share", [0.5, 0.52, 0.54])
def test_an_mp4_cut_short_lists_the_frames_that_are_gone(tmp_path, codec, options, share):
    faststart = {"movflags": "faststart"}
    path = tmp_path / "clip.mp4"
    pictures = noise(100, SMALL)
    write_video(path, pictures, codec=codec, options=options, container_options=faststart)
    reading = read(cut_short(path, share))
    assert reading.times == pytest.approx(constant(100), abs=MILLISECOND)
    assert 20 <= len(reading.lost) <= 80
    assert reading.lost[-1] == 99
    assert reading.report.damaged
    end = 1 / RATE + max(row.time for row in reading.rows if isinstance(row, Frame))
    assert f"ends at {end:.2f} s although 4.00 s are claimed" in reading.report.warnings


def test_a_matroska_file_cut_short_tells_both_durations(tmp_path):
    reading = read(cut_short(write_video(tmp_path / "clip.mkv", noise(100, SMALL)), 0.5))
    assert 40 <= reading.report.decoded <= 60
    end = reading.times[-1] + 1 / RATE
    assert reading.report.damaged
    assert reading.report.warnings == [f"ends at {end:.2f} s although 4.00 s are claimed"]


def test_a_video_without_a_single_frame_is_told(tmp_path):
    path = write_video(tmp_path / "clip.mp4", noise(5, SMALL))
    data = path.read_bytes()
    # Without the table of sizes nothing can be found in the file.
    path.write_bytes(data.replace(b"stsz", b"free"))
    reading = read(path)
    assert reading.rows == []
    assert reading.report.damaged
    assert "no frame" in reading.report.warnings[0]


def test_a_count_that_was_off_is_no_damage(tmp_path):
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        for index, picture in enumerate(noise(10, SMALL)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            # The muxer fills the gap with empty entries, which the header counts.
            frame.pts, frame.time_base = index + (5 if index > 4 else 0), Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    reading = read(path)
    assert reading.times == pytest.approx(constant(5) + constant(5, 0.4), abs=MILLISECOND)
    assert not reading.report.damaged
    assert reading.report.warnings == ["holds 10 frames although 15 are claimed"]


def remuxed(source: Path, target: Path, keep=lambda index, packet: True, shift: int = 0) -> Path:
    """Copy the packets of a video that are to be kept, without encoding them again."""
    # The muxer is told to leave times before zero as they are, for which it writes an edit list.
    options = {"avoid_negative_ts": "disabled"} if shift else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = (packet for packet in old.demux(video=0) if packet.dts is not None)
        for index, packet in enumerate(packets):
            if keep(index, packet):
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = stream
                new.mux(packet)
    return target


def test_an_edit_list_that_skips_the_beginning_is_followed(tmp_path):
    options = {"bf": "0", "g": "10"}
    whole = write_video(tmp_path / "whole.mp4", marked(40), options=options)
    with av.open(str(whole)) as container:
        step = container.streams.video[0].duration // 40
    trimmed = remuxed(whole, tmp_path / "trimmed.mp4", shift=-4 * step)
    reading, before = read(trimmed), read(whole)
    assert reading.times == pytest.approx(constant(36), abs=MILLISECOND)
    assert not reading.report.damaged
    assert not reading.report.warnings
    assert np.array_equal(reading.rows[0].luma, before.rows[4].luma)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_video_without_its_first_key_frame_tells_what_cannot_be_shown(tmp_path, name):
    pictures = pictures_of(SESSION, 40)
    whole = write_video(tmp_path / f"whole{name[4:]}", pictures, options={"bf": "0", "g": "10"})
    reading = read(remuxed(whole, tmp_path / name, keep=lambda index, packet: index > 0))
    assert reading.lost == list(range(9))
    assert reading.times == pytest.approx(constant(39), abs=MILLISECOND)
    assert reading.report.damaged


@pytest.mark.parametrize("claim", [1, 10**6, 2**31 - 1])
def test_an_absurd_count_of_frames_is_not_believed(tmp_path, claim):
    clip = write_video(tmp_path / "clip.avi", marked(20), codec="mpeg4")
    data = bytearray(clip.read_bytes())
    places = data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32
    for place in places:
        data[place : place + 4] = claim.to_bytes(4, "little")
    clip.write_bytes(data)
    reading = read(clip)
    assert reading.report.decoded == 20
    assert reading.report.lost == 0
    assert reading.times == pytest.approx(constant(20), abs=MILLISECOND)


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


# What is no video


def empty_file(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def text_file(folder: Path) -> Path:
    (folder / "notes.mp4").write_text("Interview notes, not a video.\n" * 50)
    return folder / "notes.mp4"


def sound_file(folder: Path) -> Path:
    return write_sound(folder / "sound.mp4")


def picture_file(folder: Path, suffix: str) -> Path:
    cv2.imwrite(str(folder / f"face{suffix}"), noise(1)[0])
    return folder / f"face{suffix}"


def renamed_picture(folder: Path) -> Path:
    return picture_file(folder, ".png").rename(folder / "face.mp4")


NO_VIDEOS = {
    "a file of zero bytes": (empty_file, "(0 bytes)"),
    "text": (text_file, "not a video"),
    "only sound": (sound_file, "only sound"),
    "a png": (lambda folder: picture_file(folder, ".png"), "still picture"),
    "a jpg": (lambda folder: picture_file(folder, ".jpg"), "still picture"),
    "a picture by another name": (renamed_picture, "still picture"),
    "a folder": (lambda folder: folder, "not a file"),
    "a missing file": (lambda folder: folder / "missing.mp4", "no such file"),
}


@pytest.mark.parametrize(("make", "why"), NO_VIDEOS.values(), ids=NO_VIDEOS)
def test_what_is_no_video_is_one_clear_line(tmp_path, make, why):
    path = make(tmp_path)
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: ")
    assert why in str(error.value)
    assert "\n" not in str(error.value)
    assert expected_frames(path) == 0


OPEN_UNREADABLE = """
import sys
from pathlib import Path
from fer_pipeline.errors import VideoError
from fer_pipeline.video import open_video
try:
    with open_video(Path(sys.argv[1])):
        print("opened")
except VideoError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_an_unreadable_file_is_one_clear_line(tmp_path):
    path = write_video(tmp_path / "secret.mp4", noise(2, SMALL))
    path.chmod(0)
    printed = run_without_rights_of_root(OPEN_UNREADABLE, str(path))
    assert printed.startswith(f"{path}: cannot be read (Permission denied)")


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile real.mp4\n",
    "ffconcat behind a mark": "\ufeffffconcat version 1.0\nfile real.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nreal.mp4\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>\n',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS)
def test_a_playlist_is_not_read_as_the_video_that_it_names(tmp_path, text):
    write_video(tmp_path / "real.mp4", noise(2, SMALL))
    path = tmp_path / "list.mp4"
    path.write_text(text, "utf-8")
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: a playlist, not a video; ")


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS)
def test_a_playlist_that_is_not_known_as_one_opens_nothing_either(tmp_path, text, monkeypatch):
    monkeypatch.setattr("fer_pipeline.video.reading._is_playlist", lambda head: False)
    write_video(tmp_path / "real.mp4", noise(2, SMALL))
    path = tmp_path / "list.mp4"
    path.write_text(text, "utf-8")
    with pytest.raises(VideoError, match="not a video"), open_video(path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="a name may be longer there")
def test_a_name_that_the_system_refuses_is_one_clear_line(tmp_path):
    path = tmp_path / ("a" * 300)
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: cannot be read (File name too long); ")


# How many frames to expect


@pytest.mark.parametrize(("name", "claimed"), [("clip.mp4", 30), ("clip.mkv", 0)])
def test_expected_frames_are_claimed_or_estimated(tmp_path, name, claimed):
    path = write_video(tmp_path / name, noise(30, SMALL))
    with open_video(path) as video:
        assert video.info.frames == claimed
    assert expected_frames(path) == 30


def test_names_with_spaces_commas_and_other_letters_open(tmp_path):
    path = write_video(tmp_path / "P 01, größe 表情 %03d.mp4", noise(2, SMALL))
    assert len(read(path).rows) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["P01:happy.mp4", "http:happy.mp4", "concat:a|b.mp4", "-.mp4"])
def test_a_name_that_looks_like_an_address_opens(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", noise(2, SMALL)).rename(name)
    assert len(read(Path(name)).rows) == 2
