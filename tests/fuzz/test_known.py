"""Inputs that once crashed, hung or filled the memory: each is refused in one line by now."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import h5py
import numpy as np
import pytest

from fer_pipeline.cascades import UnsoundError, check_xml
from fer_pipeline.cli.plain_text import plain
from fer_pipeline.coders.elan import parse_elan
from fer_pipeline.corpora.members import MOST_PICTURE_BYTES
from fer_pipeline.corpora.pictures import decode_picture
from fer_pipeline.dataset import open_dataset
from fer_pipeline.domain import Box, Detection, Frame
from fer_pipeline.errors import (
    CoderError,
    DatasetError,
    DetectorError,
    FerError,
    ModelError,
    VideoError,
)
from fer_pipeline.faces import DetectionOptions, FaceDetector
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.keras_file import check_keras_file
from fer_pipeline.model_folder import KERAS_FILE, SPEC_FILE, ModelSpec, bundled_model
from fer_pipeline.telling import detector_of
from fer_pipeline.tracking import FaceTracker
from fer_pipeline.video import open_video
from tests.conftest import write_faces
from tests.corpus_files import write_tar, write_zip
from tests.media import noise, write_video

CASCADE = Path(__file__).parents[2] / "haarcascades" / "haarcascade_frontalface_alt2.xml"


def told(error: pytest.ExceptionInfo[FerError], path: Path) -> str:
    """Return the message, which is one line that begins with the file."""
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


# Cascades


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0 1 0 4.3272329494357109e-03", "0 1 999999 4.3272329494357109e-03"),
        ("0 1 0 4.3272329494357109e-03", "0 1 -7 4.3272329494357109e-03"),
        ("0 1 0 4.3272329494357109e-03", "0 -9 0 4.3272329494357109e-03"),
        ("<width>20</width>", "<width>4</width>"),
        ("<width>20</width>", "<width>2147483647</width>"),
        ("<maxCatCount>0</maxCatCount>", "<maxCatCount>1000</maxCatCount>"),
        ("<featureType>HAAR</featureType>", "<featureType>HOG</featureType>"),
    ],
)
def test_a_cascade_that_leads_beyond_itself_is_refused(tmp_path, old, new):
    text = CASCADE.read_text("utf-8")
    assert old in text
    path = tmp_path / "cascade.xml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(DetectorError) as error:
        FaceDetector(DetectionOptions(cascade=str(path)))
    assert "not a cascade that OpenCV can use" in told(error, path)


def test_a_cascade_of_the_first_format_is_told_as_such(tmp_path):
    path = tmp_path / "old.xml"
    old = '<old type_id="opencv-haar-classifier"><size>20 20</size><stages><_></_></stages></old>'
    head = '<?xml version="1.0"?>\n'
    path.write_text(f"{head}<opencv_storage>{old}</opencv_storage>", "utf-8")
    with pytest.raises(DetectorError) as error:
        FaceDetector(DetectionOptions(cascade=str(path)))
    assert "the format of OpenCV 1" in told(error, path)


@pytest.mark.parametrize(
    "xml",
    [
        b"<a>" * 100_000,
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'{"a": 1}',
    ],
)
def test_a_cascade_that_is_no_plain_xml_is_refused_before_opencv_sees_it(xml):
    with pytest.raises(UnsoundError):
        check_xml(xml)


# Datasets

_HUGE = 10**12

Break = Callable[[h5py.File], object]

DATASETS: dict[str, Break] = {
    "link to another file": lambda f: _put(f, "label", h5py.ExternalLink("whole.h5", "/label")),
    "link to itself": lambda f: _put(f, "participants", h5py.SoftLink("/participants")),
    "bytes of another file": lambda f: _new(f, "label", (36,), "i1", external=[("x", 0, 36)]),
    "rows without end": lambda f: _new(f, "label", (_HUGE,), "i1", chunks=(2**20,)),
    "images without end": lambda f: _new(
        f, "images", (_HUGE, 16, 16, 1), "u1", chunks=(1, 16, 16, 1), compression="gzip"
    ),
    "an image of a gigabyte": lambda f: _new(
        f, "images", (36, 30_000, 30_000, 1), "u1", chunks=(1, 3000, 3000, 1), compression="gzip"
    ),
    "names without end": lambda f: _new(f, "videos", (_HUGE,), h5py.string_dtype(), chunks=(9,)),
    "texts for numbers": lambda f: _new(f, "label", (36,), h5py.string_dtype()),
    "a group": lambda f: (f.__delitem__("label"), f.create_group("label")),
    "a label beyond": lambda f: f["label"].__setitem__(3, 99),
    "a name that is no text": lambda f: f["participants"].__setitem__(0, b"\xff\xfe"),
    "an emotion that is no text": lambda f: f.attrs.__setitem__("emotions", [b"\xff", b"a"]),
    "half a character": lambda f: f.attrs.__setitem__("provenance", '{"a": "\\ud800"}'),
    "deep JSON": lambda f: f.attrs.__setitem__("provenance", "[" * 50_000),
    "provenance of another kind": lambda f: f.attrs.__setitem__("provenance", "[1]"),
}


def _put(file: h5py.File, name: str, link: object) -> None:
    del file[name]
    file[name] = link


def _new(file: h5py.File, name: str, shape: tuple[int, ...], dtype: object, **how: object) -> None:
    del file[name]
    file.create_dataset(name, shape, dtype, **how)


_WHY = {
    "link": "is a link to another place",
    "bytes": "lies in another file",
    "rows": f"label claims {_HUGE} rows",
    "images": f"images claims {_HUGE} rows",
    "an image": "images claims rows of 30000 x 30000 x 1",
    "names": f"videos claims {_HUGE} names",
    "texts": "label holds no numbers",
    "a group": "label is no list",
    "a label": "label points to what is not there",
}


@pytest.mark.parametrize("kind", DATASETS)
def test_a_dataset_that_claims_what_it_cannot_hold_is_refused(tmp_path, kind):
    path = write_faces(tmp_path / "faces.h5", people=6, frames=2, size=16)
    shutil.copy(path, tmp_path / "whole.h5")
    with h5py.File(path, "r+") as file:
        DATASETS[kind](file)
    with pytest.raises(DatasetError) as error, open_dataset(path):
        pass
    why = next((why for begin, why in _WHY.items() if kind.startswith(begin)), "broken")
    assert why in told(error, path)


# Videos


def test_a_table_of_more_frames_than_bytes_is_refused(tmp_path):
    path = write_video(tmp_path / "clip.mp4", noise(4, (32, 32)), options={"bf": "0"})
    data = bytearray(path.read_bytes())
    count = 300_000
    struct.pack_into(">II", data, data.find(b"stsz") + 8, 10, count)
    struct.pack_into(">II", data, data.find(b"stts") + 12, count, 1)
    struct.pack_into(">II", data, data.find(b"stsc") + 12, 1, count)
    path.write_bytes(data)
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert f"lists {count} frames, more than it has bytes" in told(error, path)


def test_pictures_too_large_for_the_memory_are_refused(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 8320, 8192, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(8320, 8192, "yuvj420p")))
        container.mux(stream.encode())
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert "pictures of 8320 x 8192 pixels" in told(error, path)


class _Blank:
    def luma(self) -> np.ndarray:
        return np.zeros((4, 4), np.uint8)


def test_frames_a_millionth_of_a_second_apart_are_not_all_held():
    tracker = FaceTracker(1e-6)
    most = released = 0
    for index in range(3000):
        frame = Frame(index, index * 1e-6, _Blank())
        seen = (Detection(Box(0, 0, 2, 2), 1.0),) if index < 5 else ()
        tracker.add(frame, seen)
        released += len(list(tracker.certain()))
        most = max(most, index + 1 - released)
    assert most <= 1002


# Pictures


def test_a_picture_of_kilobytes_that_claims_a_hundred_megabytes_is_none():
    side = 10_000
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = zlib.compress(bytes(side * (side + 1)), 1)

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    parts = chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    assert decode_picture(b"\x89PNG\r\n\x1a\n" + parts) is None


# Models


@pytest.fixture
def spec(tmp_path) -> Path:
    """The spec of the bundled model, alone in a folder."""
    return Path(shutil.copy(bundled_model() / SPEC_FILE, tmp_path / SPEC_FILE))


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"a":' * 100_000, '{"split": "x"}', '{"input_size": 1e999}'],
)
def test_a_spec_of_another_shape_is_refused(spec, content):
    text = content
    if content.endswith("}"):
        text = json.dumps(json.loads(spec.read_text("utf-8")) | json.loads(content))
    spec.write_text(text, "utf-8")
    with pytest.raises(ModelError) as error:
        ModelSpec.read(spec.parent)
    told(error, spec)


def test_a_detector_that_would_search_for_ever_is_refused(spec):
    values = json.loads(spec.read_text("utf-8"))
    values["crop"]["detector"]["scale_factor"] = 1.0000001
    spec.write_text(json.dumps(values), "utf-8")
    with pytest.raises(ModelError, match="scale_factor is not from"):
        detector_of(ModelSpec.read(spec.parent))


_FUNCTION = {"module": "os", "class_name": "function", "config": "system"}
_UNLOCK = {"module": "keras.config", "class_name": "enable_unsafe_deserialization"}

KERAS_FILES: dict[str, object] = {
    "a function of any module": _FUNCTION,
    "a way out of safe mode": _UNLOCK,
    "code": {"module": "keras.layers", "class_name": "Lambda"},
    "a saved model": {"module": "keras.layers", "class_name": "TFSMLayer"},
    "words of a file": {"module": "keras.layers", "class_name": "StringLookup"},
    "a class of its own": {
        "module": "keras.layers",
        "class_name": "Dense",
        "registered_name": "own>Dense",
    },
    "insides of Keras": {"module": "keras.src.models.functional", "class_name": "serialize_node"},
}


def keras_file(path: Path, extra: object, weights: bytes | None = None, **members: bytes) -> Path:
    """Write the bundled model with something more in its description."""
    with zipfile.ZipFile(bundled_model() / KERAS_FILE) as archive:
        parts = {one.filename: archive.read(one) for one in archive.infolist()}
    description = json.loads(parts["config.json"]) | {"extra": extra}
    parts["config.json"] = json.dumps(description).encode()
    if weights is not None:
        parts["model.weights.h5"] = weights
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | members).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("kind", KERAS_FILES)
def test_a_keras_file_that_asks_for_more_than_layers_is_refused(tmp_path, kind):
    path = keras_file(tmp_path / "model.keras", {"layers": [{"config": KERAS_FILES[kind]}]})
    with pytest.raises(ModelError) as error:
        check_keras_file(path)
    told(error, path)


def test_the_bundled_keras_file_is_harmless(tmp_path):
    check_keras_file(bundled_model() / KERAS_FILE)
    check_keras_file(keras_file(tmp_path / "model.keras", {"module": "keras", "class_name": "X"}))


def test_how_a_keras_file_was_trained_is_not_read(tmp_path):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    model.save(tmp_path / "model.keras")
    check_keras_file(tmp_path / "model.keras")


def test_a_keras_file_with_something_beside_it_or_elsewhere_is_refused(tmp_path):
    beside = keras_file(tmp_path / "a.keras", None, **{"assets/../../x": b""})
    with pytest.raises(ModelError, match="it holds assets"):
        check_keras_file(beside)
    stored = io.BytesIO()
    with h5py.File(stored, "w") as file:
        file.create_group("layers")["w"] = h5py.ExternalLink("/etc/passwd", "/x")
    elsewhere = keras_file(tmp_path / "b.keras", None, stored.getvalue())
    with pytest.raises(ModelError, match="a link to another place"):
        check_keras_file(elsewhere)


# Terminals


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x07", "a\\x1b[31mb\\x07"),
        ("a\rb\x9bc", "a\\rb\\x9bc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("Zoë, 田中\tx\n", "Zoë, 田中\tx\n"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, shown):
    assert plain(text) == shown


@pytest.mark.skipif(str(Path("/")) == "\\", reason="Windows has no such names")
def test_the_name_of_a_clip_moves_no_cursor(fer, tmp_path):
    clip = tmp_path / "P01_happy\x1b[2J.mp4"
    clip.write_bytes(b"no video")
    for command in (["probe", clip], ["extract", clip, "-o", tmp_path / "f.h5"]):
        result = fer(*command)
        assert result.exit_code == 1
        assert "\x1b" not in result.output
        assert "\\x1b[2J" in result.output


# Codings and archives


def test_elements_within_each_other_without_end_are_refused(tmp_path):
    path = tmp_path / "coder.eaf"
    path.write_text("<ANNOTATION_DOCUMENT>" + "<a>" * 50_000 + "</a>" * 50_000, "utf-8")
    with pytest.raises(CoderError) as error:
        parse_elan(path)
    assert "lie in each other" in told(error, path)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_picture_that_an_archive_swells_is_not_read(fer, tmp_path, write):
    path = write(tmp_path / "corpus.any", {"P01/happy/1.png": bytes(MOST_PICTURE_BYTES + 1)})
    assert path.stat().st_size < 2**21
    result = fer("import", "folder", path, "-o", tmp_path / "faces.h5")
    assert result.exit_code == 1
    assert f"{path}: P01/happy/1.png claims 256 MiB" in result.output


def test_an_archive_whose_names_are_no_text_is_refused(fer, tmp_path):
    path = write_zip(tmp_path / "corpus.any", {"P01/happy/\u202e.png": b""})
    path.write_bytes(path.read_bytes().replace("\u202e".encode(), b"\xff\xff\xff"))
    result = fer("import", "folder", path, "-o", tmp_path / "faces.h5")
    assert result.exit_code == 1
    assert f"{path}: cannot be read to its end" in result.output
