"""What the recipe's choices are worth: short trainings that differ in one of them.

    make default-model-decisions

Needs the data that the recipe left in build/default-model. Every training learns from FER+'s
training faces and is judged on its validation faces; the test faces are not touched. A training
that is done is not done again.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.history import read_history
from fer_pipeline.model_folder import METRICS_FILE
from fer_pipeline.networks import NETWORKS
from fer_pipeline.paired import share_interval
from fer_pipeline.provenance import machine, provenance
from fer_pipeline.report.tables import markdown_table, percent
from training.describing import where
from training.recipe import BUILD, COMMON, FERPLUS, ROOT, SHIPPED
from training.report import RESULTS

EPOCHS = 4

CONTRAST_LEFT = "seresnet-contrast-left"
"""The recipe's network without its first step; known to these trainings only."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of the recipe, made otherwise.

    Attributes:
        name: Of its model folder.
        told: In words.
        options: Instead of the recipe's own, or beside them.
    """

    name: str
    told: str
    options: tuple[str, ...] = ()


CHOICES = (
    Choice("recipe", "as the recipe does it"),
    Choice("contrast-left", "contrast left in the faces", ("--network", CONTRAST_LEFT)),
    Choice("label", "the most voted emotion alone is learned", ("--target", "label")),
    Choice("light", "faces are varied lightly", ("--augment", "light")),
    Choice("unmixed", "faces are not mixed", ("--mixup", "0")),
)


def main() -> None:
    """Train what is missing and write the table."""
    parser = ArgumentParser(description="Train with one choice of the recipe made otherwise.")
    parser.add_argument("--only", choices=[choice.name for choice in CHOICES])
    given = parser.parse_args()
    if given.only is None:
        decide()
    else:
        train(next(choice for choice in CHOICES if choice.name == given.only))


def decide() -> None:
    """Train each in a process of its own and write the table."""
    for choice in CHOICES:
        command = [sys.executable, "-m", "training.decisions", "--only", choice.name]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, check=False)
        if done.returncode:
            sys.exit(done.returncode)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "decisions.md").write_text(table(), "utf-8")
    print(table())


def train(choice: Choice) -> None:
    """Train one, unless it was done; a training that was stopped goes on."""
    from fer_pipeline.cli import main as fer

    NETWORKS[CONTRAST_LEFT] = replace(
        NETWORKS["seresnet"], builder="training.decisions:contrast_left"
    )
    os.chdir(ROOT)
    resume = ("--resume",) if (folder(choice).with_suffix(".unfinished")).exists() else ()
    words = ["train", "--data", str(FERPLUS), "-o", str(folder(choice)), *options(choice), *resume]
    print(f"\n$ {shlex.join(['fer', *words])}", flush=True)
    sys.argv = ["fer", *words]
    fer()


def contrast_left(shape: tuple[int, int, int], classes: int) -> Any:
    """Build the recipe's network without its first step."""
    from fer_pipeline.networks.seresnet import seresnet

    return seresnet(shape, classes, even_contrast=False)


def folder(choice: Choice) -> Path:
    """Return where a training's model goes."""
    return BUILD / "decisions" / choice.name


def options(choice: Choice) -> tuple[str, ...]:
    """Return the recipe's options; of an option given twice, the command takes the last."""
    return (*COMMON, *SHIPPED.options, "--epochs", str(EPOCHS), *choice.options)


def table() -> str:
    """Write what came out, in Markdown."""
    used = provenance("make default-model-decisions") | {"machine": machine()}
    command = shlex.join(["fer", "train", "--data", str(FERPLUS), *options(CHOICES[0])])
    sections = [
        "# The choices of the bundled model's recipe",
        "    make default-model-decisions",
        f"Each row is a training of {EPOCHS} epochs (the model itself has "
        f"{SHIPPED.options[-1]}), seed 0, on FER+'s training faces, judged on its validation "
        "faces, most voted. The test faces were not touched. The first row is the recipe:",
        f"    {command}",
        "The others differ from it in one choice. A few epochs favour what makes learning easy: "
        "the table tells what a choice costs at first, not what it brings in the end. Strong "
        "variation, mixing and votes were chosen because they are known to keep a network from "
        "learning its faces by heart in a long training; trainings of full length without them "
        "were not run. Contrast makes no difference here; it is evened out so that dim clips look "
        "like the faces learned from.",
        markdown_table(
            ("choice", "option", "validation accuracy, 95 % interval", "macro F1", "s an epoch"),
            [row(choice) for choice in CHOICES],
        ),
        "The width of the network and the length of the training are what a processor allows (a "
        "face in less than half a millisecond, two hours); the optimizer, its rates, the dropout "
        "and equal weights of all faces are common practice. None of them was compared.",
        where({"provenance": used}),
    ]
    return "\n\n".join(sections) + "\n"


def row(choice: Choice) -> tuple[str, ...]:
    """Return a training's line of the table."""
    at = ROOT / folder(choice)
    scores = json.loads((at / METRICS_FILE).read_text("utf-8"))["validation"]
    right = np.arange(scores["faces"]) < round(scores["accuracy"] * scores["faces"])
    low, high = share_interval(right)
    seconds = [epoch.seconds for fit in read_history(at).values() for epoch in fit]
    return (
        choice.told,
        f"`{shlex.join(choice.options)}`" if choice.options else "",
        f"{percent(scores['accuracy'])} ({percent(low)} to {percent(high)})",
        f"{scores['macro_f1']:.3f}",
        f"{np.median(seconds):.0f}",
    )


if __name__ == "__main__":
    main()
