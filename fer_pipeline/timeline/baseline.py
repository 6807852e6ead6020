"""The neutral reference of each person, and what probabilities are above it.

Some faces at rest look sad to a model, or angry. The reference is what the model says of a person's
face at rest, over all clips of that person; taking it away leaves what changed.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.errors import TimelineError, UsageError
from fer_pipeline.listing import few
from fer_pipeline.timeline.clips import FaceRow, runs_of
from fer_pipeline.timeline.people import People
from fer_pipeline.timeline.rows import TimelineRow

FloatArray = NDArray[np.float64]

CALM_SECONDS = 2.0
"""How long the calmest stretch is that ``auto`` looks for."""

_NEUTRAL = "neutral"

# So that a clip of one frame, which has no duration, counts too.
_LEAST_SECONDS = 1e-6
_ROUNDING = 2e-6

_SPAN = re.compile(r"(\d+(?:\.\d*)?)-(\d+(?:\.\d*)?)")


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """Where the neutral reference of a person is.

    Attributes:
        kind: ``auto``: the calmest stretch of all clips; ``span``: so many seconds of each clip;
            ``clip``: whole clips.
        start: Seconds, of a span.
        end: Seconds, of a span.
        clip: Name of the clip: its path, its file name with or without suffix, or a pattern with
            ``*``.
    """

    kind: Literal["auto", "span", "clip"] = "auto"
    start: float = 0.0
    end: float = math.inf
    clip: str = ""

    @classmethod
    def parse(cls, text: str) -> BaselineOptions:
        """Understand ``auto``, ``START-END`` in seconds, or the name of a clip.

        Raises:
            UsageError: It is empty, or a span without duration.
        """
        span = _SPAN.fullmatch(text)
        if text == "auto":
            return cls()
        if span is None:
            if not text:
                raise UsageError("--baseline is empty", "write auto, START-END or a clip's name")
            return cls("clip", clip=text)
        start, end = float(span[1]), float(span[2])
        if end <= start:
            raise UsageError(f"--baseline {text}: the end is not after the start")
        return cls("span", start, end)

    def __str__(self) -> str:
        if self.kind == "span":
            return f"{self.start:g}-{self.end:g}"
        return self.clip or self.kind

    def means(self, video: str) -> bool:
        """Return whether a clip is one of those named."""
        path = PurePosixPath(video)
        return any(fnmatchcase(name, self.clip) or name == self.clip for name in _names(path))


def _names(path: PurePosixPath) -> tuple[str, ...]:
    return str(path), str(path.with_suffix("")), path.name, path.stem


@dataclass(frozen=True, slots=True)
class Reference:
    """The neutral reference of one person.

    Attributes:
        person: Whose.
        criterion: How it was found.
        clips: The clips that it comes from.
        start: Seconds, where it is one stretch of one clip.
        end: Seconds, where it is one stretch of one clip.
        seconds: How much time it comes from.
        frames: How many frames.
        means: The mean probability of each emotion over that time.
    """

    person: str
    criterion: str
    clips: tuple[str, ...]
    start: float | None
    end: float | None
    seconds: float
    frames: int
    means: tuple[float, ...]

    def to_json(self, emotions: Sequence[str]) -> dict[str, Any]:
        """Return the reference as plain values."""
        means = {name: round(mean, 6) for name, mean in zip(emotions, self.means, strict=True)}
        return asdict(self) | {"clips": list(self.clips), "means": means}


References = Mapping[str, Reference]
"""By person."""


def find_references(
    clips: Iterable[tuple[str, Sequence[TimelineRow]]],
    emotions: Sequence[str],
    people: People,
    options: BaselineOptions,
) -> References:
    """Find the reference of each person who is seen in any clip.

    Args:
        clips: Name and rows of each clip.
        emotions: The model's emotions.
        people: Whose faces they are.
        options: Where the reference is.

    Raises:
        TimelineError: Somebody has none.
    """
    find = _auto if options.kind == "auto" else _told
    gathered: dict[str, _Gathered] = defaultdict(_Gathered)
    names = []
    for video, rows in clips:
        names.append(video)
        runs = runs_of(rows)
        for face, of_face in runs.items():
            person = gathered[people.person(video, face, len(runs))]
            for found in find(video, of_face, emotions, options):
                person.take(found, one_only=options.kind == "auto")
    if options.kind == "clip" and not any(map(options.means, names)):
        raise TimelineError(f"--baseline {options}: no clip is called so; there is {few(names)}")
    without = sorted(name for name, person in gathered.items() if not person.found)
    if without:
        raise TimelineError(
            f"--baseline {options}: nothing is seen there of {few(without)}",
            "name the participants with --participants, or take --baseline auto",
        )
    criterion = _criterion(emotions, options)
    return {name: person.reference(name, criterion) for name, person in sorted(gathered.items())}


def baselined(
    rows: Sequence[TimelineRow], people: People, references: References
) -> list[TimelineRow]:
    """Return the rows of one clip with what their probabilities are above the reference."""
    faces = {row.face for row in rows if row.face is not None}

    def above(row: TimelineRow) -> TimelineRow:
        if row.face is None or row.probabilities is None:
            return row
        means = references[people.person(row.video, row.face, len(faces))].means
        pairs = zip(row.probabilities, means, strict=True)
        return replace(row, baseline=tuple(share - mean for share, mean in pairs))

    return list(map(above, rows))


def _criterion(emotions: Sequence[str], options: BaselineOptions) -> str:
    if options.kind == "span":
        return f"seconds {options} of each clip"
    if options.kind == "clip":
        return f"clips called {options}"
    what = "the highest mean of neutral" if _NEUTRAL in emotions else "the least variance"
    return f"calmest stretch: the {CALM_SECONDS:g} s with {what}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A part of the reference; the greatest ``rank`` is the calmest."""

    video: str
    start: float
    end: float
    seconds: float
    frames: int
    sums: FloatArray
    rank: tuple[float, ...] = ()


