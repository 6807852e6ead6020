"""How large a model is: its weights, counted without Keras, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from fer_pipeline.errors import ModelError
from fer_pipeline.model_folder import KERAS_FILE, LITERT_FILE

_WEIGHTS_FILE = "model.weights.h5"
"""Inside the Keras file, which is an archive."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """How large a model is.

    Attributes:
        weights: Number of weights, those that do not learn included; None without the Keras file.
        bytes: Size of each of the model's files that is there.
    """

    weights: int | None
    bytes: dict[str, int]


def model_size(folder: Path) -> ModelSize:
    """Measure the model of a folder.

    Raises:
        ModelError: The Keras file is broken.
    """
    files = [folder / name for name in (KERAS_FILE, LITERT_FILE) if (folder / name).is_file()]
    keras_file = folder / KERAS_FILE
    return ModelSize(
        weights=count_weights(keras_file) if keras_file in files else None,
        bytes={file.name: file.stat().st_size for file in files},
    )


def count_weights(path: Path) -> int:
    """Count the weights in a Keras file, as Keras counts the parameters of a model.

    Raises:
        ModelError: The file is broken.
    """
    import h5py

    total = 0

    def add(name: str, stored: Any) -> None:
        nonlocal total
        if isinstance(stored, h5py.Dataset) and not name.startswith("optimizer/"):
            total += int(stored.size)

    try:
        with (
            ZipFile(path) as archive,
            archive.open(_WEIGHTS_FILE) as weights,
            h5py.File(weights, "r") as file,
        ):
            file.visititems(add)
    except (BadZipFile, KeyError, OSError) as error:
        raise ModelError(f"{path}: not a model that Keras can load") from error
    return total
