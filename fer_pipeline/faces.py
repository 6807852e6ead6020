"""Haar face detection, and the only crop: from a frame to what a network sees."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fer_pipeline.cascades import MOST_BYTES, UnsoundError, check_cascade, check_xml
from fer_pipeline.domain import Box, Detection, Frame, UInt8Array
from fer_pipeline.errors import DetectorError

if TYPE_CHECKING:
    from cv2 import CascadeClassifier

Channels = Literal["rgb", "gray"]

CHANNEL_COUNT: dict[Channels, int] = {"rgb": 3, "gray": 1}

DEFAULT_CASCADE = "haarcascade_frontalface_alt2"

PROFILE_CASCADE = "haarcascade_profileface"

# A face between front and side is found by both cascades.
_SAME_FACE_OVERLAP = 0.2

# How far faces may be from the size of known ones. Hits of other sizes move the box of a face a
# little; docs/detection.md has the study.
_SIZE_CHANGE = 1.5

_BUNDLED = "fer_pipeline.haarcascades"


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """How faces are looked for.

    Attributes:
        cascade: Name of a bundled cascade or path of a cascade file.
        scale_factor: Ratio between successive sizes of the search.
        neighbors: Hits that must coincide for a face.
        working_size: Longer side, in pixels, of the picture that is searched; larger frames are
            reduced to it, so that the effort does not depend on the resolution of the camera.
        smallest_face: Smallest face looked for, as a share of the frame's shorter side.
    """

    cascade: str = DEFAULT_CASCADE
    scale_factor: float = 1.1
    neighbors: int = 5
    working_size: int = 320
    smallest_face: float = 0.12


@dataclass(frozen=True, slots=True)
class CropOptions:
    """How a face is cut out of its frame.

    Attributes:
        size: Side of the square crop in pixels.
        margin: Border added on each side, as a share of the box's longer side.
        channels: Whether the crop keeps its colour.
    """

    size: int = 120
    margin: float = 0.1
    channels: Channels = "rgb"


class _Cascade:
    """A cascade, for each thread apart: OpenCV keeps the picture at hand inside it."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name, self._data = name, data
        self._loaded = threading.local()
        self.of_this_thread()  # a broken one shows itself at once

    def of_this_thread(self) -> CascadeClassifier:
        """Return OpenCV's classifier, which no other thread uses."""
        loaded: CascadeClassifier | None = getattr(self._loaded, "classifier", None)
        if loaded is None:
            loaded = self._loaded.classifier = _load_cascade(self._name, self._data)
        return loaded


