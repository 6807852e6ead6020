"""Reading only what is wanted: the same frames come out, and the others are not decoded."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Frame, LostFrame, PassedFrame
from fer_pipeline.errors import VideoError
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import FaceFollower
from fer_pipeline.sampling import Sampler, SamplingOptions, sample
from fer_pipeline.video import Choice, ReadReport, open_video
from fer_pipeline.video.entry_points import HEAD_READERS, EntryPoints
from tests.media import SESSION, cut_short, punch_hole, write_video

SIZE = (128, 96)
FRAMES = 60
CLOSED = "b-adapt=0:scenecut=0"
OPEN = f"{CLOSED}:open-gop=1"
QUIET = "log-level=none"
VP = {"deadline": "realtime", "cpu-used": "8", "g": "10"}

# Containers and codecs, with a key frame every tenth or twentieth frame.
KINDS = {
    "H.264 in mp4": ("clip.mp4", "libx264", {"bf": "3", "g": "10", "x264-params": CLOSED}),
    "H.264 in mov": ("clip.mov", "libx264", {"bf": "2", "g": "10"}),
    "H.264 in mkv": ("clip.mkv", "libx264", {"bf": "3", "g": "10", "x264-params": CLOSED}),
    "H.264 in flv": ("clip.flv", "libx264", {"bf": "2", "g": "10"}),
    "H.264 in avi": ("clip.avi", "libx264", {"bf": "0", "g": "10"}),
    "H.264, open": ("clip.mp4", "libx264", {"bf": "3", "g": "10", "x264-params": OPEN}),
    "H.264, refreshed bit by bit": (
        "clip.mkv",
        "libx264",
        {"bf": "0", "g": "10", "x264-params": "intra-refresh=1"},
    ),
    "H.265": ("clip.mp4", "libx265", {"x265-params": f"{QUIET}:keyint=10:bframes=3:open-gop=0"}),
    "H.265, open": (
        "clip.mkv",
        "libx265",
        {"x265-params": f"{QUIET}:keyint=10:bframes=3:b-adapt=0"},
    ),
    "H.265, sublayers": (
        "clip.mp4",
        "libx265",
        {"x265-params": f"{QUIET}:keyint=20:bframes=6:temporal-layers=1"},
    ),
    "MPEG-4 in mp4": ("clip.mp4", "mpeg4", {"g": "10", "bf": "2"}),
    "MPEG-4 in avi": ("clip.avi", "mpeg4", {"g": "10"}),
    "VP8": ("clip.webm", "libvpx", VP),
    "VP9": ("clip.webm", "libvpx-vp9", VP),
    "VP9, hidden pictures": (
        "clip.webm",
        "libvpx-vp9",
        {"deadline": "good", "cpu-used": "5", "g": "20", "auto-alt-ref": "1", "lag-in-frames": "9"},
    ),
    "AV1": ("clip.mkv", "libsvtav1", {"g": "10", "preset": "12", "svtav1-params": "lp=1"}),
    "MJPEG": ("clip.avi", "mjpeg", {}),
    "FFV1": ("clip.mkv", "ffv1", {}),
    "ProRes": ("clip.mov", "prores_ks", {}),
    "transport stream": ("clip.ts", "libx264", {"bf": "2", "g": "10"}),
    "program stream": ("clip.mpg", "mpeg2video", {"bf": "2", "g": "10"}),
}
PIXELS = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}

# Those of which each packet is known to be a frame, and key packets to need nothing before them.
DECODED_IN_FULL = ("FFV1", "transport stream", "program stream")
SPARSE = [title for title in KINDS if title not in DECODED_IN_FULL]

kinds = pytest.mark.parametrize("title", KINDS)


class Reading(NamedTuple):
    """What came out of a video: kind, number, time and picture of each frame, and the report."""

    rows: list[tuple[str, int, float, bytes]]
    report: ReadReport


def moving(count: int, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Make pictures that all differ, and in which things move."""
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 200, (size[1], size[0], 3), dtype=np.uint8)
    pictures = []
    for index in range(count):
        picture = np.roll(ground, index, 1)
        picture[:, 3 * index % size[0]] = 255
        picture[index % size[1]] = rng.integers(0, 255, (size[0], 3))
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Callable[[str], Path]:
    """Makes a clip of each kind, once."""
    folder, made = tmp_path_factory.mktemp("clips"), {}

    def clip(title: str) -> Path:
        if title not in made:
            name, codec, options = KINDS[title]
            if codec not in av.codecs_available:
                pytest.skip(f"no {codec} here")
            path = folder / f"{len(made)}{Path(name).suffix}"
            pixels = PIXELS.get(codec, "yuv420p")
            write_video(path, moving(FRAMES), codec=codec, options=options, pixels=pixels)
            made[title] = path
        return made[title]

    return clip


