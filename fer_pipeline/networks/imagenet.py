"""The one thing of the networks that may come over a network: weights that Keras distributes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from fer_pipeline.errors import ModelError

if TYPE_CHECKING:
    from fer_pipeline.networks.backbones import Backbone

_PATIENCE_S = 30.0


def with_imagenet_weights(backbone: Backbone, shape: tuple[int, int, int]) -> keras.Model:
    """Build a backbone with ImageNet weights, which Keras fetches unless it has them already.

    Raises:
        ModelError: They cannot be fetched.
    """
    with _silent_keras(), _patience(_PATIENCE_S):
        try:
            return backbone.application(include_top=False, weights="imagenet", input_shape=shape)
        except Exception as error:  # what Keras raises has no type of its own
            raise ModelError(
                f"{backbone.file}: these ImageNet weights cannot be fetched ({error}); "
                f"fetch {backbone.url} where that is possible, and put it into {cache_folder()} "
                "or give it with --weights FILE"
            ) from error


def cache_folder() -> Path:
    """Return the folder in which Keras looks for weights."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"


@contextmanager
def _silent_keras() -> Iterator[None]:
    """Keep Keras' messages and bars from the terminal."""
    talking = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if talking:
            keras.config.enable_interactive_logging()


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Give up a server that does not answer; Keras itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
