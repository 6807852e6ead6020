"""A timeline and a coder's file → how far they agree, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from fer_pipeline.agreeing.aligning import (
    check_length,
    coder_classes,
    coder_numbers,
    on_frames,
    sampled,
)
from fer_pipeline.agreeing.options import NONE, SKIP, AgreeOptions, class_of
from fer_pipeline.agreement import Agreement, Intraclass, agree, intraclass
from fer_pipeline.coders import Coding, Wanted, read_coding
from fer_pipeline.domain import Status, order_emotions
from fer_pipeline.errors import CoderError, TimelineError, UsageError
from fer_pipeline.listing import few
from fer_pipeline.rewriting import RewriteOptions, RewritePlan, plan_rewrite
from fer_pipeline.timeline import TimelineRow, clips_of, segment_clip
from fer_pipeline.timeline.moments import Moment, moments_of

APART = 0.25
"""Two intensities differ where they are this far apart, as shares of the scale."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose face is compared.

    Attributes:
        video: Name of the clip.
        faces: The numbers of the face in it.
        participant: Who it is; None if nobody said.
    """

    video: str
    faces: frozenset[int]
    participant: str | None

    @property
    def face(self) -> int:
        """The number by which it is told."""
        return min(self.faces)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.participant or f"face {self.face}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A frame that both judged.

    Attributes:
        moment: The frame.
        coder: Class, or share of the scale, by the coder.
        fer: The same by the timeline.
    """

    moment: Moment
    coder: str | float
    fer: str | float


@dataclass(frozen=True, slots=True)
class Stretch:
    """An uninterrupted time in which the two differ in the same way.

    Attributes:
        start: Seconds.
        end: Seconds.
        coder: Class, or mean share of the scale, by the coder.
        fer: The same by the timeline.
        weight: What stretches are ranked by: seconds, times the difference of intensities.
    """

    start: float
    end: float
    coder: str | float
    fer: str | float
    weight: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Time that is not compared, in seconds.

    Attributes:
        no_face: The face is not in the picture.
        lost: Frames that did not decode.
        uncoded: The coder said nothing, and that is skipped.
    """

    no_face: float
    lost: float
    uncoded: float


@dataclass(frozen=True, slots=True)
class IntensityAgreement:
    """How far intensities agree.

    Attributes:
        emotion: Of which emotion.
        seconds: Time that both judged.
        frames: How many frames that are.
        correlation: The two intraclass correlations.
        coder_mean: Mean share of the scale over that time.
        fer_mean: The same by the timeline.
    """

    emotion: str
    seconds: float
    frames: int
    correlation: Intraclass
    coder_mean: float
    fer_mean: float


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        plan: The timeline read.
        options: What was asked for.
        person: Whose face.
        coding: What the coder wrote.
        written: The coder's value in each frame of the clip; None where there is none.
        told: The timeline's value in each frame that shows the face, else None.
        moments: The frames.
        pairs: The frames that both judged.
        figures: How far they agree, in classes or in intensities.
        stretches: Where they differ, the greatest first.
        left_out: Time not compared.
        foreign: Classes of the coder that the model does not know.
    """

    plan: RewritePlan
    options: AgreeOptions
    person: Person
    coding: Coding
    written: tuple[str | float | None, ...]
    told: tuple[str | float | None, ...]
    moments: tuple[Moment, ...]
    pairs: tuple[Pair, ...]
    figures: Agreement | IntensityAgreement
    stretches: tuple[Stretch, ...]
    left_out: LeftOut
    foreign: tuple[str, ...]


