"""The steps of the study: commands of the product, and figures read from what they make.

A step may run any number of times: its commands go on where they were stopped, and do nothing where
all is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from fer_pipeline.dataset import open_dataset
from study import apex, comparing, detection, domain, timelines
from study.commands import PARTLY_DONE, MissingError, Shell, Words
from study.records import Figures
from study.sizes import BUNDLED, ROOT, Study, jobs
from study.truth import EIGHT, FOUR, SEVEN, labelled_frames, sexes, truth_of

_OTHER_SEED, _FIRST_PEER_SEED = 1000, 101

_SMOOTHED = "median:0.4"

_LENET: tuple[str | int, ...] = ("--channels", "gray", "--leak-meter", "--no-class-weights")
"""So that the loss is plain cross-entropy, as the published one has to be taken to be."""

_FROM_SCRATCH = ("--learning-rate", 0.0003)
"""With the usual 0.001 ResNetM told an eighth to a third of its training faces after four short
epochs, and two fifths with this."""

_DEEP: tuple[str | int | float, ...] = ("--augment", "papers", "--batch", 16, *_FROM_SCRATCH)
"""The second paper tells neither batch nor rate."""

_ONE_FOLD = "lenet5-gray-fold1"
"""The model that is used further: of three in five of the people."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the study.

    Attributes:
        told: What it does.
        run: Does it; returns its figures.
        sizes: Names of the sizes that it depends on.
        needs: Names of steps that must be done before.
    """

    told: str
    run: Callable[[Study, Shell], Figures]
    sizes: tuple[str, ...]
    needs: tuple[str, ...] = ()


def simulate(study: Study, shell: Shell) -> Figures:
    """Render the people of the study; contempt, too, which the first paper does not have."""
    return _simulated(study, shell, "clips", "--emotions", ",".join(EIGHT))


def extract(study: Study, shell: Shell) -> Figures:
    """Cut out the faces of the labelled stretches."""
    return _extracted(study, shell, "clips", "faces.h5")


def lenet5(study: Study, shell: Shell) -> Figures:
    """Train LeNet-5 by frames and by people."""
    return _lenet(study, shell, "lenet5", "faces.h5", "lenet5", study.sizes.epochs)


def find_faces(study: Study, _: Shell) -> Figures:
    """Search every frame for faces."""
    return detection.detected(ROOT / (study / "clips"), study.places.figures)


def simulate_still(study: Study, shell: Shell) -> Figures:
    """Render the same people, who do not lower or raise their heads."""
    return _simulated(study, shell, "clips-no-pitch", "--no-pitch")


def extract_still(study: Study, shell: Shell) -> Figures:
    """Cut out their faces."""
    return _extracted(study, shell, "clips-no-pitch", "faces-no-pitch.h5")


def lenet5_still(study: Study, shell: Shell) -> Figures:
    """Train on these."""
    data, epochs = "faces-no-pitch.h5", study.sizes.epochs
    return _lenet(study, shell, "lenet5-no-pitch", data, "lenet5", epochs)


def ask_peer(study: Study, shell: Shell) -> Figures:
    """Let the package fer of PyPI, and our bundled model, name the expressions at their apex."""
    names = [f"seed-{_FIRST_PEER_SEED + number}" for number in range(study.sizes.peer_seeds)]
    folders = [study / "peer" / name for name in names]
    tables = study / "peer" / "timelines"
    (ROOT / tables).mkdir(parents=True, exist_ok=True)
    for folder, name in zip(folders, names, strict=True):
        seed = name.removeprefix("seed-")
        people = ("--participants", study.sizes.others, "--takes", 1, "--seed", seed)
        shell.fer("simulate", folder, *people, "--seconds", study.sizes.seconds)
        table = tables / f"{name}.csv"
        shell.fer("annotate", folder, "--model", BUNDLED, "--faces", "largest", "--out", table)
    studies = [ROOT / folder for folder in folders]
    pictures = ROOT / (study / "peer" / "apexes")
    apexes = apex.picture_apexes(studies, pictures)
    named = {
        "fer of PyPI": apex.named_by_peer(pictures),
        "bundled model": apex.named_in_timelines(apexes, ROOT / tables),
    }
    return apex.agreed(studies, named, study.places.figures)


def annotate(study: Study, shell: Shell) -> Figures:
    """Annotate sessions of people of another seed, and compare segments with the truth."""
    folder = study / "sessions"
    people = ("--participants", study.sizes.others, "--takes", 0, "--sessions", 1)
    seed = ("--seed", _OTHER_SEED, "--seconds", study.sizes.seconds)
    shell.fer("simulate", folder, *people, *seed)
    models = {"lenet5": study / "lenet5" / "runs" / _ONE_FOLD, "bundled": BUNDLED}
    tables = {}
    for model, path in models.items():
        for smoothed in ("raw", _SMOOTHED):
            options = () if smoothed == "raw" else ("--smooth", smoothed)
            table = study / "timelines" / f"{model}-{smoothed.replace(':', '-')}.segments.csv"
            (ROOT / table).parent.mkdir(exist_ok=True)
            one = ("--model", path, "--faces", "largest", *options, "--out", table)
            shell.fer("annotate", folder, *one, "--overwrite")
            tables[f"{model}, {smoothed}"] = ROOT / table
    return timelines.compared(ROOT / folder, tables, study.places.figures)


def second_paper(study: Study, shell: Shell) -> Figures:
    """Fill the second paper's table with simulated faces."""
    thin = study / "faces-thinned.h5"
    labels = ("--labels", study / "clips" / "segments.csv")
    every = ("--every", study.sizes.thinned)
    shell.fer("extract", study / "clips", *labels, *every, "-o", thin)
    networks = ("--networks", "resnetm,densenet169,xception", "--channels", "rgb,gray")
    effort = {"balance": study.sizes.balance, "epochs": study.sizes.second_epochs}
    table = _compared(study, shell, thin, "second-paper", *networks, *_DEEP, *_options(effort))
    return table | {"faces": faces_in(ROOT / thin)} | effort


