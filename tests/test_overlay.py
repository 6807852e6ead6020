"""Videos with their timeline drawn in, written and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import OutputError, UsageError, VideoError
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.overlay import (
    CoverOptions,
    OverlayOptions,
    OverlayReport,
    is_overlay,
    write_overlay,
)
from fer_pipeline.overlay.canvas import Canvas, Colouring, Mask, blank_canvas
from fer_pipeline.overlay.covering import CELLS, Covers, cells, cover
from fer_pipeline.overlay.judgements import Current, Overview
from fer_pipeline.overlay.marks import Marker
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video
from tests.media import (
    SESSION,
    TWO_PEOPLE,
    cut_short,
    noise,
    pictures_of,
    punch_hole,
    write_sound,
    write_video,
)

FACE = Box(40, 30, 40, 40)

EMOTIONS = ("neutral", "happiness", "anger")

SHOWN = OverlayOptions()
COVERED = OverlayOptions(picture="covered")
BLANK = OverlayOptions(picture="blank")


def face_row(frame: int, time: float, face: int, box: Box) -> TimelineRow:
    shares = (0.2, 0.7, 0.1) if face == 0 else (0.1, 0.3, 0.6)
    return TimelineRow("clip.mp4", frame, time, Status.OK, face, box, 1.0, shares)


def no_face(frame: int, time: float) -> TimelineRow:
    return TimelineRow("clip.mp4", frame, time, Status.NO_FACE)


def rows_at(times: Sequence[float], box: Box = FACE) -> list[TimelineRow]:
    return [face_row(number, time, 0, box) for number, time in enumerate(times)]


def written(
    path: Path,
    clip: Path,
    rows: Sequence[TimelineRow],
    options: OverlayOptions = SHOWN,
    progress: Callable[[int], None] = lambda _: None,
) -> OverlayReport:
    return write_overlay(path, clip, lambda: rows, EMOTIONS, options, progress)


def times_of(path: Path) -> list[float]:
    """Return the times of all frames, from the container's start."""
    with open_video(path) as video:
        return [frame.time for frame in video.frames()]


