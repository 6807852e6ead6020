"""``fer export-model``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.conversion import QUANTIZATIONS, Quantization, write_litert
from fer_pipeline.model_folder import ModelSpec


@click.command("export-model")
@click.argument("model", type=options.AnyPath)
@click.option(
    "--quantize",
    "quantization",
    type=click.Choice(QUANTIZATIONS),
    default="none",
    show_default=True,
    help="Weights of 16 bits (half the size) or 8 (a quarter, and faster) instead of 32.",
)
@reports
def command(console: Console, model: Path, quantization: Quantization) -> None:
    """Write model.tflite, which annotation uses, into the folder MODEL.

    fer train does so by itself where TensorFlow is installed. Weights of 8 bits change what is told
    a little: look at fer evaluate before and after, which judges this very file.

    \b
    Example:
      fer export-model model --quantize int8
    """
    ModelSpec.read(model)
    console.result(f"{write_litert(model, quantization)}: written")
