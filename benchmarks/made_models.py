"""A model to measure with: its figures mean nothing, its cost does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fer_pipeline.conversion import write_litert
from fer_pipeline.dataset import CropRecord
from fer_pipeline.faces import DetectionOptions, FaceDetector
from fer_pipeline.keras_backend import make_repeatable
from fer_pipeline.model_folder import KERAS_FILE, ModelSpec
from fer_pipeline.networks import DEFAULT_NETWORK, build_network, find_network

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")


def untrained_model(folder: Path, name: str = DEFAULT_NETWORK) -> Path:
    """Write a model folder of a network with random weights, at its default input."""
    folder.mkdir()
    network = find_network(name)
    detection = DetectionOptions()
    crop = CropRecord(
        size=120,
        margin=0.1,
        channels="rgb",
        detector=asdict(detection),
        cascade_digest=FaceDetector(detection).digest,
    )
    make_repeatable(0)
    model = build_network(name, network.size, network.channels, len(EMOTIONS))
    model.save(folder / KERAS_FILE)
    ModelSpec(name, EMOTIONS, network.size, network.channels, crop).write(folder)
    write_litert(folder)
    return folder
