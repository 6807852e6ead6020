"""LiteRT files of 32, 16 and 8 bits: their size, what they take, and how near they come."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_pipeline import conversion
from fer_pipeline.classifier import Classifier
from fer_pipeline.conversion import QUANTIZATIONS, write_litert
from fer_pipeline.errors import ModelError
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.model_folder import KERAS_FILE, LITERT_FILE, SPEC_FILE, ModelSpec
from fer_pipeline.networks import NETWORKS, build_network
from tests.conftest import crop_record
from tests.network_models import faces, make_sure, told

EMOTIONS = ("neutral", "happiness", "sadness", "surprise")
FACES = faces(12, 16, "gray").astype(np.uint8)

# How far a probability may be from the one of 32 bits.
NEAR = {"none": 1e-4, "float16": 0.02, "int8": 0.2}


def write_model(folder: Path, network: str, size: int) -> Path:
    """Write what a training leaves of a network, with weights that tell faces apart."""
    load_keras().utils.set_random_seed(0)
    model = build_network(network, size, "gray", len(EMOTIONS))
    inputs = faces(12, size, "gray")
    make_sure(model, inputs)
    model.save(folder / KERAS_FILE)
    ModelSpec(network, EMOTIONS, size, "gray", crop_record(size)).write(folder)
    np.save(folder / "told.npy", told(model, inputs))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model folder of the bundled model's network."""
    return write_model(tmp_path_factory.mktemp("model"), "seresnet", 16)


@pytest.fixture
def simple(tmp_path) -> Path:
    """A model folder of few layers, soon converted, and many weights."""
    (tmp_path / "model").mkdir()
    return write_model(tmp_path / "model", "lenet", 28)


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory) -> dict[str, Path]:
    """The folder once for each quantization."""
    made = {}
    for quantization in QUANTIZATIONS:
        made[quantization] = tmp_path_factory.mktemp(quantization) / "model"
        shutil.copytree(folder, made[quantization])
        assert write_litert(made[quantization], quantization).stat().st_size
    return made


def size_of(folder: Path) -> int:
    return (folder / LITERT_FILE).stat().st_size


def test_fewer_bits_make_smaller_files(written):
    # Four bytes for each of the weights, of which normalisation's go into the convolutions.
    whole = size_of(written["none"])
    assert whole == pytest.approx(4 * NETWORKS["seresnet"].parameters["gray"], rel=0.02)
    assert size_of(written["float16"]) == pytest.approx(whole / 2, rel=0.04)
    assert size_of(written["int8"]) == pytest.approx(whole / 4, rel=0.08)


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_a_quantised_file_takes_and_gives_what_the_plain_one_does(written, quantization):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(written[quantization] / LITERT_FILE))
    (given,), (gives,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (given["shape"].tolist(), given["dtype"]) == ([1, 16, 16, 1], np.float32)
    assert (gives["shape"].tolist(), gives["dtype"]) == ([1, len(EMOTIONS)], np.float32)


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_a_quantised_file_tells_nearly_what_the_keras_model_does(written, quantization):
    expected = np.load(written["none"] / "told.npy")
    assert np.ptp(expected, axis=0).max() > 0.5  # not merely unsure
    found = Classifier(written[quantization]).classify(FACES)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.abs(found - expected).max() < NEAR[quantization]
    sure = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2] > 0.3
    assert sure.any()
    assert np.array_equal(found[sure].argmax(axis=1), expected[sure].argmax(axis=1))


def test_weights_are_kept_in_as_many_bits_as_asked(written):
    from ai_edge_litert.interpreter import Interpreter

    wide = {"none": np.float32, "float16": np.float16, "int8": np.int8}
    for quantization, kind in wide.items():
        interpreter = Interpreter(str(written[quantization] / LITERT_FILE))
        values = {np.dtype(kind): 0}
        for one in interpreter.get_tensor_details():
            count = int(np.prod(one["shape"]))
            values[np.dtype(one["dtype"])] = max(values.get(np.dtype(one["dtype"]), 0), count)
        # The largest convolution: 3 by 3, 192 filters of as many channels.
        assert values[np.dtype(kind)] >= 3 * 3 * 192 * 192


def test_export_model_quantizes_and_can_go_back(simple, fer):
    result = fer("export-model", simple, "--quantize", "int8")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{simple / LITERT_FILE}: written\n"
    small = size_of(simple)
    assert fer("export-model", simple).exit_code == 0
    assert size_of(simple) > 3 * small
    refused = fer("export-model", simple, "--quantize", "int4")
    assert refused.exit_code == 2
    assert "'int4' is not one of 'none', 'float16', 'int8'" in refused.stderr
    (simple / KERAS_FILE).unlink()
    gone = fer("export-model", simple)
    assert gone.exit_code == 1
    assert f"{KERAS_FILE}: missing from the model folder" in gone.stderr


def test_where_keras_runs_on_another_backend_a_process_of_tensorflow_quantizes(simple):
    here = write_litert(simple, "int8").stat().st_size
    (simple / LITERT_FILE).unlink()
    conversion._in_own_process(simple, "int8")
    assert size_of(simple) == pytest.approx(here, rel=0.01)
    (simple / SPEC_FILE).unlink()
    with pytest.raises(ModelError, match=r"cannot be converted: .*no model folder"):
        conversion._in_own_process(simple, "int8")
