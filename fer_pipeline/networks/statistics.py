"""The statistics by which normalising layers predict: means over the batches learned from."""

from __future__ import annotations

from keras import Model, layers

from fer_pipeline.networks.backbones import weighted_layers

# Four times in an epoch they can forget all that they were, so that an epoch is judged by its own.
_MEMORIES_IN_AN_EPOCH = 4

# Fewer batches than two tell a mean badly.
_LEAST_MOMENTUM = 0.5


def remember_less_than_an_epoch(model: Model, steps: int) -> None:
    """Let the statistics keep up with the weights where an epoch has few steps.

    Keras' layers average over about a hundred steps. Where an epoch has thirty, as that of a small
    study, they would still be mostly what they were before the first step, and a network that has
    learned well would predict as if it had learned nothing. From 400 steps on nothing is changed.

    Args:
        model: Not compiled into a training step yet.
        steps: Of an epoch.
    """
    shorter = max(_LEAST_MOMENTUM, 1 - _MEMORIES_IN_AN_EPOCH / steps)
    for layer in weighted_layers(model):
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, shorter)
