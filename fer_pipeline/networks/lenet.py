"""The LeNet family.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86 (1998), doi 10.1109/5.726791. The first study of this product's kind
(Ozdemir et al., TIPTEKNO 2020, doi 10.1109/TIPTEKNO50054.2020.9299256) uses a network that "mimics
LeNet" and gives no filters; these are the two usual readings. Both with rectified linear units and
maximum pooling instead of the original's hyperbolic tangents and trained subsampling.
"""

from __future__ import annotations

from keras import Input, Model, layers

from fer_pipeline.networks.output import probabilities


def lenet5(shape: tuple[int, int, int], classes: int) -> Model:
    """Build LeNet-5: convolutions of 6 and 16 filters without padding, dense 120 and 84."""
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate((6, 16), 1):
        x = layers.Conv2D(filters, 5, activation="relu", name=f"block{number}_conv")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="relu")(x)
    return Model(pixels, probabilities(x, classes), name="lenet5")


def lenet(shape: tuple[int, int, int], classes: int) -> Model:
    """Build LeNet as in Caffe: padded convolutions of 20 and 50 filters, dense 500."""
    pixels = Input(shape)
    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate((20, 50), 1):
        name = f"block{number}_conv"
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(500, activation="relu")(x)
    return Model(pixels, probabilities(x, classes), name="lenet")
