"""How many frames a second: decoding, detection, annotation, and the peer, all in one table.

The ways take turns, over every clip in every round. Beside the speed stands what is found: the
share of frames with a face, and of those in which it was found by looking there, since annotation
also follows a face from one frame to another. The time from the first frame to the last is told
apart from the start of the program.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import peer
from commands import call_fer, has_option, run_fer
from made_clips import CLIP, Size, resized, size_of
from made_models import untrained_model
from turns import in_turns, ratio, seconds_of, spread, tell, timed

from fer_pipeline.domain import Frame
from fer_pipeline.faces import FaceDetector
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.report.tables import percent, text_table
from fer_pipeline.video import open_video

SIZES = (Size(640, 360), Size(1920, 1080))

DECODING = "decoding alone"
DETECTION = "detection, every frame as a whole"
ANNOTATION = "annotation"
BUNDLED_MODEL = "annotation, bundled model"
EVERY_FRAME = "annotation --detect every-frame"
PEER = peer.PEER

HEADER = (
    "clip",
    "way",
    "frames/s",
    "from–to",
    "of decoding",
    "times the peer",
    "with a face",
    "found in the frame itself",
    "start to exit, s",
    "start-up, s",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One way over one clip, once.

    Attributes:
        frames: Pictures in the clip.
        seconds: From the first of them to the last.
        found: Frames in which a face was found, if any was looked for.
        carried: Further frames that have a face from their neighbours.
        whole: Seconds from the start of a process to its exit, if it is a program.
    """

    frames: int
    seconds: float
    found: int | None = None
    carried: int = 0
    whole: float | None = None

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def measure(
    clips: list[Path],
    rounds: int,
    seconds: float,
    scratch: Path,
    sizes: Sequence[Size] = SIZES,
) -> str:
    """Measure all ways over the clips, each as it is and enlarged.

    Args:
        clips: Clips.
        rounds: How often each way has its go.
        seconds: So much of the beginning of each clip.
        scratch: A folder for clips and outputs.
        sizes: To which those that are smaller are enlarged, too.
    """
    model = untrained_model(scratch / "model")
    notes, ours = [], [DECODING, DETECTION, ANNOTATION, BUNDLED_MODEL]
    if has_option("annotate", "--detect"):
        ours.append(EVERY_FRAME)
    else:
        notes.append(f"{EVERY_FRAME}: left out, this version has no such option")
    theirs, note = _peer_if_there()
    notes.append(note)
    made = _made(clips, sizes, seconds, scratch)
    ways: dict[tuple[str, str], Callable[[], Run]] = {
        (title, name): WAYS[name](clip, model, scratch)
        for title, clip in made.items()
        for name in (*ours, *theirs)
    }
    for way in list(ways.values())[: len(ours)]:
        way()  # the first call inside this process loads libraries
    results = in_turns(ways, rounds)
    rows = [
        _row(title, name, runs, results[title, DECODING], results.get((title, PEER)))
        for (title, name), runs in results.items()
    ]
    heading = f"frames a second, medians of {rounds} rounds; the first {seconds:g} s of each clip:"
    return "\n".join([heading, text_table(HEADER, rows), *notes])


def _peer_if_there() -> tuple[list[str], str]:
    tell("making the peer's environment, which takes minutes the first time")
    try:
        installed = peer.prepare()
        peer.run(CLIP)
    except peer.NoPeerError as error:
        return [], f"{PEER}: left out, {error}"
    versions = ", ".join(f"{name} {number}" for name, number in installed.items())
    return [PEER], f"{PEER}: its package alone and what its detector imports: {versions}"


def _made(
    clips: list[Path], sizes: Sequence[Size], seconds: float, scratch: Path
) -> dict[str, Path]:
    """Return each clip in its own size and in those that are not smaller, by what to call it."""
    made = {}
    for number, clip in enumerate(clips):
        own = size_of(clip)
        larger = [size for size in sizes if size.height > own.height]
        for size in dict.fromkeys([own, *larger]):
            title = f"{clip.stem} {size}"
            tell(f"encoding {title}")
            made[title] = resized(clip, scratch / f"{number}-{size.height}.mp4", size, seconds)
    return made


def _row(
    title: str, name: str, runs: list[Run], decoding: list[Run], peers: list[Run] | None
) -> tuple[str, ...]:
    rates = [run.rate for run in runs]
    wholes = [run.whole for run in runs if run.whole is not None]
    starts = [run.whole - run.seconds for run in runs if run.whole is not None]
    last = runs[-1]
    looked = last.found is not None
    return (
        title,
        name,
        f"{median(rates):,.1f}",
        spread(rates, 1),
        percent(ratio(rates, [run.rate for run in decoding])),
        f"{ratio(rates, [run.rate for run in peers]):.2f}" if looked and peers else "",
        percent((last.found + last.carried) / last.frames) if looked else "",
        percent(last.found / last.frames) if looked else "",
        f"{median(wholes):.2f}" if wholes else "",
        f"{median(starts):.2f}" if starts else "",
    )


def _decoding(clip: Path, _model: Path, _scratch: Path) -> Callable[[], Run]:
    def all_frames() -> int:
        with open_video(clip) as video:
            return sum(frame.luma.size > 0 for frame in video.frames() if _decoded(frame))

    return lambda: Run(*timed(all_frames))


def _detection(clip: Path, _model: Path, _scratch: Path) -> Callable[[], Run]:
    detector = FaceDetector()

    def all_frames() -> list[bool]:
        with open_video(clip) as video:
            frames = (frame for frame in video.frames() if _decoded(frame))
            return [bool(detector.detect(frame.luma)) for frame in frames]

    def once() -> Run:
        found, seconds = timed(all_frames)
        return Run(len(found), seconds, found=sum(found))

    return once


def _decoded(frame: object) -> bool:
    return isinstance(frame, Frame)


def _annotation(
    *words: str, bundled: bool = False
) -> Callable[[Path, Path, Path], Callable[[], Run]]:
    """Return what makes a way of annotation with these options."""

    def way(clip: Path, model: Path, scratch: Path) -> Callable[[], Run]:
        table, used = scratch / "labels.csv", bundled_model() if bundled else model
        command = ("annotate", clip, "--model", used, "--out", table, "-q", *words)

        def once() -> Run:
            whole = seconds_of(lambda: run_fer(*command, "--overwrite"))
            seconds = seconds_of(lambda: call_fer(*command, "--overwrite"))
            statuses = statuses_of(table)
            found, carried = (list(statuses.values()).count(what) for what in ("ok", "tracked"))
            return Run(len(statuses), seconds, found, carried, whole)

        return once

    return way


def statuses_of(table: Path) -> dict[str, str]:
    """Return each frame's best status in a timeline: a frame has a row for every face."""
    best: dict[str, str] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if best.get(row["frame"]) != "ok":
                best[row["frame"]] = row["status"]
    return best


def _peer(clip: Path, _model: Path, _scratch: Path) -> Callable[[], Run]:
    def once() -> Run:
        (frames, found, seconds), whole = timed(lambda: peer.run(clip))
        return Run(frames, seconds, found, whole=whole)

    return once


WAYS: dict[str, Callable[[Path, Path, Path], Callable[[], Run]]] = {
    DECODING: _decoding,
    DETECTION: _detection,
    ANNOTATION: _annotation(),
    BUNDLED_MODEL: _annotation(bundled=True),
    EVERY_FRAME: _annotation("--detect", "every-frame"),
    PEER: _peer,
}
