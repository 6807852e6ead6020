"""Clips in which faces are hard to follow, made from the sample videos.

    python benchmarks/hard_clips.py folder

A picture of a sample video is put somewhere into a larger one, in some size, frame by frame; its
edges are drawn out to those of the larger one, so that nothing but the person is seen to move.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
from made_clips import CLIP, ENCODER, PARTICIPANTS, Size
from numpy.typing import NDArray

from fer_pipeline.domain import UInt8Array

FPS = 25
SIZE = Size(640, 360)

# Frames of a shot; none ends where one of three frames that are searched would be the last.
SHOTS = (40, 41, 37, 50, 43)

_MIDDLE = SIZE.width / 2


def fast() -> Iterator[UInt8Array]:
    """Show a face that crosses the picture in 0.8 s, rests for 0.4 s and goes back."""
    left, right = 90.0, SIZE.width - 90.0
    way = np.concatenate([np.linspace(left, right, 20), np.full(10, right)])
    places = np.concatenate([way, way[::-1]] * 4)
    yield from (placed(one, 1.2, x) for one, x in zip(person("P202_happy"), places, strict=False))


def zooming() -> Iterator[UInt8Array]:
    """Show a face that grows to three times its size in 0.8 s, and shrinks again."""
    grows = np.concatenate([np.geomspace(0.6, 1.8, 20), np.full(10, 1.8)])
    scales = np.concatenate([grows, grows[::-1]] * 4)
    yield from (
        placed(one, scale, _MIDDLE) for one, scale in zip(person("P13_angry"), scales, strict=False)
    )


def cut() -> Iterator[UInt8Array]:
    """Show two people in turns, with hard cuts between them, not in the same place or size."""
    first, second = person("P34_scared"), person("P207_happy")
    for number, frames in enumerate(SHOTS):
        shown = (placed(one, 1.5, _MIDDLE) for one in first)
        other = (placed(one, 1.3, _MIDDLE + 40) for one in second)
        yield from islice((shown, other)[number % 2], frames)


def leaving() -> Iterator[UInt8Array]:
    """Show a face that goes out of the picture in half a second and comes back, once soon."""
    outside = SIZE.width + 160.0
    places: list[NDArray[np.float64]] = []
    for away in (8, 40, 13, 75):
        places += [np.full(31, _MIDDLE), np.linspace(_MIDDLE, outside, 13)]
        places += [np.full(away, outside), np.linspace(outside, _MIDDLE, 13)]
    where = np.concatenate([*places, np.full(31, _MIDDLE)])
    yield from (placed(one, 1.4, x) for one, x in zip(person("P200_sad"), where, strict=False))


def two() -> Iterator[UInt8Array]:
    """Show one person who comes nearer and goes, beside another one who stays far away."""
    half = Size(SIZE.width // 2, SIZE.height)
    scales = np.tile(np.concatenate([np.geomspace(0.9, 1.4, 25), np.geomspace(1.4, 0.9, 25)]), 4)
    near, far = person("P10_surprised"), person("P211_disgusted")
    for one, other, scale in zip(near, far, scales, strict=False):
        sides = (placed(one, scale, 160, half), placed(other, 0.6, 150, half))
        yield np.concatenate(sides, axis=1)


def nobody() -> Iterator[UInt8Array]:
    """Show the tiles of a person's picture in disorder: skin, hair and eyes, but no face."""
    side = 40
    order = np.random.default_rng(0).permutation((SIZE.height // side) * (SIZE.width // side))
    for one in islice(person("P34_angry"), 6 * FPS):
        whole = placed(one, 1.5, _MIDDLE)
        tiles = whole.reshape(SIZE.height // side, side, SIZE.width // side, side, 3)
        mixed = tiles.swapaxes(1, 2).reshape(-1, side, side, 3)[order]
        mixed = mixed.reshape(SIZE.height // side, SIZE.width // side, side, side, 3)
        yield mixed.swapaxes(1, 2).reshape(SIZE.height, SIZE.width, 3)


def far_away() -> Iterator[UInt8Array]:
    """Show a person in a large picture, whose face has 16 % of its height."""
    large = Size(1280, 720)
    yield from (placed(one, 1.0, 500, large) for one in islice(person(CLIP.stem), 6 * FPS))


SCENES: dict[str, Callable[[], Iterator[UInt8Array]]] = {
    "fast": fast,
    "zooming": zooming,
    "cut": cut,
    "leaving": leaving,
    "two": two,
    "nobody": nobody,
    "far_away": far_away,
}


def person(name: str) -> Iterator[UInt8Array]:
    """Yield the pictures of a sample clip, which goes to and fro without end."""
    path = CLIP if name == CLIP.stem else PARTICIPANTS / f"{name}.mp4"
    with av.open(str(path)) as source:
        there = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    yield from cycle(chain(there, there[-2:0:-1]))


def placed(picture: UInt8Array, scale: float, x: float, size: Size = SIZE) -> UInt8Array:
    """Put a picture into a larger one, in the middle of its height.

    Args:
        picture: Shape (height, width, 3).
        scale: Its size there.
        x: Where its middle comes to lie, in pixels from the left.
        size: Of the larger one.
    """
    height, width = picture.shape[:2]
    matrix = np.array(
        [
            [scale, 0.0, x - scale * width / 2],
            [0.0, scale, (size.height - scale * height) / 2],
        ]
    )
    whole = (size.width, size.height)
    return np.asarray(cv2.warpAffine(picture, matrix, whole, borderMode=cv2.BORDER_REPLICATE))


def made(name: str, folder: Path) -> Path:
    """Write a clip.

    Args:
        name: One of `SCENES`.
        folder: Where it goes.
    """
    target = folder / f"{name}.mp4"
    write_pictures(SCENES[name](), target)
    return target


def write_pictures(pictures: Iterable[UInt8Array], target: Path) -> None:
    """Encode pictures, 25 a second."""
    with av.open(str(target), "w") as out:
        stream = None
        for index, picture in enumerate(pictures):
            if stream is None:
                stream = out.add_stream(ENCODER, rate=FPS)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the clips go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in SCENES:
        print(made(name, options.folder))


if __name__ == "__main__":
    main()
