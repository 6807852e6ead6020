"""Videos → frames → faces → one dataset.

Each video is extracted to a part of its own in a folder beside the dataset, and the parts are then
joined. So a run that was stopped goes on from the videos that were finished, and new videos can be
added to a dataset that exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.dataset import (
    NOBODY,
    Admission,
    CropRecord,
    Excerpt,
    Withdrawn,
    admit,
    copy_rows,
    open_dataset,
    withdrawn_from,
)
from fer_pipeline.errors import DatasetError, LabelError, OutputError
from fer_pipeline.files import FileState, name_digest, remove_if_empty, remove_unfinished
from fer_pipeline.labels import Labelling, LabelOptions, label_videos
from fer_pipeline.provenance import HISTORY, MERGED, PICTURES, provenance
from fer_pipeline.real_paths import RealPaths
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.training_data import balanced
from fer_pipeline.video_extraction import (
    ExtractionOptions,
    ExtractionTask,
    VideoRecord,
    extract_video,
    parts_folder,
    settings_of,
)
from fer_pipeline.workers import Crew, Footing, Outcome, Progress, run_tasks

_OWN = "videos of your own"

_ANEW = "give another -o, or --overwrite to begin anew"


@dataclass(frozen=True, slots=True)
class Balance:
    """As many faces of each emotion.

    Attributes:
        faces: How many, drawn or repeated.
        seed: Decides which are drawn.
    """

    faces: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Existing:
    """What is done with a dataset that exists already.

    Attributes:
        overwrite: Begin anew.
        verify: Compare the content of known videos and not only their size and time.
        readmit: People who were withdrawn from it and are taken in again.
    """

    overwrite: bool = False
    verify: bool = False
    readmit: frozenset[str] = NOBODY


@dataclass(frozen=True)
class ExtractionPlan:
    """What a run is about to do.

    Attributes:
        output: The dataset.
        labelling: The labels of all videos.
        settings: What makes the dataset what it is, plain.
        crop: How its faces are cut out, as it is recorded in the dataset.
        tasks: Videos to be extracted.
        finished: Videos that an earlier, unfinished run has extracted.
        known: Videos in the dataset that exists.
        gone: Those of them that are not among the inputs any more.
        keeps_pictures: Whether frames or crops are written as pictures, too.
        kept: What is kept of how the dataset that exists was made.
        withdrawn: People whom the dataset refuses.
        refused: Videos that are left out because they show nobody else.
        balance: How many faces of each emotion go into the dataset; None for all.
    """

    output: Path
    labelling: Labelling
    settings: dict[str, Any]
    crop: CropRecord
    tasks: tuple[ExtractionTask, ...]
    finished: dict[str, VideoRecord]
    known: dict[str, VideoRecord]
    gone: tuple[str, ...]
    keeps_pictures: bool
    kept: dict[str, Any]
    withdrawn: tuple[Withdrawn, ...]
    refused: tuple[str, ...]
    balance: Balance | None

    @property
    def parts(self) -> Path:
        """Folder in which finished videos wait to be joined."""
        return parts_folder(self.output)


def understand(
    inputs: Sequence[Path], labels: LabelOptions
) -> tuple[tuple[Source, ...], Labelling]:
    """Find the videos and their labels.

    Raises:
        VideoError: An input does not exist or holds no videos.
        LabelError: It cannot be told what the videos show.
    """
    sources = find_videos(inputs)
    return sources, label_videos([source.name for source in sources], labels)


def plan_extraction(
    inputs: Sequence[Path],
    labels: LabelOptions,
    options: ExtractionOptions,
    output: Path,
    existing: Existing = Existing(),
    corpus: str | None = None,
    balance: Balance | None = None,
) -> ExtractionPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        inputs: Videos and folders of videos; none to see only whether the dataset that exists was
            made likewise.
        labels: Where labels come from.
        options: How faces are extracted.
        output: The dataset to be made or added to.
        existing: What is done with a dataset that exists.
        corpus: Name of the public corpus that the videos are; None for a study of one's own.
        balance: How many faces of each emotion go into the dataset; None for all. Such a dataset
            does not grow.

    Raises:
        VideoError: An input does not exist or holds no videos.
        LabelError: It cannot be told what the videos show, or all show people who were withdrawn.
        DatasetError: The dataset that exists is broken, or nobody to be readmitted was withdrawn.
        DetectorError: The detector cannot be set up.
        OutputError: The dataset was made with other settings, from other sources or of another
            corpus, is balanced and would have to grow, or is a folder.
    """
    if output.is_dir():
        raise OutputError(f"{output}: a folder; give the name of a file with -o")
    sources, labelling = understand(inputs, labels)
    _refuse_own_input(output, sources, labels)
    admission = _admission(output, labelling, existing.readmit)
    labelling, refused = _admitted(labelling, admission)
    crops, record = settings_of(options)
    settings = crops | {
        "emotions": None if labels.emotions is None else labels.emotions.to_json(),
        "balance": None if balance is None else asdict(balance),
    }
    known, kept = ({}, {}) if existing.overwrite else _known_videos(output, settings, corpus)
    if corpus is not None:
        kept["corpus"] = corpus
    kept[PICTURES] = _folders_of_pictures(output, options)
    if options.search.faces == "largest" and labelling.tells_faces_apart:
        raise LabelError("the labels tell several faces of a video apart; add --faces all")
    labelled = [source for source in sources if source.name in labelling.videos]
    if refused and not labelled:
        raise LabelError(
            f"all videos show people who were withdrawn from {output}", "--readmit takes them in"
        )
    if sources and not labelled:
        raise LabelError("none of the videos can be told; see --labels and --pattern")
    for source in labelled:
        if source.name in known:
            _check_unchanged(output, source, known[source.name], labelling, verify=existing.verify)
    tasks = tuple(
        ExtractionTask(
            source,
            labelling.videos[source.name],
            options,
            crops,
            _part_of(output, source.name),
        )
        for source in labelled
        if source.name not in known
    )
    if balance and known and tasks:
        new = f"{len(tasks)} video{'s' * (len(tasks) != 1)}"
        raise OutputError(f"{output}: balanced, so that it cannot take in {new} more; {_ANEW}")
    keeps_pictures = bool(options.keep_frames or options.keep_crops)
    finished = {
        task.source.name: done
        for task in tasks
        # Pictures are written while a video is read, so it has to be read again.
        if not keeps_pictures and (done := _finished_part(task))
    }
    return ExtractionPlan(
        output=output,
        labelling=labelling,
        settings=settings,
        crop=record,
        tasks=tuple(task for task in tasks if task.source.name not in finished),
        finished=finished,
        known=known,
        gone=tuple(sorted(known.keys() - {source.name for source in sources})),
        keeps_pictures=keeps_pictures,
        kept=kept,
        withdrawn=admission.withdrawn,
        refused=refused,
        balance=balance,
    )


