"""From a frame with tracked faces to rows of a timeline: what annotation and a live view share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Box, FloatArray, Frame, Status
from fer_pipeline.errors import DetectorError, ModelError
from fer_pipeline.faces import CropOptions, DetectionOptions, FaceDetector, crop
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.tracking import TrackedFrame

Tell = Callable[[Frame, Sequence[Box]], FloatArray]
"""Gives the probabilities of faces in a frame, shape (faces, emotions)."""

# A search in steps of next to nothing, or for faces of a pixel, would never end.
_SENSIBLE = {
    "scale_factor": (1.01, 10),
    "neighbors": (0, 1000),
    "working_size": (16, 2**14),
    "smallest_face": (0.001, 1),
}


def detector_of(spec: ModelSpec, *, profile: bool = False) -> FaceDetector:
    """Set up the detector with which a model's faces were found.

    Args:
        spec: Of the model.
        profile: Whether faces turned aside are looked for too.

    Raises:
        DetectorError: It cannot be had.
        ModelError: Its settings make no sense.
    """
    detector = FaceDetector(_settings(spec.crop.detector), profile=profile)
    if detector.digest != spec.crop.cascade_digest:
        raise DetectorError(
            f"{detector.options.cascade}: not the cascade with which the faces were found that the "
            "model learned from; put that file in its place"
        )
    return detector


def _settings(values: Mapping[str, Any]) -> DetectionOptions:
    """Return the detector's settings, of a spec that a stranger may have written."""
    try:
        options = DetectionOptions(**values)
        for name, (least, most) in _SENSIBLE.items():
            if not least <= getattr(options, name) <= most:
                raise ValueError(f"{name} is not from {least} to {most}")
    except (TypeError, ValueError) as error:
        problem = f"the model's spec.json: its detector makes no sense ({error})"
        raise ModelError(problem, "train the model again") from error
    return options


def telling(classifier: Classifier) -> Tell:
    """Return what tells the emotions of faces as a model sees them."""
    spec = classifier.spec
    cut = CropOptions(spec.crop.size, spec.crop.margin, spec.crop.channels)

    def tell(frame: Frame, boxes: Sequence[Box]) -> FloatArray:
        return classifier.classify(np.stack([crop(frame, box, cut) for box in boxes]))

    return tell


def rows_of(tracked: TrackedFrame, video: str, tell: Tell) -> Iterator[TimelineRow]:
    """Yield a row for each face of a frame, or the one row of a frame without any.

    Args:
        tracked: The frame and its faces.
        video: What its source is called.
        tell: Tells the emotions of the faces.
    """
    frame, faces = tracked.frame, tracked.faces
    if not isinstance(frame, Frame):
        yield TimelineRow(video, frame.index, frame.time, Status.DECODE_ERROR)
        return
    if not faces:
        yield TimelineRow(video, frame.index, frame.time, Status.NO_FACE)
        return
    told = tell(frame, [face.box for face in faces])
    for face, probabilities in zip(faces, told, strict=True):
        yield TimelineRow(
            video=video,
            frame=frame.index,
            time=frame.time,
            status=Status.TRACKED if face.score is None else Status.OK,
            face=face.track,
            box=face.box,
            score=face.score,
            probabilities=tuple(map(float, probabilities)),
        )
