"""Which LeNet should be the default? Compared on the validation people of several splits.

    fer extract sample_videos/participants --labels sample_videos/participants/segments.csv
    python benchmarks/default_network.py faces.h5

Each seed draws other people for validation and other first weights. The test people of a split are
not looked at: this is a choice.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from fer_pipeline.fit_options import FitOptions
from fer_pipeline.report.tables import text_table
from fer_pipeline.training import Listener, train
from fer_pipeline.training_plan import TrainingOptions

SILENT = Listener(stage=lambda _: None, epoch=lambda _: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", default="lenet5,lenet")
    parser.add_argument("--batches", default="32,128")
    parser.add_argument("--augment", default="none,light")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    settings = product(
        options.augment.split(","), options.networks.split(","), options.batches.split(",")
    )
    for augment, network, batch in settings:
        accuracies, seconds = [], []
        for seed in range(options.seeds):
            model = fitted(options.data, network, augment, FitOptions(batch=int(batch), seed=seed))
            accuracies.append(model.scores["validation"].accuracy)
            seconds.append(sum(epoch.seconds for epoch in model.history))
        each = " ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies)
        spread = f"{100 * mean(accuracies):.1f} ± {100 * stdev(accuracies):.1f}"
        rows.append((augment, network, batch, each, spread, f"{mean(seconds):.0f}"))
        print(*rows[-1], flush=True)
    header = (
        "augment",
        "network",
        "batch",
        "validation accuracy by seed, %",
        "mean ± sd",
        "seconds",
    )
    print(text_table(header, rows))


def fitted(data: Path, network: str, augment: str, fit: FitOptions):
    with tempfile.TemporaryDirectory() as scratch:
        options = TrainingOptions(network=network, augment=augment, fit=fit)
        return train(data, Path(scratch) / "model", options, SILENT, "benchmark")


if __name__ == "__main__":
    main()