class FaceDetector:
    """Haar cascades with their settings; several threads may search at the same time.

    Args:
        options: How faces are looked for.
        profile: Whether faces turned aside are looked for too.

    Raises:
        DetectorError: OpenCV cannot be used, or a cascade is missing or broken.
    """

    def __init__(self, options: DetectionOptions | None = None, *, profile: bool = False) -> None:
        self.options = options or DetectionOptions()
        self._data = read_cascade(self.options.cascade)
        self._frontal = _Cascade(self.options.cascade, self._data)
        self._profile = None
        if profile:
            self._profile = _Cascade(PROFILE_CASCADE, read_cascade(PROFILE_CASCADE))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the frontal cascade's file."""
        return hashlib.sha256(self._data).hexdigest()

    def coarse(self) -> FaceDetector:
        """Return a detector that tells in a third of the time of which sizes faces may be.

        It sees about as many, but puts their boxes less exactly and takes other things for faces.
        """
        coarse = copy(self)  # loading the cascade again would take as long as searching a picture
        coarse.options = replace(self.options, scale_factor=1.3, neighbors=2)
        coarse._profile = None
        return coarse

    def detect(self, luma: UInt8Array, like: Sequence[Box] = ()) -> tuple[Detection, ...]:
        """Find the faces in a picture.

        Args:
            luma: Brightness, shape (height, width).
            like: Only faces of about the size of these, or between, are looked for; with none,
                faces of any size. Small ones take most of the time.

        Returns:
            Faces from left to right, empty if there is none; boxes lie inside the picture.
        """
        small, scale = self._reduced(luma)
        smallest, largest = max(1, round(min(small.shape) * self.options.smallest_face)), 0
        if like:
            sides = [scale * max(box.width, box.height) for box in like]
            smallest = max(smallest, round(min(sides) / _SIZE_CHANGE))
            largest = round(max(sides) * _SIZE_CHANGE)
        return _placed(self._faces_in(small, (smallest, largest)), small.shape, luma.shape)

    def _reduced(self, luma: UInt8Array) -> tuple[UInt8Array, float]:
        """Return the picture that is searched, and its scale."""
        import cv2

        height, width = luma.shape
        scale = self.options.working_size / max(height, width)
        if scale >= 1:
            return luma, 1.0
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small: Any = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small), scale

    def _faces_in(self, small: UInt8Array, sizes: tuple[int, int]) -> list[Detection]:
        """Find faces between two sizes in pixels; 0 as the largest for any."""
        found = self._search(self._frontal, small, sizes)
        if self._profile is not None:
            found += self._turned_faces(self._profile, small, sizes, found)
        return found

    def _search(
        self, cascade: _Cascade, small: UInt8Array, sizes: tuple[int, int]
    ) -> list[Detection]:
        smallest, largest = sizes
        boxes, _, weights = cascade.of_this_thread().detectMultiScale3(
            small,
            scaleFactor=self.options.scale_factor,
            minNeighbors=self.options.neighbors,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
            outputRejectLevels=True,
        )
        return [
            Detection(Box(*map(int, box)), float(weight))
            for box, weight in zip(boxes, np.ravel(weights), strict=True)
        ]

    def _turned_faces(
        self,
        profile: _Cascade,
        small: UInt8Array,
        sizes: tuple[int, int],
        frontal: list[Detection],
    ) -> list[Detection]:
        """Find faces turned to either side, where no frontal one was found."""
        width = small.shape[1]
        mirrored = [
            replace(face, box=replace(face.box, x=width - face.box.x - face.box.width))
            for face in self._search(profile, np.ascontiguousarray(small[:, ::-1]), sizes)
        ]
        found: list[Detection] = []
        for face in (*self._search(profile, small, sizes), *mirrored):
            taken = (face.box.overlap(other.box) for other in (*frontal, *found))
            if max(taken, default=0.0) < _SAME_FACE_OVERLAP:
                found.append(replace(face, frontal=False))
        return found


def _placed(
    found: list[Detection], small: tuple[int, ...], whole: tuple[int, ...]
) -> tuple[Detection, ...]:
    """Return what was found in a reduced picture, by the shapes of both, from left to right."""
    (height, width), ratio = whole, (whole[1] / small[1], whole[0] / small[0])
    faces = [replace(face, box=_enlarge(face.box, ratio, (width, height))) for face in found]
    return tuple(sorted(faces, key=lambda face: (face.box.x, face.box.y, face.box.width)))


def _enlarge(box: Box, ratio: tuple[float, float], size: tuple[int, int]) -> Box:
    """Return a box found in the reduced picture in pixels of the whole one."""
    left, top = round(box.x * ratio[0]), round(box.y * ratio[1])
    right = min(round((box.x + box.width) * ratio[0]), size[0])
    bottom = min(round((box.y + box.height) * ratio[1]), size[1])
    return Box(left, top, right - left, bottom - top)


def crop(frame: Frame, box: Box, options: CropOptions) -> UInt8Array:
    """Cut a face out of its frame: the one way from a box to pixels, for datasets and timelines.

    The square around the box's middle has the box's longer side plus the margin on each side.
    Where it reaches beyond the frame, the frame's edge pixels are repeated. It is reduced by area
    interpolation and enlarged bilinearly.

    Args:
        frame: The frame.
        box: A face in it.
        options: Size, margin and channels.

    Returns:
        Shape (size, size, 3) for ``rgb``, (size, size, 1) for ``gray``.
    """
    square = _square(frame, box, options.margin)
    return _network_input(square, options.size, options.channels)


def _square(frame: Frame, box: Box, margin: float) -> UInt8Array:
    import cv2

    longer = max(box.width, box.height)
    side = max(1, round(longer * (1 + 2 * margin)))
    x, y = box.center
    left, top = round(x - side / 2), round(y - side / 2)
    height, width = frame.luma.shape
    beyond = (max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width))
    above, below, before, after = beyond
    part = Box(left + before, top + above, side - before - after, side - above - below)
    inside = frame.rgb_within(part)
    if not any(beyond):
        return inside
    padded: UInt8Array = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)  # type: ignore[call-overload, assignment, unused-ignore]
    return padded


