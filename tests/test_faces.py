"""Where faces are found, what is cut out, and what a network gets to see."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline import faces
from fer_pipeline.domain import Box, Frame, UInt8Array
from fer_pipeline.errors import DetectorError
from fer_pipeline.faces import (
    CropOptions,
    DetectionOptions,
    FaceDetector,
    bundled_cascades,
    crop,
    network_inputs,
    read_cascade,
)
from tests.media import PARTICIPANTS, Picture, noise, pictures_of

CASCADES = Path(__file__).parent.parent / "haarcascades"


def frame_of(colour: UInt8Array) -> Frame:
    return Frame(0, 0.0, Picture(colour))


def painted(height: int, width: int, colour: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), colour, np.uint8)


def random_picture(height: int, width: int, seed: int = 0) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def face() -> Frame:
    """A picture of 320 × 240 with one face."""
    return frame_of(pictures_of(PARTICIPANTS / "P00_neutral.mp4", 1)[0])


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


# Cascades


def test_bundled_cascades_are_the_ones_shipped():
    assert {f"{name}.xml" for name in bundled_cascades()} == {
        path.name for path in CASCADES.glob("*.xml")
    }


@pytest.mark.parametrize("name", sorted(bundled_cascades()))
def test_a_bundled_cascade_matches_its_digest_and_finds_a_face(name, face):
    digest = hashlib.sha256((CASCADES / f"{name}.xml").read_bytes()).hexdigest()
    found = FaceDetector(DetectionOptions(cascade=name))
    assert digest == bundled_cascades()[name] == found.digest
    assert len(found.detect(face.luma)) == 1


def test_a_bundled_cascade_may_be_named_with_its_suffix():
    name = "haarcascade_frontalface_alt2"
    assert read_cascade(f"{name}.xml") == read_cascade(name)


def test_a_cascade_may_be_any_file(tmp_path, face, detector):
    path = tmp_path / "own, größe 表情.xml"
    path.write_bytes(read_cascade("haarcascade_frontalface_alt2"))
    own = FaceDetector(DetectionOptions(cascade=str(path)))
    assert own.detect(face.luma) == detector.detect(face.luma)
    assert own.digest == detector.digest


BROKEN = {
    "text": b"not a cascade\n",
    "an empty file": b"",
    "bytes that are no text": bytes(range(256)),
    "other XML": b'<?xml version="1.0"?><note>hello</note>',
    "other OpenCV storage": b'<?xml version="1.0"?><opencv_storage><a>1</a></opencv_storage>',
    "an empty OpenCV storage": b'<?xml version="1.0"?><opencv_storage></opencv_storage>',
    "half a cascade": read_cascade("haarcascade_frontalface_alt2")[:100_000],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_cascade_file_is_an_error(tmp_path, content):
    path = tmp_path / "cascade.xml"
    path.write_bytes(content)
    with pytest.raises(DetectorError) as error:
        FaceDetector(DetectionOptions(cascade=str(path)))
    assert str(error.value).startswith(f"{path}: not a cascade that OpenCV can use")


def test_a_missing_cascade_is_an_error_that_names_the_bundled_ones():
    with pytest.raises(DetectorError) as error:
        FaceDetector(DetectionOptions(cascade="haarcascade_sideface"))
    assert str(error.value).startswith("haarcascade_sideface: no such cascade file")
    assert all(name in str(error.value) for name in bundled_cascades())


SET_UP = """
import sys
sys.path.insert(0, sys.argv[1])
from fer_pipeline.errors import DetectorError
from fer_pipeline.faces import FaceDetector
try:
    FaceDetector()
except DetectorError as error:
    print(error)
