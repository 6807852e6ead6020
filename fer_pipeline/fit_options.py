"""How a network is fitted, and what is told of each epoch; without Keras."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_SEED = 2**32 - 1
"""Of numpy's older generator, which Keras seeds too."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a network is fitted.

    Attributes:
        epochs: At most so many passes over the training faces.
        batch: Faces a step.
        learning_rate: Adam's first learning rate.
        patience: Epochs without a lower validation loss after which training stops.
        slow_down: Epochs without a lower validation loss after which the rate is divided by ten.
        seed: Decides the first weights and the order of the faces; 0 to `LARGEST_SEED`.
    """

    epochs: int = 60
    batch: int = 32
    learning_rate: float = 1e-3
    patience: int = 8
    slow_down: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one pass: losses are mean cross-entropies in nats.

    Attributes:
        number: From 1.
        loss: On the training faces, weighted, while they were learned from.
        accuracy: On the same.
        validation_loss: On the validation faces; NaN if there are none.
        validation_accuracy: On the same.
        learning_rate: Of this epoch.
        seconds: Time it took.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float
