"""How far a timeline agrees with a human coder, on its own frames and by their time."""

from fer_pipeline.agreeing.comparing import (
    APART,
    Comparison,
    IntensityAgreement,
    compare_with_coder,
)
from fer_pipeline.agreeing.options import (
    NONE,
    SKIP,
    AgreeOptions,
    Intensity,
    Judged,
    parse_meanings,
)
from fer_pipeline.agreeing.writing import disagreements, write_comparison

__all__ = [
    "APART",
    "NONE",
    "SKIP",
    "AgreeOptions",
    "Comparison",
    "Intensity",
    "IntensityAgreement",
    "Judged",
    "compare_with_coder",
    "disagreements",
    "parse_meanings",
    "write_comparison",
]
