"""The last layer that all networks share."""

from __future__ import annotations

from typing import Any

from keras import layers


def probabilities(features: Any, classes: int) -> Any:
    """Put a dense layer with softmax on features, in 32 bits even where the rest computes in 16.

    In 16 bits the probabilities of 8 classes would not add up to 1, nor a loss be exact.
    """
    return layers.Dense(classes, activation="softmax", dtype="float32")(features)
