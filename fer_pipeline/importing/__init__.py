"""Public corpora → the same dataset that extraction makes.

A corpus's own division into training, validation and test is kept. Faces that are cropped already
are stored as they are, and the crop is recorded that makes new clips look alike; others are looked
for and cut out just as those of videos are.
"""

from __future__ import annotations

from fer_pipeline.importing.faces import NO_FACE
from fer_pipeline.importing.plan import ImportOptions, ImportPlan, plan_import
from fer_pipeline.importing.records import MOST_KEPT, Copies, Imported
from fer_pipeline.importing.run import WITHDRAWN, run_import
from fer_pipeline.importing.takes import (
    CLIP_CORPORA,
    ClipCorpus,
    Takes,
    choose_takes,
    clips_in,
)

__all__ = [
    "CLIP_CORPORA",
    "MOST_KEPT",
    "NO_FACE",
    "WITHDRAWN",
    "ClipCorpus",
    "Copies",
    "ImportOptions",
    "ImportPlan",
    "Imported",
    "Takes",
    "choose_takes",
    "clips_in",
    "plan_import",
    "run_import",
]
