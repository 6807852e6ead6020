"""Which EfficientNet should ``efficientnet`` be? What each costs on a CPU, beside what it promises.

    python benchmarks/efficientnet_variants.py

The variants take turns on LiteRT with one thread, as annotation runs them; medians of the thread's
own time are shown, which other work on the machine hardly changes, and ratios to B0, which mean the
same on a fast and on a slow machine. Weights are random: speed does not depend on them. The
accuracies are those that Keras publishes for the weights it distributes
(https://keras.io/api/applications/), each at its own size of input.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from fer_pipeline.conversion import write_litert
from fer_pipeline.keras_backend import load_keras
from fer_pipeline.model_folder import KERAS_FILE
from fer_pipeline.report.tables import text_table

# Top-1 on ImageNet, in per cent.
PUBLISHED = {
    "EfficientNetB0": 77.1,
    "EfficientNetB1": 79.1,
    "EfficientNetB2": 80.1,
    "EfficientNetV2B0": 78.7,
    "EfficientNetV2B1": 79.8,
    "EfficientNetV2B2": 80.5,
    "EfficientNetV2S": 83.9,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="48,120")
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    parameters, models = {}, {}
    for name in PUBLISHED:
        for size in sizes:
            print(f"converting {name} at {size} px", flush=True)
            parameters[name], models[name, size] = interpreter(name, size)
    spent = measured(models, options.repeats)
    first = next(iter(PUBLISHED))
    rows = [
        (
            name,
            f"{parameters[name] / 1e6:.1f}",
            f"{accuracy:.1f}",
            *(f"{1000 * spent[name, size]:.1f}" for size in sizes),
            *(f"{spent[name, size] / spent[first, size]:.2f}" for size in sizes),
        )
        for name, accuracy in PUBLISHED.items()
    ]
    header = ("variant", "million weights", "top 1, %")
    header += tuple(f"ms at {size} px" for size in sizes)
    header += tuple(f"of {first}'s at {size} px" for size in sizes)
    print(text_table(header, rows))


def interpreter(name: str, size: int):
    """Return the number of weights of a variant without its top, and what runs it."""
    from ai_edge_litert.interpreter import Interpreter

    keras = load_keras()
    keras.backend.clear_session()
    build = getattr(keras.applications, name)
    model = build(include_top=False, weights=None, input_shape=(size, size, 3), pooling="avg")
    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch) / KERAS_FILE)
        content = write_litert(Path(scratch)).read_bytes()
    loaded = Interpreter(model_content=content, num_threads=1)
    loaded.allocate_tensors()
    return model.count_params(), loaded


def measured(models: dict, repeats: int) -> dict:
    """Return the median seconds an image of each; they take turns."""
    seconds = {key: [] for key in models}
    for _ in range(repeats):
        for key, loaded in models.items():
            given = loaded.get_input_details()[0]
            loaded.set_tensor(given["index"], np.zeros(given["shape"], np.float32))
            started = time.thread_time()
            loaded.invoke()
            seconds[key].append(time.thread_time() - started)
    return {key: median(of_one) for key, of_one in seconds.items()}


if __name__ == "__main__":
    main()
