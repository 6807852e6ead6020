"""A clip with its timeline drawn into it: as it is, with every face covered, or without a picture.

What is drawn goes straight into the planes of the decoded picture; what is covered is painted over
before anything is encoded.
"""

from fer_pipeline.overlay.covering import CoverOptions
from fer_pipeline.overlay.encoding import FORMATS, is_overlay
from fer_pipeline.overlay.judgements import Rows
from fer_pipeline.overlay.writing import OverlayOptions, OverlayReport, write_overlay

__all__ = [
    "FORMATS",
    "CoverOptions",
    "OverlayOptions",
    "OverlayReport",
    "Rows",
    "is_overlay",
    "write_overlay",
]
