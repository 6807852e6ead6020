"""What the networks share that are built on one of keras.applications, and which layers learn.

The application is one layer of the network, called `BACKBONE`, or `PRETRAINED` if it does not begin
with random weights; what lies behind it is the head. In a network without a backbone the head
begins with the first dense layer. Below the head, a layer called ``block3_…`` or ``conv3_…``
belongs to the third block, as in keras.applications; one without a number goes with the block
before it.

A pretrained backbone's batch normalisation keeps the statistics that it came with, which a few
faces would spoil. Keras runs a normalisation that is not trainable so, and saves with the model
that it is not. Calling the backbone with ``training=False``, as Keras' guide to transfer learning
has it, is without effect here: where a functional model is inside another, fitting overrides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from keras import Input, Layer, Model, layers

from fer_pipeline.errors import ModelError
from fer_pipeline.networks.imagenet import with_imagenet_weights
from fer_pipeline.networks.output import probabilities

BACKBONE = "backbone"
PRETRAINED = "pretrained_backbone"

LOADING_ERRORS = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What Keras and HDF5 raise for a file that is broken or of something else."""

_BLOCK = re.compile(r"block(\d+)|(?:conv|pool)(\d+)_")


@dataclass(frozen=True, slots=True)
class Backbone:
    """One of keras.applications.

    Attributes:
        application: Builds it.
        url: Where Keras fetches its ImageNet weights from, those without the top.
        scale: From a tensor of pixels of 0 to 255, in RGB or gray, to what it takes.
    """

    application: Callable[..., Model]
    url: str
    scale: Callable[[Any], Any]

    @property
    def file(self) -> str:
        """Name of the file of its ImageNet weights."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Start:
    """What a backbone begins with.

    Attributes:
        weights: The weights that Keras distributes, a file of such weights, or None for random
            ones.
        pretrained: Whether the weights were learnt, by now or in the model from which they are
            taken later.
        depth: Channels that the first convolution sees; None for as many as the input has.
    """

    weights: Path | Literal["imagenet"] | None = None
    pretrained: bool = False
    depth: int | None = None


RANDOM = Start()


def on_backbone(
    backbone: Backbone, shape: tuple[int, int, int], start: Start = RANDOM
) -> tuple[Any, Any]:
    """Begin a network with a backbone.

    A gray input is repeated where the first convolution sees three channels.

    Returns:
        The input, and the backbone's features, shape (batch, height, width, filters).

    Raises:
        ModelError: The weights cannot be fetched, or the file holds others.
    """
    height, width, channels = shape
    depth = start.depth or channels
    pixels = Input(shape)
    x = pixels
    if depth > channels:
        x = layers.Concatenate(name="repeat")([pixels] * depth)
    inner = _begin(backbone, (height, width, depth), start.weights)
    # Renamed by wrapping, for Keras finds the file of some weights by the model's name.
    name = PRETRAINED if start.pretrained else BACKBONE
    wrapped = Model(inner.input, inner.output, name=name)
    if start.pretrained:
        _keep_statistics(wrapped)
    return pixels, wrapped(backbone.scale(x))


def under_dense_head(features: Any, classes: int) -> Any:
    """Put a head on features: global average pooling, dense 256, dropout 0.4, probabilities.

    Ours, for the published networks whose heads are not known: the dense layer and dropout of CNN 1
    in the same study.
    """
    x = layers.GlobalAveragePooling2D()(features)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.4)(x)
    return probabilities(x, classes)


def backbone_of(model: Model) -> Model | None:
    """Return the backbone inside a network, None if it has none."""
    for layer in model.layers:
        if layer.name in (BACKBONE, PRETRAINED):
            return layer
    return None


def stages(model: Model) -> tuple[tuple[Layer, ...], ...]:
    """Divide the layers below the head that have weights into blocks, from the top down."""
    blocks: dict[int, list[Layer]] = {}
    number = 0
    for layer in _below_head(model):
        # Branches of a block may lie beside layers of the next; none goes back.
        number = max(number, _block_number(layer.name))
        blocks.setdefault(number, []).append(layer)
    return tuple(map(tuple, reversed(blocks.values())))


def set_trainable(model: Model, stage: int) -> None:
    """Let the head and so many blocks below it learn, and freeze the rest.

    A model that was compiled must be compiled again. What learns is saved with the model.

    Args:
        model: One of our networks.
        stage: 0 for the head alone, up to ``len(stages(model))`` for all.

    Raises:
        ModelError: The network has not so many blocks.
    """
    blocks = stages(model)
    if not 0 <= stage <= len(blocks):
        raise ModelError(
            f"{model.name}: has {len(blocks)} blocks below the head, so {stage} cannot learn; "
            f"give a number from 0 to {len(blocks)}"
        )
    for number, block in enumerate(blocks):
        for layer in block:
            layer.trainable = number < stage
    backbone = backbone_of(model)
    if backbone is not None and backbone.name == PRETRAINED:
        _keep_statistics(backbone)


def weighted_layers(model: Model) -> Iterator[Layer]:
    """Yield the layers that have weights, those of a backbone in its place."""
    for layer in model.layers:
        if isinstance(layer, Model):
            yield from weighted_layers(layer)
        elif layer.weights:
            yield layer


def _begin(
    backbone: Backbone, shape: tuple[int, int, int], weights: Path | Literal["imagenet"] | None
) -> Model:
    if weights == "imagenet":
        return with_imagenet_weights(backbone, shape)
    model = backbone.application(include_top=False, weights=None, input_shape=shape)
    if weights is not None:
        try:
            model.load_weights(weights)
        except LOADING_ERRORS as error:
            raise ModelError(
                f"{weights}: not the weights of {model.name} without its top for {shape[-1]} "
                f"channels; Keras distributes them as {backbone.file}"
            ) from error
    return model


def _keep_statistics(backbone: Model) -> None:
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def _below_head(model: Model) -> list[Layer]:
    backbone = backbone_of(model)
    if backbone is not None:
        return list(weighted_layers(backbone))
    every = list(weighted_layers(model))
    return every[: next(i for i, layer in enumerate(every) if isinstance(layer, layers.Dense))]


def _block_number(name: str) -> int:
    found = _BLOCK.match(name)
    return int(found[1] or found[2]) if found else 0
