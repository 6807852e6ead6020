"""Ten hours in one file, and shorter ones of the same pictures: annotated."""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from made_clips import CLIP, repeated
from process_watch import watch

LENGTHS = {"6 min": 360.0, "1 h": 3600.0, "10 h": 36000.0}
"""Seconds."""

EVERY = 25

_WORKERS = 2


def measure(folder: Path, name: str, seconds: float, model: Path) -> dict[str, Any]:
    """Annotate a clip so long; return what it took, and what is wrong in its timeline."""
    stem = name.replace(" ", "")
    clip, labels = folder / f"{stem}.mp4", folder / f"{stem}.csv"
    if not clip.exists():
        unfinished = folder / f"{stem}.unfinished.mp4"
        repeated(CLIP, unfinished, seconds).rename(clip)
    words = ["annotate", clip, "--model", model, "--every", EVERY, "--workers", _WORKERS]
    seen = watch([*words, "--out", labels, "--overwrite"], folder / f"{stem}.log")
    frames, rate, rows = *_frames_of(clip), 0
    with labels.open(encoding="utf-8", newline="") as file:
        moments = [(int(row["frame"]), float(row["time"])) for row in csv.DictReader(file)]
        rows = len(moments)
    return {
        "seconds": seen.seconds,
        "processor": seen.processor,
        "main": seen.most("main"),
        "all": seen.most("all"),
        "own": seen.most("own"),
        "files": seen.most("files"),
        "frames": frames,
        "rows": rows,
        "last": moments[-1][1],
        "wrong": wrong_moments(moments, frames, rate),
    }


def wrong_moments(moments: list[tuple[int, float]], frames: int, rate: float) -> list[str]:
    """Say what is wrong with the frames and times of a timeline of a clip of constant rate.

    Args:
        moments: Frame and time of each row.
        frames: How many the clip has.
        rate: How many of them a second.
    """
    numbers = sorted({frame for frame, _ in moments})
    wrong = []
    if any(late < early for (_, early), (_, late) in pairwise(moments)):
        wrong.append("time goes back")
    if any(abs(time - frame / rate) > 1e-6 for frame, time in moments):
        wrong.append("a time is not that of its frame")
    if numbers != list(range(0, frames, EVERY)):
        wrong.append(f"{len(numbers)} frames instead of {math.ceil(frames / EVERY)}")
    return wrong


def _frames_of(clip: Path) -> tuple[int, float]:
    """Return how many pictures a clip has, and how many a second."""
    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        return video.frames, float(video.average_rate)
