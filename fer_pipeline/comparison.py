"""Several networks and both representations, trained and judged under one protocol.

Every run is a training like any other, in a process of its own, and ends as a model folder: a crash
costs its row and not the table, and what is finished is not done again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.classifier import Speed, measure_speed
from fer_pipeline.comparison_results import Comparison, Entry, colour_or_gray, read_result
from fer_pipeline.dataset import UNKNOWN, Dataset, open_dataset
from fer_pipeline.errors import OutputError, SplitError, UsageError
from fer_pipeline.faces import Channels
from fer_pipeline.files import locked, replacing
from fer_pipeline.fine_tuning import starting_from
from fer_pipeline.fit_options import Epoch
from fer_pipeline.json_values import fits, parse_json
from fer_pipeline.model_folder import BUNDLED, KERAS_FILE, LITERT_FILE, SPEC_FILE, write_json
from fer_pipeline.model_size import ModelSize, model_size
from fer_pipeline.networks import IMAGENET
from fer_pipeline.provenance import machine, provenance
from fer_pipeline.splits import BY_PERSON, Split
from fer_pipeline.training import Listener, train
from fer_pipeline.training_plan import TrainingOptions, complete, signature, splits_of
from fer_pipeline.work_folder import Run as Signature
from fer_pipeline.work_folder import is_model_of
from fer_pipeline.workers import (
    Crew,
    Footing,
    Outcome,
    Progress,
    available_cores,
    run_tasks,
)

_RUNS = "runs"

_MEASURED_FILE = "measured.json"
"""Speeds and sizes, which are wanted even after the models themselves were removed."""

_PLAIN_MEASURED = {
    "speed": {"threads": int, "one": float, "batch32": float},
    "size": {"weights": (int, type(None)), "bytes": {str: int}},
}

_CRASH_REMEDY = (
    "a smaller --batch or fewer --jobs need less memory; the same command tries it again"
)


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What is compared with what.

    Attributes:
        networks: Names in `fer_pipeline.networks.NETWORKS`, and ``default`` for the model that
            comes with the package, adapted to the data.
        channels: Representations.
        training: All that the runs have in common.
        leak_meter: Whether every network is also trained on a split by random frames.
        jobs: Runs side by side; the cores are shared out among them.
        scheduler: Address of a Dask scheduler, whose workers do them instead; None for none.
    """

    networks: tuple[str, ...]
    channels: tuple[Channels, ...]
    training: TrainingOptions
    leak_meter: bool = False
    jobs: int = 1
    scheduler: str | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRun:
    """One training of the table.

    Attributes:
        entry: The column it belongs to.
        fold: Its number among the folds, from 1.
        options: Complete.
        data: The dataset.
        folder: Where its model folder goes.
        signature: What makes a finished model folder this run.
        threads: Cores for it; None for those that the worker of a cluster has for each run.
        command: As it was typed.
        overwrite: Whether another model or unfinished run may be replaced.
    """

    entry: Entry
    fold: int
    options: TrainingOptions
    data: Path
    folder: Path
    signature: Signature
    threads: int | None
    command: str
    overwrite: bool

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether its model folder is there."""
        return (self.folder / SPEC_FILE).is_file() and is_model_of(self.folder, self.signature)


@dataclass(frozen=True, eq=False)
class ComparisonPlan:
    """All runs of a table, and which of them are still to be done."""

    options: ComparisonOptions
    data: Path
    out: Path
    command: str
    runs: tuple[ComparisonRun, ...]

    @property
    def missing(self) -> tuple[ComparisonRun, ...]:
        """Runs that are not finished."""
        return tuple(run for run in self.runs if not run.finished)


def plan_comparison(
    data: Path, out: Path, options: ComparisonOptions, command: str, *, overwrite: bool = False
) -> ComparisonPlan:
    """Work out what there is to be trained; nothing is written.

    Args:
        data: The dataset.
        out: The folder of the comparison; finished runs in it are used again.
        options: What is compared.
        command: The command line as it was typed.
        overwrite: Whether model folders of other data or options may be replaced.

    Raises:
        DatasetError: The dataset cannot be read.
        SplitError: It cannot be divided as asked.
        ModelError: A network does not exist or does not take such input.
        OutputError: A run of other data or options is in the way.
    """
    with open_dataset(data) as dataset:
        runs = tuple(_runs(dataset, out, options, command, overwrite=overwrite))
    for run in runs:
        if (run.folder / SPEC_FILE).is_file() and not run.finished and not overwrite:
            raise OutputError(
                f"{run.folder}: a model of other data or options; "
                "give another -o, or --overwrite to replace it"
            )
    return ComparisonPlan(options, data, out, command, runs)


def _runs(
    dataset: Dataset, out: Path, options: ComparisonOptions, command: str, *, overwrite: bool
) -> Iterator[ComparisonRun]:
    _check(dataset, options)
    kinds = (False, True) if options.leak_meter else (False,)
    for (name, training), by_frames in product(_networks(options), kinds):
        common = complete(training)
        assert common.channels is not None
        entry = Entry(name, common.channels, by_frames)
        if by_frames:
            common = replace(common, split="random", split_from=None)
        splits = splits_of(dataset, common)
        _check_splits(dataset, options, splits, by_frames=by_frames)
        for fold, split in enumerate(splits, 1):
            of_fold = replace(common, fold=fold) if common.folds else common
            suffix = f"-fold{fold}" if common.folds else ""
            yield ComparisonRun(
                entry=entry,
                fold=fold,
                options=of_fold,
                data=dataset.path,
                folder=out / _RUNS / (entry.name + suffix),
                signature=signature(dataset, of_fold, (split,)),
                threads=(None if options.scheduler else max(1, available_cores() // options.jobs)),
                command=command,
                overwrite=overwrite,
            )


def _networks(options: ComparisonOptions) -> Iterator[tuple[str, TrainingOptions]]:
    """Yield the name in the table and the options of each network in each representation."""
    for name in options.networks:
        if name == BUNDLED:  # takes one representation only
            yield name, starting_from(Path(BUNDLED), options.training)
            continue
        for channels in options.channels:
            yield name, replace(options.training, network=name, channels=channels)


def _check(dataset: Dataset, options: ComparisonOptions) -> None:
    training = options.training
    if training.weights is not None and len(options.networks) > 1 and training.weights != IMAGENET:
        raise UsageError("--weights FILE fits one network only; compare that alone")
    if training.split == "leave-one-participant-out":
        people = len(dataset.participants)
        raise UsageError(
            f"compare trains every fold by itself; --folds {people} leaves one of "
            f"{people} participants out at a time"
        )
    if training.final or training.fold:
        raise UsageError("compare judges; --final and --fold belong to fer train")
    if options.leak_meter and training.split == "random":
        raise UsageError("--leak-meter adds a split by random frames; leave --split random out")
    if options.leak_meter and np.any(dataset.column("participant") == UNKNOWN):
        raise SplitError(
            f"{dataset.path}: the leak meter compares with people that were held out, "
            "and the person of some faces is unknown"
        )


def _check_splits(
    dataset: Dataset, options: ComparisonOptions, splits: tuple[Split, ...], *, by_frames: bool
) -> None:
    if options.leak_meter and not by_frames and splits[0].kind not in BY_PERSON:
        raise SplitError(
            f"{dataset.path}: the leak meter compares with people that were held out, and this "
            f"split is by {splits[0].kind}; give --split participant, or leave --leak-meter out"
        )
    if len(splits) > 1 and not options.training.folds:
        raise SplitError(
            f"{options.training.split_from}: was tested on {len(splits)} parts in turn; compare "
            "replays one division only: give --folds instead, with the same --seed"
        )


def run_comparison(
    plan: ComparisonPlan, progress: Progress
) -> Iterator[Outcome[ComparisonRun, None]]:
    """Train what is missing, each run in a process of its own.

    Args:
        plan: What there is to do.
        progress: Called with the number of epochs done since the last call.

    Yields:
        Outcomes in the order in which they come. A run that was stopped goes on where it was.

    Raises:
        ClusterError: The cluster cannot be used, or was lost.
    """
    crew = Crew(plan.options.jobs, scheduler=plan.options.scheduler)
    footing: Footing[ComparisonRun] = Footing(
        reads=lambda run: (run.data,),
        leaves=lambda run: (run.folder,),
        libraries=("keras", "tensorflow"),
    )
    runs = plan.missing
    try:
        yield from run_tasks(_train, runs, crew, progress, footing, apart=_CRASH_REMEDY)
    finally:
        for run in runs:  # a training that was ended at once has left its lock
            with suppress(OutputError), locked(run.folder):
                pass


def _train(run: ComparisonRun, progress: Progress) -> None:
    """Train one run, in a worker."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(run.threads or available_cores())
    log = run.folder.with_name(run.folder.name + ".log")
    # On a cluster, a worker that was thought to be dead may still be training it.
    with locked(run.folder), log.open("a", encoding="utf-8") as lines:

        def tell(text: str) -> None:
            print(text, file=lines, flush=True)

        def after_epoch(epoch: Epoch, most: int) -> None:
            tell(f"epoch {epoch.number}/{most}: {epoch}")
            progress(1)

        tell(f"{run.name}: {run.command}")
        listener = Listener(stage=tell, epoch=after_epoch)
        train(
            run.data,
            run.folder,
            run.options,
            listener,
            run.command,
            overwrite=run.overwrite,
            resume=True,
        )


