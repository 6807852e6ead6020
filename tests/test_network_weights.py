"""Networks that begin with weights that were learnt before: from which files, and what learns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

from fer_pipeline.errors import ModelError
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.model_folder import KERAS_FILE
from fer_pipeline.networks import IMAGENET, NETWORKS, build_from, build_network
from tests.network_models import (
    DEPTH,
    after_backbone,
    assert_saved_and_converted,
    faces,
    own_preprocessing,
    stem_of,
    told,
)


@pytest.fixture(autouse=True)
def same_weights_every_time():
    load_keras().utils.set_random_seed(0)


# From files of weights


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
def test_a_backbone_takes_the_file_that_keras_distributes(name, channels, distributed):
    path, original = distributed[name]
    model, taken = build_from(path, name, 32, channels, 3)
    inputs = faces(2, 32, channels)
    as_colour = np.repeat(inputs, 3 // inputs.shape[-1], axis=-1)
    expected = told(original, own_preprocessing(name)(as_colour.copy()))
    assert told(after_backbone(model), inputs) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert taken.parameters == original.count_params()
    assert taken.source == str(path)
    assert f"{taken.layers} of {taken.of} layers" in str(taken)


def test_a_backbone_takes_the_weights_file_of_keras_3(distributed, tmp_path):
    path = tmp_path / "mine.weights.h5"
    original = distributed["vgg16"][1]
    original.save_weights(path)
    inputs = faces(2, 32, "rgb")
    expected = told(original, own_preprocessing("vgg16")(inputs.copy()))
    model = build_network("vgg16", 32, "rgb", 3, path)
    assert told(after_backbone(model), inputs) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_gray_with_pretrained_weights_is_saved_and_converted(distributed, tmp_path):
    model = build_network("vgg16", 32, "gray", 3, distributed["vgg16"][0])
    assert_saved_and_converted(stem_of(model), faces(3, 32, "gray"), tmp_path)


# From models of its own


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


# From ImageNet


FETCHING = """
import json, os, shutil, sys
from fer_pipeline.keras_backend import load_keras
load_keras()
from keras.src.applications import resnet
from fer_pipeline.errors import ModelError
from fer_pipeline.networks import build_from

def fetch(name):
    try:
        return str(build_from("imagenet", name, 71, "gray", 3)[1])
    except ModelError as error:
        return str(error)

weights, *names = sys.argv[1:]
nowhere = {name: fetch(name) for name in names}
os.makedirs(os.path.join(os.environ["KERAS_HOME"], "models"), exist_ok=True)
shutil.copy(weights, os.path.join(os.environ["KERAS_HOME"], "models"))
# Ours are none of those whose digests Keras knows.
resnet.WEIGHTS_HASHES["resnet50v2"] = (None, None)
print(json.dumps([nowhere, fetch("resnet50v2")]))
"""


@dataclass(frozen=True)
class Fetched:
    """What came of fetching ImageNet weights: when Keras had none, and when it had one file."""

    nowhere: dict[str, str]
    there: str
    stderr: str
    home: Path


@pytest.fixture(scope="module")
def fetched(distributed, tmp_path_factory) -> Fetched:
    """Ask for ImageNet weights where no network can be reached, in a process of its own."""
    home = tmp_path_factory.mktemp("keras")
    nowhere = "http://127.0.0.1:9"
    names = ("vgg16", "xception", "resnet50v2", "efficientnet")
    done = subprocess.run(
        [sys.executable, "-c", FETCHING, distributed["resnet50v2"][0], *names],
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_HOME": str(home),
            "HTTPS_PROXY": nowhere,
            "https_proxy": nowhere,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # No bar, no word of Keras on standard output.
    return Fetched(*json.loads(done.stdout), done.stderr, home)


def url_of(name: str) -> str:
    """Return where a network's ImageNet weights are fetched from."""
    from fer_pipeline.networks.backbones import Backbone

    module = import_module(NETWORKS[name].builder.split(":")[0])
    ours = {key.lower(): one for key, one in vars(module).items() if isinstance(one, Backbone)}
    return next(one.url for key, one in ours.items() if key.startswith(name))


@pytest.mark.parametrize("name", ["vgg16", "xception", "resnet50v2", "efficientnet"])
def test_without_a_network_the_file_and_its_place_are_told(fetched, name):
    message, url = fetched.nowhere[name], url_of(name)
    file = url.rpartition("/")[2]
    assert message.startswith(f"{file}: these ImageNet weights cannot be fetched")
    # Keras tells what it tried to fetch: no other file than the one that we name.
    assert f"URL fetch failure on {url}:" in message
    assert f"put it into {fetched.home / 'models'} or give it with --weights FILE" in message
    assert "\n" not in message


def test_imagenet_weights_that_keras_has_are_taken_without_a_network(fetched, distributed):
    count = distributed["resnet50v2"][1].count_params()
    assert f"from ImageNet ({count:,} weights)" in fetched.there


def test_nothing_else_is_said_of_fetching(fetched):
    assert "Traceback" not in fetched.stderr
    assert "Downloading" not in fetched.stderr


# What learns


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


def fitted(model, inputs: np.ndarray, epochs: int):
    # Unsure at first: no gradient comes from a probability of nothing.
    head = next(layer for layer in reversed(model.layers) if layer.weights)
    head.set_weights([0 * weights for weights in head.get_weights()])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(inputs, np.arange(len(inputs)) % 2, epochs=epochs, verbose=0)
    return model


def test_a_pretrained_backbone_keeps_its_statistics_when_all_of_it_learns(distributed):
    from fer_pipeline.networks.backbones import set_trainable, stages

    inputs = faces(2, 32, "rgb")
    model = build_network("resnet50v2", 32, "rgb", 3, distributed["resnet50v2"][0])
    set_trainable(model, len(stages(model)))
    before, kernels = statistics(model), kernels_of(model)
    upto = after_backbone(model)
    assert np.allclose(told(upto, inputs, training=True), told(upto, inputs, training=False))
    fitted(model, inputs, epochs=2)  # in the first, only the head, which knows nothing, learns
    assert all(np.array_equal(*pair) for pair in zip(before, statistics(model), strict=True))
    assert stages(model)[-1][0].trainable
    assert not all(np.array_equal(*pair) for pair in zip(kernels, kernels_of(model), strict=True))


def test_a_backbone_with_random_weights_learns_its_statistics():
    inputs = faces(2, 32, "rgb")
    model = build_network("resnet50v2", 32, "rgb", 3)
    before = statistics(model)
    fitted(model, inputs, epochs=1)
    assert not any(np.array_equal(*pair) for pair in zip(before, statistics(model), strict=True))


@pytest.mark.parametrize(("name", "stage"), [("vgg16", 0), ("resnet50v2", 2)])
def test_what_learns_is_saved_with_the_model(name, stage, distributed, tmp_path):
    from fer_pipeline.networks.backbones import set_trainable

    model = build_network(name, 32, "gray", 3, distributed[name][0])
    set_trainable(model, stage)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / KERAS_FILE)
    loaded = load_keras().saving.load_model(tmp_path / KERAS_FILE)
    inputs = faces(2, 32, "gray")
    assert np.array_equal(told(loaded, inputs), told(model, inputs))

    def learning(one):
        return [weight.path.split("/", 1)[-1] for weight in one.trainable_weights]

    assert learning(loaded) == learning(model)
    if name == "resnet50v2":  # the head of VGG16 has a normalisation of its own
        assert not any("gamma" in weight for weight in learning(model))
    set_trainable(loaded, 1 + stage)
    assert len(loaded.trainable_weights) > len(model.trainable_weights)
