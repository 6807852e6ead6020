"""Clips and a model → emotion timelines.

Each clip is annotated to a piece, a table in a folder beside the output; the outputs, in whatever
formats, are written from the pieces. So a run over many clips that was stopped goes on from the
clips that were finished. What is there to do (`planning`) is found out before any of it is done
(`running`).
"""

from fer_pipeline.annotation.clips import AnnotationTask, annotate_clip
from fer_pipeline.annotation.pieces import ClipRecord
from fer_pipeline.annotation.planning import AnnotationPlan, Making, plan_annotation
from fer_pipeline.annotation.running import (
    discard,
    note_pictures,
    publish,
    references_of,
    run_annotation,
)

__all__ = [
    "AnnotationPlan",
    "AnnotationTask",
    "ClipRecord",
    "Making",
    "annotate_clip",
    "discard",
    "note_pictures",
    "plan_annotation",
    "publish",
    "references_of",
    "run_annotation",
]