def network_inputs(crops: UInt8Array, size: int, channels: Channels) -> UInt8Array:
    """Make what a network sees from stored crops, the same way for training and annotation.

    Gray is ITU-R BT.601 luma; a gray crop becomes colour by repeating its one channel.

    Args:
        crops: Shape (number, height, width, 1 or 3).
        size: Side of the result in pixels; area interpolation downwards, bilinear upwards.
        channels: Channels of the result.

    Returns:
        Shape (number, size, size, 1 or 3).
    """
    return np.stack([_network_input(one, size, channels) for one in crops])


def _network_input(crop: UInt8Array, size: int, channels: Channels) -> UInt8Array:
    import cv2

    pixels: Any = crop
    if channels == "gray" and crop.shape[2] == 3:
        pixels = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if pixels.shape[0] != size:
        shrinks = pixels.shape[0] > size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (size, size), interpolation=method)
    pixels = pixels.reshape(size, size, -1)
    if channels == "rgb" and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def bundled_cascades() -> dict[str, str]:
    """Return the names of the bundled cascades with the digests they must have."""
    lines = resources.files(_BUNDLED).joinpath("SHA256SUMS").read_text("utf-8").splitlines()
    pairs = (line.split() for line in lines)
    return {name.removesuffix(".xml"): digest for digest, name in pairs}


def read_cascade(cascade: str) -> bytes:
    """Return the content of a bundled cascade, by name, or of a cascade file, by path.

    Raises:
        DetectorError: There is no such cascade, or a bundled one is not what was shipped.
    """
    bundled = bundled_cascades()
    name = cascade.removesuffix(".xml")
    if name in bundled:
        return _read_bundled(name, bundled[name])
    path = Path(cascade)
    if path.is_file():
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise DetectorError(f"{path}: cannot be read ({error.strerror})") from error
        _check_foreign(cascade, data)
        return data
    raise DetectorError(
        f"{cascade}: no such cascade file; bundled cascades are {', '.join(sorted(bundled))}"
    )


def _read_bundled(name: str, digest: str) -> bytes:
    file = resources.files(_BUNDLED).joinpath(f"{name}.xml")
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != digest:
        raise DetectorError(
            f"{file}: the bundled cascade is missing or broken; reinstall fer-pipeline"
        )
    return data


@lru_cache(maxsize=2)  # one detector after the other is made of the same file
def _check_foreign(name: str, data: bytes) -> None:
    """Refuse a cascade of a stranger with which OpenCV would crash.

    Raises:
        DetectorError: It is one.
    """
    try:
        check_xml(data)
        with _opened(name, data) as storage:
            check_cascade(storage.getFirstTopLevelNode())
    except UnsoundError as error:
        problem = f"{name}: not a cascade that OpenCV can use ({error})"
        raise DetectorError(problem, "download it again, or give another") from error


@contextmanager
def _opened(name: str, data: bytes) -> Iterator[Any]:
    """Give the tree of a cascade.

    Raises:
        DetectorError: OpenCV cannot read it.
    """
    cv2 = require_opencv()
    try:
        yield cv2.FileStorage(data.decode("utf-8"), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (cv2.error, UnicodeDecodeError, SystemError) as error:
        problem = f"{name}: not a cascade that OpenCV can use"
        raise DetectorError(problem, "download it again") from error


def _load_cascade(name: str, data: bytes) -> CascadeClassifier:
    """Build the classifier, which by itself stays silent about whatever goes wrong."""
    with _opened(name, data) as storage:
        classifier: CascadeClassifier = require_opencv().CascadeClassifier()
        loaded = classifier.read(storage.getFirstTopLevelNode())
    if not loaded or classifier.empty():
        raise DetectorError(f"{name}: not a cascade that OpenCV can use", "download it again")
    return classifier


def require_opencv() -> Any:
    """Import OpenCV.

    Raises:
        DetectorError: It is missing, lacks a system library, or has no Haar cascades.
    """
    try:
        import cv2
    except ImportError as error:
        raise DetectorError(
            f"OpenCV cannot be loaded ({error}); install the system libraries it names (on Debian "
            "and Ubuntu: apt-get install libgl1 libglib2.0-0), or pip install 'opencv-python<5'"
        ) from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorError(
            f"OpenCV {cv2.__version__} has no CascadeClassifier; pip install 'opencv-python<5'"
        )
    return cv2


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let OpenCV work in the thread that calls it: where there are several, more are in the way."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