def run_extraction(
    plan: ExtractionPlan, crew: Crew, progress: Progress
) -> Iterator[Outcome[ExtractionTask, VideoRecord]]:
    """Extract the videos of a plan to parts; follow it with `publish`.

    Args:
        plan: What to do.
        crew: Who does it; cores are for videos side by side or, if there are fewer, for the stages
            of each.
        progress: Called with the number of frames read since the last call.

    Yields:
        What became of each video, in the order in which they are done.

    Raises:
        OutputError: A part cannot be written, and so no other can; those finished are kept.
        ClusterError: The cluster cannot be used, or was lost; those finished are kept.
    """
    overlap = crew.cores_here >= 2 * len(plan.tasks)
    tasks = [replace(task, overlap=overlap) for task in plan.tasks]
    footing = Footing(reads=_read_by, leaves=lambda task: (task.part,))
    with closing(run_tasks(extract_video, tasks, crew, progress, footing)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.error, OutputError):
                raise outcome.error
            if outcome.error is not None:
                remove_unfinished(outcome.task.part)
            yield outcome


def _read_by(task: ExtractionTask) -> tuple[Path, ...]:
    cascade = Path(task.options.detection.cascade)  # or a name
    return (task.source.path, cascade) if cascade.is_file() else (task.source.path,)


def publish(plan: ExtractionPlan, records: dict[str, VideoRecord], command: str) -> None:
    """Join the parts, and the dataset that exists, to the dataset.

    Args:
        plan: What was done.
        records: The videos extracted in this run.
        command: The command line as it was typed.

    Raises:
        OutputError: The dataset cannot be written.
    """
    added = {**plan.finished, **records}
    everything = {**plan.known, **added}
    if added:
        # In the order of their names: which faces are drawn must not depend on who was done first.
        parts = [_part_of(plan.output, name) for name in sorted(added)]
        sources = [*parts, plan.output] if plan.known else parts
        described = (
            plan.kept
            | provenance(command)
            | {
                "settings": plan.settings,
                "sources": {name: asdict(everything[name]) for name in sorted(everything)},
            }
        )
        excerpts = [Excerpt(source) for source in sources]
        if plan.balance is not None:
            excerpts = _balanced(excerpts, plan.balance)
        copy_rows(plan.output, excerpts, plan.crop, described, withdrawn=plan.withdrawn)
    for name in everything:  # of known ones too: an earlier run may have been killed right here
        _part_of(plan.output, name).unlink(missing_ok=True)
    remove_if_empty(plan.parts)  # it may hold videos that this run was not asked for


def _refuse_own_input(output: Path, sources: Sequence[Source], labels: LabelOptions) -> None:
    """Refuse to write over what is read, whatever --overwrite says."""
    read = [source.path for source in sources] + ([labels.labels] if labels.labels else [])
    real = RealPaths()
    if real.of(output) in {real.of(path) for path in read}:
        raise OutputError(f"{output}: is one of the inputs", "give another -o")


