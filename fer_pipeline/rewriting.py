"""Timelines already written → analysed, in other formats; no model and no video is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.analysis_record import AnalysisRecord, refuse_foreign_record
from fer_pipeline.clip_places import ClipFinder, ClipPlace
from fer_pipeline.errors import FerError, OutputError, TimelineError
from fer_pipeline.exports import FORMATS, Details, is_timeline, write_timeline
from fer_pipeline.files import PathKind, digest_of, kind_of
from fer_pipeline.outputs import (
    Output,
    all_paths,
    forget,
    mirrored_targets,
    refuse_shared_paths,
)
from fer_pipeline.sources import Source
from fer_pipeline.timeline import (
    READABLE_SUFFIXES,
    AnalysisOptions,
    ClipSegments,
    Derived,
    People,
    ReadTimeline,
    References,
    TimelineRow,
    analysed,
    clips_of,
    find_references,
    open_timeline,
    segment_clips,
)
from fer_pipeline.timeline_people import FoundPeople, find_people

Progress = Callable[[int], object]
"""Called with the number of rows done since the last call."""


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """What is made of timelines.

    Attributes:
        analysis: Baseline, smoothing and segments.
        participants: A table of who is who; None: a column or the clips' names tell.
        media: Folder in which the clips are; None: beside each timeline, or where they were.
    """

    analysis: AnalysisOptions
    participants: Path | None = None
    media: Path | None = None


@dataclass(frozen=True)
class RewritePlan:
    """What a run is about to do.

    Attributes:
        timelines: What is read, by the names of their clips.
        failures: What is wrong with those that cannot be read, by path.
        clips: Where the clips are, or would be, by name.
        found: Whose faces they are.
        references: The neutral reference of each person, where a baseline is asked for.
        outputs: Where results go.
        targets: The file of each clip in each output folder, by name of the clip.
        replaced: Files of ours that will be replaced.
        options: What is made of them.
        rows: How many rows there are.
    """

    timelines: tuple[ReadTimeline, ...]
    failures: dict[str, FerError]
    clips: dict[str, ClipPlace]
    found: FoundPeople
    references: References
    outputs: tuple[Output, ...]
    targets: dict[str, dict[Output, Path]]
    replaced: tuple[Path, ...]
    options: RewriteOptions
    rows: int

    @property
    def media(self) -> dict[str, Path]:
        """Where the clips are, or would be, by name."""
        return {name: place.path for name, place in self.clips.items()}

    def derived(self, timeline: ReadTimeline) -> tuple[Derived, ...]:
        """Return the steps that the rows made of a timeline hold."""
        return self.options.analysis.derived(timeline.derived)

    def rows_of(self, timeline: ReadTimeline) -> Iterator[TimelineRow]:
        """Yield the rows made of a timeline."""
        options, people = self.options.analysis, self.found.people
        return analysed(timeline.rows(), options, people, self.references)

    def details(self, timeline: ReadTimeline) -> Details:
        """Return what writers are told beside the rows."""
        segments = self.options.analysis.segments
        return Details(self.derived(timeline), segments, self.found.people, self.media)


def plan_rewrite(
    inputs: Sequence[Path],
    outputs: Sequence[Output],
    options: RewriteOptions,
    *,
    overwrite: bool = False,
) -> RewritePlan:
    """Read all timelines once, to know that they can be read, and find out what there is to do.

    Args:
        inputs: Timelines and folders of timelines.
        outputs: Where results go; with none there is only the summary.
        options: What is made of them.
        overwrite: Replace files that are not ours.

    Raises:
        TimelineError: None can be read, or they do not go together.
        LabelError: The table of participants cannot be read.
        OutputError: An output exists and is not ours to replace.
    """
    survey = _Survey(options.media)
    for path in _find_timelines(inputs, outputs):
        survey.look_at(path)
    if not survey.timelines:
        raise _none_left(survey.failures)
    sources = [Source(place.path, name) for name, place in survey.clips.items()]
    targets = mirrored_targets(sources, outputs)
    refuse_shared_paths(outputs, targets)
    replaced = _refuse_taken(outputs, targets, survey.timelines, overwrite=overwrite)
    _require_alike(survey.timelines, outputs, options.analysis)
    written = People(survey.by_clip(), survey.by_face)
    found = find_people(list(survey.clips), written, options.participants)
    references: References = {}
    if options.analysis.baseline is not None:
        clips = (one for timeline in survey.timelines for one in clips_of(timeline.rows()))
        emotions = survey.timelines[0].emotions
        references = find_references(clips, emotions, found.people, options.analysis.baseline)
    return RewritePlan(
        timelines=tuple(survey.timelines),
        failures=survey.failures,
        clips=survey.clips,
        found=found,
        references=references,
        outputs=tuple(outputs),
        targets=targets,
        replaced=replaced,
        options=options,
        rows=survey.rows,
    )


def run_rewrite(
    plan: RewritePlan, command: str, progress: Progress = lambda _: None
) -> Iterator[ClipSegments]:
    """Write the outputs of a plan, and yield the segments of each clip.

    Args:
        plan: What to do.
        command: The command line as it was typed, for the record.
        progress: Called with the number of rows done.

    Raises:
        OutputError: An output cannot be written.
    """
    for timeline in plan.timelines:
        for name, rows in clips_of(plan.rows_of(timeline)):
            for output, path in plan.targets[name].items():
                details = plan.details(timeline)
                forget(output, name)  # of a run of fer annotate into the same folder
                write_timeline(path, output.format, rows, timeline.emotions, details)
            limits = plan.options.analysis.segments
            yield from segment_clips(rows, timeline.emotions, limits)
            progress(len(rows))
    first = plan.timelines[0]
    record = AnalysisRecord(
        options=plan.options.analysis,
        people=plan.found.people,
        references=plan.references,
        emotions=first.emotions,
        sources=[
            {
                "path": str(timeline.path),
                "sha256": digest_of(timeline.path),
                "steps": list(timeline.derived),
            }
            for timeline in plan.timelines
        ],
        before=first.derived,
        command=command,
        clips=plan.media,
    )
    for output in plan.outputs:
        if not output.folder:
            together = (row for timeline in plan.timelines for row in plan.rows_of(timeline))
            write_timeline(
                output.path, output.format, together, first.emotions, plan.details(first)
            )
        record.write(output)


# What is read


class _Survey:
    """Goes through timelines before anything is written."""

    def __init__(self, media: Path | None) -> None:
        self._finder = ClipFinder(media)
        self.timelines: list[ReadTimeline] = []
        self.failures: dict[str, FerError] = {}
        self.clips: dict[str, ClipPlace] = {}
        self.by_face: dict[tuple[str, int], str] = {}
        self.rows = 0
        self._timeline_of: dict[str, Path] = {}

    def look_at(self, path: Path) -> None:
        """Read one timeline; if that fails, note why."""
        try:
            timeline = open_timeline(path)
            clips, people, rows = self._read(timeline)
        except TimelineError as error:
            self.failures[str(path)] = error
            return
        for clip in clips:
            before = self._timeline_of.setdefault(clip, path)
            if before != path:
                raise TimelineError(
                    f"{path}: holds the clip {clip}, as {before} does", "give one of the two"
                )
            self.clips[clip] = self._finder.find(clip, path)
        self.by_face |= people
        self.rows += rows
        self.timelines.append(timeline)

    def _read(self, timeline: ReadTimeline) -> tuple[list[str], dict[tuple[str, int], str], int]:
        clips: dict[str, None] = {}
        people: dict[tuple[str, int], str] = {}
        number = 0
        for number, read in enumerate(timeline.read(), start=1):  # noqa: B007 - the last counts
            row = read.row
            clips[row.video] = None
            if row.face is None or read.participant is None:
                continue
            if people.setdefault((row.video, row.face), read.participant) != read.participant:
                raise TimelineError(
                    f"{timeline.path}, line {read.line}: face {row.face} has another participant "
                    "than in an earlier row",
                    "give each face of a clip one",
                )
        return list(clips), people, number

    def by_clip(self) -> dict[str, str]:
        """Return the participant of each clip of which the column names one only."""
        named: dict[str, set[str]] = {}
        for (video, _), name in self.by_face.items():
            named.setdefault(video, set()).add(name)
        return {video: next(iter(names)) for video, names in named.items() if len(names) == 1}


def _find_timelines(inputs: Iterable[Path], outputs: Sequence[Output]) -> list[Path]:
    """List timelines in files and folders; of a folder, whatever looks like one of ours.

    What lies where results go is left out of folders: an earlier run has written it.
    """
    found: dict[Path, Path] = {}
    for given in inputs:
        kind = kind_of(given, TimelineError)
        if kind is PathKind.MISSING:
            raise TimelineError(f"{given}: no such file or folder", "check the path")
        paths = [given] if kind is not PathKind.FOLDER else _below(given, outputs)
        for path in paths:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _below(folder: Path, outputs: Sequence[Output]) -> list[Path]:
    candidates = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in READABLE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    places = [output.path.resolve() for output in outputs]
    apart = [path for path in candidates if not _is_in(path, places)]
    # Where results go into the very folder of the timelines, the format tells them apart.
    paths = list(filter(_is_readable, apart)) or [
        path for path in _without_twins(candidates, outputs) if _is_readable(path)
    ]
    if not paths:
        suffixes = " ".join(READABLE_SUFFIXES)
        problem = f"{folder}: no timelines made by fer in this folder (looked for {suffixes})"
        raise TimelineError(problem, "give what fer annotate wrote")
    return paths


def _is_in(path: Path, places: Sequence[Path]) -> bool:
    return any(path.resolve().is_relative_to(place) for place in places)


def _without_twins(candidates: Sequence[Path], outputs: Sequence[Output]) -> list[Path]:
    """Leave out what is in the format of the results, and has its like in another beside it."""
    ends = {FORMATS[output.format].suffix for output in outputs}
    others = {path.with_suffix("") for path in candidates if path.suffix.lower() not in ends}
    return [
        path
        for path in candidates
        if path.suffix.lower() not in ends or path.with_suffix("") not in others
    ]


def _is_readable(path: Path) -> bool:
    """Tell a timeline, also one that a spreadsheet had, from whatever else lies in a folder."""
    try:
        open_timeline(path)
    except TimelineError:
        return False
    return True


def _none_left(failures: dict[str, FerError]) -> FerError:
    if len(failures) == 1:
        return next(iter(failures.values()))
    first = next(iter(failures.values()))
    return TimelineError(f"none of {len(failures)} timelines can be read; the first: {first}")


def _require_alike(
    timelines: Sequence[ReadTimeline], outputs: Sequence[Output], options: AnalysisOptions
) -> None:
    """Make sure that timelines can stand in one table, or have references in common."""
    if options.baseline is None and all(output.folder for output in outputs):
        return
    first = timelines[0]
    for other in timelines[1:]:
        same = other.emotions == first.emotions
        if not same or options.derived(other.derived) != options.derived(first.derived):
            raise TimelineError(
                f"{other.path}: has other {'columns' if same else 'emotions'} than {first.path}",
                "give those of one model together",
            )


# What is written


def _refuse_taken(
    outputs: Sequence[Output],
    targets: dict[str, dict[Output, Path]],
    timelines: Sequence[ReadTimeline],
    *,
    overwrite: bool,
) -> tuple[Path, ...]:
    """Return the files of ours that will be replaced; refuse to replace others."""
    read = {timeline.path.resolve() for timeline in timelines}
    replaced = []
    for path, format_name in all_paths(outputs, targets):
        kind = kind_of(path, OutputError)
        if kind is PathKind.MISSING:
            continue
        if path.resolve() in read:
            raise OutputError(f"{path}: is one of the timelines read", "give another --out")
        if kind is not PathKind.FILE or not (overwrite or is_timeline(path, format_name)):
            raise OutputError(
                f"{path}: exists and is nothing that fer wrote, or was changed since",
                "give another --out, or --overwrite",
            )
        replaced.append(path)
    for output in outputs:
        if not overwrite:
            refuse_foreign_record(output)
    return tuple(replaced)
