"""The package ``fer`` of PyPI on pictures: which expression it names in each.

Runs in the environment of `benchmarks/peer.py`, where this project is not installed:

    benchmarks/.peer/bin/python study/apex_peer.py folder named.json

`FER()` with all its defaults, `detect_emotions` on every picture; of several faces the largest. A
picture without a face gets null.
"""

import json
import sys
from pathlib import Path

import cv2
from fer.fer import FER


def main() -> None:
    """Name the expressions in the pictures of a folder."""
    detector = FER()
    named = {}
    for path in sorted(Path(sys.argv[1]).glob("*.png")):
        faces = detector.detect_emotions(cv2.imread(str(path)))
        largest = max(faces, key=lambda face: face["box"][2] * face["box"][3], default=None)
        emotions = largest and largest["emotions"]
        named[path.stem] = emotions and max(emotions, key=emotions.get)
    Path(sys.argv[2]).write_text(json.dumps(named), "utf-8")


if __name__ == "__main__":
    main()