@dataclass(slots=True)
class _Gathered:
    found: list[_Found] = field(default_factory=list)

    def take(self, found: _Found, *, one_only: bool) -> None:
        if not one_only:
            self.found.append(found)
        elif not self.found or found.rank > self.found[0].rank:
            self.found = [found]

    def reference(self, person: str, criterion: str) -> Reference:
        seconds = sum(found.seconds for found in self.found)
        sums = sum((found.sums for found in self.found), np.zeros_like(self.found[0].sums))
        only = self.found[0] if len(self.found) == 1 else None
        return Reference(
            person=person,
            criterion=criterion,
            clips=tuple(dict.fromkeys(found.video for found in self.found)),
            start=None if only is None else only.start,
            end=None if only is None else only.end,
            seconds=round(seconds, 6),
            frames=sum(found.frames for found in self.found),
            means=tuple(map(float, sums / seconds)),
        )


def _arrays(run: Sequence[FaceRow]) -> tuple[FloatArray, FloatArray]:
    """Return seconds, shape (n,), and probabilities, shape (n, emotions)."""
    seconds = np.array([max(one.seconds, _LEAST_SECONDS) for one in run])
    return seconds, np.array([one.row.probabilities for one in run], np.float64)


def _told(
    video: str,
    runs: Sequence[Sequence[FaceRow]],
    emotions: Sequence[str],  # noqa: ARG001
    options: BaselineOptions,
) -> Iterator[_Found]:
    """Yield what a span, or a clip that was named, shows of a face."""
    if options.kind == "clip" and not options.means(video):
        return
    for run in runs:
        inside = [one for one in run if options.start <= one.row.time < options.end]
        if inside:
            seconds, shares = _arrays(inside)
            sums = seconds @ shares
            start, end = inside[0].row.time, inside[-1].until
            yield _Found(video, start, end, float(seconds.sum()), len(inside), sums)


def _auto(
    video: str,
    runs: Sequence[Sequence[FaceRow]],
    emotions: Sequence[str],
    options: BaselineOptions,  # noqa: ARG001
) -> Iterator[_Found]:
    """Yield the calmest stretch of each run; a shorter run is better than none."""
    for run in runs:
        seconds, shares = _arrays(run)
        begins = np.array([one.row.time for one in run])
        ends = np.array([one.until for one in run])
        last = np.searchsorted(ends, begins + CALM_SECONDS - _ROUNDING, "left")
        whole = last < len(run)
        first = np.flatnonzero(whole) if whole.any() else np.zeros(1, np.intp)
        stop = last[first] + 1 if whole.any() else np.array([len(run)])
        time = _between(seconds[:, None], first, stop)[:, 0]
        sums = _between(seconds[:, None] * shares, first, stop)
        if _NEUTRAL in emotions:
            calm = sums[:, emotions.index(_NEUTRAL)] / time
        else:
            squares = _between(seconds[:, None] * shares**2, first, stop)
            calm = -(squares / time[:, None] - (sums / time[:, None]) ** 2).sum(axis=1)
        # Of equals the first, whatever the rounding of sums says.
        best = int(calm.round(9).argmax())
        i, k = int(first[best]), int(stop[best])
        length = min(float(time[best]), CALM_SECONDS)
        full = bool(whole.any())
        yield _Found(
            video=video,
            start=float(begins[i]),
            end=float(ends[k - 1]),
            seconds=float(time[best]),
            frames=k - i,
            sums=sums[best],
            rank=(1.0 if full else 0.0, 0.0 if full else length, round(float(calm[best]), 9)),
        )


def _between(values: FloatArray, first: NDArray[np.intp], stop: NDArray[np.intp]) -> FloatArray:
    """Return the sums of rows ``first`` to before ``stop``, one for each pair."""
    until = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(until[stop] - until[first])
