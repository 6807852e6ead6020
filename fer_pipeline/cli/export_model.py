"""``fer export-model``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports


@click.command("export-model")
@click.argument("model", type=options.AnyPath)
@reports
def command(console: Console, model: Path) -> None:
    """Write model.tflite, which annotation uses, into the folder MODEL.

    fer train does so by itself where TensorFlow is installed.

    \b
    Example:
      fer export-model model
    """
    from fer_pipeline.conversion import write_litert
    from fer_pipeline.model_folder import ModelSpec

    ModelSpec.read(model)
    console.result(f"{write_litert(model)}: written")
