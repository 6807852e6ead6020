"""ResNetM, a small residual network.

Yudin, Dolzhenko, Kapustina: The usage of grayscale or color images for facial expression
recognition with deep neural networks, NEUROINFORMATICS-2019: 120×120 pixels, 8 classes. Its blocks
are those of ResNet-50 in its first version (He, Zhang, Ren, Sun, CVPR 2016, doi
10.1109/CVPR.2016.90), of which it has the first two stages.
"""

from __future__ import annotations

from typing import Any

from keras import Input, Model, layers

from fer_pipeline.networks.output import probabilities


def resnetm(shape: tuple[int, int, int], classes: int) -> Model:
    """Build ResNetM.

    The published numbers of parameters leave open the pools (3 or 2; 7 or 6) and the number of
    dropouts; these are the laboratory's.
    """
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(64, 7, strides=2, padding="same", name="conv1_conv")(x)
    x = layers.BatchNormalization(name="conv1_bn")(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _stage(x, 64, blocks=3, stride=1, name="conv2")
    x = _stage(x, 128, blocks=4, stride=2, name="conv3")
    x = layers.AveragePooling2D(7)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dense(200, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    return Model(pixels, probabilities(x, classes), name="resnetm")


def _stage(x: Any, filters: int, blocks: int, stride: int, name: str) -> Any:
    """Chain bottlenecks; the first changes size and depth, so that its shortcut must too."""
    shortcut = _normalised(x, 4 * filters, 1, stride, f"{name}_block1_0")
    x = _bottleneck(x, shortcut, filters, stride, f"{name}_block1")
    for block in range(2, blocks + 1):
        x = _bottleneck(x, x, filters, 1, f"{name}_block{block}")
    return x


def _bottleneck(x: Any, shortcut: Any, filters: int, stride: int, name: str) -> Any:
    x = layers.ReLU()(_normalised(x, filters, 1, stride, f"{name}_1"))
    x = layers.ReLU()(_normalised(x, filters, 3, 1, f"{name}_2"))
    x = _normalised(x, 4 * filters, 1, 1, f"{name}_3")
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _normalised(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", name=f"{name}_conv")(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)
