"""What does a simulated frame cost, and does the detector find the faces?

    python benchmarks/simulation.py
    python benchmarks/simulation.py --participants 40 --takes 1 --ss 2

Participants of the default study are rendered, encoded, and decoded again. Printed are the seconds
of one core that a frame takes with encoding; the share of the frames in
which the detector of `fer extract` finds a face, each frame by itself; and how well its boxes and
the truth agree. Only time on the core is counted, so that a busy machine matters little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median

from turns import tell

from fer_pipeline.domain import Box, Frame
from fer_pipeline.faces import FaceDetector, one_thread_each
from fer_pipeline.report.tables import percent, text_table
from fer_pipeline.simulation.clips import Clip, clips_of
from fer_pipeline.simulation.mesh import head_mesh
from fer_pipeline.simulation.options import StudyOptions
from fer_pipeline.simulation.person import Identity, draw_person
from fer_pipeline.simulation.recording import Recorder
from fer_pipeline.video import open_video


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--participants", type=int, default=6)
    parser.add_argument("--first", type=int, default=1, help="number of the first participant")
    parser.add_argument("--takes", type=int, default=1)
    parser.add_argument("--ss", type=float, default=1)
    options = parser.parse_args()
    study = StudyOptions(participants=options.first + options.participants - 1, takes=options.takes)
    study = replace(study, recording=replace(study.recording, supersampling=options.ss))
    people = range(options.first, study.participants + 1)
    with one_thread_each(), tempfile.TemporaryDirectory() as scratch:
        print(measured(study, people, Path(scratch)))


def measured(study: StudyOptions, people: range, scratch: Path) -> str:
    """Return the tables."""
    recorder, detector = Recorder(head_mesh(), study.recording), FaceDetector()
    frames, found, agreement = Counter(), Counter(), []
    started = time.process_time()
    for number in people:
        draw_person(head_mesh(), Identity(study.seed, number))
    drawing = (time.process_time() - started) / len(people)
    recording = 0.0
    for number in people:
        for clip in clips_of(study, number):
            tell(clip.name)
            path = scratch / "clip.mp4"
            started = time.process_time()
            recorder.record(clip, path, lambda _: None)
            recording += time.process_time() - started
            boxes = faces_in(path, detector)
            emotion = clip.roles[0].emotions[0]
            frames[emotion] += len(boxes)
            found[emotion] += sum(bool(faces) for faces in boxes)
            agreement += overlaps(recorder, clip, boxes)
            if not all(boxes):
                print(f"{clip.name}: no face in {sum(not faces for faces in boxes)} frames")
    tell("")
    rows = [[name, count, percent(found[name] / count)] for name, count in frames.items()]
    rows.append(["all", frames.total(), f"{100 * found.total() / frames.total():.2f} %"])
    told = [
        f"one core: {recording / frames.total():.3f} s a frame with encoding, "
        f"{drawing:.2f} s to draw a person",
        text_table(["emotion", "frames", "with a face"], rows),
        f"overlap of the detector's box with the truth: median {median(agreement):.2f}",
    ]
    return "\n\n".join(told)


def faces_in(path: Path, detector: FaceDetector) -> list[list[Box]]:
    """Return the boxes of every frame."""
    with open_video(path) as video:
        return [
            [face.box for face in detector.detect(frame.luma)]
            for frame in video.frames()
            if isinstance(frame, Frame)
        ]


def overlaps(recorder: Recorder, clip: Clip, boxes: list[list[Box]]) -> list[float]:
    """Return intersection over union of the truth with the best box of each frame."""
    truth = [Box(row.x, row.y, row.width, row.height) for row in recorder.truth(clip)]
    return [
        max(box.overlap(true) for box in faces)
        for true, faces in zip(truth, boxes, strict=True)
        if faces
    ]


if __name__ == "__main__":
    main()
