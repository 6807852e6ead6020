"""Clips and a model → emotion timelines.

Each clip is annotated to a piece, a table in a folder beside the output; the outputs, in whatever
formats, are written from the pieces. So a run over many clips that was stopped goes on from the
clips that were finished.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.ahead import ahead
from fer_pipeline.analysis_record import AnalysisRecord, refuse_foreign_record
from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Frame, Status
from fer_pipeline.errors import DetectorError, OutputError
from fer_pipeline.exports import Details, is_timeline, write_timeline
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, DetectionOptions, FaceDetector, crop, one_thread_each
from fer_pipeline.files import (
    FileState,
    PathKind,
    digest_of,
    kind_of,
    name_digest,
    remove_folder,
    remove_if_empty,
    replacing,
)
from fer_pipeline.model_folder import LITERT_FILE, SPEC_FILE, ModelSpec, write_json
from fer_pipeline.outputs import (
    Output,
    Picture,
    add_to_manifest,
    all_paths,
    mirrored_targets,
    picture_targets,
    read_manifest,
    refuse_shared_paths,
)
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.timeline import (
    AnalysisOptions,
    People,
    References,
    Tally,
    TimelineRow,
    Totals,
    analysed,
    clips_of,
    find_references,
    read_rows,
)
from fer_pipeline.timeline_people import FoundPeople, find_people
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video
from fer_pipeline.workers import Outcome, Progress, run_tasks

_DAMAGE = "damage"
"""In a manifest: what is broken in a clip."""

# Searched frames that may wait for their emotions.
_FRAMES_AHEAD = 8


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """What became of a clip.

    Attributes:
        source: State of the clip when it was read.
        settings: Digest of the model and the options.
        read: Frames that decoded, or that nobody wanted decoded.
        lost: Frames that did not.
        damaged: Whether part of the clip could not be read.
        warnings: What a user should know about it.
        totals: What its rows add up to.
    """

    source: FileState
    settings: str
    read: int
    lost: int
    damaged: bool
    warnings: tuple[str, ...]
    totals: Totals

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ClipRecord:
        """Rebuild a record from its plain form."""
        seconds = {int(face): times for face, times in values["totals"]["seconds"].items()}
        rebuilt = {
            "source": FileState(**values["source"]),
            "warnings": tuple(values["warnings"]),
            "totals": Totals(**{**values["totals"], "seconds": seconds}),
        }
        return cls(**{**values, **rebuilt})


@dataclass(frozen=True, slots=True)
class Making:
    """What becomes of the raw values of clips.

    Attributes:
        analysis: Baseline, smoothing and segments.
        participants: A table of who is who; None: the clips' names tell.
        pictures: Where pictures go, which others make from the rows; a clip that lacks one, or
            has one that was made otherwise, is not finished.
        picture_values: What they depend on beside the rows, plain.
    """

    analysis: AnalysisOptions = AnalysisOptions()
    participants: Path | None = None
    pictures: tuple[Picture, ...] = ()
    picture_values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AnnotationTask:
    """One clip to be annotated, complete with all that a worker needs.

    Attributes:
        source: The clip.
        model: A model folder.
        options: Which frames and faces get a row.
        settings: Digest of the model and the options.
        piece: Where its rows go.
        overlap: Whether decoding, searching and telling emotions overlap, in threads.
    """

    source: Source
    model: Path
    options: SearchOptions
    settings: str
    piece: Path
    overlap: bool = False


@dataclass(frozen=True)
class AnnotationPlan:
    """What a run is about to do.

    Attributes:
        spec: The model's spec.
        outputs: Where timelines go.
        tasks: Clips to be annotated.
        finished: What became of clips that an earlier, unfinished run has annotated, by name.
        skipped: Names of clips whose timelines are all there already.
        damaged: Warnings about those of them that an earlier run found damaged.
        replaced: Timelines of ours that will be replaced.
        pieces: Folder of the pieces.
        targets: The file of each clip in each output folder, by name of the clip.
        pictures: The file of each picture of each clip that is not skipped, by its name.
        analysis: What is made of the raw values.
        found: Whose faces the clips show, and how that is known.
        study: Digest of the analysis and whatever else of the study it depends on; None for none.
        picture_values: What pictures depend on beside the rows, plain.
        media: The clips, by name.
    """

    spec: ModelSpec
    outputs: tuple[Output, ...]
    tasks: tuple[AnnotationTask, ...]
    finished: dict[str, Outcome[AnnotationTask, ClipRecord]]
    skipped: tuple[str, ...]
    damaged: dict[str, tuple[str, ...]]
    replaced: tuple[Path, ...]
    pieces: Path
    targets: dict[str, dict[Output, Path]]
    pictures: dict[str, dict[Picture, Path]]
    analysis: AnalysisOptions
    found: FoundPeople
    study: str | None
    picture_values: Mapping[str, Any] | None
    media: dict[str, Path]

    def piece(self, name: str) -> Path:
        """Return where the rows of a clip are put together."""
        return _piece(self.pieces, name)

    @property
    def people(self) -> People:
        """Whose faces the clips show."""
        return self.found.people

    @property
    def needs_all(self) -> bool:
        """Whether what is written of a clip depends on other clips of the same person."""
        return self.analysis.baseline is not None


def plan_annotation(
    inputs: Sequence[Path],
    model: Path,
    options: SearchOptions,
    outputs: Sequence[Output],
    making: Making = Making(),
    *,
    overwrite: bool = False,
) -> AnnotationPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        inputs: Clips and folders of clips.
        model: A model folder.
        options: Which frames and faces get a row.
        outputs: Where timelines go; with none there is only the summary.
        making: What becomes of the raw values.
        overwrite: Replace files that are no timelines of ours, and annotate everything again.

    Raises:
        VideoError: An input does not exist or holds no videos.
        ModelError: There is no usable model.
        LabelError: The table of participants cannot be read.
        OutputError: An output exists and is not ours to replace.
    """
    spec = Classifier(model).spec
    sources = find_videos(inputs)
    names = [source.name for source in sources]
    found = find_people(names, People(), making.participants)
    settings = _settings_digest(model, options)
    targets = mirrored_targets(sources, outputs)
    refuse_shared_paths(outputs, targets)
    pictures = picture_targets(sources, making.pictures)
    study = _study_digest(sources, making, found.people)
    goals: tuple[Output | Picture, ...] = (*outputs, *making.pictures)
    skipped: tuple[str, ...] = ()
    if not overwrite:
        places = {name: {**targets[name], **pictures[name]} for name in names}
        skipped = _finished_before(sources, goals, places, (settings, study), making.picture_values)
    if making.analysis.baseline is not None and len(skipped) < len(sources):
        skipped = ()  # a person's reference may be in any of the clips
    left = {name: of_clip for name, of_clip in targets.items() if name not in skipped}
    replaced = _refuse_taken(sources, outputs, left, overwrite=overwrite)
    pieces = _pieces_folder(outputs)
    tasks = [
        AnnotationTask(source, model, options, settings, _piece(pieces, source.name))
        for source in sources
        if source.name not in skipped
    ]
    finished = {
        task.source.name: Outcome(task, record)
        for task in tasks
        if (record := _finished_piece(task))
    }
    return AnnotationPlan(
        spec=spec,
        outputs=tuple(outputs),
        tasks=tuple(task for task in tasks if task.source.name not in finished),
        finished=finished,
        skipped=skipped,
        damaged=_known_damage(goals, skipped),
        replaced=replaced,
        pieces=pieces,
        targets=targets,
        pictures={name: pictures[name] for name in names if name not in skipped},
        analysis=making.analysis,
        found=found,
        study=study,
        picture_values=making.picture_values,
        media={source.name: source.path for source in sources},
    )


