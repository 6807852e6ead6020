"""What tests of networks do with a built one: its parts, what it tells, and how it is converted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_pipeline.conversion import load_model, write_litert
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.model_folder import KERAS_FILE

DEPTH = {"gray": 1, "rgb": 3}


def faces(count: int, size: int, channels: str, seed: int = 0) -> np.ndarray:
    """Draw faces of noise, with pixels of 0 to 255 as a network takes them."""
    values = np.random.default_rng(seed).integers(0, 256, (count, size, size, DEPTH[channels]))
    return values.astype(np.float32)


def told(model, inputs: np.ndarray, **how) -> np.ndarray:
    return np.array(model(inputs, **how))


def until(model, layer):
    """Return the part of a model up to what goes into a layer."""
    return load_keras().Model(model.input, layer.input)


def after_backbone(model):
    """Return the part of a network that ends with its backbone."""
    from fer_pipeline.networks.backbones import backbone_of

    return until(model, model.layers[model.layers.index(backbone_of(model)) + 1])


def before_backbone(model):
    """Return the part of a network that ends where its backbone begins."""
    from fer_pipeline.networks.backbones import backbone_of

    index = model.layers.index(backbone_of(model))
    return load_keras().Model(model.input, _last_tensor(model, index))


def _last_tensor(model, index: int):
    history = model.operations
    backbone = model.layers[index]
    return history[history.index(backbone) - 1].output


def stem_of(model):
    """Return a network up to its first convolution, the only part that depends on the channels."""
    from fer_pipeline.networks.backbones import backbone_of

    inner = backbone_of(model) or model
    first = next(layer for layer in inner.layers if isinstance(layer, load_keras().layers.Conv2D))
    part = load_keras().Model(inner.input, first.output)
    return part if inner is model else _behind(before_backbone(model), part)


def lower_part_of(model):
    """Return a network up to where no kind of layer below its head is missing."""
    from fer_pipeline.networks.backbones import backbone_of

    inner = backbone_of(model) or model
    last = max(i for i, layer in enumerate(inner.layers) if len(layer.output.shape) == 4)
    kinds = {_kind(layer) for layer in inner.layers[: last + 1]}
    seen = set()
    for layer in inner.layers:
        seen.add(_kind(layer))
        if seen == kinds:
            part = load_keras().Model(inner.input, layer.output)
            return part if inner is model else _behind(before_backbone(model), part)
    raise AssertionError


def _kind(layer) -> tuple[str, ...]:
    """Tell layers apart by type and by what is set in them, but for the number of filters."""
    config = layer.get_config()
    settings = ("kernel_size", "pool_size", "strides", "padding", "groups", "activation")
    return type(layer).__name__, *(str(config.get(name)) for name in settings)


def _behind(before, part):
    return load_keras().Model(before.input, part(before.output))


def make_sure(model, inputs: np.ndarray) -> None:
    """Set the last weights so that these faces are told apart: fresh ones hardly do."""
    last = model.layers[-1]
    kernel = last.get_weights()[0]
    logits = told(until(model, last), inputs) @ kernel
    middle = logits.mean(axis=0)
    scale = 2 / (logits - middle).std()
    last.set_weights([scale * kernel, -scale * middle])


def by_litert(path: Path, inputs: np.ndarray) -> np.ndarray:
    """Return what a LiteRT file tells of faces, one by one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    outputs = []
    for one in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(outputs)


def assert_saved_and_converted(part, inputs: np.ndarray, folder: Path) -> None:
    """Make sure that a part of a network, under a head, is the same from its files."""
    keras = load_keras()
    features = keras.layers.GlobalAveragePooling2D()(part.output)
    model = keras.Model(part.input, keras.layers.Dense(4, activation="softmax")(features))
    inputs[0] /= 4  # averages over all places of faces of noise would hardly differ
    make_sure(model, inputs)
    expected = told(model, inputs)
    assert np.ptp(expected, axis=0).max() > 0.1  # not merely unsure
    model.save(folder / KERAS_FILE)
    assert np.array_equal(told(load_model(folder), inputs), expected)
    assert np.abs(by_litert(write_litert(folder), inputs) - expected).max() <= 1e-4


def own_preprocessing(name: str):
    """Return what Keras says that pixels must go through before a backbone."""
    applications = load_keras().applications
    family = {
        "densenet169": applications.densenet,
        "xception": applications.xception,
        "vgg16": applications.vgg16,
        "resnet50v2": applications.resnet_v2,
        "resnet101": applications.resnet,
        "efficientnet": applications.efficientnet_v2,
    }
    return family[name].preprocess_input
