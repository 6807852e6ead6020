"""From crops to probabilities, on LiteRT: no TensorFlow, and a start in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import ModelError
from fer_pipeline.faces import CHANNEL_COUNT, network_inputs
from fer_pipeline.model_folder import LITERT_FILE, ModelSpec, model_file
from fer_pipeline.quiet import quiet


class Classifier:
    """A trained model, ready to tell emotions.

    Args:
        folder: A model folder.
        threads: Threads of the interpreter.

    Raises:
        ModelError: The folder holds no model, or a broken one.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.spec = ModelSpec.read(folder)
        path = model_file(folder, LITERT_FILE, f"make it with fer export-model {folder}")
        self._interpreter = _load(path, threads)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._check_shapes(path)

    def classify(self, crops: UInt8Array) -> FloatArray:
        """Tell the emotions of faces.

        Args:
            crops: As `fer_pipeline.faces.crop` makes them with the spec's crop, shape
                (N, size, size, 1 or 3).

        Returns:
            Probabilities, shape (N, emotions); each row adds up to 1.
        """
        inputs = network_inputs(crops, self.spec.input_size, self.spec.input_channels)
        return np.concatenate([self._probabilities(one) for one in inputs])

    def _probabilities(self, one: UInt8Array) -> FloatArray:
        # One by one: on a CPU a batch gains nothing, and so a face's figures never depend on the
        # faces beside it.
        self._interpreter.set_tensor(self._input, one[np.newaxis].astype(np.float32))
        self._interpreter.invoke()
        probabilities: FloatArray = self._interpreter.get_tensor(self._output)
        return probabilities

    def _check_shapes(self, path: Path) -> None:
        size, channels = self.spec.input_size, CHANNEL_COUNT[self.spec.input_channels]
        given = self._interpreter.get_input_details()[0]["shape"].tolist()
        told = self._interpreter.get_output_details()[0]["shape"].tolist()
        if given != [1, size, size, channels] or told != [1, len(self.spec.emotions)]:
            raise ModelError(
                f"{path}: takes {given} and gives {told}, which does not fit its spec.json; "
                "the folder mixes two models"
            )


def _load(path: Path, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with quiet():
            interpreter = Interpreter(str(path), num_threads=threads)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: not a model that LiteRT can load") from error
    return interpreter
