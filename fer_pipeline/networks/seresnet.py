"""A narrow residual network that weighs its channels: accurate for a small, fast network.

Residual blocks of two convolutions: He, Zhang, Ren, Sun, CVPR 2016, doi 10.1109/CVPR.2016.90.
Squeeze and excitation: Hu, Shen, Sun, CVPR 2018, doi 10.1109/CVPR.2018.00745. Shortcuts that
average before they subsample: He, Zhang, Zhang, Zhang, Xie, Li, CVPR 2019 (ResNet-D), doi
10.1109/CVPR.2019.00065. The widths are our own, chosen for faces of 48 pixels on one thread of a
processor.
"""

from __future__ import annotations

from typing import Any

from keras import Input, Model, layers

from fer_pipeline.networks.output import probabilities

_STEM = 16
_STAGES = ((48, 2), (96, 2), (192, 2))
"""Filters and blocks of each stage; each halves the sides."""

_SQUEEZE = 8
_DROPOUT = 0.3

# Of pixels from 0 to 1: a face without any contrast shall not become noise.
_LEAST_VARIANCE = 1e-4


def seresnet(shape: tuple[int, int, int], classes: int, *, even_contrast: bool = True) -> Model:
    """Build the network.

    Args:
        shape: Of an image: height, width, channels.
        classes: How many emotions there are.
        even_contrast: Whether brightness and contrast of a face are taken out of it first, so that
            a dim room looks like a bright one.
    """
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255, dtype="float32")(pixels)
    if even_contrast:
        x = _evened(x)
    x = layers.ReLU()(_normalised(x, _STEM, 3, 1, "stem"))
    for stage, (filters, blocks) in enumerate(_STAGES, 1):
        for block in range(1, blocks + 1):
            x = _block(x, filters, 2 if block == 1 else 1, f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(_DROPOUT)(x)
    return Model(pixels, probabilities(x, classes), name="seresnet")


def _evened(x: Any) -> Any:
    return layers.LayerNormalization(
        axis=(1, 2, 3),
        epsilon=_LEAST_VARIANCE,
        center=False,
        scale=False,
        dtype="float32",
        name="contrast",
    )(x)


def _block(x: Any, filters: int, stride: int, name: str) -> Any:
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same")(shortcut)
    if x.shape[-1] != filters:
        shortcut = _normalised(shortcut, filters, 1, 1, f"{name}_0")
    x = layers.ReLU()(_normalised(x, filters, 3, stride, f"{name}_1"))
    x = _weighed(_normalised(x, filters, 3, 1, f"{name}_2"), filters, name)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _weighed(x: Any, filters: int, name: str) -> Any:
    """Weigh each channel by what all of them show in the whole picture."""
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = layers.Conv2D(filters // _SQUEEZE, 1, activation="relu", name=f"{name}_squeeze")(
        weight
    )
    weight = layers.Conv2D(filters, 1, activation="sigmoid", name=f"{name}_excite")(weight)
    return layers.Multiply()([x, weight])


def _normalised(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)
