"""One video → frames → faces → a part of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_pipeline.ahead import ahead
from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset
from fer_pipeline.domain import Frame, UInt8Array
from fer_pipeline.errors import OutputError
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import CropOptions, DetectionOptions, FaceDetector, crop, one_thread_each
from fer_pipeline.json_values import fits
from fer_pipeline.labels import Side, Stretch, VideoLabels
from fer_pipeline.sources import Source
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video
from fer_pipeline.workers import Progress

_CONTEXT_SECONDS = 0.2

# Searched frames that may wait to be cut out.
_FRAMES_AHEAD = 8

_PLAIN_RECORD = {
    "size": int,
    "changed": int,
    "digest": str,
    "labels": {},
    "read": int,
    "lost": int,
    "sampled": int,
    "with_face": int,
    "damaged": bool,
    "warnings": [str],
}


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
        read: Frames that decoded, or that nobody wanted decoded.
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
    def from_json(cls, values: Any) -> VideoRecord:
        """Rebuild a record from its plain form.

        Raises:
            KeyError, TypeError, ValueError: Something is missing, too much, or of another kind.
        """
        if not fits(values, _PLAIN_RECORD, "only"):
            raise ValueError("no record of a video")
        return cls(**{**values, "warnings": tuple(values["warnings"])})


@dataclass(frozen=True)
class ExtractionTask:
    """One video to be extracted, complete with all that a worker needs.

    Attributes:
        source: The video.
        labels: What it shows.
        options: How faces are extracted.
        settings: What makes the crops what they are, plain.
        part: Where its faces go.
        overlap: Whether decoding, searching and cutting out overlap, in threads.
    """

    source: Source
    labels: VideoLabels
    options: ExtractionOptions
    settings: dict[str, Any]
    part: Path
    overlap: bool = False


def extract_video(task: ExtractionTask, progress: Progress) -> VideoRecord:
    """Extract one video to its part.

    Raises:
        VideoError: The source cannot be read.
        OutputError: The part cannot be written.
    """
    options, path = task.options, task.source.path
    detector = FaceDetector(options.detection, profile=options.search.profile)
    record = _crop_record(options, detector.digest)
    emotions = [s.emotion for s in task.labels.all_stretches if s.emotion is not None]

    def wanted(_index: int, time: float) -> bool:
        # Faces need some frames before and after to count; no others are looked at in vain.
        return task.labels.concerns(time - _CONTEXT_SECONDS, time + _CONTEXT_SECONDS)

    sides: dict[tuple[int, Stretch], Side] = {}
    sampled = with_face = 0
    with ExitStack() as stack:
        stack.enter_context(one_thread_each())
        video = stack.enter_context(open_video(path))
        before, digest = task.source.state(), task.source.digest(lambda: progress(0))
        writer = stack.enter_context(create_dataset(task.part, record, emotions))
        writer.add_video(task.source.name)
        frames: Iterator[TrackedFrame] = search_faces(
            video, detector, options.search, progress, wanted, overlap=task.overlap
        )
        if task.overlap:
            frames = stack.enter_context(closing(ahead(frames, _FRAMES_AHEAD)))
        for tracked in frames:
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
            read=video.report.read,
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
    if task.options.keep_frames is not None:
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


def settings_of(options: ExtractionOptions) -> tuple[dict[str, Any], CropRecord]:
    """Return what makes the crops what they are: everything that a second run must not change."""
    record = _crop_record(options, FaceDetector(options.detection).digest)
    return asdict(record) | asdict(options.search), record


def _crop_record(options: ExtractionOptions, cascade_digest: str) -> CropRecord:
    return CropRecord(
        size=options.crop.size,
        margin=options.crop.margin,
        channels=options.crop.channels,
        detector=asdict(options.detection),
        cascade_digest=cascade_digest,
    )


def parts_folder(output: Path) -> Path:
    """Return the folder in which finished videos wait to be joined to a dataset."""
    return output.with_name(output.name + ".parts")