def gather(plan: ComparisonPlan, failures: dict[str, str]) -> Comparison:
    """Read what came of the columns all of whose folds are finished.

    Speeds are measured now, one model after the other. Of a model whose files were removed since,
    those of the last time are taken.

    Args:
        plan: What was done.
        failures: Runs that came to nothing, with the reason.

    Raises:
        DatasetError: The dataset cannot be read.
        ModelError: A model folder is broken.
    """
    by_entry: dict[Entry, list[ComparisonRun]] = {}
    for run in plan.runs:
        by_entry.setdefault(run.entry, []).append(run)
    known = _read_measured(plan.out / _MEASURED_FILE)
    results = []
    with open_dataset(plan.data) as dataset:
        for entry, runs in by_entry.items():
            if all(run.finished for run in runs):
                speed, size = _measure(runs[0].folder, known.get(entry.name))
                known[entry.name] = {"speed": asdict(speed), "size": asdict(size)}
                folders = [run.folder for run in runs]
                results.append(read_result(dataset, entry, folders, speed, size))
        colour = colour_or_gray(dataset, results)
    with replacing(plan.out / _MEASURED_FILE) as unfinished:
        write_json(unfinished, known)
    return Comparison(
        emotions=dataset.emotions,
        results=tuple(results),
        colour=colour,
        failures=failures,
        provenance=provenance(plan.command) | {"machine": machine()},
    )


def _measure(folder: Path, known: dict[str, Any] | None) -> tuple[Speed, ModelSize]:
    speed = (
        measure_speed(folder)
        if known is None or (folder / LITERT_FILE).exists()
        else Speed(**known["speed"])
    )
    size = model_size(folder)
    if known is None or {KERAS_FILE, LITERT_FILE} <= size.bytes.keys():
        return speed, size
    return speed, ModelSize(**known["size"])


def _read_measured(path: Path) -> dict[str, Any]:
    """Return what earlier runs have measured, by entry; what is broken is measured anew."""
    try:
        found = parse_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: entry for name, entry in entries if fits(entry, _PLAIN_MEASURED, "only")}
