"""Measure the bundled model, and write its report and its model card.

    make default-model-report DATA=folder CLIPS=folder

Needs what the recipe left in build/default-model. ``CLIPS`` is optional: a folder of clips called
by the emotion that they show (happy.mp4), or by two of them in turn (sad_to_happy.mp4).
"""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from pathlib import Path

from benchmarks.peer import NoPeerError
from fer_pipeline.classifier import measure_speed
from fer_pipeline.dataset import SPLIT_VALIDATION
from fer_pipeline.domain import canonical_emotion
from fer_pipeline.model_folder import CARD_FILE, ModelSpec
from fer_pipeline.provenance import machine, provenance
from training.describing import card, report
from training.measuring import (
    Figures,
    beside_peers,
    judged,
    mirrored_gain,
    read_side,
    shown_most,
    sizes,
    training_of,
)
from training.recipe import COMPARED, DEFAULT_MODEL, FERPLUS, MAJORITY, ROOT, SHIPPED

RESULTS = ROOT / "docs" / "results" / "default-model"
CARD_IN_DOCS = ROOT / "docs" / "default-model.md"

CLIP_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")


def main() -> None:
    """Measure, and write everything anew."""
    parser = ArgumentParser(description="Measure the model that comes with the package.")
    parser.add_argument("--clips", type=Path, help="folder of clips called by their emotions")
    given = parser.parse_args()
    figures = measure(given.clips)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    spec = ModelSpec.read(ROOT / DEFAULT_MODEL)
    (RESULTS / "report.md").write_text(report(figures), "utf-8")
    text = card(spec, figures)
    for path in (ROOT / DEFAULT_MODEL / CARD_FILE, CARD_IN_DOCS):
        path.write_text(text, "utf-8")
    print(report(figures))


def measure(clips: Path | None) -> Figures:
    """Return every figure, as plain values."""
    model, trained, compared = ROOT / DEFAULT_MODEL, ROOT / SHIPPED.folder, ROOT / COMPARED.folder
    majority, most_voted = read_side(ROOT / MAJORITY), read_side(ROOT / FERPLUS)
    validation = read_side(ROOT / FERPLUS, SPLIT_VALIDATION)
    figures: Figures = {
        "provenance": provenance("make default-model-report") | {"machine": machine()},
        "faces": {"ferplus": sizes(ROOT / FERPLUS), "majority": sizes(ROOT / MAJORITY)},
        "training": {"ferplus": training_of(trained)},
        "ferplus": {"majority": judged(model, majority), "most voted": judged(model, most_voted)},
        "not quantised": {"majority": judged(trained, majority)},
        "mirrored": mirrored_gain(model, validation),
        "milliseconds": 1000 * measure_speed(model).one,
        "bytes": sum(path.stat().st_size for path in model.iterdir()),
    }
    if compared.exists():
        figures["training"]["fer2013"] = training_of(compared)
        figures["fer2013"] = judged(compared, read_side(ROOT / COMPARED.data))
    try:
        figures["peers"] = beside_peers(model, majority)
    except NoPeerError as error:
        print(f"no peer: {error}")
    if clips is not None:
        figures["clips"] = dict(measure_clips(model, clips))
    return figures


def measure_clips(model: Path, clips: Path) -> Figures:
    """Annotate every clip of a folder whose name tells what it shows."""
    measured: Figures = {}
    for clip in sorted(clips.iterdir()):
        named = [canonical_emotion(word) for word in re.split(r"[^a-z]+", clip.stem.lower())]
        shown = [emotion for emotion in named if emotion]
        if clip.suffix in CLIP_SUFFIXES and shown:
            measured[clip.name] = {"shows": shown} | shown_most(model, clip)
    return measured


if __name__ == "__main__":
    main()
