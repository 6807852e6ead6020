"""What is made of a timeline, in its order: baseline, smoothing, segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from fer_pipeline.timeline.baseline import BaselineOptions, References, baselined
from fer_pipeline.timeline.clips import clips_of
from fer_pipeline.timeline.people import People
from fer_pipeline.timeline.rows import DERIVED, Derived, TimelineRow
from fer_pipeline.timeline.segments import SegmentOptions
from fer_pipeline.timeline.smoothing import Smoothing, smoothed


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What is made of a timeline beside its raw values; by default nothing.

    Attributes:
        baseline: Where the neutral reference of a person is; None: nothing is taken away.
        smoothing: How the values are smoothed; None: they are not.
        segments: What makes a segment, for the formats that hold segments.
    """

    baseline: BaselineOptions | None = None
    smoothing: Smoothing | None = None
    segments: SegmentOptions = field(default_factory=SegmentOptions)

    def derived(self, before: Sequence[Derived] = ()) -> tuple[Derived, ...]:
        """Return which steps a timeline has then, if it had some before."""
        kept = set(before)
        if self.baseline is not None:
            kept = {"baseline"}  # what was smoothed was something else
        if self.smoothing is not None:
            kept.add("smoothed")
        return tuple(step for step in DERIVED if step in kept)


def analysed(
    rows: Iterable[TimelineRow],
    options: AnalysisOptions,
    people: People | None = None,
    references: References | None = None,
) -> Iterator[TimelineRow]:
    """Yield rows with what was asked for; memory holds one clip at a time, and only if need be.

    Args:
        rows: Of one or more clips, each in order of its frames.
        options: What to do.
        people: Whose faces they are.
        references: Of each person, where a baseline is asked for: `find_references`.
    """
    if options.baseline is None and options.smoothing is None:
        yield from rows
        return
    for _, clip in clips_of(rows):
        done = clip
        if options.baseline is not None:
            raw = [replace(row, smoothed=None) for row in done]
            done = baselined(raw, people or People(), references or {})
        if options.smoothing is not None:
            before = [replace(row, smoothed=None) for row in done]
            done = smoothed(before, options.smoothing)
        yield from done
