"""Plots, as files; matplotlib is loaded where it is used and never opens a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.evaluation import Scores
from fer_pipeline.fit_options import Epoch

# Okabe and Ito's palette, which people with any colour vision tell apart.
_TRAINING_COLOUR, _VALIDATION_COLOUR, _FINAL_COLOUR = "#0072B2", "#D55E00", "#009E73"

_DOTS_PER_INCH = 150

_BARS = {"color": _TRAINING_COLOUR, "alpha": 0.6, "edgecolor": "white", "linewidth": 0.5}

# Beyond so many, names would fill a page; points tell as much.
_MOST_NAMED = 80


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


def plot_learning_curves_side_by_side(
    path: Path, networks: Mapping[str, Sequence[Sequence[Epoch]]]
) -> None:
    """Draw the accuracy over the epochs, a panel for each network, all on the same scales.

    Args:
        path: Where the picture goes.
        networks: For each name the epochs of each of its fits.
    """
    columns = min(4, len(networks))
    rows = -(-len(networks) // columns)
    figure = _figure(3.2 * columns, 2.6 * rows + 0.4)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    for axes, (name, fits) in zip(panels, networks.items(), strict=False):
        for number, fit in enumerate(fits):
            _draw_fit(axes, fit, "accuracy", width=1.5 if len(fits) == 1 else 0.6, first=not number)
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="epoch", ylabel="accuracy")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.label_outer()
    for axes in list(figure.axes)[len(networks) :]:
        axes.set_axis_off()
    figure.axes[0].legend(frameon=False, fontsize=8)
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


def plot_reliability(path: Path, scores: Scores) -> None:
    """Draw how often the model is right against how sure it is, and how many faces that is of."""
    bins = scores.calibration.bins
    figure = _figure(4.6, 5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    middles = [(one.low + one.high) / 2 for one in bins]
    width = bins[0].high - bins[0].low
    upper.bar(middles, [one.accuracy for one in bins], width, **_BARS, label="share told rightly")
    sure = [one.confidence for one in bins]
    style = {"color": _VALIDATION_COLOUR, "s": 14, "zorder": 3}
    upper.scatter(sure, sure, **style, label="mean confidence")
    upper.plot((0, 1), (0, 1), color="grey", linestyle=":", linewidth=1)
    upper.set(ylabel="share told rightly", xlim=(0, 1), ylim=(0, 1))
    error = f"expected calibration error {100 * scores.calibration.error:.1f} %"
    figure.suptitle(error, fontsize="medium")
    lower.bar(middles, [one.faces for one in bins], width, **_BARS)
    lower.set(xlabel="confidence in the emotion named", ylabel="faces")
    lower.yaxis.get_major_locator().set_params(integer=True)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    # Beside the picture, where no bar can be.
    figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def plot_participants(path: Path, scores: Scores) -> None:
    """Draw the accuracy of each person, best first, with that of all faces and its interval."""
    people = sorted(scores.participants.items(), key=lambda item: (item[1], item[0]))
    named = len(people) <= _MOST_NAMED
    figure = _figure(6, 1.4 + 0.22 * len(people) if named else 6)
    axes = figure.add_subplot()
    axes.axvline(scores.accuracy, color="grey", label="all faces")
    if scores.interval:
        label = "its 95 % interval over people"
        axes.axvspan(*scores.interval, color="grey", alpha=0.2, linewidth=0, label=label)
    chance = {"color": _VALIDATION_COLOUR, "linestyle": ":"}
    axes.axvline(scores.majority, **chance, label="always the commonest")
    style = {"color": _TRAINING_COLOUR, "s": 26 if named else 5, "zorder": 3}
    axes.scatter([accuracy for _, accuracy in people], range(len(people)), **style)
    if named:
        names = [f"{person} ({scores.participant_faces[person]})" for person, _ in people]
        axes.set_yticks(range(len(people)), names, parse_math=False)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(people)} people")
    axes.set(xlabel="share of the person's faces told rightly", xlim=(-0.02, 1.02))
    axes.set_ylim(-0.7, len(people) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def plot_counts(
    path: Path, emotions: Sequence[str], parts: Mapping[str, Sequence[int]], remarks: Sequence[str]
) -> None:
    """Draw how many faces show each emotion, as bars of parts that stand on each other.

    Args:
        path: Where the picture goes, a PNG whatever it is called.
        emotions: A bar for each.
        parts: Number of faces of each emotion, for each part; one part has no legend.
        remarks: Stands behind each bar's number of faces.
    """
    figure = _figure(6.5, 1.2 + 0.4 * len(emotions))
    axes = figure.add_subplot()
    colours = (_TRAINING_COLOUR, _VALIDATION_COLOUR, _FINAL_COLOUR, "#999999")
    ends = np.zeros(len(emotions), np.int64)
    for (name, numbers), colour in zip(parts.items(), colours, strict=False):
        axes.barh(range(len(emotions)), numbers, left=ends, color=colour, height=0.7, label=name)
        ends += np.asarray(numbers, np.int64)
    for place, (number, remark) in enumerate(zip(ends.tolist(), remarks, strict=True)):
        text = f" {number:,}{remark and f', {remark}'}"
        axes.text(number, place, text, va="center", fontsize=8)
    axes.set_yticks(range(len(emotions)), emotions, parse_math=False)
    axes.invert_yaxis()
    axes.set(xlabel="faces", xlim=(0, 1.3 * max(1, ends.max(initial=0))))
    axes.spines[["top", "right"]].set_visible(False)
    if len(parts) > 1:
        figure.legend(frameon=False, loc="outside upper center", ncols=len(parts), fontsize=8)
    figure.savefig(path, dpi=_DOTS_PER_INCH, format="png")


def _figure(width: float, height: float) -> Any:
    # Not pyplot: it would choose a window system and keep every figure alive.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
