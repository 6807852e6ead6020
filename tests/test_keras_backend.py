"""Whether TensorFlow is there, whatever its distribution is called."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from fer_pipeline.conversion import write_litert
from fer_pipeline.errors import ModelError
from fer_pipeline.keras_backend import has_tensorflow


def test_tensorflow_of_another_distribution_is_found(monkeypatch):
    def unknown(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    monkeypatch.setattr("fer_pipeline.provenance.version", unknown)
    assert has_tensorflow()


def test_without_tensorflow_the_remedy_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert not has_tensorflow()
    with pytest.raises(ModelError, match="fer export-model"):
        write_litert(tmp_path)
