"""The statistics by which normalising layers predict: mean and variance of what reaches them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import Model, layers, ops

from fer_pipeline.networks.backbones import weighted_layers


def learns_statistics(model: Model) -> bool:
    """Tell whether a network has normalising layers that are not frozen."""
    return bool(_normalising(model))


def settle_statistics(model: Model, batches: Iterable[Any]) -> None:
    """Replace what normalising layers remember by what reaches them with the weights of now.

    Keras' layers average over the last steps, most over about a hundred, in which the weights have
    changed, and while a network learns fast they have changed much: it may tell the faces of a
    training batch and, by its statistics, nothing. Taken anew from a few batches they are those of
    one network (Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, arXiv 2105.07576).

    Args:
        model: A network that `learns_statistics`.
        batches: Inputs, varied as in training; each batch counts alike, so let all be as large.
    """
    normalising = _normalising(model)
    momenta = [layer.momentum for layer in normalising]
    reached: list[list[tuple[Any, Any]]] = [[] for _ in normalising]
    try:
        for layer in normalising:
            layer.momentum = 0.0  # to remember the last batch alone
        for batch in batches:
            model(batch, training=True)
            for layer, seen in zip(normalising, reached, strict=True):
                seen.append(tuple(map(_values, (layer.moving_mean, layer.moving_variance))))
    finally:
        for layer, momentum in zip(normalising, momenta, strict=True):
            layer.momentum = momentum
    for layer, seen in zip(normalising, reached, strict=True):
        means, variances = map(np.stack, zip(*seen, strict=True))
        layer.moving_mean.assign(means.mean(axis=0))
        layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))


def _normalising(model: Model) -> list[Any]:
    return [
        layer
        for layer in weighted_layers(model)
        if isinstance(layer, layers.BatchNormalization) and layer.trainable
    ]


def _values(variable: Any) -> Any:
    return np.array(ops.convert_to_numpy(variable))
