"""The model folder: what is in it, and the spec that says how to feed the model.

Everything that annotation must repeat, from the crop to the order of the emotions, is in
``spec.json``. Nothing in the folder is code, and loading runs none.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import CropRecord
from fer_pipeline.errors import ModelError
from fer_pipeline.faces import CHANNEL_COUNT, Channels
from fer_pipeline.files import UNFINISHED_SUFFIX
from fer_pipeline.json_values import fits, json_text, parse_json

FORMAT = "fer-model"
VERSION = 1

DEFAULT_FOLDER = Path("model")

BUNDLED = "default"
"""What the model that comes with the package is called."""

_BUNDLED_FOLDER = "default_model"

KERAS_FILE = "model.keras"
LITERT_FILE = "model.tflite"
SPEC_FILE = "spec.json"
HISTORY_FILE = "history.csv"
METRICS_FILE = "metrics.json"
CURVES_FILE = "learning-curves.png"
CONFUSION_FILE = "confusion.png"
CARD_FILE = "model-card.md"
SPLIT_FILE = "split.npz"
PREDICTIONS_FILE = "predictions.npz"

FILES = frozenset(
    {
        KERAS_FILE,
        LITERT_FILE,
        SPEC_FILE,
        HISTORY_FILE,
        METRICS_FILE,
        CURVES_FILE,
        CONFUSION_FILE,
        CARD_FILE,
        SPLIT_FILE,
        PREDICTIONS_FILE,
    }
)
"""All that we write into a model folder."""


LARGEST_SIZE = 4096
"""Side of a crop or an input in pixels: four times what can be asked for."""

_LARGEST_MARGIN = 10

_NUMBER = (int, float)

# What readers rely on, of a spec that a stranger may have written.
_REQUIRED = {
    "network": str,
    "emotions": [str],
    "input_size": int,
    "input_channels": str,
    "crop": {
        "size": int,
        "margin": _NUMBER,
        "channels": str,
        "detector": {"cascade": str},
        "cascade_digest": str,
    },
}
_OPTIONAL = {
    "dataset": {"digest": str, "faces": int, "file": str},
    "split": {
        "kind": str,
        "seed": int,
        "participants": {str: [str]},
        "groups": {str: [str]},
        "learned_before": [str],
    },
    "training": {"run": {"options": {}}},
    "provenance": {"seed": int, "command": str, "versions": {}},
}

# Damage to an archive of arrays shows in many ways, down to those of the compression.
_DAMAGE = (
    BadZipFile, EOFError, MemoryError, OSError, RuntimeError, TypeError, ValueError, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class ModelSpec:
    """What rebuilds a model's input and reads its output.

    Attributes:
        network: Name of the architecture.
        emotions: What the outputs stand for, in their order.
        input_size: Side of the network's input in pixels.
        input_channels: Representation of the network's input.
        crop: How a face is cut out of its frame before that.
        dataset: Digest and number of faces of the data it was trained on.
        split: How people were divided, and who was on which side.
        training: Options of the training.
        provenance: Command, time and versions.
    """

    network: str
    emotions: tuple[str, ...]
    input_size: int
    input_channels: Channels
    crop: CropRecord
    dataset: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the spec into a model folder."""
        values = {"format": FORMAT, "version": VERSION, **asdict(self)}
        write_json(folder / SPEC_FILE, values)

    @classmethod
    def read(cls, folder: Path) -> ModelSpec:
        """Read the spec of a model folder.

        Raises:
            ModelError: There is no model, or its spec is broken or of another version.
        """
        path = folder / SPEC_FILE
        if not path.is_file():
            raise ModelError(f"{folder}: no model folder ({SPEC_FILE} is missing)")
        try:
            values = parse_json(path.read_text("utf-8"))
            found = values.pop("format"), values.pop("version")
            if found != (FORMAT, VERSION):
                raise ModelError(
                    f"{path}: {found[0]} version {found[1]} cannot be read by this fer"
                )
            _check(values)
            crop = CropRecord(**values.pop("crop"))
            emotions = tuple(values.pop("emotions"))
            return cls(crop=crop, emotions=emotions, **values)
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: broken ({error}); train the model again") from error


def _check(values: dict[str, Any]) -> None:
    """Make sure that a spec, which a stranger may have written, says what can be meant.

    Raises:
        KeyError: Something is missing.
        ValueError: Something makes no sense.
    """
    for name, kind in (_REQUIRED | _OPTIONAL).items():
        if not fits(values[name] if name in _REQUIRED else values.get(name, {}), kind):
            raise ValueError(f"{name} makes no sense")
    crop, emotions = values["crop"], values["emotions"]
    for channels in (values["input_channels"], crop["channels"]):
        if channels not in CHANNEL_COUNT:
            raise ValueError(f"channels {channels} are not known")
    for size in (values["input_size"], crop["size"]):
        if not 1 <= size <= LARGEST_SIZE:
            raise ValueError(f"the size {size} is not from 1 to {LARGEST_SIZE}")
    if not 0 <= crop["margin"] <= _LARGEST_MARGIN:
        raise ValueError(f"the margin {crop['margin']} is not from 0 to {_LARGEST_MARGIN}")
    if not emotions or len(set(emotions)) < len(emotions):
        raise ValueError("emotions are missing, or there twice")


def find_model(given: Path | None) -> Path:
    """Choose the model that annotates: the one given, else ``./model``, else the bundled one.

    Args:
        given: A model folder, or `BUNDLED` where no such folder exists.

    Raises:
        ModelError: The bundled one is wanted and cannot be had.
    """
    if given is None:
        given = DEFAULT_FOLDER if DEFAULT_FOLDER.exists() else Path(BUNDLED)
    return bundled_model() if given == Path(BUNDLED) and not given.exists() else given


def bundled_model() -> Path:
    """Return the folder of the model that comes with the package.

    Raises:
        ModelError: It is not there as a folder.
    """
    folder = resources.files("fer_pipeline") / _BUNDLED_FOLDER
    if not isinstance(folder, Path) or not folder.is_dir():
        raise ModelError(
            f"{folder}: the bundled model is missing; install fer-pipeline again, unpacked, "
            "or give a model folder with --model"
        )
    return folder


def is_bundled(folder: Path) -> bool:
    """Return whether a model folder is that of the package."""
    return folder.name == _BUNDLED_FOLDER and folder == bundled_model()


def described(folder: Path) -> str:
    """Return what a model folder is called in messages."""
    return "the bundled model" if is_bundled(folder) else str(folder)


def foreign_names(folder: Path) -> list[str]:
    """Return the names in a model folder that are not ours, sorted."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name.removesuffix(UNFINISHED_SUFFIX) not in FILES)


def model_file(folder: Path, name: str, remedy: str) -> Path:
    """Return the path of a file that a model folder must have.

    Raises:
        ModelError: It is missing; ``remedy`` says what to do.
    """
    path = folder / name
    if not path.is_file():
        raise ModelError(f"{path}: missing from the model folder; {remedy}")
    return path


def read_arrays(folder: Path, name: str, remedy: str) -> dict[str, NDArray[Any]]:
    """Read a file of plain arrays, which a model folder must have.

    Raises:
        ModelError: It is missing or broken; ``remedy`` says what to do.
    """
    path = model_file(folder, name, remedy)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except _DAMAGE as error:
        raise ModelError(f"{path}: broken ({error}); {remedy}") from error


def write_json(path: Path, values: Any) -> None:
    """Write plain values so that people can read them too."""
    path.write_text(json_text(values, indent=2) + "\n", "utf-8")
