"""Videos → frames → faces → one dataset.

Each video is extracted to a part of its own in a folder beside the dataset, and the parts are then
joined. So a run that was stopped goes on from the videos that were finished, and new videos can be
added to a dataset that exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset, merge, open_dataset
from fer_pipeline.domain import Frame, LostFrame, UInt8Array
from fer_pipeline.errors import DatasetError, LabelError, OutputError
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, DetectionOptions, FaceDetector, crop
from fer_pipeline.files import FileState, digest_of, name_digest, remove_if_empty
from fer_pipeline.labels import Labelling, LabelOptions, Side, Stretch, VideoLabels, label_videos
from fer_pipeline.provenance import provenance
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video
from fer_pipeline.workers import Outcome, Progress, run_tasks

_CONTEXT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ExtractionOptions:
    """How faces get from videos into a dataset.

    Attributes:
        detection: How faces are looked for.
        search: Which frames are looked at, and which faces count.
        crop: How they are cut out.
        keep_frames: Folder for the frames looked at, as PNG; not part of the dataset.
        keep_crops: Folder for the crops, as PNG; not part of the dataset.
    """

    detection: DetectionOptions = DetectionOptions()
    search: SearchOptions = SearchOptions(faces="largest")
    crop: CropOptions = CropOptions()
    keep_frames: Path | None = None
    keep_crops: Path | None = None


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """What is known of a video that was extracted; kept in the dataset's provenance.

    Attributes:
        size: Bytes of the source.
        changed: When the source last changed, in nanoseconds.
        digest: SHA-256 of the source.
        labels: The labels it was given, plain.
        read: Frames that decoded.
        lost: Frames that did not.
        sampled: Frames that were looked at.
        with_face: Frames of these with at least one face.
        damaged: Whether part of the source could not be read.
        warnings: What a user should know about it.
    """

    size: int
    changed: int
    digest: str
    labels: dict[str, Any]
    read: int
    lost: int
    sampled: int
    with_face: int
    damaged: bool
    warnings: tuple[str, ...]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> VideoRecord:
        """Rebuild a record from its plain form."""
        return cls(**{**values, "warnings": tuple(values["warnings"])})


@dataclass(frozen=True)
class ExtractionTask:
    """One video to be extracted, complete with all that a worker needs."""

    source: Source
    labels: VideoLabels
    options: ExtractionOptions
    settings: dict[str, Any]
    part: Path


@dataclass(frozen=True)
class ExtractionPlan:
    """What a run is about to do.

    Attributes:
        output: The dataset.
        labelling: The labels of all videos.
        settings: What makes the crops what they are, plain.
        crop: The same, as it is recorded in the dataset.
        tasks: Videos to be extracted.
        finished: Videos that an earlier, unfinished run has extracted.
        known: Videos in the dataset that exists.
        gone: Those of them that are not among the inputs any more.
        keeps_pictures: Whether frames or crops are written as pictures, too.
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

    @property
    def parts(self) -> Path:
        """Folder in which finished videos wait to be joined."""
        return _parts_folder(self.output)


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
    *,
    overwrite: bool = False,
    verify: bool = False,
) -> ExtractionPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        inputs: Videos and folders of videos.
        labels: Where labels come from.
        options: How faces are extracted.
        output: The dataset to be made or added to.
        overwrite: Begin anew even if the dataset exists.
        verify: Compare the content of known sources and not only their size and time.

    Raises:
        VideoError: An input does not exist or holds no videos.
        LabelError: It cannot be told what the videos show.
        DetectorError: The detector cannot be set up.
        OutputError: The dataset was made with other settings or from other sources, or is a folder.
    """
    if output.is_dir():
        raise OutputError(f"{output}: a folder; give the name of a file with -o")
    sources, labelling = understand(inputs, labels)
    _refuse_own_input(output, sources, labels)
    settings, record = _settings(options)
    known = {} if overwrite else _known_videos(output, settings)
    if options.search.faces == "largest" and labelling.tells_faces_apart:
        raise LabelError("the labels tell several faces of a video apart; add --faces all")
    labelled = [source for source in sources if source.name in labelling.videos]
    if not labelled:
        raise LabelError("none of the videos can be told; see --labels and --pattern")
    for source in labelled:
        if source.name in known:
            _check_unchanged(output, source, known[source.name], labelling, verify=verify)
    tasks = tuple(
        ExtractionTask(
            source,
            labelling.videos[source.name],
            options,
            settings,
            _part_of(output, source.name),
        )
        for source in labelled
        if source.name not in known
    )
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
    )


def run_extraction(
    plan: ExtractionPlan, workers: int, progress: Progress, timeout: float | None = None
) -> Iterator[Outcome[ExtractionTask, VideoRecord]]:
    """Extract the videos of a plan to parts; follow it with `publish`.

    Args:
        plan: What to do.
        workers: Processes.
        progress: Called with the number of frames read since the last call.
        timeout: Seconds that a video may take.

    Yields:
        What became of each video, in the order in which they are done.

    Raises:
        OutputError: A part cannot be written, and so no other can; those finished are kept.
    """
    with closing(run_tasks(extract_video, plan.tasks, workers, progress, timeout)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.error, OutputError):
                raise outcome.error
            yield outcome


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
        parts = [_part_of(plan.output, name) for name in added]
        sources = [*parts, plan.output] if plan.known else parts
        described = provenance(command) | {
            "settings": plan.settings,
            "sources": {name: asdict(everything[name]) for name in sorted(everything)},
        }
        merge(plan.output, sources, described, plan.crop)
    for name in everything:  # of known ones too: an earlier run may have been killed right here
        _part_of(plan.output, name).unlink(missing_ok=True)
    remove_if_empty(plan.parts)  # it may hold videos that this run was not asked for


def extract_video(task: ExtractionTask, progress: Progress) -> VideoRecord:
    """Extract one video to its part.

    Raises:
        VideoError: The source cannot be read.
        OutputError: The part cannot be written.
    """
    options, path = task.options, task.source.path
    detector = FaceDetector(options.detection, profile=options.search.profile)
    _, record = _settings(options)
    emotions = [s.emotion for s in task.labels.all_stretches if s.emotion is not None]

    def wanted(frame: Frame | LostFrame) -> bool:
        # Faces need some frames before and after to count; no others are looked at in vain.
        return task.labels.concerns(frame.time - _CONTEXT_SECONDS, frame.time + _CONTEXT_SECONDS)

    sides: dict[tuple[int, Stretch], Side] = {}
    sampled = with_face = 0
    with ExitStack() as stack:
        video = stack.enter_context(open_video(path))
        before, digest = FileState.of(path), digest_of(path)
        writer = stack.enter_context(create_dataset(task.part, record, emotions))
        writer.add_video(task.source.name)
        for tracked in search_faces(video, detector, options.search, progress, wanted):
            if task.labels.at(tracked.frame.time) is None:
                continue
            sampled += isinstance(tracked.frame, Frame)
            with_face += bool(tracked.faces)
            for row in _rows(tracked, task, sides):
                writer.append(task.source.name, row)
        done = VideoRecord(
            size=before.size,
            changed=before.changed,
            digest=digest,
            labels=task.labels.to_json(),
            read=video.report.decoded,
            lost=video.report.lost,
            sampled=sampled,
            with_face=with_face,
            damaged=video.report.damaged,
            warnings=tuple(video.report.warnings),
        )
        writer.finish({"settings": task.settings, "record": asdict(done)})
    return done


def _rows(
    tracked: TrackedFrame, task: ExtractionTask, sides: dict[tuple[int, Stretch], Side]
) -> Iterator[FaceRow]:
    """Yield the faces of a frame that are stored.

    Args:
        tracked: The frame.
        task: Tells the labels.
        sides: On which side each face was when it first mattered to a stretch: people who move
            across the middle stay who they are. It grows.
    """
    frame = tracked.frame
    if not isinstance(frame, Frame):
        return
    _keep_picture(task.options.keep_frames, task.source.name, f"{frame.index:06d}", frame.rgb)
    middle = frame.luma.shape[1] / 2
    for face in tracked.faces:
        now: Side = "left" if face.box.center[0] < middle else "right"

        def side_in(stretch: Stretch, track: int = face.track, now: Side = now) -> Side:
            if stretch.holds(frame.time):
                return sides.setdefault((track, stretch), now)
            return sides.get((track, stretch), now)

        label = task.labels.of_face(frame.time, face.track, side_in)
        if label is None:
            continue
        image = crop(frame, face.box, task.options.crop)
        name = f"{frame.index:06d}_{face.track}"
        _keep_picture(task.options.keep_crops, task.source.name, name, image)
        yield FaceRow(
            image=image,
            emotion=label.emotion,
            participant=label.participant,
            frame=frame.index,
            time=frame.time,
            box=face.box,
            score=face.score,
            track=face.track,
        )


def _keep_picture(folder: Path | None, video: str, name: str, pixels: UInt8Array) -> None:
    """Write a picture for people who want to see the stages."""
    if folder is None:
        return
    import cv2

    path = folder / video / f"{name}.png"
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not cv2.imwrite: it knows no names beyond the code page on Windows, and no errors.
        path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _settings(options: ExtractionOptions) -> tuple[dict[str, Any], CropRecord]:
    """Return what makes the crops what they are: everything that a second run must not change."""
    detector = asdict(options.detection)
    record = CropRecord(
        size=options.crop.size,
        margin=options.crop.margin,
        channels=options.crop.channels,
        detector=detector,
        cascade_digest=FaceDetector(options.detection).digest,
    )
    return asdict(record) | asdict(options.search), record


def _refuse_own_input(output: Path, sources: Sequence[Source], labels: LabelOptions) -> None:
    """Refuse to write over what is read, whatever --overwrite says."""
    read = [source.path for source in sources] + ([labels.labels] if labels.labels else [])
    if output.resolve() in {path.resolve() for path in read}:
        raise OutputError(f"{output}: is one of the inputs", "give another -o")


def _known_videos(output: Path, settings: dict[str, Any]) -> dict[str, VideoRecord]:
    """Return the videos of the dataset that exists, which must have been made the same way."""
    if not output.exists():
        return {}
    with open_dataset(output) as dataset:
        made = dataset.provenance
    if "settings" not in made:
        raise OutputError(f"{output}: not made by fer extract; give another -o, or --overwrite")
    changed = [
        f"{name}: {made['settings'].get(name)} → {value}"
        for name, value in settings.items()
        if made["settings"].get(name) != value
    ]
    if changed:
        raise OutputError(
            f"{output}: made with other settings ({'; '.join(changed)}); "
            "give another -o, or --overwrite to begin anew"
        )
    return {name: VideoRecord.from_json(record) for name, record in made["sources"].items()}


def _check_unchanged(
    output: Path, source: Source, record: VideoRecord, labelling: Labelling, *, verify: bool
) -> None:
    anew = "give another -o, or --overwrite to begin anew"
    state = FileState.of(source.path)
    if verify and digest_of(source.path) != record.digest:
        raise OutputError(f"{source.path}: its content changed since it was extracted", anew)
    if not verify and state.size != record.size:
        raise OutputError(f"{source.path}: it changed since it was extracted to {output}", anew)
    if not verify and state.changed != record.changed:
        raise OutputError(
            f"{source.path}: its date changed since it was extracted to {output}",
            "run again with --verify to see whether its content did",
        )
    if labelling.videos[source.name].to_json() != record.labels:
        raise OutputError(f"{source.path}: its labels are others than those in {output}", anew)


def _parts_folder(output: Path) -> Path:
    return output.with_name(output.name + ".parts")


def _part_of(output: Path, name: str) -> Path:
    return _parts_folder(output) / f"{name_digest(name)}.h5"


def _finished_part(task: ExtractionTask) -> VideoRecord | None:
    """Return the record of a part that an earlier run finished in the same way, if there is one."""
    if not task.part.exists():
        return None
    try:
        with open_dataset(task.part) as dataset:
            made = dataset.provenance
    except DatasetError:
        return None
    record = VideoRecord.from_json(made["record"])
    same = (
        made["settings"] == task.settings
        and FileState(record.size, record.changed) == FileState.of(task.source.path)
        and record.labels == task.labels.to_json()
    )
    return record if same else None