def _admission(output: Path, labelling: Labelling, readmit: frozenset[str]) -> Admission:
    people = {code for labels in labelling.videos.values() for code in labels.participants}
    return admit(sorted(people), withdrawn_from(output), readmit)


def _admitted(labelling: Labelling, admission: Admission) -> tuple[Labelling, tuple[str, ...]]:
    """Leave out the labels of people who were withdrawn, and the videos of nobody else."""
    without = {name: one.without(admission.refused) for name, one in labelling.videos.items()}
    videos = {name: one for name, one in without.items() if one is not None}
    refused = tuple(name for name, one in without.items() if one is None)
    return replace(labelling, videos=videos), refused


def _folders_of_pictures(output: Path, options: ExtractionOptions) -> list[str]:
    """Return where pictures of faces are, for the day when somebody asks to be forgotten.

    Those of a dataset that is replaced are among them: nobody removes its folders.
    """
    folders = {str(folder) for folder in (options.keep_frames, options.keep_crops) if folder}
    try:
        with open_dataset(output, sound=False) as dataset:
            folders.update(_pictures_in(dataset.provenance))
    except DatasetError:  # there is none, or it is broken
        pass
    return sorted(folders)


def _pictures_in(made: dict[str, Any]) -> Iterator[str]:
    yield from made.get(PICTURES, [])
    for part in made.get(MERGED, {}).values():
        yield from _pictures_in(part["made"])


def _known_videos(
    output: Path, settings: dict[str, Any], corpus: str | None
) -> tuple[dict[str, VideoRecord], dict[str, Any]]:
    """Return the videos of the dataset that exists, which must have been made the same way.

    Returns:
        The videos, and what else is kept of how it was made.
    """
    if not output.exists():
        return {}, {}
    with open_dataset(output) as dataset:
        made = dataset.provenance
    if not isinstance(made.get("settings"), dict):
        raise OutputError(f"{output}: not made by fer extract; give another -o, or --overwrite")
    if made.get("corpus") != corpus:
        before, now = made.get("corpus") or _OWN, corpus or _OWN
        raise OutputError(f"{output}: made from {before}, not {now}; {_ANEW}")
    changed = [
        f"{name}: {made['settings'].get(name)} → {value}"
        for name, value in settings.items()
        if made["settings"].get(name) != value
    ]
    if changed:
        raise OutputError(f"{output}: made with other settings ({'; '.join(changed)}); {_ANEW}")
    try:
        known = {name: VideoRecord.from_json(record) for name, record in made["sources"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{output}: what it tells of its videos is broken; {_ANEW}") from error
    return known, {HISTORY: made[HISTORY]} if HISTORY in made else {}


def _check_unchanged(
    output: Path, source: Source, record: VideoRecord, labelling: Labelling, *, verify: bool
) -> None:
    state = source.state()
    if verify and source.digest() != record.digest:
        raise OutputError(f"{source.path}: its content changed since it was extracted", _ANEW)
    if not verify and state.size != record.size:
        raise OutputError(f"{source.path}: it changed since it was extracted to {output}", _ANEW)
    if not verify and state.changed != record.changed:
        raise OutputError(
            f"{source.path}: its date changed since it was extracted to {output}",
            "run again with --verify to see whether its content did",
        )
    if labelling.videos[source.name].to_json() != record.labels:
        raise OutputError(f"{source.path}: its labels are others than those in {output}", _ANEW)


def _balanced(excerpts: Sequence[Excerpt], balance: Balance) -> list[Excerpt]:
    """Return the excerpts with the rows that are drawn from all of them together."""
    shown: list[list[str]] = []
    for excerpt in excerpts:
        with excerpt.open() as dataset:
            emotions = [*dataset.emotions, ""]  # the last is that of rows without a label
            shown.append([emotions[label] for label in dataset.column("label")])
    _, labels = np.unique([name for of_one in shown for name in of_one], return_inverse=True)
    if not len(labels):
        return list(excerpts)
    rows = balanced(np.arange(len(labels)), labels, balance.faces, balance.seed)
    ends = np.cumsum([len(of_one) for of_one in shown])
    return [
        Excerpt(
            excerpt.source, rows[(end - len(of_one) <= rows) & (rows < end)] - end + len(of_one)
        )
        for excerpt, of_one, end in zip(excerpts, shown, ends, strict=True)
    ]


def _part_of(output: Path, name: str) -> Path:
    return parts_folder(output) / f"{name_digest(name)}.h5"


def _finished_part(task: ExtractionTask) -> VideoRecord | None:
    """Return the record of a part that an earlier run finished in the same way, if there is one."""
    if not task.part.exists():
        return None
    try:
        with open_dataset(task.part) as dataset:
            settings = dataset.provenance["settings"]
            record = VideoRecord.from_json(dataset.provenance["record"])
    except (DatasetError, KeyError, TypeError, ValueError):
        return None
    same = (
        settings == task.settings
        and FileState(record.size, record.changed) == task.source.state()
        and record.labels == task.labels.to_json()
    )
    return record if same else None
