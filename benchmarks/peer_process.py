"""Run by the peer's own Python: the package ``fer`` of PyPI over one clip, frame by frame.

    .peer/bin/python peer_process.py clip.mp4

Follows the package's README: `FER()` with all its defaults (a Haar cascade, and a quantized network
on TensorFlow Lite), `detect_emotions` on every picture of OpenCV's reader. Its last line of output
is JSON: the frames, those with a face, and the seconds from the first frame to the last.
"""

import json
import sys
import time

import cv2
from fer.fer import FER


def main(clip: str) -> None:
    detector = FER()
    reader = cv2.VideoCapture(clip)
    frames = with_face = 0
    started = time.perf_counter()
    while True:
        read, picture = reader.read()
        if not read:
            break
        frames += 1
        with_face += bool(detector.detect_emotions(picture))
    seconds = time.perf_counter() - started
    print(json.dumps({"frames": frames, "with_face": with_face, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