"""


def set_up_detector(folder: Path) -> str:
    """Set up a detector in a process that finds modules in ``folder`` first; return its error."""
    command = [sys.executable, "-c", SET_UP, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("not a cascade")])
def test_an_installation_with_a_broken_cascade_is_an_error_with_a_remedy(tmp_path, damage):
    package = tmp_path / "fer_pipeline"
    shutil.copytree(Path(faces.__file__).parent, package)
    shutil.copytree(CASCADES, package / "haarcascades", dirs_exist_ok=True)
    file = package / "haarcascades" / "haarcascade_frontalface_alt2.xml"
    damage(file)
    line = set_up_detector(tmp_path)
    assert line == f"{file}: the bundled cascade is missing or broken; reinstall fer-pipeline"


FAKE_OPENCV = {
    "without CascadeClassifier": (
        "__version__ = '5.0.0'",
        "OpenCV 5.0.0 has no CascadeClassifier; pip install 'opencv-python<5'",
    ),
    "without a system library": (
        "raise ImportError('libGL.so.1: cannot open shared object file')",
        "OpenCV cannot be loaded (libGL.so.1: cannot open shared object file); install",
    ),
}


@pytest.mark.parametrize(("module", "message"), FAKE_OPENCV.values(), ids=FAKE_OPENCV)
def test_an_opencv_that_cannot_detect_is_an_error_with_a_remedy(tmp_path, module, message):
    (tmp_path / "cv2.py").write_text(module)
    line = set_up_detector(tmp_path)
    assert line.startswith(message)
    assert "pip install 'opencv-python<5'" in line


# Detection


def test_a_face_is_found_where_it_is(face, detector):
    (found,) = detector.detect(face.luma)
    x, y = found.box.center
    assert 120 < x < 200
    assert 70 < y < 170
    assert 80 < found.box.width < 200
    assert found.score > 0


def test_twice_the_resolution_gives_twice_the_box(face, detector):
    (found,) = detector.detect(face.luma)
    larger = cv2.resize(face.luma, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (twice,) = detector.detect(larger)
    box = found.box
    assert twice.box.overlap(Box(2 * box.x, 2 * box.y, 2 * box.width, 2 * box.height)) > 0.9


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(-140, 140),
    top=st.integers(-110, 110),
    scale=st.floats(0.5, 2),
)
def test_boxes_lie_in_the_picture(face, detector, left, top, scale):
    shift = np.float32([[scale, 0, left * scale], [0, scale, top * scale]])
    size = round(320 * scale), round(240 * scale)
    for found in detector.detect(cv2.warpAffine(face.luma, shift, size)):
        box = found.box
        assert min(box.x, box.y) >= 0
        assert min(box.width, box.height) > 0
        assert box.x + box.width <= size[0]
        assert box.y + box.height <= size[1]


def test_several_faces_come_from_left_to_right(face, detector):
    found = detector.detect(np.hstack([face.luma, face.luma[:, ::-1], face.luma]))
    centers = [one.box.center[0] for one in found]
    assert len(found) == 3
    assert centers == sorted(centers)


@pytest.mark.parametrize(
    "luma",
    [
        noise(1, (320, 240))[0][:, :, 0],
        np.zeros((240, 320), np.uint8),
        np.full((1, 1), 255, np.uint8),
        np.full((3, 900), 100, np.uint8),
    ],
    ids=["noise", "black", "one pixel", "a strip"],
)
def test_where_there_is_no_face_none_is_found(detector, luma):
    assert detector.detect(luma) == ()


# The crop


@pytest.mark.parametrize(("channels", "depth"), [("rgb", 3), ("gray", 1)])
@pytest.mark.parametrize("size", [1, 48, 120, 300])
def test_a_crop_has_the_size_and_channels_asked_for(face, channels, depth, size):
    cut = crop(face, Box(110, 60, 100, 110), CropOptions(size=size, channels=channels))
    assert cut.shape == (size, size, depth)
    assert cut.dtype == np.uint8
    assert cut.flags.c_contiguous


def test_a_crop_is_the_square_around_the_middle_of_the_box():
    picture = random_picture(200, 300)
    cut = crop(frame_of(picture), Box(110, 60, 40, 60), CropOptions(size=60, margin=0.0))
    assert np.array_equal(cut, picture[60:120, 100:160])


def test_the_margin_is_a_share_of_the_longer_side_on_each_side():
    picture = random_picture(200, 300)
    cut = crop(frame_of(picture), Box(110, 60, 40, 60), CropOptions(size=90, margin=0.25))
    assert np.array_equal(cut, picture[45:135, 85:175])


@pytest.mark.parametrize(
    ("box", "edges"),
    [
        (Box(-20, 10, 40, 40), ((0, 0), (20, 0))),
        (Box(10, -20, 40, 40), ((20, 0), (0, 0))),
        (Box(80, 10, 40, 40), ((0, 0), (0, 20))),
        (Box(10, 40, 40, 40), ((0, 20), (0, 0))),
        (Box(-5, -5, 110, 110), ((5, 45), (5, 5))),
    ],
)
def test_beyond_the_frame_its_edge_pixels_are_repeated(box, edges):
    picture = random_picture(60, 100)
    cut = crop(frame_of(picture), box, CropOptions(size=box.width, margin=0.0))
    padded = np.pad(picture, ((50, 50), (50, 50), (0, 0)), mode="edge")
    x, y = box.x + 50, box.y + 50
    assert np.array_equal(cut, padded[y : y + box.height, x : x + box.width])


def test_colours_come_red_first():
    cut = crop(frame_of(painted(100, 100, (200, 100, 50))), Box(20, 20, 50, 50), CropOptions(30))
    assert (cut == (200, 100, 50)).all()


def test_gray_is_luma():
    options = CropOptions(size=50, margin=0.0, channels="gray")
    for colour, luma in {(255, 0, 0): 76, (0, 255, 0): 150, (0, 0, 255): 29}.items():
        assert (crop(frame_of(painted(100, 100, colour)), Box(9, 9, 50, 50), options) == luma).all()


def test_the_same_frame_and_box_give_the_same_bytes(face):
    box = Box(103, 51, 118, 118)
    again = frame_of(face.rgb.copy())
    for options in (CropOptions(), CropOptions(size=48, channels="gray")):
        assert crop(face, box, options).tobytes() == crop(again, box, options).tobytes()


# What a network sees


def test_a_smaller_input_is_made_of_block_means():
    crops = np.stack([random_picture(120, 120, seed) for seed in range(3)])
    means = crops.reshape(3, 40, 3, 40, 3, 3).mean(axis=(2, 4))
    assert np.abs(network_inputs(crops, 40, "rgb") - means).max() <= 0.51


def test_a_larger_input_is_bilinear():
    ramp = np.tile(np.arange(0, 200, 4, dtype=np.uint8)[:50, None, None], (1, 50, 1))[None]
    enlarged = network_inputs(ramp, 100, "gray")
    # Pixel centres of the larger picture lie a quarter beside those of the smaller one.
    expected = np.clip((np.arange(100) + 0.5) / 2 - 0.5, 0, 49) * 4
    assert np.abs(enlarged[0, :, 50, 0] - expected).max() <= 0.51


def test_an_input_of_the_crops_size_is_the_crop():
    crops = random_picture(48, 48)[None]
    assert np.array_equal(network_inputs(crops, 48, "rgb"), crops)


def test_a_gray_crop_becomes_colour_by_repetition():
    crops = random_picture(60, 60)[None, :, :, :1]
    inputs = network_inputs(crops, 60, "rgb")
    assert all(np.array_equal(inputs[..., channel], crops[..., 0]) for channel in range(3))


@pytest.mark.parametrize("channels", ["rgb", "gray"])
@pytest.mark.parametrize("size", [32, 48, 120, 160])
def test_inputs_do_not_depend_on_how_many_are_made_at_once(channels, size):
    crops = np.stack([random_picture(120, 120, seed) for seed in range(4)])
    together = network_inputs(crops, size, channels)
    one_by_one = [network_inputs(crops[i : i + 1], size, channels)[0] for i in range(4)]
    assert together.shape == (4, size, size, 3 if channels == "rgb" else 1)
    assert together.tobytes() == np.stack(one_by_one).tobytes()


def test_a_gray_input_of_a_colour_crop_is_the_crop_cut_in_gray():
    frame, box = frame_of(random_picture(200, 300)), Box(100, 50, 48, 40)
    colour = crop(frame, box, CropOptions(size=48, margin=0.0))
    gray = crop(frame, box, CropOptions(size=48, margin=0.0, channels="gray"))
    assert np.array_equal(network_inputs(colour[None], 48, "gray")[0], gray)


def test_gray_differs_by_rounding_at_most_whether_reduced_before_or_after(face):
    box, options = Box(103, 51, 118, 118), CropOptions(size=48)
    colour = crop(face, box, options)
    gray = crop(face, box, replace(options, channels="gray"))
    difference = network_inputs(colour[None], 48, "gray")[0].astype(int) - gray
    assert np.abs(difference).max() <= 1
