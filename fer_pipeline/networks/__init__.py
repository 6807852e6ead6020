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
from fer_pipeline.networks.weights import IMAGENET as IMAGENET
from fer_pipeline.networks.weights import Weights, WeightsTaken, find_weights

DEFAULT_NETWORK = "lenet5"

Builder = Callable[..., Any]
"""From the input's (height, width, channels) and the number of classes to a `keras.Model`.

The model has the network's name, takes values of 0 to 255 as float32, scales them itself, and gives
probabilities. That of a network with a backbone also takes a `backbones.Start`.
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
        backbone: Whether it is built on one of keras.applications, so that it can begin with
            ImageNet weights.
        pretrained: Whether the published one began with ImageNet weights.
    """

    builder: str
    size: int
    channels: Channels
    smallest: int
    parameters: dict[Channels, int]
    source: str
    backbone: bool = False
    pretrained: bool = False


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
    "resnetm": Network(
        builder="fer_pipeline.networks.resnetm:resnetm",
        size=120,
        channels="rgb",
        smallest=100,
        parameters={"gray": 2_607_120, "rgb": 2_613_392},
        source="Yudin et al. 2019, ResNetM: the first two stages of ResNet-50, dense 512 and 200",
    ),
    "densenet169": Network(
        builder="fer_pipeline.networks.densenet:densenet169",
        size=120,
        channels="rgb",
        smallest=32,
        parameters={"gray": 12_649_928, "rgb": 12_656_200},
        source="Yudin et al. 2019, DenseNet: DenseNet169",
        backbone=True,
    ),
    "xception": Network(
        builder="fer_pipeline.networks.xception:xception",
        size=120,
        channels="rgb",
        smallest=71,
        parameters={"gray": 20_877_296, "rgb": 20_877_872},
        source="Yudin et al. 2019, Xception",
        backbone=True,
    ),
    "seresnet": Network(
        builder="fer_pipeline.networks.seresnet:seresnet",
        size=48,
        channels="gray",
        smallest=16,
        parameters={"gray": 1_577_868, "rgb": 1_578_156},
        source="He et al. 2016 and Hu et al. 2018, SE-ResNet: our widths, 48 to 192",
    ),
    "cnn1": Network(
        builder="fer_pipeline.networks.small_cnns:cnn1",
        size=48,
        channels="rgb",
        smallest=8,
        parameters={"gray": 309_896, "rgb": 310_408},
        source="Sukiasian 2023, CNN 1: convolutions 64, 32 and 32, dense 256",
    ),
    "cnn2": Network(
        builder="fer_pipeline.networks.small_cnns:cnn2",
        size=48,
        channels="rgb",
        smallest=16,
        parameters={"gray": 390_120, "rgb": 392_168},
        source="Sukiasian 2023, CNN 2: normalised convolutions 256 to 32, dense 512 and 128",
    ),
    "complexcnn": Network(
        builder="fer_pipeline.networks.small_cnns:complexcnn",
        size=48,
        channels="rgb",
        smallest=32,
        parameters={"gray": 1_815_112, "rgb": 1_815_624},
        source="Sukiasian 2023, complex CNN: five normalised convolutions, dense 512 and 256",
    ),
    "vgg16": Network(
        builder="fer_pipeline.networks.vgg:vgg16",
        size=48,
        channels="rgb",
        smallest=32,
        parameters={"gray": 15_151_144, "rgb": 15_152_296},
        source="Sukiasian 2023, VGG16: under dense 512 to 32",
        backbone=True,
        pretrained=True,
    ),
    "resnet50v2": Network(
        builder="fer_pipeline.networks.resnet:resnet50v2",
        size=48,
        channels="rgb",
        smallest=32,
        parameters={"gray": 24_085_128, "rgb": 24_091_400},
        source="Sukiasian 2023, ResNet: ResNet50V2, our head",
        backbone=True,
        pretrained=True,
    ),
    "resnet101": Network(
        builder="fer_pipeline.networks.resnet:resnet101",
        size=48,
        channels="rgb",
        smallest=32,
        parameters={"gray": 43_178_504, "rgb": 43_184_776},
        source="Sukiasian 2023, ResNet: ResNet101, our head",
        backbone=True,
        pretrained=True,
    ),
    "efficientnet": Network(
        builder="fer_pipeline.networks.efficientnet:efficientnet",
        size=48,
        channels="rgb",
        smallest=32,
        parameters={"gray": 6_248_728, "rgb": 6_249_304},
        source="Sukiasian 2023, EfficientNet: V2-B0, our head",
        backbone=True,
        pretrained=True,
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


def build_network(
    name: str, size: int, channels: Channels, classes: int, weights: Weights | None = None
) -> Any:
    """Build a network.

    Args:
        name: One of `NETWORKS`.
        size: Side of the square input in pixels.
        channels: Representation of the input.
        classes: Number of emotions.
        weights: What it begins with: see `build_from`; None for random weights.

    Returns:
        A `keras.Model`: see `Builder`.

    Raises:
        ModelError: There is no such network, the input is too small for it, or it cannot begin with
            these weights.
    """
    if weights is not None:
        return build_from(weights, name, size, channels, classes)[0]
    return _builder(name, size)(_shape(size, channels), classes)


def build_from(
    weights: Weights,
    name: str,
    size: int,
    channels: Channels,
    classes: int,
    *,
    same_classes: bool = True,
) -> tuple[Any, WeightsTaken]:
    """Build a network that begins with weights that were learnt before.

    With weights from outside, the channel of a gray input is repeated inside the network, so that
    the first convolution sees three.

    Args:
        weights: ``imagenet``, which Keras fetches unless it has them already; a file of Keras'
            weights for the network's backbone (``…_notop.h5``, ``….weights.h5``); or a model of the
            same network, as ``model.keras`` or as a model folder, from which all layers are taken
            whose weights fit.
        name: One of `NETWORKS`.
        size: Side of the square input in pixels.
        channels: Representation of the input.
        classes: Number of emotions.
        same_classes: Whether they are those of the model that the weights are from, whose last
            layer is taken then, too.

    Returns:
        A `keras.Model`, and how much of it has such weights.

    Raises:
        ModelError: There is no such network, the input is too small for it, the weights cannot be
            had or read, or do not fit its first layers.
    """
    build = _builder(name, size)
    backbone = find_network(name).backbone
    point = find_weights(name, weights, backbone=backbone)
    shape = _shape(size, channels)
    model = build(shape, classes, point.start) if backbone else build(shape, classes)
    return model, point.take(model, head=same_classes)


def _builder(name: str, size: int) -> Builder:
    check_size(name, size)
    module, function = find_network(name).builder.split(":")
    builder: Builder = getattr(import_module(module), function)
    return builder


def _shape(size: int, channels: Channels) -> tuple[int, int, int]:
    return size, size, CHANNEL_COUNT[channels]
