"""From a trained model folder to the small one that comes with the package."""

from __future__ import annotations

import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import h5py
import numpy as np

from fer_pipeline.conversion import write_litert
from fer_pipeline.files import replacing, writing
from fer_pipeline.model_folder import (
    HISTORY_FILE,
    KERAS_FILE,
    METRICS_FILE,
    SPLIT_FILE,
    ModelSpec,
)

MARGIN = 0.02
"""Around our detector's box: the median of those that give FER2013's own pictures (crops.py)."""

WEIGHTS_FILE = "model.weights.h5"
"""Inside a Keras file, which is an archive."""

KEPT = (HISTORY_FILE, METRICS_FILE, SPLIT_FILE)


def ship(trained: Path, folder: Path) -> None:
    """Write the folder that comes with the package.

    Weights are rounded to 16 bits, which halves the Keras file once it is compressed; annotation's
    file has them in 8. What else differs is the margin of the crop.

    Args:
        trained: A model folder.
        folder: Where it goes; another model there is replaced.
    """
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    with writing(folder):
        with replacing(folder / KERAS_FILE) as unfinished:
            round_weights(trained / KERAS_FILE, unfinished)
        for name in KEPT:
            shutil.copy(trained / name, folder / name)
        spec = ModelSpec.read(trained)
        replace(spec, crop=replace(spec.crop, margin=MARGIN)).write(folder)
        write_litert(folder, "int8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 2**20:.1f} MiB")


def round_weights(source: Path, target: Path) -> None:
    """Copy a Keras file with its weights rounded to 16 bits, and compress it."""
    with ZipFile(source) as given, ZipFile(target, "w", compresslevel=9) as written:
        for name in given.namelist():
            data = given.read(name)
            entry = ZipInfo(name)  # without the time of day: the same model gives the same bytes
            entry.compress_type = ZIP_DEFLATED
            written.writestr(entry, rounded(data) if name == WEIGHTS_FILE else data)


def rounded(data: bytes) -> bytes:
    """Round all weights of an HDF5 file; they stay numbers of 32 bits."""
    memory = BytesIO(data)
    with h5py.File(memory, "r+") as file:

        def round_one(_: str, stored: object) -> None:
            if isinstance(stored, h5py.Dataset) and stored.dtype == np.float32:
                stored[...] = stored[...].astype(np.float16).astype(np.float32)

        file.visititems(round_one)
    return memory.getvalue()
