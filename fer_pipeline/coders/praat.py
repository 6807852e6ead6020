"""Intervals of Praat (``.TextGrid``), in its long or short form."""

from __future__ import annotations

from pathlib import Path

from fer_pipeline.coders.coding import Code, Coding, Wanted, choose_tier, in_order
from fer_pipeline.errors import CoderError


def read_praat(path: Path, wanted: Wanted) -> Coding:
    """Read one interval tier.

    Raises:
        CoderError: The file cannot be read, or it cannot be told which tier is meant.
    """
    try:
        from praatio import textgrid
        from praatio.utilities.errors import PraatioException
    except ImportError as error:
        raise CoderError(
            f"{path}: a TextGrid needs praatio", "pip install 'fer-pipeline[timeline]'"
        ) from error
    try:
        grid = textgrid.openTextgrid(
            str(path),
            includeEmptyIntervals=False,
            reportingMode="silence",
            duplicateNamesMode="rename",
        )
    except OSError as error:
        raise CoderError(
            f"{path}: cannot be read ({error.strerror or error})", "check the path"
        ) from error
    # On text that is no TextGrid the parser fails in whatever way comes first.
    except (PraatioException, ValueError, LookupError, AttributeError, TypeError) as error:
        raise CoderError(
            f"{path}: is no TextGrid that can be read ({type(error).__name__})",
            "save it again in Praat as a text file",
        ) from error
    tiers = {
        tier.name: [Code(one.start, one.end, one.label.strip()) for one in tier.entries]
        for tier in grid.tiers
        if isinstance(tier, textgrid.IntervalTier)
    }
    filled = [name for name, codes in tiers.items() if any(code.text for code in codes)]
    tier = choose_tier(path, "interval tier", filled, wanted)
    return Coding(path, tier, in_order(tiers[tier]))