def compare_with_coder(labels: Path, coder: Path, options: AgreeOptions) -> Comparison:
    """Compare a timeline with what a human coder wrote.

    Args:
        labels: The timeline.
        coder: The coder's file.
        options: What is compared, and how.

    Raises:
        TimelineError: The timeline cannot be read, or it cannot be told which clip or face is
            meant.
        CoderError: The coder's file cannot be read, or is not about this clip.
        UsageError: An option makes no sense with these files.
    """
    plan = plan_rewrite([labels], (), RewriteOptions(options.analysis, options.participants))
    for failure in plan.failures.values():
        raise failure
    video = _choose_video(plan, labels, options.video)
    emotions, rows = _rows_of(plan, video)
    person = _choose_person(plan, video, rows, options.face)
    moments = moments_of(rows, person.faces)
    coding = read_coding(coder, Wanted(video, options.tier))
    check_length(coding, moments, options.offset)
    find = _classes if options.intensity is None else _intensities
    written, told, empty = find(coding, moments, emotions, options)
    coded = [empty if value is None else value for value in written]
    pairs = tuple(
        Pair(moment, theirs, ours)
        for moment, theirs, ours in zip(moments, coded, told, strict=True)
        if theirs is not None and ours is not None and moment.seconds > 0
    )
    if not pairs:
        raise CoderError(
            f"{coder}: no coded time of '{coding.tier}' in which {person.name} is seen",
            "check --tier, --face and --offset",
        )
    foreign = {one for one in coded if isinstance(one, str)} - {*emotions, NONE}
    return Comparison(
        plan=plan,
        options=options,
        person=person,
        coding=coding,
        written=tuple(written),
        told=tuple(told),
        moments=moments,
        pairs=pairs,
        figures=_figures(pairs, emotions, options),
        stretches=_stretches(pairs),
        left_out=_left_out(moments, coded),
        foreign=order_emotions(foreign),
    )


# Which clip, and whose face


def _choose_video(plan: RewritePlan, labels: Path, wanted: str | None) -> str:
    videos = list(plan.media)
    if wanted is None and len(videos) == 1:
        return videos[0]
    if wanted is None:
        there = few(videos)
        raise TimelineError(f"{labels}: which clip is meant? there is {there}", "name it: --video")
    named = [video for video in videos if video == wanted]
    named = named or [video for video in videos if PurePosixPath(video).name == wanted]
    if len(named) != 1:
        raise TimelineError(
            f"{labels}: --video {wanted} names {len(named) or 'none'} of {few(videos)}",
            "write the whole path, as the timeline does",
        )
    return named[0]


def _rows_of(plan: RewritePlan, video: str) -> tuple[tuple[str, ...], list[TimelineRow]]:
    """Return the emotions of a clip's timeline, and its rows."""
    for timeline in plan.timelines:
        for name, rows in clips_of(plan.rows_of(timeline)):
            if name == video:
                return timeline.emotions, rows
    raise TimelineError(f"{video}: its rows are gone", "leave the timeline alone while it is read")


def _choose_person(
    plan: RewritePlan, video: str, rows: Sequence[TimelineRow], wanted: str | None
) -> Person:
    people = plan.found.people
    faces = sorted({row.face for row in rows if row.face is not None})
    if not faces:
        raise TimelineError(f"{video}: shows no face", "there is nothing to compare")
    of_person: dict[str, set[int]] = {}
    for face in faces:
        of_person.setdefault(people.person(video, face, len(faces)), set()).add(face)
    if wanted is None and len(of_person) == 1:
        numbers = next(iter(of_person.values()))
    elif wanted in of_person:
        numbers = of_person[wanted]
    elif wanted is not None and wanted.isdecimal() and int(wanted) in faces:
        numbers = {int(wanted)}
    else:
        told = [_told(people.named(video, face), face, rows) for face in faces]
        problem = "which face is meant?" if wanted is None else f"has no face {wanted}:"
        raise TimelineError(f"{video}: {problem} there is {few(told)}", "name it with --face")
    participant = people.by_face.get((video, min(numbers))) or (
        people.by_clip.get(video) if len(faces) == 1 else None
    )
    return Person(video, frozenset(numbers), participant)


def _told(participant: str | None, face: int, rows: Sequence[TimelineRow]) -> str:
    frames = sum(row.face == face for row in rows)
    return f"{face} ({participant + ', ' if participant else ''}in {frames} frames)"


# What each says of each frame

_Values = tuple[list[str | float | None], list[str | float | None], str | None]


def _classes(
    coding: Coding, moments: Sequence[Moment], emotions: Sequence[str], options: AgreeOptions
) -> _Values:
    """Return the class of each frame by the coder and by the timeline, and that without a code."""
    classes = coder_classes(coding, options.meanings, emotions)
    uncoded = options.uncoded or NONE
    empty = None if uncoded == SKIP else class_of(uncoded, emotions)
    if empty is None and uncoded != SKIP:
        raise UsageError(
            f"--uncoded {uncoded}: is no emotion", f"give {NONE}, {SKIP} or {', '.join(emotions)}"
        )
    written = on_frames(coding, classes, moments, options.offset)
    if options.judged == "frames":
        told = [_strongest(one, emotions) for one in moments]
    else:
        rows = [one.row for one in moments]
        segments = segment_clip(rows, emotions, options.analysis.segments).segments
        spans = [(one.onset, one.offset, one.emotion) for one in segments]
        told = sampled(spans, [one.middle for one in moments])
    ours = [
        None if one.row.latest is None else (value or empty or NONE)
        for one, value in zip(moments, told, strict=True)
    ]
    return list(written), list(ours), empty