def run_annotation(
    plan: AnnotationPlan, workers: int, progress: Progress, timeout: float | None = None
) -> Iterator[Outcome[AnnotationTask, ClipRecord]]:
    """Annotate the clips of a plan; in folders, timelines appear as they are done.

    Follow it with `publish`.

    Args:
        plan: What to do.
        workers: Cores to use: for clips side by side or, if there are fewer, for the stages of
            each.
        progress: Called with the number of frames read since the last call.
        timeout: Seconds that a clip may take.

    Yields:
        What became of each clip, those that an earlier run has annotated first, the others in the
        order in which they are done.

    Raises:
        OutputError: A piece cannot be written, and so no other can; those finished are kept.
    """
    for outcome in plan.finished.values():
        yield _write_into_folders(plan, outcome)
    overlap = workers >= 2 * len(plan.tasks)
    tasks = [replace(task, overlap=overlap) for task in plan.tasks]
    with closing(run_tasks(annotate_clip, tasks, workers, progress, timeout)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.error, OutputError):
                raise outcome.error
            yield _write_into_folders(plan, outcome)


def note_pictures(plan: AnnotationPlan, name: str, record: ClipRecord) -> None:
    """Note that the pictures of a clip were made, so that a second run can skip them.

    Raises:
        OutputError: The note cannot be written.
    """
    for picture in plan.pictures[name]:
        if picture.folder:
            made = _made_from((record.settings, plan.study), record.source) | _damage_in(record)
            add_to_manifest(picture, name, made | {"pictures": plan.picture_values})


