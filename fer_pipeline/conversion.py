"""From a Keras model to the LiteRT file beside it, which annotation uses."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, get_args
from zipfile import BadZipFile

from fer_pipeline.errors import ModelError
from fer_pipeline.files import replacing
from fer_pipeline.keras_backend import has_tensorflow, load_keras
from fer_pipeline.keras_file import check_keras_file
from fer_pipeline.model_folder import KERAS_FILE, LITERT_FILE, model_file
from fer_pipeline.quiet import quiet

Quantization = Literal["none", "float16", "int8"]
QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
"""What becomes of the weights in the LiteRT file: 32 bits each, 16 (half the size, as fast), or 8.

With 8, the sums are computed in whole numbers too, their scale taken from each face anew (LiteRT's
dynamic range): a quarter of the size and three times as fast, with slightly other probabilities.
"""


def load_model(folder: Path) -> Any:
    """Load the Keras model of a folder; code inside the file is never run.

    Raises:
        ModelError: The file is missing or broken.
    """
    keras = load_keras()
    path = model_file(folder, KERAS_FILE, "train the model again")
    check_keras_file(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (BadZipFile, OSError, TypeError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not a model that Keras can load") from error


def write_litert(folder: Path, quantization: Quantization = "none") -> Path:
    """Write the LiteRT form of a folder's Keras model.

    TensorFlow does it. Where Keras runs on another backend here, a process of its own is started.

    Args:
        folder: The model folder.
        quantization: What becomes of the weights.

    Returns:
        The file written.

    Raises:
        ModelError: TensorFlow is not installed, or the model cannot be converted.
    """
    if not has_tensorflow():
        raise ModelError(
            f"{folder}: {LITERT_FILE} is written by TensorFlow, which is not installed here; "
            f"run fer export-model {folder} where it is"
        )
    if load_keras().backend.backend() == "tensorflow":
        model = load_model(folder)
        with replacing(folder / LITERT_FILE) as unfinished:
            unfinished.write_bytes(_convert(model, quantization))
    else:
        _in_own_process(folder, quantization)
    return folder / LITERT_FILE


def _in_own_process(folder: Path, quantization: Quantization) -> None:
    given = [str(folder), "--quantize", quantization]
    command = [sys.executable, "-m", "fer_pipeline", "export-model", *given]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModelError(f"{folder}: cannot be converted: {done.stderr.strip()}")


def _convert(model: Any, quantization: Quantization) -> bytes:
    import tensorflow as tf

    # By way of a saved model: the converter's own way for Keras models is for older versions. The
    # export of Keras itself traces the network four times, most of the time with a deep one.
    saved = tf.Module()
    saved.variables_kept = [variable.value for variable in model.variables]
    shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    saved.tell = tf.function(lambda x: model(x, training=False), input_signature=[shape])
    with quiet(), tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(saved, scratch, signatures=saved.tell)
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
        if quantization != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        converted: bytes = converter.convert()
    return converted
