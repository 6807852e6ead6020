"""The model folder: its spec, its files, and that nothing in it is ever run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.classifier import Classifier
from fer_pipeline.conversion import load_model
from fer_pipeline.errors import ModelError
from fer_pipeline.model_folder import (
    KERAS_FILE,
    LITERT_FILE,
    SPEC_FILE,
    ModelSpec,
    bundled_model,
    find_model,
    is_bundled,
)
from tests.conftest import crop_record


@pytest.fixture
def folder(model_folder, tmp_path) -> Path:
    """Return a copy of a trained model, to be broken."""
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def change_spec(folder: Path, **values: object) -> None:
    path = folder / SPEC_FILE
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


# The spec

PLAIN = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text()))


@settings(max_examples=30)
@given(
    st.lists(st.text(min_size=1), min_size=2, max_size=8, unique=True).map(tuple),
    st.integers(8, 1024),
    st.sampled_from(["gray", "rgb"]),
    PLAIN,
)
def test_a_spec_written_is_the_spec_read(tmp_path_factory, emotions, size, channels, plain):
    folder = tmp_path_factory.mktemp("model")
    spec = ModelSpec("lenet", emotions, size, channels, crop_record(), plain, plain, plain, plain)
    spec.write(folder)
    assert ModelSpec.read(folder) == spec


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 2}, "fer-model version 2 cannot be read"),
        ({"format": "onnx"}, "onnx version 1 cannot be read"),
        ({"crop": 3}, "broken"),
        ({"crop": {"size": 48}}, "broken"),
        ({"input_channels": "hsv"}, "broken .*hsv"),
        ({"surprise": 1}, "broken"),
    ],
)
def test_a_spec_of_another_kind_is_refused(folder, values, message):
    change_spec(folder, **values)
    with pytest.raises(ModelError, match=message):
        ModelSpec.read(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"spec"', b"{}", b"\xff\xfe"])
def test_a_broken_spec_is_refused(folder, content):
    (folder / SPEC_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"broken .*; train the model again"):
        Classifier(folder)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_what_is_no_model_folder_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=f"{name}: no model folder"):
        Classifier(tmp_path / name)


# Which model annotates


def test_the_model_given_comes_before_the_one_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(None) == find_model(Path("default")) == bundled_model()
    assert is_bundled(find_model(None))
    (tmp_path / "model").mkdir()
    assert find_model(None) == Path("model")
    assert find_model(Path("other")) == Path("other")
    assert find_model(Path("default")) == bundled_model()
    (tmp_path / "default").mkdir()
    assert find_model(Path("default")) == Path("default")
    assert not is_bundled(Path("model"))


def test_a_bundled_model_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr("fer_pipeline.model_folder._BUNDLED_FOLDER", "gone")
    with pytest.raises(ModelError, match="the bundled model is missing; install fer-pipeline"):
        find_model(None)


# The LiteRT file


def test_a_missing_litert_file_tells_how_to_make_it(folder):
    (folder / LITERT_FILE).unlink()
    with pytest.raises(ModelError, match=r"missing from the model folder; .*fer export-model"):
        Classifier(folder)


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_cut_litert_file_is_refused(folder, share):
    content = (folder / LITERT_FILE).read_bytes()
    (folder / LITERT_FILE).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="not a model that LiteRT can load"):
        Classifier(folder)


@pytest.mark.parametrize(
    "values", [{"input_size": 48}, {"input_channels": "rgb"}, {"emotions": ["neutral", "fear"]}]
)
def test_a_folder_that_mixes_two_models_is_refused(folder, values):
    change_spec(folder, **values)
    with pytest.raises(ModelError, match=r"takes \[1, 32, 32, 1\] and gives \[1, 3\].*mixes two"):
        Classifier(folder)


def test_export_model_writes_the_same_litert_file_again(folder, fer):
    before = (folder / LITERT_FILE).read_bytes()
    (folder / LITERT_FILE).unlink()
    result = fer("export-model", folder)
    assert result.exit_code == 0, result.stderr
    assert str(folder / LITERT_FILE) in result.stdout
    assert (folder / LITERT_FILE).read_bytes() == before


def test_export_model_of_what_is_no_model_is_one_clear_line(fer, tmp_path):
    result = fer("export-model", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"fer: {tmp_path}: no model folder (spec.json is missing)\n"


# The Keras file


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def emptied(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("breaking", [emptied, cut, damaged])
def test_a_broken_keras_file_is_refused(folder, breaking):
    path = folder / KERAS_FILE
    path.write_bytes(breaking(path.read_bytes()))
    with pytest.raises(ModelError, match="not a model that Keras can load"):
        load_model(folder)


def test_a_missing_keras_file_is_refused(folder):
    (folder / KERAS_FILE).unlink()
    with pytest.raises(ModelError, match="missing from the model folder; train the model again"):
        load_model(folder)


def test_a_lambda_in_a_keras_file_is_not_run(folder, tmp_path):
    import keras

    trace, path = tmp_path / "was_here", folder / KERAS_FILE
    # Its text holds the path, because only the code of a lambda is stored.
    malicious = eval(f"lambda faces: (open({str(trace)!r}, 'w').close(), faces)[1]")
    pixels = keras.Input((32, 32, 1))
    faces = keras.layers.Flatten()(keras.layers.Lambda(malicious)(pixels))
    keras.Model(pixels, keras.layers.Dense(3)(faces)).save(path)
    trace.unlink()
    with pytest.raises(ModelError, match="not a model that Keras can load"):
        load_model(folder)
    assert not trace.exists()
    keras.saving.load_model(path, safe_mode=False)
    assert trace.exists()  # the file was dangerous indeed