def publish(
    plan: AnnotationPlan,
    records: Mapping[str, ClipRecord],
    command: str,
    undrawn: Collection[str] = (),
) -> None:
    """Write the outputs that hold all clips together or depend on all of them, and clear up.

    Args:
        plan: What was done.
        records: What became of the clips that could be annotated, earlier ones included, by name.
        command: The command line as it was typed.
        undrawn: Clips whose pictures could not be made: their rows stay for another attempt.

    Raises:
        OutputError: An output cannot be written.
        TimelineError: Somebody has no neutral reference.
    """
    references = references_of(plan, records)
    if plan.needs_all:
        for name, record in records.items():
            _write_targets(plan, name, record, references)
    for output in plan.outputs:
        if not output.folder and records:
            _write(plan, output, output.path, sorted(records), references)
        if records:
            _analysis_record(plan, records, references, command).write(output)
    for piece in (plan.piece(name) for name in plan.targets if name not in undrawn):
        for file in (piece, _record_of(piece)):
            with suppress(OSError):
                file.unlink()
    remove_if_empty(plan.pieces)  # it may hold clips that this run was not asked for


def discard(plan: AnnotationPlan) -> None:
    """Remove what no second run could go on with: pieces of a run without outputs."""
    if not plan.outputs:
        remove_folder(plan.pieces)


def annotate_clip(task: AnnotationTask, progress: Progress) -> ClipRecord:
    """Annotate one clip to its piece.

    Raises:
        VideoError: The clip cannot be read.
        OutputError: The piece cannot be written.
    """
    classifier = _classifier(task.model)
    emotions = classifier.spec.emotions
    tally = Tally(emotions)
    state = FileState.of(task.source.path)
    detector = _detector(classifier.spec, task.options)
    with one_thread_each(), open_video(task.source.path) as video, ExitStack() as stack:
        tracked: Iterator[TrackedFrame] = search_faces(
            video, detector, task.options, progress, overlap=task.overlap
        )
        if task.overlap:
            tracked = stack.enter_context(closing(ahead(tracked, _FRAMES_AHEAD)))

        def rows() -> Iterator[TimelineRow]:
            for frame in tracked:
                for row in _rows_of(frame, task.source.name, classifier):
                    tally.add(row)
                    yield row

        write_timeline(task.piece, "csv", rows(), emotions)
    record = ClipRecord(
        source=state,
        settings=task.settings,
        read=video.report.read,
        lost=video.report.lost,
        damaged=video.report.damaged,
        warnings=tuple(video.report.warnings),
        totals=tally.totals(),
    )
    with replacing(_record_of(task.piece)) as unfinished:
        write_json(unfinished, asdict(record))
    return record


@lru_cache(maxsize=1)
def _classifier(model: Path) -> Classifier:
    return Classifier(model)


