"""What tables of ``fer compare`` hold for the document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path
from statistics import mean

from fer_pipeline.fit_options import Epoch
from fer_pipeline.history import read_history
from fer_pipeline.model_folder import SPEC_FILE, ModelSpec
from study.records import Figures, hand_over
from study.truth import write_table

KEPT = ("comparison.md", "comparison.csv", "comparison.json", "learning-curves.png")


def table_of(comparison: Path, results: Path) -> Figures:
    """Copy the tables of a comparison to the results with all epochs, and return its columns."""
    hand_over(comparison, results, KEPT)
    _write_epochs(comparison, results)
    told = json.loads((comparison / "comparison.json").read_text("utf-8"))
    columns = told["columns"]
    for column in columns:
        column["scores"].pop("calibration")  # comparison.json has it
    return {
        "columns": columns,
        "colour minus gray": told["colour_minus_gray"],
        "failures": told["failures"],
    }


def published_figures(comparison: Path, network: str) -> Figures:
    """Return loss and accuracy on training and validation faces, under the split by frames.

    Those of the epoch whose weights are kept, the mean over the folds with its extremes; those on
    training faces are of the faces as they were varied, during the epoch.
    """
    kept = [
        read_history(run)["1"][ModelSpec.read(run).training["epochs"] - 1]
        for run in sorted((comparison / "runs").glob(f"{network}-gray-random-frames-fold*/"))
    ]
    values = {
        "training loss": [epoch.loss for epoch in kept],
        "training accuracy": [epoch.accuracy for epoch in kept],
        "validation loss": [epoch.validation_loss for epoch in kept],
        "validation accuracy": [epoch.validation_accuracy for epoch in kept],
    }
    return {
        name: {"mean": mean(found), "least": min(found), "most": max(found)}
        for name, found in values.items()
    }


def write_people(table: Figures, sexes: Mapping[str, str], results: Path) -> None:
    """Write how well each person is told by networks that have not seen them."""
    write_table(
        results / "participants.csv",
        ("network", "channels", "participant", "sex", "faces", "accuracy"),
        (
            (
                column["network"],
                column["channels"],
                person,
                sexes[person],
                column["scores"]["participant_faces"][person],
                f"{accuracy:.4f}",
            )
            for column in table["columns"]
            for person, accuracy in column["scores"]["participants"].items()
        ),
    )


def _write_epochs(comparison: Path, results: Path) -> None:
    names = [column.name for column in fields(Epoch)]
    runs = [run for run in sorted((comparison / "runs").iterdir()) if (run / SPEC_FILE).exists()]
    write_table(
        results / "epochs.csv",
        ("run", *names),
        ((run.name, *astuple(epoch)) for run in runs for epoch in read_history(run)["1"]),
    )
