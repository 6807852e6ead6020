"""How large a study is, and where it lies."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fer_pipeline.workers import available_cores

ROOT = Path(__file__).resolve().parent.parent

BUNDLED = Path("fer_pipeline") / "default_model"

_MOST_JOBS = 4


def _size(default: Any, told: str) -> Any:
    return field(default=default, metadata={"help": told})


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; the defaults are the published study.

    Each field is an option of the recipe, whose help is its metadata.
    """

    participants: int = _size(40, "people of the study")
    takes: int = _size(3, "clips of each person and expression")
    seconds: float = _size(2.0, "of each expression")
    folds: int = _size(5, "parts that people, or frames, are dealt out into")
    epochs: int = _size(60, "epochs of LeNet-5, at most")
    deep_epochs: int = _size(20, "epochs of the LeNet of 20 and 50 filters, which is slow, at most")
    others: int = _size(6, "people of each other seed: for the peer and for timelines")
    peer_seeds: int = _size(6, "other seeds for the peer, from 101")
    thinned: int = _size(10, "every n-th frame is taken for the second paper's networks")
    thinned_four: int = _size(3, "every n-th frame is taken for the third paper's small networks")
    thinned_backbones: int = _size(12, "every n-th frame is taken for the third paper's backbones")
    balance: int = _size(100, "faces of each expression in an epoch of the second paper's networks")
    second_epochs: int = _size(6, "epochs of the second paper's networks")
    third_epochs: int = _size(20, "epochs of the third paper's small networks")
    backbone_epochs: int = _size(12, "epochs of the third paper's backbones")
    fer2013_balance: int = _size(
        400, "faces of each expression in an epoch of the second paper's on FER2013"
    )
    fer2013_epochs: int = _size(1, "epochs of the second paper's networks on FER2013")
    domain_epochs: int = _size(
        30, "epochs on FER2013 after the simulated faces or without them, at most"
    )
    domain_seeds: int = _size(3, "repetitions of that")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a study lies.

    Attributes:
        build: Clips, datasets, models, and what the steps have recorded.
        results: The document and, in a folder beside it, the figures that it is made of.
        fer2013: The corpus as ``make default-model`` imports it; some steps do without.
    """

    build: Path = Path("build") / "study"
    results: Path = Path("docs") / "results"
    fer2013: Path = Path("build") / "default-model" / "fer2013.h5"

    @property
    def document(self) -> Path:
        """What is written in the end."""
        return ROOT / self.results / "simulated-study.md"

    @property
    def figures(self) -> Path:
        """Folder of what the document is made of."""
        return ROOT / self.results / "simulated-study"

    @property
    def times(self) -> Path:
        """Seconds that each step has taken, over all runs."""
        return ROOT / self.build / "times.json"

    def done(self, step: str) -> Path:
        """Return the file that tells that a step is done."""
        return ROOT / self.build / "steps" / f"{step}.json"


@dataclass(frozen=True, slots=True)
class Study:
    """A study of some size at some place."""

    sizes: Sizes = Sizes()
    places: Places = Places()

    def __truediv__(self, name: str) -> Path:
        """Return a path in the build folder, as commands are given it."""
        return self.places.build / name


def add_options(parser: ArgumentParser) -> None:
    """Add an option for each size and place."""
    for kind in (Sizes, Places):
        for one in fields(kind):
            parser.add_argument(
                f"--{one.name.replace('_', '-')}",
                type=type(one.default),
                default=one.default,
                help=f"{one.metadata.get('help', 'path')} (default: {one.default})",
            )


def chosen(given: Namespace) -> Study:
    """Return the study that the options describe."""
    values = vars(given)
    sizes, places = (
        {one.name: values[one.name] for one in fields(kind)} for kind in (Sizes, Places)
    )
    return Study(Sizes(**sizes), Places(**places))


def jobs() -> int:
    """Return how many small networks are trained side by side."""
    return min(available_cores(), _MOST_JOBS)
