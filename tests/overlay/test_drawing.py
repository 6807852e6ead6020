"""What is drawn into pictures, and which rows a frame shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box
from fer_pipeline.overlay.canvas import Canvas, Colouring, Mask, blank_canvas
from fer_pipeline.overlay.judgements import Current, Overview
from fer_pipeline.overlay.marks import Marker
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video
from tests.media import (
    SESSION,
    noise,
    pictures_of,
    write_video,
)
from tests.overlay.clips import (
    COVERED,
    EMOTIONS,
    face_row,
    rows_at,
    times_of,
    written,
)

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


def test_of_analysed_rows_the_last_step_is_drawn():
    """Raw values say happiness; the step after them says anger, and neutral far below rest."""
    row = face_row(0, 0, 0, Box(200, 200, 200, 200))
    later = replace(row, probabilities=(0.0, 1.0, 0.0), smoothed=(-0.9, 0.1, 0.8))
    same = replace(row, probabilities=(0.0, 0.1, 0.8))
    shown, wanted = drawn_on(1280, 720, [later]), drawn_on(1280, 720, [same])
    assert (shown.luma == wanted.luma).all()
    assert (shown.chroma[0] == wanted.chroma[0]).all()


def test_what_is_above_a_reference_has_a_sign_and_its_steps_are_named():
    marker = Marker(EMOTIONS, 640, 360, ("baseline", "smoothed"))
    assert marker.steps == "above neutral, smoothed"
    row = replace(face_row(0, 0, 0, Box(200, 100, 90, 90)), baseline=(-0.6, 0.6, 0.0))
    signed, plain = (blank_canvas(640, 360, GROUND, Colouring(full=True)) for _ in range(2))
    marker.draw_faces(signed, [row])
    Marker(EMOTIONS, 640, 360).draw_faces(plain, [row])
    assert (signed.luma != plain.luma).any()


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
