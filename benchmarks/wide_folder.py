"""A folder of very many short clips: extracted, killed, gone on with, looked at again, annotated.

The clips are seconds of the sample participants under the names of many more people. Each ends with
some bytes of its own, which no player shows, so that no two files are alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from made_clips import PARTICIPANTS, Size, resized
from process_watch import Moment, Watched, watch

CLIPS = 20_000
SECONDS = 1.0
TENTHS = 10

_TAKES = 20
_CLIP_SIZE = Size(320, 240)
_WORKERS = 2


def make_clips(folder: Path, count: int) -> None:
    """Write clips of one second, whose names tell a person, an emotion and a take."""
    folder.mkdir(parents=True, exist_ok=True)
    originals = folder.with_name(f"{folder.name}-originals")
    originals.mkdir(exist_ok=True)
    by_emotion: dict[str, list[bytes]] = {}
    for clip in sorted(PARTICIPANTS.glob("*.mp4")):
        second = originals / clip.name
        if not second.exists():
            resized(clip, second, _CLIP_SIZE, SECONDS)
        by_emotion.setdefault(clip.stem.partition("_")[2], []).append(second.read_bytes())
    for number, name in enumerate(_names(sorted(by_emotion), count)):
        takes = by_emotion[name.split("_")[1]]
        (folder / name).write_bytes(takes[number % len(takes)] + _unseen(f"{number:016d}"))


def _names(emotions: list[str], count: int) -> Iterator[str]:
    """Yield names of clips: everybody shows every emotion several times."""
    for number in range(count):
        person, rest = divmod(number, len(emotions) * _TAKES)
        emotion, take = divmod(rest, _TAKES)
        yield f"Q{person:04d}_{emotions[emotion]}_{take:02d}.mp4"


def _unseen(text: str) -> bytes:
    """Return a box of an MP4 file that readers pass over."""
    content = text.encode()
    return (8 + len(content)).to_bytes(4, "big") + b"free" + content


def count_in(folder: Path, suffix: str) -> Callable[[], int]:
    """Return what counts the finished files in a folder, which need not exist yet."""

    def count() -> int:
        try:
            return sum(1 for file in os.scandir(folder) if file.name.endswith(suffix))
        except OSError:
            return 0

    return count


def extract(clips: Path, output: Path, kill_at: int | None = None) -> Watched:
    """Extract a folder of clips, every fifth frame."""
    words = ["extract", clips, "-o", output, "--every", "5", "--size", "48", "--channels", "gray"]
    finished = count_in(output.with_name(f"{output.name}.parts"), ".h5")
    words += ["--workers", _WORKERS]
    return watch(words, output.with_suffix(".log"), done=finished, kill_at=kill_at)


def annotate(clips: Path, output: Path, model: Path) -> Watched:
    """Annotate a folder of clips, every fifth frame, to a folder of timelines."""
    words = ["annotate", clips, "--out", f"{output}/", "--model", model, "--every", "5"]
    words += ["--workers", _WORKERS]
    log = output.with_name(f"{output.name}.log")
    return watch(words, log, done=count_in(output, ".csv"))


def pace(seen: Watched, begun: int, total: int) -> list[tuple[float, Moment]]:
    """Return how many clips a second were done in each tenth of a run, and its last moment.

    Args:
        seen: The run.
        begun: Clips that were there already.
        total: Clips that there are in the end.
    """
    moments = [moment for moment in seen.moments if begun <= moment.done]
    if not moments:
        return []
    bounds = [begun + (total - begun) * tenth / TENTHS for tenth in range(TENTHS + 1)]
    reached = [_reached(moments, bound) for bound in bounds]
    return [
        ((late.done - early.done) / max(late.at - early.at, 1e-9), late)
        for early, late in pairwise(reached)
    ]


def _reached(moments: list[Moment], count: float) -> Moment:
    """Return the first moment when so many clips were done, or the moment with most."""
    later = (moment for moment in moments if moment.done >= count)
    return next(later, max(moments, key=lambda moment: moment.done))


def first_part(seen: Watched) -> float:
    """Return when the first clip was done that was not when the command began, in seconds."""
    begun = seen.moments[0].done
    return next((moment.at for moment in seen.moments if moment.done > begun), 0.0)


def last_part(seen: Watched) -> float:
    """Return when the last clip was done, in seconds."""
    most = seen.most("done")
    return next(moment.at for moment in seen.moments if moment.done == most)