def plain(rows: list[Frame | LostFrame]) -> list[tuple[str, int, float, bytes]]:
    return [
        (
            type(row).__name__,
            row.index,
            row.time,
            row.luma.tobytes() + row.rgb.tobytes() if isinstance(row, Frame) else b"",
        )
        for row in rows
    ]


def in_full(path: Path, options: SamplingOptions) -> Reading:
    """Decode every frame, and sample them."""
    with open_video(path) as video:
        return Reading(plain(list(sample(video.frames(), options))), video.report)


def sparsely(path: Path, options: SamplingOptions) -> Reading:
    """Decode no more than the sampled frames need."""
    with open_video(path) as video:
        rows = list(video.frames(lambda: Sampler(options).takes))
        report = video.report
    assert [row.index for row in rows] == list(range(len(rows)))
    passed = [row for row in rows if isinstance(row, PassedFrame)]
    assert len(passed) == report.passed
    sampler = Sampler(options)
    wanted = [row for row in rows if sampler.takes(row.index, row.time)]
    assert not any(isinstance(row, PassedFrame) for row in wanted)
    return Reading(plain(wanted), report)


def assert_same(path: Path, options: SamplingOptions) -> ReadReport:
    full, sparse = in_full(path, options), sparsely(path, options)
    assert sparse.rows == full.rows
    assert (sparse.report.rows, sparse.report.lost) == (full.report.rows, full.report.lost)
    assert (sparse.report.read, sparse.report.errors) == (full.report.read, full.report.errors)
    assert sparse.report.last_time == full.report.last_time
    assert sparse.report.warnings == full.report.warnings
    assert sparse.report.damaged == full.report.damaged
    return sparse.report


# The same frames


@kinds
@pytest.mark.parametrize("options", [{"every": 4}, {"every": 7}, {"every": 25}, {"fps": 1}])
def test_the_frames_are_those_of_a_full_reading(clips, title, options):
    assert_same(clips(title), SamplingOptions(**options))


@pytest.mark.parametrize("title", DECODED_IN_FULL)
def test_what_cannot_be_foreseen_is_decoded_in_full(clips, title):
    assert sparsely(clips(title), SamplingOptions(every=25)).report.passed == 0


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    codec=st.sampled_from(["libx264", "libx265", "mpeg4", "libvpx-vp9"]),
    suffix=st.sampled_from([".mp4", ".mkv"]),
    gop=st.integers(1, 25),
    between=st.integers(0, 4),
    closed=st.booleans(),
    sampling=st.builds(SamplingOptions, every=st.integers(1, 30))
    | st.builds(SamplingOptions, fps=st.floats(0.3, 20)),
    steps=st.none() | st.lists(st.integers(1, 120), min_size=39, max_size=39),
)
def test_any_sampling_of_any_coding_gives_the_same(
    tmp_path, codec, suffix, gop, between, closed, sampling, steps
):
    gop_kind = f"keyint={gop}:bframes={between}:open-gop={int(not closed)}"
    coding = {
        "libx264": {
            "g": str(gop),
            "bf": str(between),
            "x264-params": f"open-gop={int(not closed)}",
        },
        "libx265": {"x265-params": f"{QUIET}:{gop_kind}", "preset": "ultrafast"},
        "mpeg4": {"g": str(gop), "bf": str(between)},
        "libvpx-vp9": VP | {"g": str(gop)},
    }[codec]
    times = None if steps is None else [sum(steps[:index]) / 1000 for index in range(40)]
    path = tmp_path / f"clip{suffix}"
    write_video(path, moving(40, (64, 48)), times, codec=codec, options=coding)
    assert_same(path, sampling)