def codecs_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.codec_context.name for stream in container.streams]


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [
            (round(float(packet.pts * packet.time_base), 3), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def with_sound(path: Path, clip: Path, *, late: float = 0.0, codec: str = "aac") -> Path:
    """Put a tone to a clip, whose picture then begins later than the sound."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        picture = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream(codec, rate=48000, layout="mono")
        sound.codec_context.format = "fltp"
        shift = round(late / source.streams.video[0].time_base)
        packets = [one for one in source.demux(source.streams.video[0]) if one.size]
        for packet in packets:
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = picture
            container.mux(packet)
        length = float(source.duration / 1_000_000) + late
        for number in range(round(length * 48000 / 1024)):
            angles = (np.arange(1024) + 1024 * number) * (2 * np.pi * 440 / 48000)
            samples = (0.3 * np.sin(angles)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 1024 * number
            frame.time_base = Fraction(1, 48000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def plain_clip(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("plain") / "clip.mp4", noise(30))


# Time


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_every_frame_of_the_clip_is_there_at_its_time(tmp_path, plain_clip, suffix):
    target = tmp_path / f"overlay{suffix}"
    told: list[int] = []
    report = written(target, plain_clip, rows_at(times_of(plain_clip)), progress=told.append)
    assert times_of(target) == pytest.approx(times_of(plain_clip), abs=0.0006)  # mkv: milliseconds
    assert report.frames == sum(told) == 30
    with open_video(target) as made, open_video(plain_clip) as source:
        assert made.info.duration == pytest.approx(source.info.duration, abs=0.002)


@pytest.mark.parametrize("rate", [25, 30, 24, 50])
def test_the_video_has_a_codec_that_browsers_play(tmp_path, rate):
    clip = write_video(tmp_path / "clip.mp4", noise(5), rate=rate)
    written(tmp_path / "o.mp4", clip, [])
    written(tmp_path / "o.webm", clip, [])
    assert codecs_of(tmp_path / "o.mp4") == ["h264"]
    assert codecs_of(tmp_path / "o.webm")[0] in {"vp9", "libvpx-vp9"}
    data = (tmp_path / "o.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays before it is all there


def test_times_of_a_variable_rate_are_passed_through(tmp_path):
    times = [0, 0.033, 0.05, 0.4, 0.433, 0.434, 1.9, 2.0]
    clip = write_video(tmp_path / "clip.mp4", noise(len(times)), times)
    written(tmp_path / "overlay.mp4", clip, rows_at(times))
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times, abs=1e-6)


def test_times_of_a_source_with_a_coarse_clock_stay_exact(tmp_path):
    clip = write_video(tmp_path / "clip.avi", noise(12), codec="mpeg4", rate=12)
    written(tmp_path / "overlay.mp4", clip, [])
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times_of(clip), abs=1e-6)


def test_a_picture_that_begins_later_than_the_sound_still_does(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "late.mp4", plain_clip, late=0.5)
    assert times_of(clip)[0] == pytest.approx(0.5, abs=0.03)
    written(tmp_path / "overlay.mp4", clip, [])
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times_of(clip), abs=1e-4)


def test_frames_that_did_not_decode_keep_their_place_as_a_notice(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", pictures_of(SESSION, 100), options={"g": "10"})
    punch_hole(clip, 0.45, 0.6)
    with open_video(clip) as video:
        frames = [(frame.index, frame.time) for frame in video.frames()]
        lost = video.report.lost
    assert lost
    report = written(tmp_path / "overlay.mp4", clip, [no_face(*frame) for frame in frames])
    assert (report.frames, report.lost) == (len(frames), lost)
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx([time for _, time in frames])


def test_a_clip_cut_short_gives_what_there_is(tmp_path):
    clip = write_video(tmp_path / "clip.mkv", pictures_of(SESSION, 60), options={"g": "10"})
    cut_short(clip, 0.5)
    count = len(times_of(clip))
    assert 5 < count < 60
    assert written(tmp_path / "overlay.mp4", clip, []).frames == count


# Sound


def test_sound_is_copied_packet_by_packet(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    report = written(tmp_path / "overlay.mp4", clip, [])
    assert report.sound_tracks == 1
    assert sound_packets(tmp_path / "overlay.mp4") == sound_packets(clip)


def frequency(path: Path) -> float:
    """Return the loudest frequency of the sound."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        decoded = [part for one in container.decode(audio=0) for part in resampler.resample(one)]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in decoded])
    assert np.abs(samples).max() > 0.1
    strength = np.abs(np.fft.rfft(samples))
    return float(strength.argmax() * 48000 / len(samples))


@pytest.mark.parametrize(
    ("source", "codec", "target"), [("clip.mp4", "aac", "o.webm"), ("clip.mkv", "ac3", "o.mp4")]
)
def test_sound_that_the_container_does_not_take_is_encoded_anew(
    tmp_path, plain_clip, source, codec, target
):
    clip = with_sound(tmp_path / source, plain_clip, codec=codec)
    written(tmp_path / target, clip, [])
    assert codecs_of(tmp_path / target)[1] in {"opus", "libopus", "aac"}
    assert frequency(tmp_path / target) == pytest.approx(440, abs=3)
    with av.open(str(tmp_path / target)) as made:
        assert made.duration / 1e6 == pytest.approx(1.2, abs=0.1)


def test_covered_faces_have_no_voice_unless_it_is_kept(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    report = written(tmp_path / "silent.mp4", clip, [], COVERED)
    assert codecs_of(tmp_path / "silent.mp4") == ["h264"]
    assert report.sound_tracks == 0
    written(tmp_path / "kept.mp4", clip, [], replace(COVERED, keep_sound=True))
    assert frequency(tmp_path / "kept.mp4") == pytest.approx(440, abs=3)
    theirs = {packet for _, packet in sound_packets(clip)}
    assert not theirs.intersection(packet for _, packet in sound_packets(tmp_path / "kept.mp4"))


def test_a_blank_picture_has_no_sound(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    written(tmp_path / "overlay.mp4", clip, [], BLANK)
    assert codecs_of(tmp_path / "overlay.mp4") == ["h264"]
    with pytest.raises(UsageError, match="voice"):
        written(tmp_path / "o.mp4", clip, [], replace(BLANK, keep_sound=True))


# Pictures


def test_pictures_stay_as_they_are_but_for_what_is_drawn(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", pictures_of(SESSION, 5))
    written(tmp_path / "overlay.mp4", clip, rows_at(times_of(clip), Box(100, 60, 80, 80)))
    before, after = pictures_of(clip, 5)[3], pictures_of(tmp_path / "overlay.mp4", 5)[3]
    apart = np.abs(before.astype(int) - after).max(axis=2)
    assert np.median(apart[:50, 230:]) < 8
    assert apart[58:62, 110:170].mean() > 25  # the upper border of the box


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_pictures_are_drawn_upright(tmp_path, rotation):
    pictures = pictures_of(SESSION, 4)
    clip = write_video(tmp_path / "clip.mp4", pictures, rotation=rotation)
    with open_video(clip) as video:
        upright = next(iter(video.frames())).rgb
    written(tmp_path / "overlay.mp4", clip, [])
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        frame = next(container.decode(video=0))
    made = frame.to_ndarray(format="rgb24")
    assert frame.rotation == 0
    assert made.shape == upright.shape
    assert np.abs(made[:150].astype(int) - upright[:150]).mean() < 5


@pytest.mark.parametrize("size", [(161, 121), (160, 121), (161, 120)])
def test_odd_sizes_get_one_more_line(tmp_path, size):
    clip = write_video(tmp_path / "clip.mkv", noise(3, size), codec="ffv1", pixels="yuv420p")
    written(tmp_path / "overlay.mp4", clip, rows_at(times_of(clip)), COVERED)
    with open_video(tmp_path / "overlay.mp4") as video:
        assert (video.info.width, video.info.height) == tuple(side + side % 2 for side in size)


@pytest.mark.parametrize("pixels", ["yuv444p", "yuvj420p", "yuv420p10le", "gray", "bgr0"])
def test_colours_of_every_kind_of_picture_are_kept(tmp_path, pixels):
    codec = {"bgr0": "ffv1", "yuvj420p": "mjpeg", "gray": "ffv1"}.get(pixels, "libx264")
    colour = np.full((120, 160, 3), (200, 90, 40), np.uint8)
    clip = write_video(tmp_path / "clip.mkv", [colour] * 3, codec=codec, pixels=pixels)
    before = pictures_of(clip, 1)[0][10:40, 10:60].mean(axis=(0, 1))
    written(tmp_path / "overlay.mp4", clip, [])
    after = pictures_of(tmp_path / "overlay.mp4", 1)[0][10:40, 10:60].mean(axis=(0, 1))
    assert after == pytest.approx(before, abs=6)


def test_the_shape_of_pixels_is_kept(tmp_path):
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for picture in noise(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    written(tmp_path / "overlay.mp4", clip, [])
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize(("hd", "full"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("colour", [(230, 159, 0), (0, 114, 178), (255, 255, 255), (0, 0, 0)])
def test_colours_are_written_as_ffmpeg_reads_them(colour, hd, full):
    planes = Colouring(hd=hd, full=full).planes_of("#{:02X}{:02X}{:02X}".format(*colour))
    picture = av.VideoFrame(16, 16, "yuv420p")
    for plane, value in zip(picture.planes, planes, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    picture.color_range = 2 if full else 1
    shown = picture.reformat(
        format="rgb24",
        src_colorspace="ITU709" if hd else "ITU601",
    ).to_ndarray()[4, 4]
    assert shown.tolist() == pytest.approx(colour, abs=4)


# What is drawn


GROUND = "#808080"


def drawn_on(width: int, height: int, rows: Sequence[TimelineRow]) -> Canvas:
    canvas = blank_canvas(width, height, GROUND, Colouring(full=True))
    Marker(EMOTIONS, width, height).draw_faces(canvas, rows)
    return canvas


@pytest.mark.parametrize(("width", "height"), [(320, 240), (1280, 720), (1920, 1080), (720, 1280)])
def test_what_is_drawn_grows_with_the_picture(width, height):
    box = Box(width // 3, height // 3, width // 5, height // 5)
    drawn = drawn_on(width, height, [face_row(0, 0, 0, box)]).luma != 128
    beside = drawn[:, box.x + box.width + 4 :]
    lines = np.flatnonzero(beside.any(axis=1))
    share = (lines[-1] - lines[0]) / min(width, height)
    assert 0.08 < share < 0.3  # the bars of three emotions


def test_bars_are_as_long_as_probabilities():
    row = face_row(0, 0, 0, Box(200, 200, 200, 200))
    lengths = {}
    for share in (0.25, 0.5, 1.0):
        canvas = drawn_on(1280, 720, [replace(row, probabilities=(1 - share, share, 0.0))])
        orange = Colouring(full=True).planes_of("#E69F00")
        beside = canvas.chroma[0][:, 204:] == orange[1]  # to the right of the box
        lengths[share] = max(beside.sum(axis=1))
    assert lengths[0.5] == pytest.approx(2 * lengths[0.25], abs=1)
    assert lengths[1.0] == pytest.approx(4 * lengths[0.25], abs=3)
    assert lengths[1.0] > 30


def test_bars_never_hide_the_face_of_somebody_else():
    boxes = [Box(40 + 150 * number, 80, 100, 100) for number in range(4)]
    canvas = drawn_on(640, 360, [face_row(0, 0, number, box) for number, box in enumerate(boxes)])
    for box in boxes:
        within = Box(box.x + 10, box.y + 24, box.width - 20, box.height - 34)
        assert (canvas.luma[within.slices] == 128).all()


@given(
    x=st.integers(-50, 200), y=st.integers(-50, 150),
    width=st.integers(0, 300), height=st.integers(0, 300),
    opacity=st.sampled_from([0.0, 0.3, 1.0]),
)  # fmt: skip
def test_whatever_lies_outside_is_left_out(x, y, width, height, opacity):
    canvas = blank_canvas(120, 90, "#808080", Colouring())
    canvas.fill(Box(x, y, width, height), "#FFFFFF", opacity)
    canvas.outline(Box(x, y, width, height), 2, "#FF0000", opacity)
    canvas.stamp(Mask(np.full((20, 40), 255, np.uint8)), x, y, "#FFFFFF", opacity)
    if not opacity:
        assert (canvas.luma == blank_canvas(2, 2, "#808080", Colouring()).luma[0, 0]).all()


# Which rows a frame shows


def test_frames_between_judged_ones_show_the_last_for_no_longer_than_usual():
    rows = [face_row(frame, frame / 25, 0, Box(0, 0, 9, 9)) for frame in (0, 5, 10, 30)]
    current = Current(rows, Overview.of(rows).interval)
    shown = [current.at(frame, frame / 25) for frame in range(40)]
    known = [frame for frame, judged in enumerate(shown) if judged is not None]
    assert known == [*range(16), *range(30, 36)]
    assert [judged.index for judged in shown if judged is not None][3:8] == [0, 0, 5, 5, 5]


def test_nothing_is_shown_before_the_first_judged_frame():
    current = Current([face_row(3, 0.12, 0, Box(0, 0, 9, 9))], 0.1)
    assert [current.at(frame, frame / 25) is None for frame in range(4)] == [True] * 3 + [False]


# Covering


@pytest.fixture(scope="module")
def two_people() -> list[TimelineRow]:
    """The rows of the first two seconds and a half of two people, boxes as they are found."""
    rows = []
    with open_video(TWO_PEOPLE) as video:
        for found in search_faces(video, FaceDetector(), SearchOptions(), lambda _: None):
            frame = found.frame
            if frame.index >= 60:
                break
            rows += [face_row(frame.index, frame.time, one.track, one.box) for one in found.faces]
    return rows


@pytest.fixture(scope="module")
def same_but_for_faces(tmp_path_factory, two_people) -> tuple[Path, Path]:
    """Two clips without loss that differ in nothing but what is inside the boxes of faces."""
    folder = tmp_path_factory.mktemp("faces")
    pictures = pictures_of(TWO_PEOPLE, 60)
    changed = [picture.copy() for picture in pictures]
    rng = np.random.default_rng(1)
    for row in two_people:
        part = changed[row.frame][row.box.slices]
        part[:] = rng.integers(0, 255, part.shape)
    return (
        write_video(folder / "a.mkv", pictures, codec="ffv1", pixels="yuv444p"),
        write_video(folder / "b.mkv", changed, codec="ffv1", pixels="yuv444p"),
    )


def without(rows: Sequence[TimelineRow], frames: range, faces: set[int]) -> list[TimelineRow]:
    """Remove faces from frames, as if the detector had failed there."""
    kept = [row for row in rows if row.frame not in frames or row.face not in faces]
    told = {row.frame for row in kept}
    kept += [no_face(frame, frame / 25) for frame in frames if frame not in told]
    return sorted(kept, key=lambda row: row.frame)


FAILURES = {
    "none": (range(0), set()),
    "one face, in between": (range(20, 45), {1}),
    "both, in between": (range(20, 45), {0, 1}),
    "one face, at the end": (range(27, 60), {0}),
    "one face, at the beginning": (range(33), {1}),
    "both, at the end": (range(27, 60), {0, 1}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_of_a_covered_face_gets_into_the_video(
    tmp_path, same_but_for_faces, two_people, failure
):
    """What is inside the true boxes makes no difference to a single byte."""
    rows = without(two_people, *FAILURES[failure])
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, rows, COVERED)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] == videos[1]


def test_without_covering_the_faces_make_a_difference(tmp_path, same_but_for_faces, two_people):
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, two_people)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] != videos[1]


def test_sampled_frames_cover_those_between_as_well(tmp_path, same_but_for_faces, two_people):
    rows = [row for row in two_people if row.frame % 5 == 0]
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, rows, COVERED)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] == videos[1]


def test_a_blank_picture_holds_no_pixel_of_the_clip(tmp_path, same_but_for_faces, two_people):
    bright = [np.full_like(picture, 255) for picture in pictures_of(TWO_PEOPLE, 60)]
    other = write_video(tmp_path / "other.mkv", bright, codec="ffv1", pixels="yuv444p")
    written(tmp_path / "a.mp4", same_but_for_faces[0], two_people, BLANK)
    written(tmp_path / "b.mp4", other, two_people, BLANK)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_frames_in_which_nobody_is_found_are_covered_as_a_whole(tmp_path, plain_clip):
    rows = [no_face(frame, frame / 25) for frame in range(30)]
    report = written(tmp_path / "overlay.mp4", plain_clip, rows, COVERED)
    assert (report.wholly_covered, report.uncovered) == (30, 0)
    source, made = pictures_of(plain_clip, 10)[9], pictures_of(tmp_path / "overlay.mp4", 10)[9]
    assert made[:40].std() < 30 < source[:40].std()  # greys instead of noise


def test_they_are_shown_and_counted_where_that_is_allowed(tmp_path, plain_clip):
    rows = [no_face(frame, frame / 25) for frame in range(30)]
    options = replace(COVERED, cover=CoverOptions(allow_uncovered=True))
    report = written(tmp_path / "overlay.mp4", plain_clip, rows, options)
    assert (report.wholly_covered, report.uncovered) == (0, 30)
    source, made = pictures_of(plain_clip, 10)[9], pictures_of(tmp_path / "overlay.mp4", 10)[9]
    assert np.corrcoef(source[:90].ravel(), made[:90].ravel())[0, 1] > 0.8


def test_a_cell_of_the_mosaic_has_one_colour_whatever_was_there():
    rng = np.random.default_rng(3)
    area = Box(20, 10, 74, 92)
    covered = []
    for _ in range(2):
        planes = [
            rng.integers(0, 255, shape, np.uint8) for shape in ((120, 160), (60, 80), (60, 80))
        ]
        canvas = Canvas(planes[0], (planes[1], planes[2]), Colouring())
        cover(canvas, area, 5)
        for cell in cells(area):
            assert len(np.unique(canvas.luma[cell.slices])) == 1
            half = Box(cell.x // 2, cell.y // 2, cell.width // 2, cell.height // 2)
            assert all(len(np.unique(plane[half.slices])) == 1 for plane in canvas.chroma)
        covered.append(canvas.luma[area.slices].copy())
    assert len(list(cells(area))) == CELLS**2
    assert np.array_equal(*covered)


even = st.integers(1, 60).map(lambda half: 2 * half)


@given(x=even, y=even, width=even, height=even)
def test_cells_cover_an_area_without_a_gap(x, y, width, height):
    field = np.zeros((260, 260), int)
    for cell in cells(Box(x, y, width, height)):
        field[cell.slices] += 1
    assert (field[y : y + height, x : x + width] == 1).all()
    assert field.sum() == width * height


sides = st.integers(8, 200)
boxes = st.builds(Box, st.integers(-20, 600), st.integers(-20, 300), sides, sides)


@given(
    seen=st.dictionaries(st.integers(0, 300), boxes, min_size=1, max_size=12),
    missing=st.integers(0, 300),
)
def test_a_face_is_covered_where_it_was_seen_and_between(seen, missing):
    rows = [face_row(frame, frame / 25, 0, box) for frame, box in sorted(seen.items())]
    covers = Covers(Overview.of(rows).faces, (640, 360))
    for row in rows:
        assert_within(covers.at(row.time, None), row.box)
    before = max((frame for frame in seen if frame <= missing), default=None)
    after = min((frame for frame in seen if frame >= missing), default=None)
    long_known = rows[-1].time - rows[0].time >= CoverOptions().established
    if before is not None and after is not None and before != after and long_known:
        share = (missing - before) / (after - before)
        assert_within(covers.at(missing / 25, None), seen[before].towards(seen[after], share))


def assert_within(areas: dict[int, Box], box: Box) -> None:
    field = np.zeros((360, 640), bool)
    for area in areas.values():
        assert area.x % 2 == area.y % 2 == area.width % 2 == area.height % 2 == 0
        field[area.slices] = True
    left, top = max(0, box.x), max(0, box.y)
    assert field[top : max(0, box.y + box.height), left : max(0, box.x + box.width)].all()


def test_the_longer_a_face_is_not_seen_the_more_is_covered():
    rows = [face_row(frame, frame / 25, 0, Box(300, 150, 40, 40)) for frame in (0, 25, 125, 150)]
    covers = Covers(Overview.of(rows).faces, (640, 360))
    areas = [covers.at(time, None)[0].area for time in (1.2, 1.6, 2.0)]
    assert areas == sorted(areas)
    assert areas[-1] > 4 * areas[0]
    assert covers.at(4.8, None)[0].area < areas[-1]


def test_a_face_that_was_hardly_seen_is_given_up_and_one_that_was_seen_is_not():
    def known(seconds: float, x: int, time: float) -> bool:
        rows = [
            face_row(0, 0, 0, Box(x, 150, 40, 40)),
            face_row(9, seconds, 0, Box(x, 150, 40, 40)),
        ]
        return bool(Covers(Overview.of(rows).faces, (640, 360)).at(time, None))

    assert known(0.4, 300, 1.2)  # carried for a second
    assert not known(0.4, 300, 3.0)
    assert known(2.0, 300, 60.0)
    assert not known(2.0, 5, 60.0)  # who was last seen at the edge may have left


# Privacy of the file


@pytest.mark.parametrize("options", [COVERED, BLANK, SHOWN])
def test_nothing_that_the_clip_says_of_itself_survives(tmp_path, options):
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        container.metadata.update(
            title="SECRETtitle", location="SECRET+52.5+013.4/", comment="SECRETcomment",
            creation_time="2021-02-03T04:05:06Z",
        )  # fmt: skip
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.metadata["title"] = "SECRETtrack"
        container.add_attachment("SECRET.jpg", "image/jpeg", b"SECRETpicture")
        for picture in noise(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert clip.read_bytes().count(b"SECRET") >= 5
    written(tmp_path / "overlay.mp4", clip, [], options)
    data = (tmp_path / "overlay.mp4").read_bytes()
    assert b"SECRET" not in data
    with av.open(str(tmp_path / "overlay.mp4")) as made:
        assert len(made.streams) == 1
        assert not {"title", "location", "creation_time"}.intersection(made.metadata)


def test_the_same_gives_the_same_bytes_and_is_known_again(tmp_path, plain_clip):
    for name in ("a.mp4", "b.mp4"):
        written(tmp_path / name, plain_clip, rows_at(times_of(plain_clip)))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for suffix in (".mkv", ".mov", ".webm"):
        written(tmp_path / f"c{suffix}", plain_clip, [])
        assert is_overlay(tmp_path / f"c{suffix}")
    assert is_overlay(tmp_path / "a.mp4")
    assert not is_overlay(plain_clip)
    assert not is_overlay(tmp_path / "missing.mp4")


# Refusals and interruptions


def test_an_interruption_leaves_nothing_behind(tmp_path, plain_clip):
    target = tmp_path / "new" / "overlay.mp4"
    target.parent.mkdir()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(target, plain_clip, [], progress=interrupt)
    assert not list(target.parent.iterdir())


def test_an_interruption_leaves_an_earlier_video_as_it_was(tmp_path, plain_clip):
    target = tmp_path / "overlay.mp4"
    target.write_bytes(b"earlier")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(target, plain_clip, [], progress=interrupt)
    assert target.read_bytes() == b"earlier"


def test_a_full_disk_is_told_in_one_line(small_disk, plain_clip):
    clip = write_video(small_disk.parent / "clip.mp4", noise(8, (960, 720)))
    (small_disk / "filler").write_bytes(bytes(39 << 20))
    with pytest.raises(OutputError, match="cannot be written"):
        written(small_disk / "overlay.mp4", clip, [])
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_the_clip_is_not_written_over(tmp_path, plain_clip):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(plain_clip.read_bytes())
    with pytest.raises(OutputError, match="is the clip itself"):
        written(clip, clip, [])


def test_what_cannot_be_made_is_refused(tmp_path, plain_clip):
    with pytest.raises(UsageError, match=r"\.gif: videos are written as \.mp4"):
        written(tmp_path / "overlay.gif", plain_clip, [])
    with pytest.raises(VideoError, match="holds only sound"):
        written(tmp_path / "overlay.mp4", write_sound(tmp_path / "sound.m4a"), [])
    assert not (tmp_path / "overlay.mp4").exists()


def two_sizes(path: Path) -> list[float]:
    """Write a stream of white pictures that become smaller midway; return their times."""
    parts = []
    for number, (width, height) in enumerate(((320, 240), (160, 120))):
        part = path.with_name(f"part{number}.ts")
        with av.open(str(part), "w", format="mpegts") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(10):
                white = np.full((height, width, 3), 255, np.uint8)
                frame = av.VideoFrame.from_ndarray(white, format="rgb24")
                frame.pts = 10 * number + index
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    with open_video(path) as video:
        return [frame.time for frame in video.frames()]


def test_a_picture_of_another_size_is_covered_as_a_whole(tmp_path):
    """Its boxes are in pixels of another size, so a mosaic would lie beside the face."""
    clip = tmp_path / "clip.ts"
    times = two_sizes(clip)
    with av.open(str(clip)) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert len(set(sizes)) == 2
    report = written(tmp_path / "covered.mp4", clip, rows_at(times), COVERED)
    assert report.wholly_covered == sum(size != sizes[0] for size in sizes)
    with av.open(str(tmp_path / "covered.mp4")) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    bright = [float(np.mean(picture > 230)) for picture in pictures]
    assert all(share > 0.5 for share, size in zip(bright, sizes, strict=True) if size == sizes[0])
    assert all(share < 0.1 for share, size in zip(bright, sizes, strict=True) if size != sizes[0])
