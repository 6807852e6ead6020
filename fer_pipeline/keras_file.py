"""Whether a Keras file is a plain network: looked at before Keras reads it.

Keras builds whatever a file names: layers that hold code, functions of any module, models of other
programs, or words read from other files. None of that is in a network of ours, so what is not known
to be harmless is refused here, whatever the version of Keras lets pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from fer_pipeline.errors import ModelError
from fer_pipeline.json_values import parse_json

_MEMBERS = frozenset({"metadata.json", "config.json", "model.weights.h5"})

_MOST_CONFIG = 2**26
"""Bytes of the description; that of the deepest network has 2 MiB."""

_MOST_EXPANSION = 100
"""How much larger than the archive its content may be: weights hardly shrink."""

_MODULES = frozenset(
    {None, "keras", "keras.activations", "keras.constraints", "keras.initializers", "keras.layers"}
    | {"keras.models", "keras.regularizers", "keras.src.models.functional"}
    | {"keras.src.models.model", "keras.src.models.sequential", "keras.src.ops.numpy"}
)

# How it was trained: models are loaded without it.
_NOT_READ = {"compile_config": None}

# Of the insides of Keras: models, and the operation that puts blue first (`networks.scaling`).
_INSIDES = ("Functional", "Model", "Sequential", "Flip")

# They hold code, build models of other programs, or read files that they name.
_DANGEROUS = frozenset(
    {"FlaxLayer", "IntegerLookup", "JaxLayer", "Lambda", "StringLookup", "TFSMLayer"}
    | {"TextVectorization", "TorchModuleWrapper"}
)


def check_keras_file(path: Path) -> None:
    """Make sure that a Keras file holds a network, and nothing else.

    Raises:
        ModelError: It holds more, or is broken.
    """
    try:
        with ZipFile(path) as archive:
            _check_members(archive, path.stat().st_size)
            config = parse_json(archive.read("config.json"))
            for part in _objects(config | _NOT_READ):
                _check_object(part)
            _check_weights(archive)
    except (BadZipFile, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        problem = f"{path}: not a model that Keras can load safely ({error})"
        raise ModelError(problem, "train the model again, or ask who made it") from error


def _check_members(archive: ZipFile, size: int) -> None:
    members = archive.infolist()
    foreign = sorted({one.filename for one in members} - _MEMBERS)
    if foreign or len(members) != len(_MEMBERS):
        raise ValueError(
            f"it holds {foreign[0]}" if foreign else "a part is missing or twice there"
        )
    if sum(one.file_size for one in members) > _MOST_EXPANSION * size:
        raise ValueError(f"its content is more than {_MOST_EXPANSION} times as large as the file")
    if archive.getinfo("config.json").file_size > _MOST_CONFIG:
        raise ValueError("its description is too long")


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    """Yield all JSON objects, however deep they lie."""
    left = [values]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one


def _check_object(part: dict[str, Any]) -> None:
    if "class_name" not in part:
        return
    name, module = part["class_name"], part.get("module")
    if module not in _MODULES:
        raise ValueError(f"it asks for {module}.{name}")
    if str(module).startswith("keras.src") and name not in _INSIDES:
        raise ValueError(f"it asks for {module}.{name}")
    if name in _DANGEROUS or ">" in str(part.get("registered_name")):
        raise ValueError(f"it has a {name}, which may run code or read files")


def _check_weights(archive: ZipFile) -> None:
    """Refuse weights that lie in other files of this machine."""
    import h5py

    with archive.open("model.weights.h5") as weights, h5py.File(weights, "r") as file:
        left: list[Any] = [file]
        while left:
            group = left.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"its weights {name} are a link to another place")
                one = group[name]
                if isinstance(one, h5py.Group):
                    left.append(one)
                elif one.external or one.is_virtual:
                    raise ValueError(f"its weights {name} lie in another file")
