"""The pixels of a frame: upright, and as bright as in the file."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from tests.media import SESSION, pictures_of, write_video
from tests.video.reading import H265, SMALL, marked, read


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
