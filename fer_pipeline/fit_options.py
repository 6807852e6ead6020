"""How a network is fitted, and what is told of each epoch; without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

LARGEST_SEED = 2**32 - 1
"""Of numpy's older generator, which Keras seeds too."""

Optimizer = Literal["adam", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

Schedule = Literal["plateau", "cosine", "constant"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)

Monitor = Literal["loss", "accuracy"]
MONITORS: tuple[Monitor, ...] = get_args(Monitor)

Target = Literal["label", "votes"]
TARGETS: tuple[Target, ...] = get_args(Target)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a network is fitted.

    Attributes:
        epochs: At most so many passes over the training faces.
        batch: Faces a step.
        target: What is to be told of a training face: its label, or how its annotators voted, where
            they did (Barsoum et al., ICMI 2016).
        mixup: Parameter of the Beta distribution by which training faces, and what is to be told of
            them, are blended in pairs (Zhang et al., ICLR 2018); 0 for not at all.
        optimizer: ``sgd`` has a momentum of 0.9, after Nesterov.
        learning_rate: The first one.
        weight_decay: Share of the learning rate by which every step lessens each weight.
        schedule: ``plateau`` divides the rate by ten where the validation does not get better,
            ``cosine`` lets it fall to nothing over all epochs, which are then all run.
        monitor: What of the validation faces tells the best epoch.
        patience: Epochs without a better validation after which training stops; not for ``cosine``.
        slow_down: Epochs without a better validation after which ``plateau`` lowers the rate.
        freeze: Whether the pretrained backbone keeps its weights and only the head learns.
        unfreeze: Epochs after which one more block of the frozen backbone joins, from the top, at a
            tenth of the rate; None for never.
        mixed_precision: Whether to compute in 16 bits: float16 on a GPU, bfloat16 elsewhere.
        seed: Decides the first weights and the order of the faces; 0 to `LARGEST_SEED`.
    """

    epochs: int = 60
    batch: int = 32
    target: Target = "label"
    mixup: float = 0.0
    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: Schedule = "plateau"
    monitor: Monitor = "loss"
    patience: int = 8
    slow_down: int = 4
    freeze: bool = False
    unfreeze: int | None = None
    mixed_precision: bool = False
    seed: int = 0

    @property
    def blurred(self) -> bool:
        """Whether a face may be several emotions in part, and not one."""
        return self.target == "votes" or self.mixup > 0


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
