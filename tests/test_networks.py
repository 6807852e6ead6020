"""The networks: how large they are, what they take, what they begin with, and what learns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.conversion import load_model, write_litert
from fer_pipeline.errors import ModelError
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.model_folder import KERAS_FILE, LITERT_FILE
from fer_pipeline.networks import (
    DEFAULT_NETWORK,
    IMAGENET,
    NETWORKS,
    build_from,
    build_network,
    find_network,
)

CLASSES = 8
DEPTH = {"gray": 1, "rgb": 3}
BACKBONES = [name for name, network in NETWORKS.items() if network.backbone]
SMALL = [name for name in NETWORKS if name not in BACKBONES]

# Only the first convolution of a backbone depends on the channels: of a deep one, the gray side is
# tested apart, and of those that take half a minute to be converted, as many layers as have every
# kind of layer in them.
DEEP = [name for name in BACKBONES if name != "vgg16"]
DEEPEST = ["densenet169", "resnet101", "efficientnet"]
WHOLE = [(name, channels) for name in NETWORKS if name not in DEEP for channels in DEPTH]
WHOLE += [(name, "rgb") for name in DEEP]
PARTS = [(name, "gray") for name in DEEP] + [(name, "rgb") for name in DEEPEST]


def faces(count: int, size: int, channels: str, seed: int = 0) -> np.ndarray:
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


@pytest.fixture(scope="module")
def cached_networks():
    """Build each network with its smallest input once: by name and channels."""
    made = {}

    def network(name: str, channels: str):
        if (name, channels) not in made:
            load_keras().utils.set_random_seed(1)
            smallest = NETWORKS[name].smallest
            made[name, channels] = build_network(name, smallest, channels, CLASSES)
        return made[name, channels]

    return network


# How large


@pytest.mark.parametrize(
    ("name", "size", "channels", "classes", "parameters"),
    [
        ("lenet5", 28, "gray", 7, 44_171),
        ("lenet5", 32, "gray", 7, 61_451),
        ("lenet5", 48, "gray", 7, 168_971),
        ("lenet5", 64, "gray", 7, 337_931),
        ("lenet", 28, "gray", 7, 1_254_577),
        ("lenet", 32, "gray", 7, 1_629_577),
        ("lenet", 48, "gray", 7, 3_629_577),
        ("lenet", 64, "gray", 7, 6_429_577),
        ("resnetm", 120, "rgb", 8, 2_613_392),
        ("resnetm", 120, "gray", 8, 2_607_120),
        ("cnn1", 48, "rgb", 4, 309_380),
        ("cnn1", 48, "gray", 4, 308_868),
        ("cnn2", 48, "rgb", 4, 391_652),
        ("cnn2", 48, "gray", 4, 389_604),
        ("complexcnn", 48, "rgb", 4, 1_814_596),
        ("complexcnn", 48, "gray", 4, 1_814_084),
        ("vgg16", 48, "rgb", 4, 15_152_164),
    ],
)
def test_a_network_has_the_published_number_of_parameters(
    name, size, channels, classes, parameters
):
    assert build_network(name, size, channels, classes).count_params() == parameters


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [
        ("densenet169", "rgb", 12_656_200),
        ("densenet169", "gray", 12_649_928),
        ("xception", "rgb", 20_877_872),
        ("xception", "gray", 20_877_296),
    ],
)
def test_a_backbone_has_the_published_number_of_parameters_at_every_size(
    name, channels, parameters, cached_networks
):
    assert cached_networks(name, channels).count_params() == parameters
    if (name, channels) == ("xception", "rgb"):
        assert build_network(name, 120, channels, CLASSES).count_params() == parameters


@pytest.mark.parametrize("channels", DEPTH)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_registry_tells_the_parameters_of_the_built_network(name, channels, cached_networks):
    network = NETWORKS[name]
    if network.backbone:  # pooling over all places keeps the head the same at every size
        size, built = network.smallest, cached_networks(name, channels)
    else:
        size, built = network.size, build_network(name, network.size, channels, CLASSES)
    assert built.count_params() == network.parameters[channels]
    assert built.name == name
    assert built.input_shape == (None, size, size, DEPTH[channels])


def test_resnetm_has_the_published_shapes():
    model = build_network("resnetm", 120, "rgb", 8)
    shapes = [layer.output.shape[1:] for layer in model.layers]
    for shape in [(60, 60, 64), (29, 29, 64), (29, 29, 256), (15, 15, 512), (2, 2, 512), (2048,)]:
        assert shape in shapes
    convolutions = [layer for layer in model.layers if "conv" in type(layer).__name__.lower()]
    assert all(layer.use_bias for layer in convolutions)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_smaller_input_than_the_smallest_is_refused(name):
    smallest = NETWORKS[name].smallest
    with pytest.raises(ModelError, match=f"{smallest - 1} px is too small, it needs {smallest} px"):
        build_network(name, smallest - 1, "gray", 3)


@pytest.mark.parametrize("name", SMALL)
def test_a_network_scales_pixels_of_0_to_255_inside(name):
    size = NETWORKS[name].smallest
    probabilities = told(build_network(name, size, "rgb", 4), faces(5, size, "rgb"))
    # Unscaled pixels would make fresh weights certain.
    assert probabilities.max() < 0.9


def test_looking_networks_up_loads_no_keras():
    script = "import sys, fer_pipeline.networks; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.split() == [b"False"]


# Back from a file


def make_sure(model, inputs: np.ndarray) -> None:
    """Set the last weights so that these faces are told apart: fresh ones hardly do."""
    last = model.layers[-1]
    kernel = last.get_weights()[0]
    logits = told(until(model, last), inputs) @ kernel
    middle = logits.mean(axis=0)
    scale = 2 / (logits - middle).std()
    last.set_weights([scale * kernel, -scale * middle])


@pytest.fixture(scope="module", params=WHOLE, ids=" ".join)
def saved(request, tmp_path_factory, cached_networks):
    """A network of each kind on its smallest input: name, channels, model, folder, and faces."""
    name, channels = request.param
    inputs = faces(3, NETWORKS[name].smallest, channels)
    model = cached_networks(name, channels)
    make_sure(model, inputs)
    folder = tmp_path_factory.mktemp("saved")
    model.save(folder / KERAS_FILE)
    yield name, channels, model, folder, inputs
    shutil.rmtree(folder)


def test_a_network_gives_probabilities(saved):
    _, _, model, _, inputs = saved
    probabilities = told(model, inputs)
    assert probabilities.shape == (len(inputs), CLASSES)
    assert probabilities.min() >= 0
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(inputs)), abs=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 0.3  # not merely unsure


def test_a_network_saved_and_loaded_tells_the_same(saved):
    _, _, model, folder, inputs = saved
    assert np.array_equal(told(load_model(folder), inputs), told(model, inputs))


def by_litert(path: Path, inputs: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    outputs = []
    for one in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(outputs)


def test_keras_and_litert_tell_the_same(saved):
    name, _, model, folder, inputs = saved
    if name in DEEPEST:
        pytest.skip("converted in part, below")
    converted = by_litert(write_litert(folder), inputs)
    assert np.abs(converted - told(model, inputs)).max() <= 1e-4


def test_a_network_takes_all_of_a_model_of_its_own_but_another_head(saved):
    name, channels, model, folder, inputs = saved
    if name in ("densenet169", "resnet50v2", "resnet101"):
        pytest.skip("built like ResNetM, layer by layer under names of their own")
    size = NETWORKS[name].smallest
    tuned, taken = build_from(folder, name, size, channels, CLASSES - 3)
    assert (taken.layers, taken.source) == (taken.of - 1, str(folder))
    assert taken.parameters == model.count_params() - model.layers[-1].count_params()
    assert tuned.output_shape == (None, CLASSES - 3)
    before_last = [told(until(one, one.layers[-1]), inputs) for one in (model, tuned)]
    assert np.array_equal(*before_last)


# What reaches a backbone


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


@pytest.mark.parametrize("name", BACKBONES)
def test_colour_reaches_a_backbone_as_keras_prepares_it(name, cached_networks):
    inputs = faces(2, NETWORKS[name].smallest, "rgb")
    reaching = told(before_backbone(cached_networks(name, "rgb")), inputs)
    assert reaching == pytest.approx(own_preprocessing(name)(inputs.copy()), abs=1e-3)


@pytest.mark.parametrize("name", BACKBONES)
def test_gray_is_scaled_by_the_mean_of_the_colours_figures(name, cached_networks):
    scaled = {
        "densenet169": lambda pixel: (pixel / 255 - 0.449) / 0.226,
        "xception": lambda pixel: pixel / 127.5 - 1,
        "vgg16": lambda pixel: pixel - 114.7993,
        "resnet50v2": lambda pixel: pixel / 127.5 - 1,
        "resnet101": lambda pixel: pixel - 114.7993,
        "efficientnet": lambda pixel: pixel,
    }
    inputs = faces(2, NETWORKS[name].smallest, "gray")
    reaching = told(before_backbone(cached_networks(name, "gray")), inputs)
    assert reaching.shape == inputs.shape
    assert reaching == pytest.approx(scaled[name](inputs), abs=1e-3)


def as_far_as_every_kind_of_layer(inner):
    """Return the lower part of a backbone, up to where no kind of layer is missing."""
    kinds = {type(layer) for layer in inner.layers}
    seen = set()
    for layer in inner.layers:
        seen.add(type(layer))
        if seen == kinds:
            return load_keras().Model(inner.input, layer.output)
    raise AssertionError


@pytest.mark.parametrize(("name", "channels"), PARTS)
def test_every_kind_of_layer_of_a_deep_backbone_is_saved_and_converted(
    name, channels, cached_networks, tmp_path
):
    from fer_pipeline.networks.backbones import backbone_of

    keras = load_keras()
    model = cached_networks(name, channels)
    before, part = before_backbone(model), as_far_as_every_kind_of_layer(backbone_of(model))
    features = keras.layers.GlobalAveragePooling2D()(part(before.output))
    side = keras.Model(before.input, keras.layers.Dense(4, activation="softmax")(features))
    inputs = faces(2, NETWORKS[name].smallest, channels)
    make_sure(side, inputs)
    side.save(tmp_path / KERAS_FILE)
    assert np.array_equal(told(load_model(tmp_path), inputs), told(side, inputs))
    assert np.abs(by_litert(write_litert(tmp_path), inputs) - told(side, inputs)).max() <= 1e-4


def test_efficientnet_is_blind_to_pixels_divided_by_255_before_it(cached_networks):
    """It scales by itself: done twice, every face is the same black square to it."""
    from fer_pipeline.networks.backbones import backbone_of

    keras = load_keras()
    model = cached_networks("efficientnet", "rgb")
    inner = backbone_of(model)
    first = keras.Model(inner.input, inner.get_layer("stem_activation").output)
    inputs = faces(4, 32, "rgb")

    def variety(given: np.ndarray) -> float:
        inside = told(first, given)[:, 2:-2, 2:-2]  # away from the padding
        return float(inside.std(axis=(0, 1, 2)).mean())

    reaching = told(before_backbone(model), inputs)
    assert variety(reaching) > 100 * variety(inputs / 255)


# Beginning with weights that were learnt before


def write_distributed(path: Path, model) -> Path:
    """Write weights in the format of the files that Keras distributes: by layer, in order."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.1.2"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, values in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=values)
    return path


