"""Probabilities that mean what they say: a temperature, found on the validation faces.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017. The model's
last layer is divided by it, so that whoever runs the model needs to know nothing of it, and which
emotion is the likeliest stays as it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.domain import FloatArray

_COLDEST, _HOTTEST = 0.1, 10.0

# The logarithm of nothing must not be infinite.
_LEAST_PROBABILITY = 1e-12


def find_temperature(probabilities: FloatArray, labels: NDArray[np.integer]) -> float:
    """Return the temperature at which probabilities fit the labels best, by their likelihood.

    Args:
        probabilities: Shape (N, classes).
        labels: What is shown, shape (N,).

    Returns:
        Above 1 if they were too sure; from 0.1 to 10.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST_PROBABILITY))
    shown = np.arange(len(labels)), labels

    def surprise(logarithm: float) -> float:
        tempered = logits / np.exp(logarithm)
        sums = np.log(np.exp(tempered - tempered.max(axis=1, keepdims=True)).sum(axis=1))
        return float(np.mean(sums + tempered.max(axis=1) - tempered[shown]))

    bounds = float(np.log(_COLDEST)), float(np.log(_HOTTEST))
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded").x))


def set_temperature(model: Any, temperature: float) -> None:
    """Divide what the softmax of a Keras model is taken of by a temperature."""
    last = model.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
