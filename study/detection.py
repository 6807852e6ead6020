"""In how many of the rendered frames the detector finds a face, each frame by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.domain import Frame
from fer_pipeline.faces import FaceDetector, one_thread_each
from fer_pipeline.simulation.truth import TruthRow
from fer_pipeline.video import open_video
from fer_pipeline.workers import Crew, Progress, available_cores, run_tasks
from study.commands import StepError
from study.records import Figures
from study.truth import truth_of, write_table


@dataclass(frozen=True, slots=True)
class Searched:
    """The frames of a clip.

    Attributes:
        frames: How many.
        found: In how many of them a face was found.
    """

    frames: int
    found: int


def search_clip(clip: Path, progress: Progress) -> Searched:
    """Look for faces in every frame of a clip, as ``--detect every-frame`` does, without memory."""
    detector, frames, found = FaceDetector(), 0, 0
    with one_thread_each(), open_video(clip) as video:
        for frame in video.frames():
            if isinstance(frame, Frame):
                frames += 1
                found += bool(detector.detect(frame.luma))
                progress(1)
    return Searched(frames, found)


def detected(folder: Path, results: Path) -> Figures:
    """Search all clips of a study; write a table of them and return the shares.

    Raises:
        StepError: A clip cannot be read.
    """
    truth = truth_of(folder)
    clips = [folder / name for name in truth]
    searched: dict[str, Searched] = {}
    for outcome in run_tasks(search_clip, clips, Crew(available_cores()), lambda _: None):
        if outcome.result is None:
            raise StepError(f"{outcome.task}: {outcome.error}")
        searched[outcome.task.relative_to(folder).as_posix()] = outcome.result
        if len(searched) % 40 == 0:
            print(f"searched {len(searched)} of {len(clips)} clips", flush=True)
    write_table(
        results / "detection.csv",
        ("video", "emotion", "frames", "with a face"),
        (
            (name, truth[name][0].emotion, searched[name].frames, searched[name].found)
            for name in truth
        ),
    )
    return _shares(truth, searched)


def _shares(truth: Mapping[str, Sequence[TruthRow]], searched: Mapping[str, Searched]) -> Figures:
    by_emotion: dict[str, list[Searched]] = defaultdict(list)
    by_person: dict[str, list[Searched]] = defaultdict(list)
    for name, one in searched.items():
        by_emotion[truth[name][0].emotion].append(one)
        by_person[truth[name][0].participant].append(one)
    shares = {person: _share(clips) for person, clips in by_person.items()}
    return {
        "frames": sum(one.frames for one in searched.values()),
        "found": sum(one.found for one in searched.values()),
        "share": _share(list(searched.values())),
        "emotions": {emotion: _share(clips) for emotion, clips in sorted(by_emotion.items())},
        "worst": dict(sorted(shares.items(), key=lambda pair: pair[1])[:3]),
    }


def _share(clips: Sequence[Searched]) -> float:
    return sum(one.found for one in clips) / sum(one.frames for one in clips)
