"""Keras, set up so that the same seed gives the same model, and quiet.

The backend is TensorFlow unless ``KERAS_BACKEND`` says otherwise.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer_pipeline.errors import ModelError
from fer_pipeline.quiet import quiet


def load_keras() -> Any:
    """Import Keras with its backend.

    Raises:
        ModelError: Keras or its backend is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _clear_up_at_exit()
    try:
        with quiet():
            import keras

            keras.ops.zeros(1)  # the backend says what it has to say on its first use
    except ImportError as error:
        raise ModelError(
            f"training needs Keras with a backend, which cannot be loaded ({error}); "
            "pip install tensorflow"
        ) from error
    return keras


@cache
def _clear_up_at_exit() -> None:
    """Remove in the end what Python has compiled of TensorFlow's generated code.

    That code lies among the temporary files; TensorFlow removes it, and leaves what was compiled.
    """
    atexit.register(_remove_compiled)


def _remove_compiled() -> None:
    generated = [name for name in sys.modules if name.startswith("__autograph_generated_file")]
    for name in generated:
        spec = sys.modules[name].__spec__
        if spec is not None and spec.cached is not None:
            with suppress(OSError):
                Path(spec.cached).unlink(missing_ok=True)
                Path(spec.cached).parent.rmdir()  # unless another process has some there


def has_tensorflow() -> bool:
    """Return whether TensorFlow can be imported, whatever its distribution is called."""
    return find_spec("tensorflow") is not None


def make_repeatable(seed: int) -> None:
    """Seed Python, numpy and Keras, and ask TensorFlow for deterministic operations."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


@contextmanager
def precision(*, mixed: bool) -> Iterator[None]:
    """Let networks that are built inside compute in 16 bits if ``mixed``, with weights in 32.

    float16 on a GPU, whose fast units take it; bfloat16 elsewhere, which needs no scaled loss.
    """
    keras = load_keras()
    before = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy("mixed_float16" if _gpus() else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def devices() -> str:
    """Say on which device the backend computes, in words."""
    gpus = _gpus()
    return ", ".join(gpus) if gpus else "on the CPU"


def _gpus() -> list[str]:
    found: list[str] = list(load_keras().distribution.list_devices())
    return [name for name in found if not name.startswith("cpu")]
