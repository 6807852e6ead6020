"""What does a second thread bring to the classifier alone, one face at a time and 32 at once?

Annotation and extraction give each worker one thread: this tells what is left lying.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from made_models import untrained_model
from turns import in_turns, ratio, spread

from fer_pipeline.classifier import SPEED_BATCH, Speed, measure_speed
from fer_pipeline.networks import DEFAULT_NETWORK
from fer_pipeline.report.tables import text_table

THREADS = (1, 2)
HEADER = ("threads", "faces at once", "faces/s", "from–to", "times as fast as one thread")


def measure(rounds: int, scratch: Path) -> str:
    """Run the default network on one thread and on two.

    Args:
        rounds: How often each has its go.
        scratch: A folder for the model.
    """
    model = untrained_model(scratch / "model")
    speeds = in_turns(
        {count: lambda count=count: measure_speed(model, count) for count in THREADS}, rounds
    )
    rows = []
    for batch in (1, SPEED_BATCH):
        rates = {
            count: [_rate(speed, batch) for speed in of_one] for count, of_one in speeds.items()
        }
        rows += [
            (
                str(count),
                str(batch),
                f"{median(of_one):,.0f}",
                spread(of_one),
                f"{ratio(of_one, rates[1]):.2f}",
            )
            for count, of_one in rates.items()
        ]
    return f"{DEFAULT_NETWORK} on LiteRT, without cutting out faces:\n{text_table(HEADER, rows)}"


def _rate(speed: Speed, batch: int) -> float:
    return 1 / (speed.one if batch == 1 else speed.batch32)
