"""Scenes in which it is known who is where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fer_pipeline.domain import Box, Detection, Frame, LostFrame, Pixels, UInt8Array
from fer_pipeline.following import DetectionMode, FaceFollower
from fer_pipeline.tracking import Row, TrackedFrame

INTERVAL = 0.04
MODES: tuple[DetectionMode, ...] = ("sparse", "dense", "every-frame")

Seen = Callable[[int], Sequence[Box]]


@dataclass(frozen=True, eq=False)
class Picture(Pixels):
    """Pixels that are there already."""

    gray: UInt8Array

    def luma(self) -> UInt8Array:
        return self.gray

    def rgb(self) -> UInt8Array:
        return np.repeat(self.gray[..., None], 3, axis=2)


def scenery(index: int, shot: int = 0) -> Picture:
    """Draw a picture that tells its number, in a shot that looks like no other."""
    picture = np.random.default_rng(shot).integers(0, 256, (16, 16), dtype=np.uint8)
    picture[0, :2] = divmod(index, 256)
    return Picture(picture)


class Script:
    """Finds the faces that a script puts into the frames; like a detector, only of some sizes.

    Args:
        seen: The boxes in a frame, by its number.
    """

    def __init__(self, seen: Seen) -> None:
        self.searched: list[int] = []
        self.any_size: list[int] = []
        self._seen = seen

    def coarse(self) -> Script:
        return Script(self._seen)

    def detect(self, luma: UInt8Array, like: Sequence[Box] = ()) -> tuple[Detection, ...]:
        index = int(luma[0, 0]) * 256 + int(luma[0, 1])
        self.searched.append(index)
        if not like:
            self.any_size.append(index)
        sides = [box.width for box in like] or [1, 10_000]
        return tuple(
            Detection(box, 5.0)
            for box in self._seen(index)
            if min(sides) / 1.5 <= box.width <= max(sides) * 1.5
        )


def film(
    count: int,
    interval: float = INTERVAL,
    cuts: Sequence[int] = (),
    lost: Sequence[int] = (),
) -> Iterator[Row]:
    for index in range(count):
        if index in lost:
            yield LostFrame(index, index * interval)
        else:
            shot = sum(cut <= index for cut in cuts)
            yield Frame(index, index * interval, scenery(index, shot))


def follow(
    seen: Seen, frames: Iterable[Row], mode: DetectionMode = "sparse", interval: float = INTERVAL
) -> tuple[list[TrackedFrame], Script]:
    script = Script(seen)
    return list(FaceFollower(script, interval, mode=mode).follow(frames)), script


def numbers(tracked: Iterable[TrackedFrame]) -> list[tuple[int, ...]]:
    return [tuple(face.track for face in frame.faces) for frame in tracked]


def places(tracked: Iterable[TrackedFrame]) -> list[list[tuple[int, Box]]]:
    return [[(face.track, face.box) for face in frame.faces] for frame in tracked]


def carried(tracked: Iterable[TrackedFrame]) -> float:
    """Return the share of faces that were not looked for."""
    faces = [face for frame in tracked for face in frame.faces]
    return sum(face.score is None for face in faces) / len(faces)


def at(x: int, side: int = 100) -> Box:
    return Box(x, 50, side, side)


def always(_: int) -> list[Box]:
    return [at(100)]


def nobody(_: int) -> list[Box]:
    return []
