"""Timelines: a row for each frame looked at, with true media time; and what is made of them.

What may be asked of a timeline comes in this order: the raw probabilities, what they are above a
person's neutral reference (`baseline`), the same smoothed (`smoothing`), and the stretches in which
an emotion was shown (`segments`). Each step adds; the raw values stay.
"""

from fer_pipeline.timeline.analysis import AnalysisOptions, analysed
from fer_pipeline.timeline.baseline import BaselineOptions, Reference, References, find_references
from fer_pipeline.timeline.clips import clips_of
from fer_pipeline.timeline.opening import READABLE_SUFFIXES
from fer_pipeline.timeline.people import People
from fer_pipeline.timeline.reading import ReadTimeline, open_timeline, read_rows
from fer_pipeline.timeline.rows import (
    DERIVED,
    LEADING_COLUMNS,
    TIME_DECIMALS,
    Derived,
    TimelineRow,
    Value,
    cell,
    columns,
)
from fer_pipeline.timeline.segments import (
    ClipSegments,
    Segment,
    SegmentOptions,
    segment_clip,
    segment_clips,
)
from fer_pipeline.timeline.smoothing import SMOOTHERS, Smoothing
from fer_pipeline.timeline.spreadsheet import guarded, unguarded
from fer_pipeline.timeline.totals import Tally, Totals

__all__ = [
    "DERIVED",
    "LEADING_COLUMNS",
    "READABLE_SUFFIXES",
    "SMOOTHERS",
    "TIME_DECIMALS",
    "AnalysisOptions",
    "BaselineOptions",
    "ClipSegments",
    "Derived",
    "People",
    "ReadTimeline",
    "Reference",
    "References",
    "Segment",
    "SegmentOptions",
    "Smoothing",
    "Tally",
    "TimelineRow",
    "Totals",
    "Value",
    "analysed",
    "cell",
    "clips_of",
    "columns",
    "find_references",
    "guarded",
    "open_timeline",
    "read_rows",
    "segment_clip",
    "segment_clips",
    "unguarded",
]
