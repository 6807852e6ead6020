"""What a training is to do: its options, who is on which side, and when two are the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fer_pipeline.augmentation import Augmentation
from fer_pipeline.dataset import Dataset
from fer_pipeline.errors import ModelError, UsageError
from fer_pipeline.faces import Channels
from fer_pipeline.files import digest_of
from fer_pipeline.fit_options import FitOptions
from fer_pipeline.model_folder import KERAS_FILE, SPEC_FILE
from fer_pipeline.networks import DEFAULT_NETWORK, IMAGENET, check_size, find_network
from fer_pipeline.split_file import read_split, replay
from fer_pipeline.splits import BY_PERSON, Split, SplitKind, divide
from fer_pipeline.work_folder import Run

# On one side of a split, in the line that tells of it.
_MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What is trained, on whom, and how.

    Attributes:
        network: One of `fer_pipeline.networks.NETWORKS`.
        size: Side of the network's input in pixels; None for the network's own.
        channels: Representation of the input; None for the network's own.
        split: How people are divided; None for the default of `fer_pipeline.splits`.
        folds: Into how many parts people are dealt out, each tested in turn; None for one division.
        fold: The only one of these that is trained and tested, from 1; None for all.
        split_from: A model folder whose split is replayed; None for none.
        augment: How training faces are varied.
        balance: Training faces of each emotion, over- and under-sampled; None for all as they are.
        weigh_classes: Whether rare emotions count as much as frequent ones.
        weights: Where weights come from at first: ``imagenet``, a file or a model folder; None for
            random ones.
        calibrate: Whether probabilities are made to mean what they say, by the validation faces.
        final: Whether to fit once more on everyone, after the evaluation.
        fit: How the network is fitted.
    """

    network: str = DEFAULT_NETWORK
    size: int | None = None
    channels: Channels | None = None
    split: SplitKind | None = None
    folds: int | None = None
    fold: int | None = None
    split_from: Path | None = None
    augment: Augmentation = "light"
    balance: int | None = None
    weigh_classes: bool = True
    weights: str | None = None
    calibrate: bool = False
    final: bool = False
    fit: FitOptions = FitOptions()


def complete(options: TrainingOptions) -> TrainingOptions:
    """Fill in what the network decides, and refuse what does not go together.

    Raises:
        ModelError: The network does not exist or does not take such input.
        UsageError: Options contradict each other.
    """
    network = find_network(options.network)
    size = options.size or network.size
    check_size(options.network, size)
    _check(options)
    return replace(options, size=size, channels=options.channels or network.channels)


def _check(options: TrainingOptions) -> None:
    if options.fold is not None and not (options.folds and options.fold <= options.folds):
        raise UsageError("--fold chooses one of --folds: give both, and no more than there are")
    if options.split_from is not None and (options.split or options.folds):
        raise UsageError("--split-from says who is where; leave --split and --folds out")
    if options.fit.unfreeze is not None and not options.fit.freeze:
        raise UsageError("--unfreeze frees what --freeze froze; give both")
    if options.fit.freeze and options.weights is None:
        raise UsageError(
            "--freeze would keep random weights, from which nothing can be learned; "
            "give --weights imagenet or a file too"
        )


def splits_of(dataset: Dataset, options: TrainingOptions) -> tuple[Split, ...]:
    """Divide a dataset as the options ask.

    Raises:
        ModelError: The model whose split shall be replayed has none.
        SplitError: It cannot be divided so.
    """
    if options.split_from is not None:
        return replay(dataset, options.split_from)
    splits = divide(dataset, options.split, options.fit.seed, options.folds)
    return splits if options.fold is None else (splits[options.fold - 1],)


def signature(dataset: Dataset, options: TrainingOptions, splits: tuple[Split, ...]) -> Run:
    """Return what makes a training with these `complete` options the same as another."""
    values = asdict(replace(options, split=splits[0].kind, split_from=None))
    if options.split_from is not None:
        values["split_from"] = read_split(options.split_from).digest
    if options.weights not in (None, IMAGENET):
        values["weights"] = _weights_digest(Path(str(options.weights)))
    return {"dataset": dataset.digest, "options": json.loads(json.dumps(values))}


def _weights_digest(path: Path) -> str:
    file = path / KERAS_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(f"{path}: no weights there; give a Keras file or a model folder")
    return digest_of(file)


def announcement(splits: tuple[Split, ...], options: TrainingOptions) -> str:
    """Return who is on which side: nobody should have to guess what the figures mean."""
    split = splits[0]
    left_out = sum(one.copies for one in splits)
    copies = f"; {left_out} faces left out, copies of a face on another side" if left_out else ""
    return _announce_sides(splits, split, options) + copies


def _announce_sides(splits: tuple[Split, ...], split: Split, options: TrainingOptions) -> str:
    if split.kind == "leave-one-participant-out":
        return f"split by participant, each of {len(splits)} left out in turn"
    what = f"split by {split.kind}"
    if options.fold is not None:
        what += f", fold {options.fold} of {options.folds}"
    warning = (
        "" if split.kind in (*BY_PERSON, "corpus") else "; the same people may be on several sides"
    )
    if len(splits) > 1:
        return f"{what}, each of {len(splits)} folds tested in turn{warning}"
    sides = ("training", "validation", "test")
    if split.kind == "participant":
        people = "; ".join(f"{side} {_named(split.groups[side])}" for side in sides)
        return f"{what}: {people}"
    faces = ", ".join(f"{side} {len(getattr(split, side))} faces" for side in sides)
    return f"{what}: {faces}{warning}"


def _named(people: Sequence[str]) -> str:
    if len(people) > _MOST_NAMED:
        return f"{len(people)} people, whom {SPEC_FILE} names"
    return " ".join(people)


def without(split: Split) -> str:
    """Return the people that a division tests, for a line of progress."""
    names = split.groups.get("test", ())
    return f": without {', '.join(names)}" if names else ""