def _strongest(moment: Moment, emotions: Sequence[str]) -> str | None:
    values = moment.row.latest
    return None if values is None else emotions[values.index(max(values))]


def _intensities(
    coding: Coding, moments: Sequence[Moment], emotions: Sequence[str], options: AgreeOptions
) -> _Values:
    """Return the intensity of each frame by the coder and by the timeline, as shares of 1."""
    intensity = options.intensity
    name = None if intensity is None else class_of(intensity.emotion, emotions)
    if intensity is None or name is None or name not in emotions:
        typed = "" if intensity is None else intensity.emotion
        raise UsageError(
            f"--intensity {typed}: is no emotion of the timeline", f"it has {', '.join(emotions)}"
        )
    index = list(emotions).index(name)
    written = on_frames(coding, coder_numbers(coding, intensity), moments, options.offset)
    told = [None if (values := one.row.latest) is None else values[index] for one in moments]
    return list(written), list(told), None


# Figures


def _figures(
    pairs: Sequence[Pair], emotions: Sequence[str], options: AgreeOptions
) -> Agreement | IntensityAgreement:
    seconds = np.array([pair.moment.seconds for pair in pairs])
    if options.intensity is None:
        first, second = [str(pair.coder) for pair in pairs], [str(pair.fer) for pair in pairs]
        present = {*first, *second}
        order = [name for name in emotions if name in present]
        order += [name for name in order_emotions(present - {NONE}) if name not in order]
        return agree(first, second, seconds, [*order, *([NONE] if NONE in present else [])])
    ratings = np.array([[pair.coder, pair.fer] for pair in pairs], np.float64)
    if len(pairs) < 2:
        raise CoderError("one frame is too little for a correlation", "check --tier and --offset")
    means = seconds @ ratings / seconds.sum()
    return IntensityAgreement(
        emotion=class_of(options.intensity.emotion, emotions) or "",
        seconds=float(seconds.sum()),
        frames=len(pairs),
        correlation=intraclass(ratings, seconds),
        coder_mean=float(means[0]),
        fer_mean=float(means[1]),
    )


def _left_out(moments: Sequence[Moment], coded: Sequence[object]) -> LeftOut:
    lost = sum(one.seconds for one in moments if one.row.status is Status.DECODE_ERROR)
    unseen = sum(one.seconds for one in moments if one.row.latest is None)
    uncoded = sum(
        one.seconds
        for one, value in zip(moments, coded, strict=True)
        if value is None and one.row.latest is not None
    )
    return LeftOut(no_face=unseen - lost, lost=lost, uncoded=uncoded)


def _stretches(pairs: Sequence[Pair]) -> tuple[Stretch, ...]:
    """Return where the two differ in the same way without a break, the greatest first."""
    groups: list[list[Pair]] = []
    before: Pair | None = None
    for pair in pairs:
        way = _way(pair)
        if way is not None:
            goes_on = (
                before is not None
                and _way(before) == way
                and before.moment.until == pair.moment.row.time
            )
            if goes_on:
                groups[-1].append(pair)
            else:
                groups.append([pair])
        before = pair
    found = [_stretch(group) for group in groups]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.start)))


def _way(pair: Pair) -> object:
    """Return in which way the two differ in a frame; None if they do not."""
    if isinstance(pair.coder, str) or isinstance(pair.fer, str):
        return (pair.coder, pair.fer) if pair.coder != pair.fer else None
    apart = pair.fer - pair.coder
    return apart > 0 if abs(apart) >= APART else None


def _stretch(group: Sequence[Pair]) -> Stretch:
    start, end = group[0].moment.row.time, group[-1].moment.until
    first = group[0]
    if isinstance(first.coder, str) or isinstance(first.fer, str):
        return Stretch(start, end, first.coder, first.fer, round(end - start, 6))
    seconds = np.array([pair.moment.seconds for pair in group])
    values = np.array([[pair.coder, pair.fer] for pair in group], np.float64)
    coder, fer = map(float, seconds @ values / seconds.sum())
    return Stretch(start, end, coder, fer, round((end - start) * abs(fer - coder), 6))
