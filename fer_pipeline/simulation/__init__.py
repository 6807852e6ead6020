"""A synthetic study: rendered people who act expressions, with the truth of every frame.

It tests a pipeline and a protocol. It says nothing about accuracy on human faces.

From the bottom up: `mesh` and its targets; `anatomy`, `skin`, `hair`, `glasses` and `expressions`
make a `person`; `acting` says what a person does; `studio` where; `rasteriser`, `surface`,
`shadows` and `shading` are put together by `renderer`; `development` is the camera; `clips` says
what a study consists of, `recording` makes a clip, `truth` its tables, and `study` all of it.
"""

from fer_pipeline.simulation.folder import WARNING
from fer_pipeline.simulation.options import (
    CONDITIONS,
    Condition,
    RecordingOptions,
    StudyOptions,
)
from fer_pipeline.simulation.study import StudyPlan, plan_study, publish, run_study

__all__ = [
    "CONDITIONS",
    "WARNING",
    "Condition",
    "RecordingOptions",
    "StudyOptions",
    "StudyPlan",
    "plan_study",
    "publish",
    "run_study",
]
