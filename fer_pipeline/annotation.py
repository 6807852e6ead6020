"""Clips and a model → emotion timelines.

Each clip is annotated to a piece, a table in a folder beside the output; the outputs, in whatever
formats, are written from the pieces. So a run over many clips that was stopped goes on from the
clips that were finished.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.ahead import ahead
from fer_pipeline.classifier import Classifier
from fer_pipeline.domain import Frame, Status
from fer_pipeline.errors import DetectorError, OutputError
from fer_pipeline.exports import is_timeline, write_timeline
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
    add_to_manifest,
    all_paths,
    mirrored_targets,
    read_manifest,
    refuse_shared_paths,
)
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.timeline import Tally, TimelineRow, Totals, read_rows
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video
from fer_pipeline.workers import Outcome, Progress, run_tasks

# Searched frames that may wait for their emotions.
_FRAMES_AHEAD = 8


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """What became of a clip.

    Attributes:
        source: State of the clip when it was read.
        settings: Digest of the model and the options.
        read: Frames that decoded.
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
        replaced: Timelines of ours that will be replaced.
        pieces: Folder of the pieces.
        targets: The file of each clip in each output folder, by name of the clip.
    """

    spec: ModelSpec
    outputs: tuple[Output, ...]
    tasks: tuple[AnnotationTask, ...]
    finished: dict[str, Outcome[AnnotationTask, ClipRecord]]
    skipped: tuple[str, ...]
    replaced: tuple[Path, ...]
    pieces: Path
    targets: dict[str, dict[Output, Path]]

    def piece(self, name: str) -> Path:
        """Return where the rows of a clip are put together."""
        return _piece(self.pieces, name)


def plan_annotation(
    inputs: Sequence[Path],
    model: Path,
    options: SearchOptions,
    outputs: Sequence[Output],
    *,
    overwrite: bool = False,
) -> AnnotationPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        inputs: Clips and folders of clips.
        model: A model folder.
        options: Which frames and faces get a row.
        outputs: Where timelines go; with none there is only the summary.
        overwrite: Replace files that are no timelines of ours, and annotate everything again.

    Raises:
        VideoError: An input does not exist or holds no videos.
        ModelError: There is no usable model.
        OutputError: An output exists and is not ours to replace.
    """
    spec = Classifier(model).spec
    sources = find_videos(inputs)
    settings = _settings_digest(model, options)
    targets = mirrored_targets(sources, outputs)
    refuse_shared_paths(outputs, targets)
    existing = [path for path in all_paths(outputs, targets) if _exists(path[0])]
    read = {source.path.resolve() for source in sources}
    for path, format_name in existing:
        if path.resolve() in read:
            raise OutputError(f"{path}: is one of the clips; give another --out")
        if not overwrite and not is_timeline(path, format_name):
            raise OutputError(
                f"{path}: exists and is no timeline made by fer; give another --out, or --overwrite"
            )
    skipped = () if overwrite else _finished_before(sources, outputs, targets, settings)
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
    kept = {path for name in skipped for path in targets[name].values()}
    return AnnotationPlan(
        spec=spec,
        outputs=tuple(outputs),
        tasks=tuple(task for task in tasks if task.source.name not in finished),
        finished=finished,
        skipped=skipped,
        replaced=tuple(path for path, _ in existing if path not in kept),
        pieces=pieces,
        targets=targets,
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
    try:
        for outcome in plan.finished.values():
            yield _write_into_folders(plan, outcome)
        overlap = workers >= 2 * len(plan.tasks)
        tasks = [replace(task, overlap=overlap) for task in plan.tasks]
        with closing(run_tasks(annotate_clip, tasks, workers, progress, timeout)) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome.error, OutputError):
                    raise outcome.error
                yield _write_into_folders(plan, outcome)
    finally:
        if not plan.outputs:  # nothing that a second run could go on with
            remove_folder(plan.pieces)


def publish(plan: AnnotationPlan, names: Sequence[str]) -> None:
    """Write the outputs that hold all clips together, and clear up.

    Args:
        plan: What was done.
        names: The clips that could be annotated, earlier ones included.

    Raises:
        OutputError: An output cannot be written.
    """
    for output in plan.outputs:
        if not output.folder and names:
            rows = (row for name in sorted(names) for row in read_rows(plan.piece(name)))
            write_timeline(output.path, output.format, rows, plan.spec.emotions)
    for piece in map(plan.piece, plan.targets):
        for file in (piece, _record_of(piece)):
            with suppress(OSError):
                file.unlink()
    remove_if_empty(plan.pieces)  # it may hold clips that this run was not asked for


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
        read=video.report.decoded,
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


def _finished_before(
    sources: Sequence[Source],
    outputs: Sequence[Output],
    targets: dict[str, dict[Output, Path]],
    settings: str,
) -> tuple[str, ...]:
    """Return the clips whose timelines an earlier run has finished in every output folder."""
    if not outputs or not all(output.folder for output in outputs):
        return ()
    manifests = {output: read_manifest(output) for output in outputs}

    def finished(source: Source) -> bool:
        expected = _made_from(settings, FileState.of(source.path))
        return all(
            manifests[output].get(source.name) == expected and _exists(path)
            for output, path in targets[source.name].items()
        )

    return tuple(source.name for source in sources if finished(source))


def _write_into_folders(
    plan: AnnotationPlan, outcome: Outcome[AnnotationTask, ClipRecord]
) -> Outcome[AnnotationTask, ClipRecord]:
    """Write the timelines of a clip that was annotated; if that fails, the clip has failed."""
    name, record = outcome.task.source.name, outcome.result
    if record is None:
        return outcome
    try:
        for output, path in plan.targets[name].items():
            write_timeline(path, output.format, read_rows(plan.piece(name)), plan.spec.emotions)
            add_to_manifest(output, name, _made_from(record.settings, record.source))
    except OutputError as error:
        return Outcome(outcome.task, error=error)
    return outcome


def _exists(path: Path) -> bool:
    """Tell whether there is something at a path; of one that the system refuses writing tells."""
    try:
        return kind_of(path, OutputError) is not PathKind.MISSING
    except OutputError:
        return False


def _made_from(settings: str, source: FileState) -> dict[str, Any]:
    return {"settings": settings, **asdict(source)}


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