def third_paper(study: Study, shell: Shell) -> Figures:
    """Train the third paper's networks on four expressions: the small ones, and the backbones."""
    sizes = study.sizes
    small = ("cnn1", "cnn2", "complexcnn"), sizes.thinned_four, sizes.third_epochs
    backbones = (
        ("vgg16", "resnet50v2", "efficientnet"),
        sizes.thinned_backbones,
        sizes.backbone_epochs,
    )
    return {
        "small": _four_expressions(study, shell, "third-paper", *small),
        "backbones": _four_expressions(
            study, shell, "third-paper-backbones", *backbones, *_FROM_SCRATCH
        ),
    }


def across_domains(study: Study, shell: Shell) -> Figures:
    """Train on FER2013 after the simulated faces, cut out like its own, and without them."""
    data = _fer2013(study)
    faces = study / "faces-like-fer2013.h5"
    labels = ("--labels", study / "clips" / "segments.csv", "--emotions", ",".join(SEVEN))
    shell.fer("extract", study / "clips", *labels, *domain.LIKE_FER2013, "-o", faces)
    simulated, judged = study / "domain" / "simulated", study / "domain" / "not-adapted"
    (ROOT / judged).parent.mkdir(exist_ok=True)
    learned = ("--network", domain.NETWORK, "--epochs", study.sizes.epochs, "--no-class-weights")
    shell.fer(*_training(simulated, "--data", faces, *learned))
    shell.fer("evaluate", "--model", simulated, "--data", data, "-o", judged, "--overwrite")
    scores = json.loads((ROOT / judged / "metrics.json").read_text("utf-8"))["scores"]
    ways, seeds = domain.arms(simulated), range(study.sizes.domain_seeds)
    models: dict[tuple[str, str], list[Path]] = {}
    trainings: dict[Path, Words] = {}
    for seed, (amount, drawn), arm in product(seeds, domain.AMOUNTS.items(), ways):
        out = study / "domain" / domain.folder_of(arm, amount, seed)
        fit = ("--epochs", study.sizes.domain_epochs, "--seed", seed, "--no-class-weights")
        log = out.with_name(out.name + ".log")
        trainings[log] = _training(out, "--data", data, *arm.begins, *drawn, *fit)
        models.setdefault((amount, arm.name), []).append(ROOT / out)
    shell.side_by_side(trainings)
    return {
        "not adapted": {name: scores[name] for name in ("faces", "accuracy", "majority")},
        "arms": {arm.name: arm.told for arm in ways},
        "amounts": {
            amount: {
                arm.name: domain.beside(
                    ROOT / data, models[amount, arm.name], models[amount, ways[0].name]
                )
                for arm in ways
            }
            for amount in domain.AMOUNTS
        },
    }


def second_paper_on_photographs(study: Study, shell: Shell) -> Figures:
    """Fill the second paper's table with FER2013, which is gray and is made larger for it."""
    data = _fer2013(study)
    networks = ("--networks", "resnetm,densenet169,xception", "--channels", "gray")
    effort = {"balance": study.sizes.fer2013_balance, "epochs": study.sizes.fer2013_epochs}
    words = (*networks, *_DEEP, *_options(effort))
    return _compared(study, shell, data, "second-paper-fer2013", *words) | effort


def lenet(study: Study, shell: Shell) -> Figures:
    """Train the other reading of LeNet by frames and by people."""
    return _lenet(study, shell, "lenet", "faces.h5", "lenet", study.sizes.deep_epochs)


_CLIPS = ("participants", "takes", "seconds")
_FITTED = ("folds", "epochs")
_PEOPLE = ("others", "seconds")

