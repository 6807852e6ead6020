"""The main job on the sample videos: extract, train, annotate, and compare with the truth.

Twenty rendered people learn from, or are set aside; then a clip of somebody the model never saw is
annotated. Everything lands in the folder demo/, which is made anew each time.
"""

from __future__ import annotations

import csv
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from fer_pipeline.domain import canonical_emotion
from fer_pipeline.report.tables import percent, text_table

ROOT = Path(__file__).resolve().parent.parent

# Below ROOT, where every command runs: what is shown can be typed there again.
SAMPLES = Path("sample_videos")
DEMO = Path("demo")

# Between two expressions a face shows neither; from here on it clearly shows one.
CLEAR_INTENSITY = 0.5


def main() -> None:
    """Run the demonstration and say where to look."""
    started = time.monotonic()
    shutil.rmtree(ROOT / DEMO, ignore_errors=True)
    (ROOT / DEMO).mkdir()
    people, session = SAMPLES / "participants", SAMPLES / "sessions" / "session.mp4"
    faces, model, labels = DEMO / "faces.h5", DEMO / "model", DEMO / "labels.csv"
    fer("extract", people, "--labels", people / "segments.csv", "-o", faces)
    fer("train", "--data", faces, "-o", model)
    fer("annotate", session, "--model", model, "--out", labels)
    compare_with_truth(ROOT / labels)
    print(f"\nLook at {labels}, and at {model / 'model-card.md'} with the plots beside it.")
    print(f"All in {time.monotonic() - started:.0f} s.")


def fer(*arguments: str | Path) -> None:
    """Show a command as a user would type it, and run it."""
    words = [str(argument) for argument in arguments]
    print(f"\n$ {shlex.join(['fer', *words])}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fer_pipeline", *words], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def compare_with_truth(labels: Path) -> None:
    """Print, for each expression that the person acts clearly, what the timeline calls it."""
    shown = truth()
    called: dict[str, Counter[str]] = defaultdict(Counter)
    with labels.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["frame"]) in shown:
                called[shown[int(row["frame"])]][row["emotion"] or "(no face)"] += 1
    rows = [
        (emotion, sum(names.values()), percent(names[emotion] / names.total()), most_often(names))
        for emotion, names in called.items()
    ]
    right = sum(names[emotion] for emotion, names in called.items())
    total = sum(names.total() for names in called.values())
    rows.append(("all", total, percent(right / total), ""))
    print("\nA person the model has never seen, in the frames that clearly show an expression:")
    print(text_table(("shown", "frames", "called so", "most often called"), rows))


def truth() -> dict[int, str]:
    """Return the emotion of each frame of the session that clearly shows one the model knows."""
    truth_file = ROOT / SAMPLES / "sessions" / "truth.csv"
    with truth_file.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"] == "session.mp4"]
    clear = {}
    for row in rows:
        emotion = canonical_emotion(row["emotion"]) or row["emotion"]
        if emotion == "neutral" or float(row["intensity"]) >= CLEAR_INTENSITY:
            clear[int(row["frame"])] = emotion
    return clear


def most_often(names: Counter[str]) -> str:
    """Say which name came most often, and how often."""
    name, count = names.most_common(1)[0]
    return f"{name} ({percent(count / names.total())})"


if __name__ == "__main__":
    main()
