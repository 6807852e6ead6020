"""A dataset of very many faces: looked through, joined from two halves, learned from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from made_clips import PARTICIPANTS
from process_watch import Watched, watch

from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.faces import DetectionOptions, FaceDetector

FACES = 300_000

SIZE = 48

_FACES_OF_A_VIDEO = 20
_VIDEOS_OF_AN_EMOTION = 2
_NOISE = 12.0
"""Standard deviation, of 256: enough that no two images are alike."""

EMOTIONS = {
    "angry": "anger",
    "disgusted": "disgust",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "scared": "fear",
    "surprised": "surprise",
}
"""By the words of the sample clips' names."""


def make_half(path: Path, faces: int, half: int) -> None:
    """Write half of a dataset: sample faces with noise, of people who are in no other half."""
    if path.exists():
        return
    detection = DetectionOptions()
    detector = FaceDetector(detection)
    crop = CropRecord(SIZE, 0.1, "gray", asdict(detection), detector.digest)
    originals = _originals(detector)
    rng = np.random.default_rng(half)
    box = Box(0, 0, SIZE, SIZE)
    left = faces
    with create_dataset(path, crop, EMOTIONS.values()) as writer:
        for person, word, take in _videos():
            images = originals[word]
            one = images[person % len(images)]
            for frame in range(min(left, _FACES_OF_A_VIDEO)):
                noisy = np.clip(one + rng.normal(0, _NOISE, one.shape), 0, 255).astype(np.uint8)
                code = f"{'QR'[half]}{person:04d}"
                row = FaceRow(noisy, EMOTIONS[word], code, frame, frame / 25, box, 1.0, 0)
                writer.append(f"{code}_{word}_{take:02d}.mp4", row)
            left -= _FACES_OF_A_VIDEO
            if left <= 0:
                break
        writer.finish({})


def _videos() -> Iterator[tuple[int, str, int]]:
    """Yield person, word for the emotion and number of each video, without end, in their order."""
    person = 0
    while True:
        for word in EMOTIONS:
            for take in range(_VIDEOS_OF_AN_EMOTION):
                yield person, word, take
        person += 1


def _originals(detector: FaceDetector) -> dict[str, list[np.ndarray]]:
    """Return a face of each sample clip, by the word for its emotion, shape (size, size, 1)."""
    found: dict[str, list[np.ndarray]] = {word: [] for word in EMOTIONS}
    for clip in sorted(PARTICIPANTS.glob("*.mp4")):
        _, picture = cv2.VideoCapture(str(clip)).read()
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        for face in detector.detect(luma)[:1]:
            box = face.box
            cut = luma[box.y : box.y + box.height, box.x : box.x + box.width]
            small = cv2.resize(cut, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            found[clip.stem.partition("_")[2]].append(small[:, :, None].astype(np.float32))
    return found


def merge(halves: list[Path], whole: Path) -> Watched:
    """Join the halves."""
    return watch(["data", "merge", *halves, "-o", whole, "--overwrite"], whole.with_suffix(".log"))


def verify(whole: Path) -> Watched:
    """Look through a dataset for anything wrong."""
    return watch(["data", "verify", whole], whole.with_name("verify.log"))


def train(whole: Path, model: Path) -> Watched:
    """Train the default network for one epoch."""
    words = ["train", "--data", whole, "-o", model, "--epochs", "1", "--overwrite"]
    return watch(words, model.with_name("train.log"))
