"""The small convolutional networks of a study of four expressions at 48 pixels.

Sukiasian: Deep Learning: Facial Expression Recognition (2023), slides; happy, sad, surprised and
neutral faces. The slides give the layers and the numbers of parameters, which these have exactly.
The course's template differs: dense 512 in CNN 1, dense 256 before 512 in the complex one.
"""

from __future__ import annotations

from typing import Any

from keras import Input, Model, layers

from fer_pipeline.networks.output import probabilities

_SLOPE = 0.1  # of the leaky rectifiers, below zero


def cnn1(shape: tuple[int, int, int], classes: int) -> Model:
    """Build CNN 1: convolutions of 64, 32 and 32 filters, dense 256."""
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate((64, 32, 32), 1):
        name = f"block{number}_conv"
        x = layers.Conv2D(filters, 2, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.4)(x)
    return Model(pixels, probabilities(x, classes), name="cnn1")


def cnn2(shape: tuple[int, int, int], classes: int) -> Model:
    """Build CNN 2: normalised convolutions of 256 to 32 filters, dense 512 and 128."""
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate((256, 128, 64, 32), 1):
        x = _normalised_convolution(x, filters, f"block{number}")
    x = layers.Flatten()(x)
    for units in (512, 128):
        x = layers.Dense(units, activation="relu")(x)
    return Model(pixels, probabilities(x, classes), name="cnn2")


def complexcnn(shape: tuple[int, int, int], classes: int) -> Model:
    """Build the complex CNN: five normalised convolutions, dense 512 and 256."""
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate((64, 128, 512, 512, 128), 1):
        x = _normalised_convolution(x, filters, f"block{number}")
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    for units in (512, 256):
        x = layers.Dense(units)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Dropout(0.5)(x)
    return Model(pixels, probabilities(x, classes), name="complexcnn")


def _normalised_convolution(x: Any, filters: int, name: str) -> Any:
    # A rectifier on either side of the normalisation, as published.
    x = layers.Conv2D(filters, 2, padding="same", activation="relu", name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    x = layers.LeakyReLU(negative_slope=_SLOPE)(x)
    return layers.MaxPooling2D()(x)
