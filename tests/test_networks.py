"""The networks: how large they are, what they take, and what comes back from a file."""

from __future__ import annotations

import numpy as np
import pytest

from fer_pipeline.conversion import load_model
from fer_pipeline.errors import ModelError
from fer_pipeline.model_folder import KERAS_FILE
from fer_pipeline.networks import DEFAULT_NETWORK, NETWORKS, build_network, find_network


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("lenet5", 48, 168_971),
        ("lenet5", 32, 61_451),
        ("lenet", 48, 3_629_577),
        ("lenet", 28, 1_254_577),
        ("lenet", 64, 6_429_577),
    ],
)
def test_a_network_has_the_parameters_counted_by_hand(name, size, parameters):
    assert build_network(name, size, "gray", 7).count_params() == parameters


@pytest.mark.parametrize("channels", ["gray", "rgb"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_registry_tells_the_parameters_of_the_built_network(name, channels):
    network = NETWORKS[name]
    built = build_network(name, network.size, channels, 8)
    assert built.count_params() == network.parameters[channels]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_smallest_input_is_taken_and_a_smaller_one_refused(name):
    smallest = NETWORKS[name].smallest
    told = build_network(name, smallest, "gray", 3)(np.zeros((1, smallest, smallest, 1)))
    assert tuple(told.shape) == (1, 3)
    with pytest.raises(ModelError, match=f"{smallest - 1} px is too small, it needs {smallest} px"):
        build_network(name, smallest - 1, "gray", 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_probabilities_for_pixels_of_0_to_255(name):
    faces = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.float32)
    told = np.asarray(build_network(name, 32, "rgb", 4)(faces))
    assert told.shape == (5, 4)
    assert told.min() >= 0
    assert told.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    # Scaled inside: unscaled pixels would make fresh weights certain.
    assert told.max() < 0.9


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_saved_and_loaded_tells_the_same(name, tmp_path):
    model = build_network(name, 32, "gray", 3)
    model.save(tmp_path / KERAS_FILE)
    faces = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 1)).astype(np.float32)
    assert np.array_equal(load_model(tmp_path)(faces), model(faces))


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ModelError, match=r"vgg: no such network; .*lenet, lenet5"):
        find_network("vgg")


def test_fer_networks_lists_them_all(fer):
    result = fer("networks")
    assert result.exit_code == 0
    header, *lines = result.stdout.splitlines()
    assert "parameters gray" in header
    for line, (name, network) in zip(lines, NETWORKS.items(), strict=True):
        assert line.startswith(f"{name} ")
        assert f"{network.size} px {network.channels}" in line
        assert all(f"{count:,}" in line for count in network.parameters.values())
        assert network.source in line
        assert ("(default)" in line) == (name == DEFAULT_NETWORK)