STEPS: dict[str, Step] = {
    "simulate": Step("people are rendered", simulate, _CLIPS),
    "extract": Step("faces are cut out", extract, (), ("simulate",)),
    "lenet5": Step("LeNet-5 by frames and by people", lenet5, _FITTED, ("extract",)),
    "detection": Step("every frame is searched", find_faces, (), ("simulate",)),
    "simulate-no-pitch": Step("people are rendered without the pitch", simulate_still, _CLIPS),
    "extract-no-pitch": Step("their faces are cut out", extract_still, (), ("simulate-no-pitch",)),
    "lenet5-no-pitch": Step("LeNet-5 on these", lenet5_still, _FITTED, ("extract-no-pitch",)),
    "peer": Step("others name the apexes", ask_peer, (*_PEOPLE, "peer_seeds")),
    "timelines": Step("sessions are annotated", annotate, _PEOPLE, ("lenet5",)),
    "third-paper": Step(
        "six networks, four expressions",
        third_paper,
        ("thinned_four", "third_epochs", "thinned_backbones", "backbone_epochs"),
        ("simulate",),
    ),
    "domain": Step(
        "FER2013 after simulated faces",
        across_domains,
        ("epochs", "domain_epochs", "domain_seeds"),
        ("simulate",),
    ),
    "second-paper": Step(
        "three deep networks, colour and gray",
        second_paper,
        ("thinned", "balance", "second_epochs"),
        ("simulate",),
    ),
    "second-paper-fer2013": Step(
        "these on FER2013", second_paper_on_photographs, ("fer2013_balance", "fer2013_epochs")
    ),
    "lenet": Step("the LeNet of 20 and 50 filters", lenet, ("folds", "deep_epochs"), ("extract",)),
}
"""In the order in which they run: first what is cheap and tells most."""


def sizes_of(study: Study, step: str) -> Figures:
    """Return the sizes that a step and those before it depend on."""
    found = {name: getattr(study.sizes, name) for name in STEPS[step].sizes}
    for need in STEPS[step].needs:
        found |= sizes_of(study, need)
    return found


def faces_in(data: Path) -> dict[str, int]:
    """Return how many faces of each expression a dataset holds."""
    with open_dataset(data) as dataset:
        counts = np.bincount(dataset.column("label"), minlength=len(dataset.emotions))
        return dict(zip(dataset.emotions, counts.tolist(), strict=True))


def _simulated(study: Study, shell: Shell, name: str, *options: str) -> Figures:
    sizes = study.sizes
    people = ("--participants", sizes.participants, "--takes", sizes.takes)
    shell.fer("simulate", study / name, *people, "--seconds", sizes.seconds, *options)
    truth = truth_of(ROOT / (study / name))
    return {"clips": len(truth), "frames": sum(map(len, truth.values()))}


def _extracted(study: Study, shell: Shell, clips: str, data: str) -> Figures:
    labels = ("--labels", study / clips / "segments.csv", "--emotions", ",".join(SEVEN))
    shell.fer("extract", study / clips, *labels, "-o", study / data)
    labelled = labelled_frames(ROOT / (study / clips), SEVEN)
    return {"labelled frames": labelled.total(), "faces": faces_in(ROOT / (study / data))}


def _lenet(
    study: Study, shell: Shell, out: str, data: str, network: str, epochs: int
) -> Figures:  # fmt: skip
    fit = ("--folds", study.sizes.folds, "--epochs", epochs, "--jobs", jobs())
    table = _compared(study, shell, study / data, out, "--networks", network, *_LENET, *fit)
    people = sexes(ROOT / (study / "clips")) or sexes(ROOT / (study / "clips-no-pitch"))
    comparing.write_people(table, people, study.places.figures / out)
    return table | {"published": comparing.published_figures(ROOT / (study / out), network)}


def _compared(
    study: Study, shell: Shell, data: Path, out: str, *options: str | Path | int | float
) -> Figures:  # fmt: skip
    comparison = study / out
    words = ("compare", "--data", data, "-o", comparison, *options)
    # A network that fails is told in the table; the others are worth having.
    shell.fer(*words, accepted=(0, PARTLY_DONE))
    return comparing.table_of(ROOT / comparison, study.places.figures / out)


def _four_expressions(
    study: Study,
    shell: Shell,
    out: str,
    networks: Words,
    every: int,
    epochs: int,
    *options: str | float,
) -> Figures:
    four = study / f"faces-{out}.h5"
    labels = ("--labels", study / "clips" / "segments.csv", "--emotions", ",".join(FOUR))
    shell.fer("extract", study / "clips", *labels, "--every", every, "-o", four)
    # Small networks stay on a plateau at first, which is no reason to give them up.
    fit = ("--batch", 16, "--epochs", epochs, "--patience", epochs, *options)
    named = ("--networks", ",".join(map(str, networks)), "--channels", "rgb")
    table = _compared(study, shell, four, out, *named, *fit)
    return table | {"faces": faces_in(ROOT / four), "epochs": epochs}


def _options(values: Figures) -> Words:
    """Return options and their values as words."""
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def _training(out: Path, *options: str | Path | int) -> Words:
    """Return the command that trains a model, from where it was stopped if it was."""
    unfinished = ROOT / out.with_name(out.name + ".unfinished")
    resume = ("--resume",) if unfinished.exists() else ()
    return ("train", *options, "-o", out, *resume)


def _fer2013(study: Study) -> Path:
    data = study.places.fer2013
    if not (ROOT / data).exists():
        raise MissingError(
            f"{data} is not there: `fer import fer2013 fer2013.csv -o {data}` makes it of the "
            "corpus, which is not part of this project"
        )
    return data
