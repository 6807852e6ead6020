"""What is installed, what is missing and how to get it, and which device is used."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from fer_pipeline import __version__
from fer_pipeline.errors import FerError
from fer_pipeline.faces import DetectionOptions, FaceDetector, bundled_cascades, require_opencv
from fer_pipeline.files import digest_of
from fer_pipeline.model_folder import DEFAULT_FOLDER, LITERT_FILE, ModelSpec, bundled_model
from fer_pipeline.provenance import installed_version
from fer_pipeline.quiet import quiet
from fer_pipeline.workers import available_cores


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        subject: What was looked at.
        detail: What was found.
        good: Whether it is as it should be.
        needed: Whether anything fails without it.
        remedy: What to do about it.
    """

    subject: str
    detail: str
    good: bool = True
    needed: bool = True
    remedy: str = ""

    @property
    def mark(self) -> str:
        """A word for the first column."""
        if self.good:
            return "ok"
        return "MISSING" if self.needed else "note"


# Package and the module that it is imported as.
_LIBRARIES = (
    ("numpy", "numpy"),
    ("av", "av"),
    ("h5py", "h5py"),
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("click", "click"),
    ("tqdm", "tqdm"),
    ("matplotlib", "matplotlib.figure"),
    ("scipy", "scipy.stats"),
)

_CODECS = ("h264", "hevc", "mpeg4", "vp8", "vp9", "av1")


def diagnose() -> Iterator[Finding]:
    """Look at everything the product stands on, one after the other."""
    yield Finding("fer", __version__)
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("cores", str(available_cores()))
    for package, module in _LIBRARIES:
        yield _library(package, module)
    yield _opencv()
    for cascade in bundled_cascades():
        yield _cascade(cascade)
    yield _decoders()
    yield _keras()
    yield _bundled_model()
    yield _own_model()


def _library(package: str, module: str) -> Finding:
    remedy = f"pip install {package}"
    try:
        import_module(module)
    except ImportError as error:
        return Finding(package, str(error), good=False, remedy=remedy)
    return Finding(package, installed_version(package) or "of unknown version")


def _attempt(subject: str, look: Callable[[], str], *, needed: bool = True) -> Finding:
    try:
        return Finding(subject, look())
    except FerError as error:
        return Finding(subject, str(error), good=False, needed=needed, remedy=str(error))


def _opencv() -> Finding:
    return _attempt("opencv", lambda: str(require_opencv().__version__))


def _cascade(name: str) -> Finding:
    return _attempt(name, lambda: f"SHA-256 {_detector(name).digest}")


def _detector(name: str) -> FaceDetector:
    return FaceDetector(DetectionOptions(cascade=name))


def _decoders() -> Finding:
    try:
        import av
    except ImportError as error:
        return Finding("decoders", str(error), good=False, remedy="pip install av")
    missing = []
    for name in _CODECS:
        try:
            av.codec.Codec(name, "r")
        except av.codec.codec.UnknownCodecError:
            missing.append(name)
    if missing:
        detail = f"no decoder for {', '.join(missing)}"
        return Finding("decoders", detail, good=False, remedy="pip install --upgrade av")
    return Finding("decoders", ", ".join(_CODECS))


def _keras() -> Finding:
    """Look at what training needs; annotation does without."""
    from fer_pipeline.keras_backend import devices, load_keras

    def look() -> str:
        with quiet():
            keras = load_keras()
            return f"keras {keras.__version__} on {keras.backend.backend()}, {devices()}"

    return _attempt("training", look, needed=False)


def _bundled_model() -> Finding:
    def look() -> str:
        folder = bundled_model()
        return f"{_described(folder)}; SHA-256 {digest_of(folder / LITERT_FILE)}"

    return _attempt("bundled model", look)


def _own_model() -> Finding:
    if not DEFAULT_FOLDER.exists():
        return Finding("./model", "none in this folder, so the bundled model annotates")
    return _attempt("./model", lambda: _described(DEFAULT_FOLDER), needed=False)


def _described(folder: Path) -> str:
    spec = ModelSpec.read(folder)
    return f"{spec.network}, {', '.join(spec.emotions)}"
