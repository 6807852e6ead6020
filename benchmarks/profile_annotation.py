"""On what does annotation spend its time?

    python benchmarks/profile_annotation.py
    python benchmarks/profile_annotation.py --detect dense clip.mp4 ...

Annotates the sample session, or other clips, in its own size, at 640×360 and at 1920×1080, with all
stages in one thread, and shows each stage's share of the processor's time. A stage that works for
another one is told apart from it; what is left is Python: following faces, and what holds the
stages together. The clocks themselves take some of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from frames import SIZES
from made_clips import CLIP, Size, resized, size_of
from made_models import untrained_model

from fer_pipeline import telling
from fer_pipeline.annotation import AnnotationTask, annotate_clip, clips
from fer_pipeline.classifier import Classifier
from fer_pipeline.cuts import CutFinder
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import DetectionOptions, FaceDetector
from fer_pipeline.following import DetectionMode
from fer_pipeline.report.tables import markdown_table, percent, text_table
from fer_pipeline.sources import Source
from fer_pipeline.video import Video
from fer_pipeline.video.pixels import DecodedPixels

DECODING = "decoding"
REDUCING = "reducing the picture for a search"
KNOWN_SIZES = "search for faces of the sizes known"
ANY_SIZE = "search for faces of any size"
OTHERS = "coarse search for others"
CUTS = "looking for cuts"
COLOUR = "brightness and colour"
CROPS = "cutting out"
CLASSIFYING = "telling emotions"
WRITING = "writing rows"
REST = "Python"

STAGES = (
    DECODING,
    REDUCING,
    KNOWN_SIZES,
    ANY_SIZE,
    OTHERS,
    CUTS,
    COLOUR,
    CROPS,
    CLASSIFYING,
    WRITING,
    REST,
)


class Stopwatch:
    """Gives every second to the innermost stage that is at work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._at_work = [REST]
        self._since = time.thread_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Let a stage work; the one before goes on afterwards."""
        self._take_time()
        self._at_work.append(name)
        try:
            yield
        finally:
            self._take_time()
            self._at_work.pop()

    def _take_time(self) -> None:
        now = time.thread_time()
        self.seconds[self._at_work[-1]] += now - self._since
        self._since = now


@contextmanager
def clocked(watch: Stopwatch) -> Iterator[None]:
    """Let the stages of annotation be measured."""
    plain = [(owner, name, getattr(owner, name)) for owner, name, _ in CLOCKED]
    for owner, name, measured in CLOCKED:
        setattr(owner, name, measured(watch, getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, function in plain:
            setattr(owner, name, function)


def _call(stage: str) -> Callable[[Stopwatch, Any], Any]:
    """Return what measures each call of a function."""

    def measured(watch: Stopwatch, function: Any) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            with watch.stage(stage):
                return function(*values, **named)

        return call

    return measured


def _each(stage: str) -> Callable[[Stopwatch, Any], Any]:
    """Return what measures each step of a generator."""

    def measured(watch: Stopwatch, function: Any) -> Any:
        def steps(*values: Any, **named: Any) -> Iterator[Any]:
            items = function(*values, **named)
            while True:
                with watch.stage(stage):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        return steps

    return measured


def _search(watch: Stopwatch, function: Any) -> Any:
    def detect(detector: FaceDetector, luma: Any, like: Any = ()) -> Any:
        coarse = detector.options.scale_factor != DetectionOptions().scale_factor
        with watch.stage(OTHERS if coarse else KNOWN_SIZES if like else ANY_SIZE):
            return function(detector, luma, like)

    return detect


CLOCKED: tuple[tuple[Any, str, Callable[[Stopwatch, Any], Any]], ...] = (
    (Video, "frames", _each(DECODING)),
    (FaceDetector, "detect", _search),
    (FaceDetector, "_reduced", _call(REDUCING)),
    (CutFinder, "begins_shot", _call(CUTS)),
    (DecodedPixels, "luma", _call(COLOUR)),
    (DecodedPixels, "rgb_within", _call(COLOUR)),
    (telling, "crop", _call(CROPS)),
    (Classifier, "classify", _call(CLASSIFYING)),
    (clips, "write_timeline", _call(WRITING)),
    (clips, "search_faces", _each(REST)),
    (clips, "rows_of", _each(REST)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="*", default=[CLIP])
    parser.add_argument("--detect", choices=get_args(DetectionMode), default="sparse")
    parser.add_argument("--seconds", type=float, default=10, help="of each clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="print a table for a document")
    options = parser.parse_args()
    table = markdown_table if options.markdown else text_table
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = untrained_model(folder / "model")
        for clip in options.clips:
            columns = {
                str(size): profile(
                    resized(clip, folder / f"{size.height}.mp4", size, options.seconds),
                    model,
                    SearchOptions(detect=options.detect),
                    options.rounds,
                )
                for size in sizes_of(clip)
            }
            print(f"\n{clip.name}, share of the processor's time:\n")
            print(table(("stage", *columns), rows(columns)), flush=True)


def sizes_of(clip: Path) -> list[Size]:
    """Return a clip's own size and those that are larger."""
    own = size_of(clip)
    return [own, *(size for size in SIZES if size.height > own.height)]


def profile(clip: Path, model: Path, options: SearchOptions, rounds: int) -> dict[str, float]:
    """Annotate a clip; return the milliseconds a frame of each stage, over all rounds."""
    task = AnnotationTask(Source(clip, clip.name), model, options, "", clip.with_suffix(".csv"))
    annotate_clip(task, lambda _: None)  # the first time loads libraries and the model
    read = 0

    def count(frames: int) -> None:
        nonlocal read
        read += frames

    watch = Stopwatch()
    with clocked(watch):
        for _ in range(rounds):
            annotate_clip(task, count)
    return {stage: 1000 * watch.seconds[stage] / read for stage in STAGES}


def rows(columns: dict[str, dict[str, float]]) -> Iterator[tuple[str, ...]]:
    """Yield a row of shares for each stage, and one of what a frame takes."""
    whole = {title: sum(stages.values()) for title, stages in columns.items()}
    for stage in STAGES:
        yield (stage, *(percent(columns[title][stage] / whole[title]) for title in columns))
    yield ("ms a frame", *(f"{whole[title]:.2f}" for title in columns))


if __name__ == "__main__":
    main()
