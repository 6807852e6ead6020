"""Networks that do not begin with random weights: ImageNet's, a file's, or another model's.

Reading a file runs no code from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

from fer_pipeline.errors import ModelError
from fer_pipeline.keras_file import check_keras_file
from fer_pipeline.model_folder import KERAS_FILE, model_file

if TYPE_CHECKING:
    from keras import Layer, Model

    from fer_pipeline.networks.backbones import Start

Weights = Path | Literal["imagenet"]
"""A file of Keras' weights for a backbone, a model of ours or its folder, or what Keras fetches."""

IMAGENET: Literal["imagenet"] = "imagenet"

_WEIGHTS_SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True, slots=True)
class WeightsTaken:
    """How much of a network begins with weights that were learnt before.

    Attributes:
        source: Where they are from, in words.
        layers: Layers that have them.
        of: Layers that have any weights.
        parameters: How many weights these are.
    """

    source: str
    layers: int
    of: int
    parameters: int

    def __str__(self) -> str:
        return (
            f"{self.layers} of {self.of} layers begin with weights from {self.source} "
            f"({self.parameters:,} weights)"
        )


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Weights that were found, and what a network must be like to take them.

    Attributes:
        source: Where they are from, in words.
        start: For the builder of a network with a backbone.
        saved: The model that they are taken from afterwards; None where the builder takes them.
    """

    source: str
    start: Start
    saved: Model | None = None

    def take(self, model: Model, *, head: bool = True) -> WeightsTaken:
        """Tell what a network that was built from here has taken, or take it now.

        Args:
            model: The network.
            head: Whether its last layer stands for the same classes, and is taken too.

        Raises:
            ModelError: The model that they are from is of another network or another input.
        """
        from fer_pipeline.networks.backbones import backbone_of, weighted_layers

        every = list(weighted_layers(model))
        if self.saved is None:
            taken = list(weighted_layers(backbone_of(model)))
        else:
            taken = _take(model, self.saved, self.source, head=head)
        parameters = sum(layer.count_params() for layer in taken)
        return WeightsTaken(self.source, len(taken), len(every), parameters)


def find_weights(name: str, weights: Weights, *, backbone: bool) -> StartingPoint:
    """Look at weights before a network is built.

    Args:
        name: The network's.
        weights: Where they are.
        backbone: Whether it is built on one of keras.applications.

    Raises:
        ModelError: There is no such file, it is broken, or this network cannot begin with such.
    """
    from fer_pipeline.networks.backbones import Start

    path = None if weights == IMAGENET else Path(weights)
    if path is None or path.suffix.lower() in _WEIGHTS_SUFFIXES:
        if path is not None and not path.is_file():
            raise ModelError(f"{path}: not found; give a file of weights or a model folder")
        if not backbone:
            raise ModelError(
                f"{weights}: {name} is built on no network that others have such weights of; "
                "give the folder of a model of the same network, or take a network that "
                "fer networks marks"
            )
        source = "ImageNet" if path is None else str(path)
        return StartingPoint(source, Start(weights, pretrained=True, depth=3))
    saved = _load(path)
    return StartingPoint(str(path), Start(pretrained=True, depth=_depth(saved)), saved)


def _depth(saved: Model) -> int | None:
    """Return how many channels a model's backbone sees."""
    from fer_pipeline.networks.backbones import backbone_of

    backbone = backbone_of(saved)
    return None if backbone is None else int(backbone.input_shape[-1])


def _load(path: Path) -> Any:
    import keras

    from fer_pipeline.networks.backbones import LOADING_ERRORS

    if path.is_dir():
        path = model_file(path, KERAS_FILE, "give a folder that fer train wrote")
    elif not path.is_file():
        raise ModelError(f"{path}: not found; give a file of weights or a model folder")
    elif path.suffix != Path(KERAS_FILE).suffix:
        raise ModelError(
            f"{path}: neither a model nor a file of weights; "
            f"give a model folder, a {KERAS_FILE}, or an .h5 that Keras distributes"
        )
    check_keras_file(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (*LOADING_ERRORS, BadZipFile) as error:
        raise ModelError(
            f"{path}: not a model that Keras can load; give a folder that fer train wrote"
        ) from error


def _take(model: Model, saved: Model, source: str, *, head: bool) -> list[Layer]:
    """Copy the weights of all layers whose weights fit; return these layers."""
    from fer_pipeline.networks.backbones import backbone_of, weighted_layers

    own, theirs = list(weighted_layers(model)), list(weighted_layers(saved))
    if saved.name != model.name:
        raise ModelError(
            f"{source}: a model of the network {saved.name}, not {model.name}; "
            "choose that network, or give another model"
        )
    if len(own) != len(theirs):
        raise ModelError(
            f"{source}: a {saved.name} of {len(theirs)} layers, where {model.name} has {len(own)}; "
            "give a model that this fer trained"
        )
    fits = [_shapes(one) == _shapes(other) for one, other in zip(own, theirs, strict=True)]
    backbone = backbone_of(model)
    fits[-1] = fits[-1] and head
    needed = 1 if backbone is None else len(list(weighted_layers(backbone)))
    if not all(fits[:needed]):
        raise ModelError(
            f"{source}: made for an input of {saved.input_shape[-1]} channels, where this network "
            f"has {model.input_shape[-1]}; choose the same channels, or give another model"
        )
    taken = []
    for one, other, fit in zip(own, theirs, fits, strict=True):
        if fit:
            one.set_weights(other.get_weights())
            taken.append(one)
    return taken


def _shapes(layer: Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
