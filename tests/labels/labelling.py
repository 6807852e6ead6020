"""Labelling videos by a CSV file of a test's own."""

from __future__ import annotations

from pathlib import Path

from fer_pipeline.labels import Labelling, LabelOptions, label_videos

HEADER = "video,participant,emotion,start,end\n"


def label_from(folder: Path, text: str | bytes, *paths: str, **options: object) -> Labelling:
    """Label ``paths`` by a CSV file with this ``text``."""
    file = folder / "segments.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return label_videos(paths, LabelOptions(labels=file, **options))  # type: ignore[arg-type]
