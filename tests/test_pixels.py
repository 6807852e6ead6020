"""Pixels of decoded pictures: a part has the colours of the whole, brightness is not copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.domain import Box, Frame
from fer_pipeline.video import open_video
from fer_pipeline.video.pixels import DecodedPixels
from tests.media import write_video

SIZES = [(320, 240), (346, 262), (321, 240), (320, 241), (333, 247), (64, 48), (63, 1)]

FORMATS = [
    ("ffv1", "yuv420p"),
    ("mjpeg", "yuvj420p"),
    ("ffv1", "yuv422p"),
    ("ffv1", "yuv444p"),
    ("ffv1", "gray"),
    ("png", "rgb24"),
    ("ffv1", "yuv420p10le"),
    ("ffv1", "gray16le"),
]


def picture(size: tuple[int, int]) -> np.ndarray:
    """Draw a picture in which no pixel is like its neighbour; the size is width and height."""
    rng = np.random.default_rng(size)
    return rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def parts(size: tuple[int, int], count: int) -> Iterator[Box]:
    """Draw parts of a picture of a size, small ones and such at its edges the most."""
    rng = np.random.default_rng(7)

    def stretch(whole: int) -> tuple[int, int]:
        most = whole if rng.random() < 0.2 else min(whole, 150)
        length = int(rng.integers(1, most + 1))
        return int(rng.choice([0, whole - length, rng.integers(0, whole - length + 1)])), length

    for _ in range(count):
        (x, width), (y, height) = stretch(size[0]), stretch(size[1])
        yield Box(x, y, width, height)


def written(folder: Path, size: tuple[int, int], **how: object) -> Path:
    return write_video(clip_in(folder, **how), [picture(size)] * 2, **how)


def clip_in(folder: Path, codec: str = "libx264", **_: object) -> Path:
    """Return where to write a clip: in a container that takes what the encoder makes."""
    return folder / ("clip.mov" if codec == "png" else "clip.mkv")


def frames_of(path: Path) -> list[Frame]:
    with open_video(path) as video:
        return [row for row in video.frames() if isinstance(row, Frame)]


def format_of(frame: Frame) -> str:
    assert isinstance(frame.pixels, DecodedPixels)
    return frame.pixels.picture.format.name


def assert_parts_are_of_the_whole(frame: Frame, count: int = 60) -> None:
    height, width = frame.luma.shape
    assert frame.rgb.shape == (height, width, 3)
    whole = Box(0, 0, width, height)
    for part in (*parts((width, height), count), whole, Box(width - 1, height - 1, 1, 1)):
        cut = frame.rgb_within(part)
        assert cut.shape == (part.height, part.width, 3), part
        assert np.array_equal(cut, frame.rgb[part.slices]), part


# Colour of parts


@pytest.mark.parametrize(("codec", "pixels"), FORMATS)
@pytest.mark.parametrize("size", SIZES)
def test_a_part_has_the_colour_of_the_whole(tmp_path, codec, pixels, size):
    frame = frames_of(written(tmp_path, size, codec=codec, pixels=pixels))[0]
    assert format_of(frame) == pixels
    assert_parts_are_of_the_whole(frame)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_part_has_the_colour_of_the_whole_in_what_cameras_write(tmp_path, codec):
    frames = frames_of(written(tmp_path, (640, 480), codec=codec))
    assert len(frames) == 2
    for frame in frames:
        assert_parts_are_of_the_whole(frame)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
@pytest.mark.parametrize("full", ["on", "off"])
def test_a_part_has_the_colour_of_the_whole_in_any_space_of_colours(tmp_path, matrix, full):
    options = {"x264-params": f"colormatrix={matrix}:fullrange={full}"}
    assert_parts_are_of_the_whole(frames_of(written(tmp_path, (320, 240), options=options))[0])


def test_the_space_of_colours_matters(tmp_path):
    options = {"x264-params": "colormatrix=bt709:fullrange=on"}
    plain = frames_of(written(tmp_path, (320, 240)))[0].rgb
    told = frames_of(written(tmp_path, (320, 240), options=options))[0].rgb
    assert not np.array_equal(plain, told)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_part_of_a_turned_picture_is_where_it_is_seen(tmp_path, rotation):
    path = write_video(tmp_path / "clip.mp4", [picture((320, 240))] * 2, rotation=rotation)
    frame = frames_of(path)[0]
    assert frame.luma.shape == ((240, 320) if rotation == 180 else (320, 240))
    assert_parts_are_of_the_whole(frame)


def test_a_part_is_not_converted_with_the_whole(tmp_path):
    frame = frames_of(written(tmp_path, (640, 480)))[0]
    frame.rgb_within(Box(300, 200, 100, 100))
    assert "rgb" not in vars(frame)
    part = frame.pixels.rgb_within(Box(300, 200, 100, 100))
    base = part if part.base is None else part.base
    assert base.size < 640 * 480 * 3 / 4


def test_parts_in_any_order_have_the_colour_of_their_frames(tmp_path):
    pictures = [picture((320, 240)), 255 - picture((320, 240))]
    first, second = frames_of(write_video(tmp_path / "clip.mkv", pictures, codec="ffv1"))
    for part in parts((320, 240), 20):
        for frame in (second, first):
            assert np.array_equal(frame.rgb_within(part), frame.rgb[part.slices])


# Brightness


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "gray"])
@pytest.mark.parametrize("size", [(320, 240), (333, 247)])
def test_luma_is_the_first_plane_and_not_copied(tmp_path, pixels, size):
    path = written(tmp_path, size, codec="ffv1", pixels=pixels)
    frame = frames_of(path)[0]
    assert np.shares_memory(frame.pixels.luma(), frame.pixels.luma())
    with av.open(str(path)) as container:
        plane = next(container.decode(video=0)).planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        assert np.array_equal(frame.luma, rows[: size[1], : size[0]])
    assert frame.luma.shape == (size[1], size[0])


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_luma_outlives_the_frame_and_the_video(tmp_path, codec):
    path = write_video(tmp_path / "clip.mp4", [picture((320, 240))] * 30, codec=codec)
    with open_video(path) as video:
        kept = [(row.luma, row.luma.copy()) for row in video.frames() if isinstance(row, Frame)]
    assert len(kept) == 30
    for luma, before in kept:
        assert np.array_equal(luma, before)


@pytest.mark.parametrize(
    ("codec", "pixels"), [("ffv1", "yuv420p10le"), ("ffv1", "gray16le"), ("png", "rgb24")]
)
def test_luma_of_other_formats_is_8_bit_brightness(tmp_path, codec, pixels):
    gradient = np.tile(np.arange(0, 240, dtype=np.uint8)[None, :, None], (100, 1, 3))
    path = clip_in(tmp_path, codec)
    frame = frames_of(write_video(path, [gradient] * 2, codec=codec, pixels=pixels))[0]
    assert format_of(frame) == pixels
    assert frame.luma.dtype == np.uint8
    assert frame.luma.shape == (100, 240)
    assert np.all(np.diff(frame.luma[50].astype(int)) >= 0)
    assert int(frame.luma[50, -1]) - int(frame.luma[50, 0]) > 180
