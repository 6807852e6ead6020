"""How fast is annotation, beside what decoding alone allows? Printed by `make bench`.

All ways go over the same clip in turn, several times; medians are shown, and ratios to decoding,
which mean the same on a fast and on a slow machine. Emotions come from a LeNet with random weights:
its figures are meaningless here, its cost is not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from fer_pipeline.annotation import plan_annotation, publish, run_annotation
from fer_pipeline.conversion import write_litert
from fer_pipeline.dataset import CropRecord
from fer_pipeline.domain import Frame
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import DetectionOptions, FaceDetector
from fer_pipeline.keras_backend import make_repeatable
from fer_pipeline.model_folder import KERAS_FILE, ModelSpec
from fer_pipeline.networks import DEFAULT_NETWORK, build_network, find_network
from fer_pipeline.outputs import Output
from fer_pipeline.report.tables import text_table
from fer_pipeline.video import open_video

CLIP = Path(__file__).resolve().parent.parent / "sample_videos" / "sessions" / "session.mp4"
EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = untrained_model(Path(scratch) / "model")
        ways: dict[str, Callable[[], int]] = {
            "decoding alone": lambda: decode(options.clip),
            "decoding and detection": lambda: detect(options.clip),
            "annotation": lambda: annotate(options.clip, model, Path(scratch)),
        }
        rates = measured(ways, options.repeats)
    floor = rates["decoding alone"]
    rows = [(name, f"{rate:.0f}", f"{100 * rate / floor:.1f} %") for name, rate in rates.items()]
    print(text_table(("way", "frames a second", "of decoding"), rows))
    print("\n" + text_table(("command", "seconds from start to exit"), start_up(options.repeats)))


def measured(ways: dict[str, Callable[[], int]], repeats: int) -> dict[str, float]:
    """Return the median frames a second of each way; the ways take turns."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter()
            frames = way()
            rates[name].append(frames / (time.perf_counter() - started))
    return {name: median(of_way) for name, of_way in rates.items()}


def decode(clip: Path) -> int:
    with open_video(clip) as video:
        return sum(frame.luma.size > 0 for frame in video.frames() if isinstance(frame, Frame))


def detect(clip: Path) -> int:
    detector = FaceDetector()
    with open_video(clip) as video:
        frames = (frame for frame in video.frames() if isinstance(frame, Frame))
        return len([detector.detect(frame.luma) for frame in frames])


def annotate(clip: Path, model: Path, scratch: Path) -> int:
    output = Output.parse(str(scratch / "labels.csv"), None)
    plan = plan_annotation([clip], model, SearchOptions(), [output])
    records = [outcome.result for outcome in run_annotation(plan, 1, lambda _: None)]
    publish(plan, [clip.name])
    return sum(record.read for record in records if record is not None)


def start_up(repeats: int) -> list[tuple[str, str]]:
    rows = []
    for words in (["--version"], ["--help"], ["annotate", "--help"]):
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            command = [sys.executable, "-m", "fer_pipeline", *words]
            subprocess.run(command, capture_output=True, check=True)
            seconds.append(time.perf_counter() - started)
        rows.append((" ".join(["fer", *words]), f"{median(seconds):.2f}"))
    return rows


def untrained_model(folder: Path) -> Path:
    folder.mkdir()
    network = find_network(DEFAULT_NETWORK)
    detection = DetectionOptions()
    crop = CropRecord(
        size=120,
        margin=0.1,
        channels="rgb",
        detector=asdict(detection),
        cascade_digest=FaceDetector(detection).digest,
    )
    make_repeatable(0)
    model = build_network(DEFAULT_NETWORK, network.size, network.channels, len(EMOTIONS))
    model.save(folder / KERAS_FILE)
    ModelSpec(DEFAULT_NETWORK, EMOTIONS, network.size, network.channels, crop).write(folder)
    write_litert(folder)
    return folder


if __name__ == "__main__":
    main()
