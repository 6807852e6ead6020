"""Faces and datasets of a few pixels, and reading what comes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.errors import DatasetError
from tests.conftest import crop_record

COLUMNS = {
    "label": (np.int8, ()),
    "participant": (np.int32, ()),
    "video": (np.int32, ()),
    "frame": (np.int64, ()),
    "time": (np.float64, ()),
    "box": (np.int32, (4,)),
    "score": (np.float32, ()),
    "track": (np.int32, ()),
    "split": (np.int8, ()),
}
SMALL = crop_record(8, "rgb")


def face(
    emotion: str | None = "anger", participant: str | None = "P1", **values: object
) -> FaceRow:
    """Make a face; a red one, unless told otherwise."""
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0] = 255
    row = {"image": image, "frame": 7, "time": 0.28, "box": Box(1, 2, 30, 40), "score": 1.5}
    return FaceRow(emotion=emotion, participant=participant, **{**row, "track": 0, **values})


def write(
    path: Path,
    rows: dict[str, list[FaceRow]],
    crop: CropRecord = SMALL,
    provenance: dict[str, object] | None = None,
) -> Path:
    """Write the faces of some videos."""
    emotions = {row.emotion for faces in rows.values() for row in faces} - {None}
    with create_dataset(path, crop, emotions) as writer:
        for video, faces in rows.items():
            writer.add_video(video)
            for row in faces:
                writer.append(video, row)
        writer.finish(provenance or {})
    return path


def one_line(error: pytest.ExceptionInfo[DatasetError], path: Path) -> str:
    """Return the message of an error, which is one line that names the file."""
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message


def digest(path: Path) -> str:
    with open_dataset(path) as dataset:
        return dataset.digest
