"""``history.csv``: the epochs of every fit of a training."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from fer_pipeline.errors import ModelError
from fer_pipeline.fit_options import Epoch
from fer_pipeline.model_folder import HISTORY_FILE, model_file

_FIT_COLUMN = "fit"


def write_history(folder: Path, fits: Mapping[str, Sequence[Epoch]]) -> None:
    """Write the epochs of fits, each under its name, into a model folder."""
    with (folder / HISTORY_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([_FIT_COLUMN, *(column.name for column in fields(Epoch))])
        for name, epochs in fits.items():
            writer.writerows((name, *astuple(epoch)) for epoch in epochs)


def read_history(folder: Path) -> dict[str, tuple[Epoch, ...]]:
    """Read the epochs of each fit of a model folder.

    Raises:
        ModelError: The file is missing or broken.
    """
    path = model_file(folder, HISTORY_FILE, "train the model again")
    fits: dict[str, tuple[Epoch, ...]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = row.pop(_FIT_COLUMN)
                epoch = Epoch(number=int(row.pop("number")), **_numbers(row))
                fits[name] = (*fits.get(name, ()), epoch)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: broken ({error}); train the model again") from error
    return fits


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    return {name: float(text) for name, text in row.items()}