def _rows_of(tracked: TrackedFrame, name: str, classifier: Classifier) -> Iterator[TimelineRow]:
    """Yield a row for each face of a frame, or the one row of a frame without any."""
    frame, faces = tracked.frame, tracked.faces
    if not isinstance(frame, Frame):
        yield TimelineRow(name, frame.index, frame.time, Status.DECODE_ERROR)
        return
    if not faces:
        yield TimelineRow(name, frame.index, frame.time, Status.NO_FACE)
        return
    cut = _crop_options(classifier.spec)
    crops = np.stack([crop(frame, face.box, cut) for face in faces])
    for face, probabilities in zip(faces, classifier.classify(crops), strict=True):
        yield TimelineRow(
            video=name,
            frame=frame.index,
            time=frame.time,
            status=Status.TRACKED if face.score is None else Status.OK,
            face=face.track,
            box=face.box,
            score=face.score,
            probabilities=tuple(map(float, probabilities)),
        )


def _detector(spec: ModelSpec, options: SearchOptions) -> FaceDetector:
    """Set up the detector with which the model's faces were found."""
    detector = FaceDetector(DetectionOptions(**spec.crop.detector), profile=options.profile)
    if detector.digest != spec.crop.cascade_digest:
        raise DetectorError(
            f"{detector.options.cascade}: not the cascade with which the faces were found that the "
            "model learned from; put that file in its place"
        )
    return detector


def _crop_options(spec: ModelSpec) -> CropOptions:
    return CropOptions(spec.crop.size, spec.crop.margin, spec.crop.channels)


