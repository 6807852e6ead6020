"""From crops to probabilities, on LiteRT: no TensorFlow, and a start in milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import ModelError
from fer_pipeline.faces import CHANNEL_COUNT, network_inputs
from fer_pipeline.model_folder import LITERT_FILE, ModelSpec, model_file
from fer_pipeline.quiet import quiet

SPEED_BATCH = 32

_WARM_UPS, _REPEATS, _FEWEST_REPEATS = 3, 50, 5

# Of a quantized network.
_SHARE_ROUNDING = 1e-3

_MAKE_AGAIN = "train the model again, or make the file with fer export-model"

# A large network on an old machine need not be repeated for minutes.
_SECONDS_MEASURED = 5.0


class Classifier:
    """A trained model, ready to tell emotions.

    Args:
        folder: A model folder.
        threads: Faces told side by side; each takes the memory of the weights once more. What is
            told does not depend on it.

    Raises:
        ModelError: The folder holds no model, or a broken one.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.spec = ModelSpec.read(folder)
        path = _litert_file(folder)
        self._networks = [_Network(path) for _ in range(threads)]
        self._check_shapes(path)

    def classify(self, crops: UInt8Array) -> FloatArray:
        """Tell the emotions of faces.

        Args:
            crops: As `fer_pipeline.faces.crop` makes them with the spec's crop, shape
                (N, size, size, 1 or 3).

        Returns:
            Probabilities, shape (N, emotions); each row adds up to 1.
        """
        shares = [one for one in np.array_split(crops, len(self._networks)) if len(one)]
        if len(shares) < 2:
            return self._classify(self._networks[0], crops)
        with ThreadPoolExecutor(len(shares)) as pool:
            return np.concatenate([*pool.map(self._classify, self._networks, shares)])

    def _classify(self, network: _Network, crops: UInt8Array) -> FloatArray:
        told = np.empty((len(crops), len(self.spec.emotions)), np.float32)
        # One by one: on a CPU a batch gains little, and so a face's figures never depend on the
        # faces beside it.
        for index in range(len(crops)):
            one = crops[index : index + 1]
            inputs = network_inputs(one, self.spec.input_size, self.spec.input_channels)
            told[index] = network.run(inputs.astype(np.float32))[0]
        return told

    def _check_shapes(self, path: Path) -> None:
        size, channels = self.spec.input_size, CHANNEL_COUNT[self.spec.input_channels]
        given, told = self._networks[0].shapes
        if given != [1, size, size, channels] or told != [1, len(self.spec.emotions)]:
            raise ModelError(
                f"{path}: takes {given} and gives {told}, which does not fit its spec.json; "
                "the folder mixes two models"
            )


@dataclass(frozen=True, slots=True)
class Speed:
    """How long a network takes from its input to the probabilities.

    Attributes:
        threads: Threads that it ran on.
        one: Seconds an image, one by one.
        batch32: Seconds an image, 32 at once.
    """

    threads: int
    one: float
    batch32: float


def measure_speed(folder: Path, threads: int = 1) -> Speed:
    """Measure a model's network, without cutting out and resizing: median of repeated runs.

    Args:
        folder: A model folder.
        threads: Threads that one run may use.

    Raises:
        ModelError: The folder holds no model, or a broken one.
    """
    path = _litert_file(folder)
    one, many = (_Network(path, batch, threads) for batch in (1, SPEED_BATCH))
    return Speed(threads, one=_seconds(one), batch32=_seconds(many) / SPEED_BATCH)


def _seconds(network: _Network) -> float:
    """Return the median duration of a run on noise; the pixels make no difference."""
    shape, _ = network.shapes
    inputs = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    for _ in range(_WARM_UPS):
        network.run(inputs)
    taken: list[float] = []
    while len(taken) < _REPEATS:
        taken.append(_duration(lambda: network.run(inputs)))
        if len(taken) >= _FEWEST_REPEATS and sum(taken) > _SECONDS_MEASURED:
            break
    return median(taken)


def _duration(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


class _Network:
    """One interpreter of LiteRT, for batches of one size.

    Args:
        path: The LiteRT file.
        batch: Images a run.
        threads: Threads of a run.

    Raises:
        ModelError: The file is broken.
    """

    def __init__(self, path: Path, batch: int = 1, threads: int = 1) -> None:
        self._path = path
        self._interpreter = _load(path, batch, threads)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    @property
    def shapes(self) -> tuple[list[int], list[int]]:
        """Shape of the input and of the output."""
        return self._input["shape"].tolist(), self._output["shape"].tolist()

    def run(self, inputs: FloatArray) -> FloatArray:
        """Return the probabilities of a batch.

        Raises:
            ModelError: The file is broken in its midst: it ran into an error, or tells nonsense.
        """
        try:
            self._interpreter.set_tensor(self._input["index"], inputs)
            self._interpreter.invoke()
            probabilities: FloatArray = self._interpreter.get_tensor(self._output["index"])
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path}: LiteRT cannot run it", _MAKE_AGAIN) from error
        if not _are_shares(probabilities):
            raise ModelError(f"{self._path}: what it tells are no probabilities", _MAKE_AGAIN)
        return probabilities


def _are_shares(told: FloatArray) -> bool:
    """Tell whether numbers are between 0 and 1; NaN is not."""
    return bool(np.all((told >= -_SHARE_ROUNDING) & (told <= 1 + _SHARE_ROUNDING)))


def _litert_file(folder: Path) -> Path:
    return model_file(folder, LITERT_FILE, f"make it with fer export-model {folder}")


def _load(path: Path, batch: int, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            interpreter = Interpreter(str(path), num_threads=threads)
            given = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(given["index"], [batch, *given["shape"][1:]])
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: not a model that LiteRT can load") from error
    return interpreter
