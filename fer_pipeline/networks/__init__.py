"""The networks: a plain registry, one family to a file.

Looking a network up loads nothing; building one loads Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fer_pipeline.errors import ModelError
from fer_pipeline.faces import CHANNEL_COUNT, Channels

DEFAULT_NETWORK = "lenet5"

Builder = Callable[[tuple[int, int, int], int], Any]
"""From the input's (height, width, channels) and the number of classes to a `keras.Model`.

The model takes values of 0 to 255 as float32, scales them itself, and gives probabilities.
"""


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture and what is known of it without building it.

    Attributes:
        builder: ``module:function`` of its `Builder`.
        size: Side of the square input, in pixels, that it is meant for.
        channels: The representation that it is meant for.
        smallest: Smallest side it takes.
        parameters: Weights in ``gray`` and ``rgb`` at that size for 8 classes.
        source: Where it was published.
    """

    builder: str
    size: int
    channels: Channels
    smallest: int
    parameters: dict[Channels, int]
    source: str


NETWORKS: dict[str, Network] = {
    "lenet": Network(
        builder="fer_pipeline.networks.lenet:lenet",
        size=48,
        channels="gray",
        smallest=8,
        parameters={"gray": 3_630_078, "rgb": 3_631_078},
        source="LeCun et al. 1998, as distributed with Caffe: convolutions 20 and 50, dense 500",
    ),
    "lenet5": Network(
        builder="fer_pipeline.networks.lenet:lenet5",
        size=48,
        channels="gray",
        smallest=16,
        parameters={"gray": 169_056, "rgb": 169_356},
        source="LeCun et al. 1998, LeNet-5: convolutions 6 and 16, dense 120 and 84",
    ),
}


def find_network(name: str) -> Network:
    """Look a network up.

    Raises:
        ModelError: There is no network of that name.
    """
    if name not in NETWORKS:
        raise ModelError(f"{name}: no such network; fer networks lists them: {', '.join(NETWORKS)}")
    return NETWORKS[name]


def check_size(name: str, size: int) -> None:
    """Make sure that a network takes an input of this size.

    Raises:
        ModelError: There is no such network, or the input is too small for it.
    """
    smallest = find_network(name).smallest
    if size < smallest:
        raise ModelError(
            f"{name}: an input of {size} px is too small, it needs {smallest} px or more"
        )


def build_network(name: str, size: int, channels: Channels, classes: int) -> Any:
    """Build a network with random weights.

    Args:
        name: One of `NETWORKS`.
        size: Side of the square input in pixels.
        channels: Representation of the input.
        classes: Number of emotions.

    Returns:
        A `keras.Model`: see `Builder`.

    Raises:
        ModelError: There is no such network, or the input is too small for it.
    """
    check_size(name, size)
    module, function = find_network(name).builder.split(":")
    builder: Builder = getattr(import_module(module), function)
    return builder((size, size, CHANNEL_COUNT[channels]), classes)