@pytest.mark.parametrize("rotation", [90, 180])
def test_rotated_pictures_stay_upright(tmp_path, rotation):
    options = {"g": "6"}
    path = write_video(tmp_path / "clip.mp4", moving(40), options=options, rotation=rotation)
    assert assert_same(path, SamplingOptions(every=15)).passed


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_of_a_video_that_begins_late_and_varies_are_kept(tmp_path, suffix):
    times = [3.0 + index * 0.04 + index % 3 * 0.01 for index in range(FRAMES)]
    path = write_video(tmp_path / f"clip{suffix}", moving(FRAMES), times, options={"g": "8"})
    assert assert_same(path, SamplingOptions(fps=1.5)).passed


def test_an_edit_list_that_skips_the_beginning_is_followed(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", moving(FRAMES), options={"bf": "2", "g": "15"})
    path = tmp_path / "trimmed.mp4"
    with (
        av.open(str(whole)) as old,
        av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        step = old.streams.video[0].duration // FRAMES
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - 20 * step, packet.dts - 20 * step
                packet.stream = stream
                new.mux(packet)
    report = assert_same(path, SamplingOptions(every=9))
    assert report.rows < FRAMES
    assert report.passed


def test_a_table_that_lists_a_time_twice_is_decoded_in_full(tmp_path):
    options = {"bf": "3", "g": "10", "x264-params": CLOSED}
    path = write_video(tmp_path / "clip.mp4", moving(FRAMES), options=options)
    data = bytearray(path.read_bytes())
    # Composition offsets: size, name, version, number of entries, then pairs of count and offset.
    first = data.index(b"ctts") + 12
    (offset,) = struct.unpack_from(">I", data, first + 4)
    struct.pack_into(">II", data, first + 8, 1, offset - 512)  # a frame takes 512 of 12800 units
    path.write_bytes(data)
    assert assert_same(path, SamplingOptions(every=30)).passed == 0


def chosen(path: Path, choices: Callable[[], Choice]) -> tuple[list[int], ReadReport]:
    with open_video(path) as video:
        rows = list(video.frames(choices))
        return [row.index for row in rows if isinstance(row, Frame)], video.report


def test_a_stretch_in_the_middle_is_all_that_is_decoded(clips):
    def choices() -> Choice:
        return lambda _index, time: 1.0 <= time < 1.2

    decoded, report = chosen(clips("VP9"), choices)
    assert decoded == [*range(20, 30)]  # frame 25 at 1.0 s, from the key frame before it
    assert (report.rows, report.damaged) == (FRAMES, False)


def test_a_video_of_which_nothing_is_wanted_is_counted(clips):
    decoded, report = chosen(clips("H.264 in mp4"), lambda: lambda _index, _time: False)
    assert decoded == []
    assert (report.passed, report.damaged, report.warnings) == (FRAMES, False, [])


# Less is decoded


# Of frames 0 and 50: with a key frame before each, with one in twenty, or with none but the first.
MOST_DECODED = {
    "H.265, sublayers": 12,
    "VP9, hidden pictures": 12,
    "H.264, open": 30,
    "H.264, refreshed bit by bit": 51,
}


@pytest.mark.parametrize("title", SPARSE)
def test_frames_that_no_wanted_one_needs_are_not_decoded(clips, title):
    report = sparsely(clips(title), SamplingOptions(every=50)).report
    assert report.decoded <= MOST_DECODED.get(title, 5)
    assert report.decoded + report.passed == FRAMES


def test_where_every_frame_is_a_key_frame_only_the_wanted_ones_are_decoded(clips):
    decoded, _ = chosen(clips("MJPEG"), lambda: Sampler(SamplingOptions(every=7)).takes)
    assert decoded == list(range(0, FRAMES, 7))


def test_with_one_key_frame_what_no_other_needs_is_left_out(tmp_path):
    between = {"bf": "3", "g": "250", "x264-params": f"{CLOSED}:b-pyramid=none"}
    path = write_video(tmp_path / "clip.mp4", moving(FRAMES), options=between)
    report = assert_same(path, SamplingOptions(every=FRAMES - 1))
    assert report.decoded < FRAMES / 3


def test_with_one_key_frame_and_no_such_frames_all_up_to_the_last_wanted_are_decoded(tmp_path):
    path = write_video(tmp_path / "clip.mp4", moving(FRAMES), options={"bf": "0", "g": "250"})
    assert assert_same(path, SamplingOptions(every=40)).decoded == 41


def test_all_frames_wanted_are_all_decoded(clips):
    report = sparsely(clips("H.264 in mp4"), SamplingOptions()).report
    assert (report.decoded, report.passed) == (FRAMES, 0)


def test_a_search_for_faces_finds_what_it_finds_in_all_frames_decoded():
    sampling = SamplingOptions(every=6)
    with open_video(SESSION) as video:
        follower = FaceFollower(FaceDetector(), sampling.interval(video.info.rate))
        expected = [
            (row.frame.index, row.frame.time, row.faces, row.frame.rgb.tobytes())
            for row in follower.follow(sample(video.frames(), sampling))
        ]
    with open_video(SESSION) as video:
        options = SearchOptions(sampling=sampling)
        found = [
            (row.frame.index, row.frame.time, row.faces, row.frame.rgb.tobytes())
            for row in search_faces(video, FaceDetector(), options, lambda _: None)
        ]
        assert video.report.passed > 0
    assert found == expected


# Damage


def positions(path: Path) -> list[tuple[int, int]]:
    """Position and size of each packet, in the order of the file."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def spoil(path: Path, number: int, copy: Path) -> Path:
    """Replace the beginning of a packet by other bytes, which only a decoder can notice."""
    data = bytearray(path.read_bytes())
    position, size = positions(path)[number]
    data[position : position + min(size, 20)] = bytes([0x77]) * min(size, 20)
    copy.write_bytes(data)
    return copy


@pytest.mark.parametrize("title", SPARSE)
@pytest.mark.parametrize("hole", [(0.4, 0.5), (0.7, 0.72)])
def test_a_hole_is_told_wherever_it_is(clips, tmp_path, title, hole):
    path = shutil.copy(clips(title), tmp_path / clips(title).name)
    punch_hole(path, *hole)
    options = SamplingOptions(every=25)
    full, sparse = in_full(path, options), sparsely(path, options)
    assert [row[1:3] for row in sparse.rows] == [row[1:3] for row in full.rows]
    assert sparse.report.warnings == full.report.warnings
    assert sparse.report.rows == full.report.rows
    assert sparse.report.errors == full.report.errors
    # A small one may be patched over by the decoder, and VP8 and VP9 hardly notice any.
    assert sparse.report.damaged or hole[0] > 0.5 or title.startswith("VP")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv", ".avi"])
@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_a_file_cut_short_is_told(tmp_path, suffix, share):
    container = {"movflags": "faststart"} if suffix == ".mp4" else {}
    options = {"g": "10", "bf": "0" if suffix == ".avi" else "2"}
    path = tmp_path / f"clip{suffix}"
    write_video(path, moving(100), options=options, container_options=container)
    report = assert_same(cut_short(path, share), SamplingOptions(every=30))
    assert report.warnings
    assert report.damaged or suffix == ".avi"  # which tells no end but a count


def test_damage_to_frames_that_are_not_decoded_is_not_told(clips, tmp_path):
    whole = clips("H.264 in mp4")
    path = spoil(whole, 14, tmp_path / "clip.mp4")
    options = SamplingOptions(every=40)  # frames 0 and 40 with key frames of their own
    assert in_full(path, options).report.damaged
    sparse = sparsely(path, options)
    assert not sparse.report.damaged
    assert sparse.rows == in_full(whole, options).rows


def test_damage_to_frames_that_wanted_ones_need_is_told_and_the_rest_decoded(clips, tmp_path):
    path = spoil(clips("H.264 in mp4"), 21, tmp_path / "clip.mp4")
    with open_video(path) as video:
        rows = list(video.frames(lambda: Sampler(SamplingOptions(every=24)).takes))
        assert video.report.errors
        assert video.report.damaged
    assert [row.index for row in rows] == list(range(FRAMES))
    assert any(isinstance(row, PassedFrame) for row in rows[:20])
    assert not any(isinstance(row, PassedFrame) for row in rows[40:])


def test_a_frame_that_turns_out_to_be_wanted_too_late_is_told_as_lost(clips):
    foreseen_and_true = iter([SamplingOptions(every=50), SamplingOptions(every=25)])
    with open_video(clips("H.264 in mp4")) as video:
        rows = list(video.frames(lambda: Sampler(next(foreseen_and_true)).takes))
        assert video.report.damaged
        assert video.report.warnings == ["1 frame listed by the file did not decode"]
    assert [row.index for row in rows] == list(range(FRAMES))
    assert [row.index for row in rows if isinstance(row, LostFrame)] == [25]
    assert isinstance(rows[50], Frame)


SHARE = st.floats(0, 1, exclude_max=True)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    title=st.sampled_from(SPARSE),
    flips=st.lists(st.tuples(SHARE, st.integers(0, 255)), max_size=8),
    hole=st.tuples(SHARE, st.floats(0, 0.3)),
    length=st.just(1.0) | st.floats(0.02, 1),
    every=st.integers(2, 40),
)
def test_no_damage_breaks_the_order(clips, tmp_path, title, flips, hole, length, every):
    path = tmp_path / clips(title).name
    data = bytearray(clips(title).read_bytes())
    for share, value in flips:
        data[int(share * len(data))] = value
    path.write_bytes(data)
    punch_hole(path, hole[0], min(1.0, sum(hole)))
    cut_short(path, length)
    try:
        reading = sparsely(path, SamplingOptions(every=every))
    except VideoError:
        return
    times = [time for _, _, time, _ in reading.rows]
    assert times == sorted(set(times))


# Where decoding can begin


def entries(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        points = EntryPoints(container.streams.video[0])
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return [number for number, packet in enumerate(packets) if points.begins(packet)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("H.264 in mp4", range(0, FRAMES, 10)),
        ("H.264 in mkv", range(0, FRAMES, 10)),
        ("H.264 in avi", range(0, FRAMES, 10)),
        ("H.264, open", [0]),
        ("H.264, refreshed bit by bit", [0]),
        ("MPEG-4 in avi", range(0, FRAMES, 10)),
        ("VP8", range(0, FRAMES, 10)),
        ("VP9", range(0, FRAMES, 10)),
        ("MJPEG", range(FRAMES)),
        ("FFV1", []),
    ],
)
def test_entry_points_are_the_packets_that_need_none_before(clips, title, expected):
    assert entries(clips(title)) == list(expected)


@pytest.mark.parametrize(
    "title", ["H.264 in mkv", "H.265, open", "MPEG-4 in mp4", "VP8", "VP9", "AV1"]
)
def test_a_mark_of_the_container_alone_makes_no_entry_point(clips, title):
    with av.open(str(clips(title))) as container:
        points = EntryPoints(container.streams.video[0])
        for packet in container.demux(video=0):
            marked, packet.is_keyframe = packet.is_keyframe, True
            assert points.begins(packet) == (marked and packet.size > 0)


def test_a_packet_that_may_rely_on_parameters_before_it_is_no_entry_point(clips):
    with av.open(str(clips("H.264 in avi"))) as container:
        points = EntryPoints(container.streams.video[0])
        first, second = [packet for packet in container.demux(video=0) if packet.is_keyframe][:2]
        data = bytes(second)
        bare = av.Packet(data[data.index(b"\0\0\1\x65") :])  # the picture without its parameters
        bare.is_keyframe = True
        assert [points.begins(packet) for packet in (first, bare, second)] == [True, False, True]


@given(codec=st.sampled_from(sorted(HEAD_READERS)), data=st.binary(min_size=1), known=st.binary())
def test_any_bytes_have_a_head(codec, data, known):
    head = HEAD_READERS[codec](memoryview(data), known)
    assert isinstance(head.alone, bool)
    assert isinstance(head.described, bool)