def learnt(model):
    """Give a model weights unlike any that it begins with, statistics of normalisation too."""
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights(
            [
                values * (1 + 0.1 * rng.standard_normal(values.shape, np.float32)) + 0.01
                for values in layer.get_weights()
            ]
        )
    return model


@pytest.fixture(autouse=True)
def same_weights_every_time():
    load_keras().utils.set_random_seed(0)


@pytest.fixture(scope="module")
def distributed(tmp_path_factory):
    """Files of weights as Keras distributes them, with the models that they are from."""
    load_keras().utils.set_random_seed(0)
    applications = load_keras().applications
    folder = tmp_path_factory.mktemp("distributed")
    made = {}
    for name, application in [("vgg16", "VGG16"), ("resnet50v2", "ResNet50V2")]:
        build = getattr(applications, application)
        model = learnt(build(include_top=False, weights=None, input_shape=(32, 32, 3)))
        path = folder / f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
        made[name] = write_distributed(path, model), model
    return made


@pytest.mark.parametrize("channels", DEPTH)
@pytest.mark.parametrize("name", ["vgg16", "resnet50v2"])
def test_a_backbone_takes_the_file_that_keras_distributes(name, channels, distributed, tmp_path):
    path, original = distributed[name]
    model, taken = build_from(path, name, 32, channels, 3)
    inputs = faces(2, 32, channels)
    as_colour = np.repeat(inputs, 3 // inputs.shape[-1], axis=-1)
    expected = told(original, own_preprocessing(name)(as_colour.copy()))
    assert told(after_backbone(model), inputs) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert taken.parameters == original.count_params()
    assert taken.source == str(path)
    assert f"{taken.layers} of {taken.of} layers" in str(taken)
    model.save(tmp_path / KERAS_FILE)
    assert np.array_equal(told(load_model(tmp_path), inputs), told(model, inputs))


def test_a_backbone_takes_the_weights_file_of_keras_3(distributed, tmp_path):
    path = tmp_path / "mine.weights.h5"
    original = distributed["vgg16"][1]
    original.save_weights(path)
    inputs = faces(2, 32, "rgb")
    expected = told(original, own_preprocessing("vgg16")(inputs.copy()))
    model = build_network("vgg16", 32, "rgb", 3, path)
    assert told(after_backbone(model), inputs) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_gray_with_pretrained_weights_is_converted(distributed, tmp_path):
    model = build_network("vgg16", 32, "gray", 3, distributed["vgg16"][0])
    inputs = faces(3, 32, "gray")
    make_sure(model, inputs)
    model.save(tmp_path / KERAS_FILE)
    write_litert(tmp_path)
    converted = by_litert(tmp_path / LITERT_FILE, inputs)
    # These weights were never fitted, and let rounding grow on its way through the network.
    assert np.abs(converted - told(model, inputs)).max() <= 1e-3


def statistics(model) -> list[np.ndarray]:
    """Return the moving statistics of a backbone's normalisations."""
    from fer_pipeline.networks.backbones import backbone_of

    layers = load_keras().layers
    found = [
        np.array(values)
        for layer in backbone_of(model).layers
        if isinstance(layer, layers.BatchNormalization)
        for values in (layer.moving_mean, layer.moving_variance)
    ]
    assert found
    return found


def kernels_of(model) -> list[np.ndarray]:
    """Return the convolutions of a backbone."""
    from fer_pipeline.networks.backbones import stages

    convolution = load_keras().layers.Conv2D
    layers = [layer for stage in stages(model) for layer in stage]
    return [layer.get_weights()[0] for layer in layers if isinstance(layer, convolution)]


def fitted(model, inputs: np.ndarray):
    # Unsure at first: no gradient comes from a probability of nothing.
    head = next(layer for layer in reversed(model.layers) if layer.weights)
    head.set_weights([0 * weights for weights in head.get_weights()])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(inputs, np.arange(len(inputs)) % 2, epochs=2, verbose=0)
    return model


def test_a_pretrained_backbone_keeps_its_statistics_when_all_of_it_learns(distributed, tmp_path):
    from fer_pipeline.networks.backbones import set_trainable, stages

    inputs = faces(2, 32, "rgb")
    model = build_network("resnet50v2", 32, "rgb", 3, distributed["resnet50v2"][0])
    set_trainable(model, len(stages(model)))
    model.save(tmp_path / KERAS_FILE)
    model = load_model(tmp_path)
    before, kernels = statistics(model), kernels_of(model)
    upto = after_backbone(model)
    assert np.allclose(told(upto, inputs, training=True), told(upto, inputs, training=False))
    fitted(model, inputs)
    assert all(np.array_equal(*pair) for pair in zip(before, statistics(model), strict=True))
    assert stages(model)[-1][0].trainable
    assert not all(np.array_equal(*pair) for pair in zip(kernels, kernels_of(model), strict=True))


def test_a_backbone_with_random_weights_learns_its_statistics():
    inputs = faces(2, 32, "rgb")
    model = build_network("resnet50v2", 32, "rgb", 3)
    before = statistics(model)
    fitted(model, inputs)
    assert not any(np.array_equal(*pair) for pair in zip(before, statistics(model), strict=True))


def test_a_gray_model_of_its_own_is_taken_as_it_was_built(tmp_path):
    """Its backbone's first convolution sees one channel, and does so again."""
    inputs = faces(2, 32, "gray")
    model = build_network("vgg16", 32, "gray", 3)
    model.save(tmp_path / KERAS_FILE)
    tuned, taken = build_from(tmp_path / KERAS_FILE, "vgg16", 48, "gray", 3)
    assert taken.layers == taken.of
    tuned, _ = build_from(tmp_path, "vgg16", 32, "gray", 3)
    assert np.allclose(told(tuned, inputs), told(model, inputs), atol=1e-6)


def test_a_model_for_colour_serves_gray_where_the_channel_can_be_repeated(distributed, tmp_path):
    build_network("vgg16", 32, "rgb", 3, distributed["vgg16"][0]).save(tmp_path / KERAS_FILE)
    tuned, taken = build_from(tmp_path, "vgg16", 32, "gray", 3)
    assert taken.layers == taken.of
    assert tuned.input_shape == (None, 32, 32, 1)


def test_what_fits_is_taken_from_a_model_for_another_size(tmp_path):
    model = build_network("lenet5", 32, "gray", 3)
    model.save(tmp_path / KERAS_FILE)
    tuned, taken = build_from(tmp_path, "lenet5", 48, "gray", 3)
    # Not the dense layer behind the convolutions, which sees more places.
    assert (taken.layers, taken.of) == (4, 5)
    for one, other in zip(tuned.layers, model.layers, strict=True):
        if one.weights and one.get_weights()[0].shape == other.get_weights()[0].shape:
            assert np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_weights_that_cannot_be_taken_are_refused(distributed, faces_file, tmp_path):
    lenet5 = build_network("lenet5", 32, "gray", 3)
    for folder in ("own", "broken", "empty"):
        (tmp_path / folder).mkdir()
    lenet5.save(tmp_path / "own" / KERAS_FILE)
    (tmp_path / "broken" / KERAS_FILE).write_bytes(b"no model")
    (tmp_path / "broken.h5").write_bytes(b"no weights")
    (tmp_path / "weights.txt").write_text("no weights")
    shutil.copy(distributed["vgg16"][0], tmp_path / "vgg16.h5")
    with h5py.File(tmp_path / "vgg16.h5", "r+") as file:
        del file["block3_conv2"]
    vgg16, resnet50v2 = distributed["vgg16"][0], distributed["resnet50v2"][0]
    for name, channels, weights, message in [
        ("lenet5", "gray", IMAGENET, "imagenet: lenet5 is built on no network"),
        ("lenet5", "gray", vgg16, "lenet5 is built on no network"),
        ("lenet", "gray", tmp_path / "own", "own: a model of the network lenet5, not lenet"),
        ("lenet5", "rgb", tmp_path / "own", "an input of 1 channels, where this network has 3"),
        ("vgg16", "rgb", tmp_path / "own", "own: a model of the network lenet5, not vgg16"),
        ("lenet5", "gray", tmp_path / "broken", f"{KERAS_FILE}: not a model that Keras can load"),
        ("lenet5", "gray", tmp_path / "empty", f"{KERAS_FILE}: missing from the model folder"),
        ("lenet5", "gray", tmp_path / "gone", "gone: not found"),
        ("vgg16", "gray", tmp_path / "gone.h5", "gone.h5: not found"),
        (
            "lenet5",
            "gray",
            tmp_path / "weights.txt",
            "weights.txt: neither a model nor a file of weights",
        ),
        ("vgg16", "gray", tmp_path / "broken.h5", "broken.h5: not the weights of vgg16"),
        ("vgg16", "gray", tmp_path / "vgg16.h5", "vgg16.h5: not the weights of vgg16"),
        ("vgg16", "gray", faces_file, "faces.h5: not the weights of vgg16"),
        ("vgg16", "rgb", resnet50v2, "distributes them as vgg16_weights_tf_dim_ordering_tf"),
    ]:
        with pytest.raises(ModelError) as refused:
            build_network(name, 48, channels, 3, weights)
        assert message in str(refused.value)
        assert "; " in str(refused.value)  # what to do


def test_a_models_code_is_not_run(tmp_path):
    keras = load_keras()
    pixels = keras.Input((32, 32, 1))
    code = keras.layers.Lambda(lambda x: x * 2, output_shape=(32, 32, 1))
    keras.Model(pixels, code(pixels), name="lenet5").save(tmp_path / KERAS_FILE)
    keras.saving.load_model(tmp_path / KERAS_FILE, safe_mode=False)  # nothing else is wrong with it
    with pytest.raises(ModelError, match="not a model that Keras can load"):
        build_network("lenet5", 32, "gray", 3, tmp_path)


def in_own_process(script: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


FETCHING = """
import json
from fer_pipeline.keras_backend import load_keras
load_keras()
from fer_pipeline.errors import ModelError
from fer_pipeline.networks import build_from
{first}
told = {{}}
for name in {names}:
    try:
        told[name] = str(build_from("imagenet", name, 71, "gray", 3)[1])
    except ModelError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


def url_of(name: str) -> str:
    """Return where a network's ImageNet weights are fetched from."""
    from fer_pipeline.networks.backbones import Backbone

    module = import_module(NETWORKS[name].builder.split(":")[0])
    ours = {key.lower(): one for key, one in vars(module).items() if isinstance(one, Backbone)}
    return next(one.url for key, one in ours.items() if key.startswith(name))


def test_without_a_network_the_file_and_its_place_are_told(tmp_path):
    names = ["vgg16", "xception", "resnet50v2", "efficientnet"]
    done = in_own_process(
        FETCHING.format(first="", names=names),
        KERAS_HOME=str(tmp_path),
        HTTPS_PROXY="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )
    # No bar, no word of Keras on standard output.
    messages = json.loads(done.stdout)
    assert list(messages) == names
    for name, message in messages.items():
        url = url_of(name)
        file = url.rpartition("/")[2]
        assert message.startswith(f"{file}: these ImageNet weights cannot be fetched")
        # Keras tells what it tried to fetch: no other file than the one that we name.
        assert f"URL fetch failure on {url}:" in message
        assert f"put it into {tmp_path / 'models'} or give it with --weights FILE" in message
        assert "\n" not in message
    assert "Traceback" not in done.stderr
    assert "Downloading" not in done.stderr


def test_imagenet_weights_that_keras_has_are_taken_without_a_network(distributed, tmp_path):
    path, original = distributed["resnet50v2"]
    (tmp_path / "models").mkdir()
    shutil.copy(path, tmp_path / "models" / path.name)
    # Ours are none of those whose digests Keras knows.
    known = "from keras.src.applications import resnet\n"
    known += "resnet.WEIGHTS_HASHES['resnet50v2'] = (None, None)"
    done = in_own_process(
        FETCHING.format(first=known, names=["resnet50v2"]),
        KERAS_HOME=str(tmp_path),
        HTTPS_PROXY="http://127.0.0.1:9",
    )
    assert f"from ImageNet ({original.count_params():,} weights)" in done.stdout, done.stderr
    assert "Downloading" not in done.stdout + done.stderr


# What learns


BLOCKS = {
    "lenet": 2,
    "lenet5": 2,
    "resnetm": 3,
    "densenet169": 5,
    "xception": 14,
    "cnn1": 3,
    "cnn2": 4,
    "complexcnn": 5,
    "vgg16": 5,
    "resnet50v2": 5,
    "resnet101": 5,
    "efficientnet": 7,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_are_freed_from_the_top_down(name, cached_networks):
    from fer_pipeline.networks.backbones import set_trainable, stages, weighted_layers

    model = cached_networks(name, "rgb")
    every, blocks = list(weighted_layers(model)), stages(model)
    assert len(blocks) == BLOCKS[name]
    below_head = [layer for block in reversed(blocks) for layer in block]
    assert below_head == every[: len(below_head)]
    whole = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    learning = []
    for stage in range(len(blocks) + 1):
        set_trainable(model, stage)
        allowed = {id(one) for layer in every[len(below_head) :] for one in layer.weights}
        allowed |= {id(one) for block in blocks[:stage] for layer in block for one in layer.weights}
        assert {id(one) for one in model.trainable_weights} <= allowed
        learning.append(sum(weight.shape.num_elements() for weight in model.trainable_weights))
    assert learning == sorted(set(learning))  # each block adds some
    assert learning[0] > 0
    assert learning[-1] == whole


def test_the_blocks_of_vgg16_are_its_own(cached_networks):
    from fer_pipeline.networks.backbones import stages

    names = [[layer.name for layer in block] for block in stages(cached_networks("vgg16", "rgb"))]
    assert names[0] == ["block5_conv1", "block5_conv2", "block5_conv3"]
    assert names[-1] == ["block1_conv1", "block1_conv2"]


@pytest.mark.parametrize("stage", [0, 2])
def test_what_learns_is_saved_with_the_model(stage, distributed, tmp_path):
    from fer_pipeline.networks.backbones import set_trainable

    model = build_network("resnet50v2", 32, "gray", 3, distributed["resnet50v2"][0])
    set_trainable(model, stage)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / KERAS_FILE)
    loaded = load_keras().saving.load_model(tmp_path / KERAS_FILE)

    def learning(one):
        return [weight.path.split("/", 1)[-1] for weight in one.trainable_weights]

    assert learning(loaded) == learning(model)
    assert json.dumps(learning(model)).count("gamma") == 0
    set_trainable(loaded, 1 + stage)
    assert len(loaded.trainable_weights) > len(model.trainable_weights)


def test_a_network_has_not_more_blocks_than_it_has(cached_networks):
    from fer_pipeline.networks.backbones import set_trainable

    for stage in (-1, 6):
        with pytest.raises(ModelError, match="vgg16: has 5 blocks below the head"):
            set_trainable(cached_networks("vgg16", "rgb"), stage)


# The list


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ModelError, match=r"vgg: no such network; .*lenet, lenet5"):
        find_network("vgg")


def test_fer_networks_lists_them_all(fer):
    result = fer("networks")
    assert result.exit_code == 0
    table, _, note = result.stdout.partition("\n\n")
    header, *lines = table.splitlines()
    assert "parameters gray" in header
    for line, (name, network) in zip(lines, NETWORKS.items(), strict=True):
        assert line.startswith(f"{name} ")
        assert f"{network.size} px {network.channels}" in line
        assert all(f"{count:,}" in line for count in network.parameters.values())
        assert network.source in line
        assert ("(default)" in line) == (name == DEFAULT_NETWORK)
        assert (" yes " in line) == network.backbone
        assert ("yes *" in line) == network.pretrained
    assert "* the published one did" in note
    assert "--weights imagenet" in note
