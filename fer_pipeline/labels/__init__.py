"""How a video gets its labels: which emotion, and whose, in which part of it.

`labelling` decides where they come from: a CSV file of labelled stretches, which `table` reads and
`from_table` joins, or the `paths` of the videos.
"""

from fer_pipeline.labels.emotion_choice import NOT_CHOSEN, EmotionChoice
from fer_pipeline.labels.labelling import Labelling, LabelOptions, label_videos
from fer_pipeline.labels.paths import (
    LAYOUTS,
    PathReader,
    Told,
    emotion_name,
    guess,
    nearest_folder,
    pattern_reader,
)
from fer_pipeline.labels.stretches import Side, Stretch, VideoLabels

__all__ = [
    "LAYOUTS",
    "NOT_CHOSEN",
    "EmotionChoice",
    "LabelOptions",
    "Labelling",
    "PathReader",
    "Side",
    "Stretch",
    "Told",
    "VideoLabels",
    "emotion_name",
    "guess",
    "label_videos",
    "nearest_folder",
    "pattern_reader",
]
