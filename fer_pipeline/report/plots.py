"""Plots, as files; matplotlib is loaded where it is used and never opens a window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.evaluation import Scores
from fer_pipeline.fit_options import Epoch

# Okabe and Ito's palette, which people with any colour vision tell apart.
_TRAINING_COLOUR, _VALIDATION_COLOUR, _FINAL_COLOUR = "#0072B2", "#D55E00", "#009E73"

_DOTS_PER_INCH = 150


def plot_learning_curves(
    path: Path, fits: Sequence[Sequence[Epoch]], final: Sequence[Epoch] = ()
) -> None:
    """Draw loss and accuracy over the epochs, for training and validation faces.

    Args:
        path: Where the picture goes.
        fits: Epochs of each fit that was evaluated; several are drawn thinly.
        final: Epochs of the fit on everyone, if there was one.
    """
    figure = _figure(9, 3.6)
    for position, name in enumerate(("loss", "accuracy"), 1):
        axes = figure.add_subplot(1, 2, position)
        for number, fit in enumerate(fits):
            _draw_fit(axes, fit, name, width=1.5 if len(fits) == 1 else 0.6, first=not number)
        if final:
            values = [getattr(epoch, name) for epoch in final]
            numbers = [epoch.number for epoch in final]
            style = {"color": _FINAL_COLOUR, "linestyle": "--"}
            axes.plot(numbers, values, label="everyone's faces, final fit", **style)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def _draw_fit(axes: Any, fit: Sequence[Epoch], name: str, *, width: float, first: bool) -> None:
    """Draw one fit; the first of several is enough for the legend."""
    numbers = [epoch.number for epoch in fit]
    for side, prefix, colour in (
        ("training", "", _TRAINING_COLOUR),
        ("validation", "validation_", _VALIDATION_COLOUR),
    ):
        values = [getattr(epoch, prefix + name) for epoch in fit]
        label = f"{side} faces" if first else None
        axes.plot(numbers, values, color=colour, linewidth=width, label=label)


def plot_confusion(path: Path, scores: Scores, emotions: Sequence[str]) -> None:
    """Draw what each emotion was called: shares of each row, with the counts written in."""
    counts = np.array(scores.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.75 * len(emotions)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(emotions)), emotions, rotation=45, ha="right")
    axes.set_yticks(range(len(emotions)), emotions)
    axes.set(xlabel="called", ylabel="shown")
    figure.colorbar(picture, label="share of the emotion shown", shrink=0.8)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def _figure(width: float, height: float) -> Any:
    # Not pyplot: it would choose a window system and keep every figure alive.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
