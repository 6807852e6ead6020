"""The files that a comparison leaves: tables in four forms, and the learning curves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_pipeline.files import replacing
from fer_pipeline.model_folder import CURVES_FILE, write_json
from fer_pipeline.report.comparison_page import as_html
from fer_pipeline.report.comparison_tables import (
    as_csv,
    as_markdown,
    measures,
    name_of,
    sections,
)
from fer_pipeline.report.plots import plot_learning_curves_side_by_side

if TYPE_CHECKING:
    from fer_pipeline.comparison_results import Comparison, Result

TABLE_FILE = "comparison.md"
PAGE_FILE = "comparison.html"
CSV_FILE = "comparison.csv"
JSON_FILE = "comparison.json"


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write a comparison's files into its folder, over those of an earlier time.

    Raises:
        OutputError: The folder cannot be written to.
    """
    parts = sections(comparison)
    curves = folder / CURVES_FILE
    with replacing(curves) as unfinished:
        named = {_title(result): result.histories for result in comparison.results}
        picture = unfinished.with_suffix(".png")  # its suffix tells the format
        plot_learning_curves_side_by_side(picture, named)
        picture.replace(unfinished)
    link = f"\n![Accuracy by epoch, for training and validation faces]({CURVES_FILE})\n"
    _write(folder / TABLE_FILE, as_markdown(parts) + link)
    _write(folder / PAGE_FILE, as_html(parts, CURVES_FILE))
    _write(folder / CSV_FILE, as_csv(comparison))
    with replacing(folder / JSON_FILE) as unfinished:
        write_json(unfinished, _plain(comparison))


def _write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, "utf-8", newline="\n")


def _title(result: Result) -> str:
    return name_of(result) + (", random frames" if result.entry.by_frames else "")


def _plain(comparison: Comparison) -> dict[str, Any]:
    return {
        "emotions": comparison.emotions,
        "columns": [
            {
                **asdict(result.entry),
                "split": result.specs[0].split["kind"],
                "as_published": result.as_published,
                "folds": result.folds,
                "interval": result.interval,
                "measures": measures(result),
                "scores": asdict(result.scores),
                "seconds": result.seconds,
            }
            for result in comparison.results
        ],
        "colour_minus_gray": {name: asdict(one) for name, one in comparison.colour.items()},
        "failures": comparison.failures,
        "provenance": comparison.provenance,
    }
