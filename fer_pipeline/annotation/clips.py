"""One clip → its rows: each face of each frame, as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fer_pipeline.ahead import ahead
from fer_pipeline.annotation.pieces import ClipRecord, finish_piece
from fer_pipeline.classifier import Classifier
from fer_pipeline.exports import write_timeline
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import one_thread_each
from fer_pipeline.sources import Source
from fer_pipeline.telling import detector_of, rows_of, telling
from fer_pipeline.timeline import Tally, TimelineRow
from fer_pipeline.tracking import TrackedFrame
from fer_pipeline.video import open_video
from fer_pipeline.workers import Progress

# Searched frames that may wait for their emotions.
_FRAMES_AHEAD = 8


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


def annotate_clip(task: AnnotationTask, progress: Progress) -> ClipRecord:
    """Annotate one clip to its piece.

    Raises:
        VideoError: The clip cannot be read.
        OutputError: The piece cannot be written.
    """
    classifier = _classifier(task.model)
    emotions = classifier.spec.emotions
    tally = Tally(emotions)
    state = task.source.state()
    detector = detector_of(classifier.spec, profile=task.options.profile)
    tell = telling(classifier)
    with one_thread_each(), open_video(task.source.path) as video, ExitStack() as stack:
        tracked: Iterator[TrackedFrame] = search_faces(
            video, detector, task.options, progress, overlap=task.overlap
        )
        if task.overlap:
            tracked = stack.enter_context(closing(ahead(tracked, _FRAMES_AHEAD)))

        def rows() -> Iterator[TimelineRow]:
            for frame in tracked:
                for row in rows_of(frame, task.source.name, tell):
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
    finish_piece(task.piece, record)
    return record


@lru_cache(maxsize=1)
def _classifier(model: Path) -> Classifier:
    return Classifier(model)
