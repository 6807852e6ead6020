"""A model that was trained before, adapted to a study's own faces and classes.

The network and its input are the model's. While it warms up only the head learns, whose last layer
is new where the classes are others; then its blocks join, from the top, at a tenth of the rate. The
bundled model's network has one block, so that after the warm-up everything learns.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fer_pipeline.errors import ModelError, UsageError
from fer_pipeline.model_folder import KERAS_FILE, ModelSpec, find_model, model_file
from fer_pipeline.networks import NETWORKS
from fer_pipeline.training_plan import TrainingOptions

WARM_UP_EPOCHS = 3


def starting_from(model: Path, options: TrainingOptions) -> TrainingOptions:
    """Return the options of a training that begins with a model.

    Args:
        model: A model folder, or ``default`` for the one that comes with the package.
        options: How it is trained; ``unfreeze`` says after how many epochs the next block joins, 3
            if it is None.

    Raises:
        ModelError: There is no such model, or its network is not known.
        UsageError: The options say otherwise what the training begins with.
    """
    if options.weights is not None:
        raise UsageError("--from says where the weights come from; leave --weights out")
    folder = find_model(model)
    spec = ModelSpec.read(folder)
    model_file(folder, KERAS_FILE, "give a model folder that fer train wrote")
    if spec.network not in NETWORKS:
        raise ModelError(f"{folder}: of a network that this fer does not know: {spec.network}")
    wanted = options.size or spec.input_size, options.channels or spec.input_channels
    if wanted != (spec.input_size, spec.input_channels):
        raise UsageError(
            f"--from {model}: the model takes {spec.input_size} px, {spec.input_channels}; "
            "leave --size and --channels out"
        )
    fit = replace(options.fit, freeze=True, unfreeze=options.fit.unfreeze or WARM_UP_EPOCHS)
    return replace(
        options,
        network=spec.network,
        size=spec.input_size,
        channels=spec.input_channels,
        weights=str(folder),
        fit=fit,
    )