def _settings_digest(model: Path, options: SearchOptions) -> str:
    parts = [digest_of(model / SPEC_FILE), digest_of(model / LITERT_FILE), asdict(options)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _refuse_taken(
    sources: Sequence[Source],
    outputs: Sequence[Output],
    targets: Mapping[str, Mapping[Output, Path]],
    *,
    overwrite: bool,
) -> tuple[Path, ...]:
    """Return the files of ours that will be replaced; refuse to replace others."""
    existing = [path for path in all_paths(outputs, targets) if _exists(path[0])]
    read = {source.path.resolve() for source in sources}
    for path, format_name in existing:
        if path.resolve() in read:
            raise OutputError(f"{path}: is one of the clips; give another --out")
        if not overwrite and not is_timeline(path, format_name):
            raise OutputError(
                f"{path}: exists and is no timeline made by fer; give another --out, or --overwrite"
            )
    if not overwrite:
        for output in outputs:
            refuse_foreign_record(output)
    return tuple(path for path, _ in existing)


def _finished_before(
    sources: Sequence[Source],
    goals: Sequence[Output | Picture],
    places: Mapping[str, Mapping[Output | Picture, Path]],
    made: _Making,
    picture_values: Mapping[str, Any] | None,
) -> tuple[str, ...]:
    """Return the clips of which an earlier run has finished all that goes into folders."""
    if not goals or not all(goal.folder for goal in goals):
        return ()
    manifests = {goal: read_manifest(goal) for goal in goals}

    def finished(source: Source) -> bool:
        rows = _made_from(made, FileState.of(source.path))
        picture = rows | {"pictures": picture_values}
        for goal, path in places[source.name].items():
            found = dict(manifests[goal].get(source.name, {}))
            found.pop(_DAMAGE, None)
            if found != (picture if isinstance(goal, Picture) else rows) or not _exists(path):
                return False
        return True

    return tuple(source.name for source in sources if finished(source))


def _write_into_folders(
    plan: AnnotationPlan, outcome: Outcome[AnnotationTask, ClipRecord]
) -> Outcome[AnnotationTask, ClipRecord]:
    """Write the timelines of a clip that was annotated; if that fails, the clip has failed."""
    if outcome.result is None or plan.needs_all:
        return outcome
    try:
        _write_targets(plan, outcome.task.source.name, outcome.result, {})
    except OutputError as error:
        return Outcome(outcome.task, error=error)
    return outcome


def _write_targets(
    plan: AnnotationPlan, name: str, record: ClipRecord, references: References
) -> None:
    """Write the timelines of a clip into the folders."""
    for output, path in plan.targets[name].items():
        _write(plan, output, path, [name], references)
        made = _made_from((record.settings, plan.study), record.source)
        add_to_manifest(output, name, made | _damage_in(record))


def _write(
    plan: AnnotationPlan, output: Output, path: Path, names: Sequence[str], references: References
) -> None:
    rows = (row for name in names for row in read_rows(plan.piece(name)))
    made = analysed(rows, plan.analysis, plan.people, references)
    details = Details(plan.analysis.derived(), plan.analysis.segments, plan.people, plan.media)
    write_timeline(path, output.format, made, plan.spec.emotions, details)


def references_of(plan: AnnotationPlan, names: Iterable[str]) -> References:
    """Find everybody's neutral reference in clips that were annotated, if a baseline is asked for.

    Raises:
        TimelineError: Somebody has none.
    """
    if plan.analysis.baseline is None:
        return {}
    clips = (clip for name in sorted(names) for clip in clips_of(read_rows(plan.piece(name))))
    return find_references(clips, plan.spec.emotions, plan.people, plan.analysis.baseline)


def _analysis_record(
    plan: AnnotationPlan,
    records: Mapping[str, ClipRecord],
    references: References,
    command: str,
) -> AnalysisRecord:
    return AnalysisRecord(
        options=plan.analysis,
        people=plan.people,
        references=references,
        emotions=plan.spec.emotions,
        sources=[
            {"path": str(plan.media[name]), **asdict(record.source)}
            for name, record in sorted(records.items())
        ],
        before=(),
        command=command,
    )


def _exists(path: Path) -> bool:
    """Tell whether there is something at a path; of one that the system refuses writing tells."""
    try:
        return kind_of(path, OutputError) is not PathKind.MISSING
    except OutputError:
        return False


_Making = tuple[str, str | None]
"""Digests of the model and the options, and of the analysis."""


def _made_from(made: _Making, source: FileState) -> dict[str, Any]:
    settings, study = made
    analysis = {} if study is None else {"analysis": study}
    return {"settings": settings, **analysis, **asdict(source)}


def _damage_in(record: ClipRecord) -> dict[str, Any]:
    return {_DAMAGE: list(record.warnings)} if record.damaged else {}


def _known_damage(
    goals: Sequence[Output | Picture], names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return what an earlier run found broken in clips that are not read again."""
    known = {}
    for goal in goals if names else ():
        manifest = read_manifest(goal)
        for name in names:
            if _DAMAGE in (found := manifest.get(name, {})):
                known[name] = tuple(map(str, found[_DAMAGE]))
    return known


def _study_digest(sources: Sequence[Source], making: Making, people: People) -> str | None:
    """Return a digest of what a clip's timeline depends on beside the clip and the model.

    With a baseline these are the other clips, in which the same person may be calmer.
    """
    if making.analysis == AnalysisOptions() and making.participants is None:
        return None
    clips = [(source.name, asdict(FileState.of(source.path))) for source in sources]
    parts = [
        asdict(making.analysis),
        sorted(people.by_clip.items()),
        sorted(people.by_face.items()),
        clips if making.analysis.baseline is not None else None,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _pieces_folder(outputs: Sequence[Output]) -> Path:
    if not outputs:
        return Path(tempfile.mkdtemp(prefix="fer-annotate-"))
    return outputs[0].pieces


def _piece(folder: Path, name: str) -> Path:
    return folder / f"{name_digest(name)}.csv"


def _record_of(piece: Path) -> Path:
    return piece.with_suffix(".json")


def _finished_piece(task: AnnotationTask) -> ClipRecord | None:
    """Return the record of a piece that an earlier run finished in the same way, if any."""
    try:
        values = json.loads(_record_of(task.piece).read_text("utf-8"))
        record = ClipRecord.from_json(values)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = record.settings == task.settings and record.source == FileState.of(task.source.path)
    return record if same and task.piece.exists() else None
