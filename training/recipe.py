"""The model that comes with the package, from the data files to its folder.

    make default-model DATA=folder

The folder holds FER2013's table (fer2013.csv) and FER+'s (fer2013new.csv). Every step is a command
of the product, runs if its result is missing, and goes on where it was stopped. Training takes
hours on a processor; on a machine with a GPU, ``KERAS_BACKEND=jax`` or ``torch`` will do, and the
last step, which needs TensorFlow, can be done elsewhere.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from training.shipping import ship

ROOT = Path(__file__).resolve().parent.parent

BUILD = Path("build") / "default-model"
"""Below ROOT, where every command runs: what is shown can be typed there again."""

FERPLUS = BUILD / "ferplus.h5"
FER2013 = BUILD / "fer2013.h5"
MAJORITY = BUILD / "ferplus-majority.h5"
"""Of FER+, only what more than half of the annotators agree on: its authors' own protocol."""

COMMON = shlex.split(
    "--network seresnet --channels gray --augment strong --mixup 0.2 --no-class-weights "
    "--optimizer sgd --learning-rate 0.05 --weight-decay 0.005 --schedule cosine "
    "--monitor accuracy --batch 128 --mixed-precision --calibrate --seed 0"
)


@dataclass(frozen=True, slots=True)
class Training:
    """One training of the recipe.

    Attributes:
        folder: Its model folder.
        data: What it learns from: training faces of the corpus's own split, without copies of the
            others.
        options: Beside those that all have in common.
    """

    folder: Path
    data: Path
    options: tuple[str, ...]


SHIPPED = Training(BUILD / "ferplus", FERPLUS, ("--target", "votes", "--epochs", "45"))

COMPARED = Training(BUILD / "fer2013", FER2013, ("--epochs", "45"))
"""The same network on FER2013's own labels, to be compared with what others publish."""

DEFAULT_MODEL = Path("fer_pipeline") / "default_model"


def main() -> None:
    """Do what is missing."""
    parser = ArgumentParser(description="Make the model that comes with the package.")
    parser.add_argument("data", type=Path, help="folder with fer2013.csv and fer2013new.csv")
    given = parser.parse_args()
    prepare(given.data.resolve())
    for training in (SHIPPED, COMPARED):
        train(training)
    ship(ROOT / SHIPPED.folder, ROOT / DEFAULT_MODEL)
    print(f"\n{DEFAULT_MODEL}: ready; make default-model-report DATA={given.data} measures it")


def prepare(data: Path) -> None:
    """Import the corpora and leave out copies of validation and test images."""
    (ROOT / BUILD).mkdir(parents=True, exist_ok=True)
    for out, corpus, options in (
        (FERPLUS, "ferplus", ("--most-voted",)),
        (MAJORITY, "ferplus", ()),
        (FER2013, "fer2013", ()),
    ):
        imported = out.with_stem(out.stem + "-imported")
        if not (ROOT / out).exists():
            fer("import", corpus, data, *options, "-o", imported)
            fer("data", "dedupe", imported, "-o", out)


def train(training: Training) -> None:
    """Train unless it was done; a training that was stopped goes on."""
    options = (*COMMON, *training.options)
    unfinished = training.folder.with_name(training.folder.name + ".unfinished")
    resume = ("--resume",) if (ROOT / unfinished).exists() else ()
    fer("train", "--data", training.data, "-o", training.folder, *options, *resume)


def fer(*arguments: str | Path) -> None:
    """Show a command as a user would type it, and run it."""
    words = [str(argument) for argument in arguments]
    print(f"\n$ {shlex.join(['fer', *words])}", flush=True)
    command = [sys.executable, "-m", "fer_pipeline", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
