"""What a plan says, done: clips → pieces → timelines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from fer_pipeline.analysis_record import AnalysisRecord
from fer_pipeline.annotation.clips import AnnotationTask, annotate_clip
from fer_pipeline.annotation.earlier import exists, told_besides
from fer_pipeline.annotation.pieces import ClipRecord, files_of, finish_piece, remove_piece
from fer_pipeline.annotation.planning import AnnotationPlan
from fer_pipeline.errors import OutputError, TimelineError
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.files import remove_folder, remove_if_empty, remove_unfinished
from fer_pipeline.model_folder import LITERT_FILE
from fer_pipeline.outputs import Output, Picture, add_to_manifest, forget
from fer_pipeline.timeline import References, analysed, clips_of, find_references, read_rows
from fer_pipeline.workers import Crew, Footing, Outcome, Progress, run_tasks


def run_annotation(
    plan: AnnotationPlan, crew: Crew, progress: Progress
) -> Iterator[Outcome[AnnotationTask, ClipRecord]]:
    """Annotate the clips of a plan; in folders, timelines appear as they are done.

    Follow it with `publish`.

    Args:
        plan: What to do.
        crew: Who does it; cores are for clips side by side or, if there are fewer, for the stages
            of each.
        progress: Called with the number of frames read since the last call.

    Yields:
        What became of each clip, those that an earlier run has annotated first, the others in the
        order in which they are done.

    Raises:
        OutputError: A piece cannot be written, and so no other can; those finished are kept.
        ClusterError: The cluster cannot be used, or was lost; those finished are kept.
    """
    for outcome in plan.finished.values():
        yield _write_into_folders(plan, outcome)
    for name in plan.reread:
        yield _write_into_folders(plan, _read_again(plan, name))
    overlap = crew.cores_here >= 2 * len(plan.tasks)
    tasks = [replace(task, overlap=overlap) for task in plan.tasks]
    footing = Footing(reads=_read_by, leaves=lambda task: files_of(task.piece))
    with closing(run_tasks(annotate_clip, tasks, crew, progress, footing)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.error, OutputError):
                raise outcome.error
            if outcome.error is not None:
                remove_unfinished(outcome.task.piece)
            yield _write_into_folders(plan, outcome)


def _read_by(task: AnnotationTask) -> tuple[Path, ...]:
    return task.source.path, task.model / LITERT_FILE


def publish(
    plan: AnnotationPlan,
    records: Mapping[str, ClipRecord],
    command: str,
    undrawn: Collection[str] = (),
) -> None:
    """Write the outputs that hold all clips together or depend on all of them, and clear up.

    Args:
        plan: What was done.
        records: What became of the clips that could be annotated, earlier ones included, by name.
        command: The command line as it was typed.
        undrawn: Clips whose pictures could not be made: their rows stay for another attempt.

    Raises:
        OutputError: An output cannot be written.
        TimelineError: Somebody has no neutral reference.
    """
    references = references_of(plan, records)
    if plan.needs_all:
        for name, record in records.items():
            _write_targets(plan, name, record, references)
    for output in plan.outputs:
        if not output.folder and records:
            _write(plan, output, output.path, sorted(records), references)
        if records:
            _analysis_record(plan, records, references, command).write(output)
    for name in plan.media:
        if name not in undrawn:
            remove_piece(plan.piece(name))
    remove_if_empty(plan.pieces)  # it may hold clips that this run was not asked for


def discard(plan: AnnotationPlan) -> None:
    """Remove what no second run could go on with: pieces of a run without outputs."""
    if not plan.outputs:
        remove_folder(plan.pieces)


def references_of(plan: AnnotationPlan, names: Iterable[str]) -> References:
    """Find everybody's neutral reference in clips that were annotated, if a baseline is asked for.

    Raises:
        TimelineError: Somebody has none.
    """
    if plan.analysis.baseline is None:
        return {}
    clips = (clip for name in sorted(names) for clip in clips_of(read_rows(plan.piece(name))))
    return find_references(clips, plan.spec.emotions, plan.people, plan.analysis.baseline)


def note_pictures(plan: AnnotationPlan, name: str, record: ClipRecord) -> None:
    """Note that the pictures of a clip were made, so that a second run can skip them.

    Raises:
        OutputError: The note cannot be written.
    """
    for picture, path in plan.pictures[name].items():
        if picture.folder:
            _note(plan, picture, path, name, record)


# One clip


def _read_again(plan: AnnotationPlan, name: str) -> Outcome[AnnotationTask, ClipRecord]:
    """Take the rows of a clip from its timeline; with them it is as if it was just annotated."""
    task, rows = plan.reread[name]
    try:
        rows.write_to(task.piece)
    except TimelineError as error:
        return Outcome(task, error=error)
    finish_piece(task.piece, rows.record)
    return Outcome(task, rows.record)


def _write_into_folders(
    plan: AnnotationPlan, outcome: Outcome[AnnotationTask, ClipRecord]
) -> Outcome[AnnotationTask, ClipRecord]:
    """Write the timelines of a clip that was annotated; if that fails, the clip has failed."""
    if outcome.result is None or plan.needs_all:
        return outcome
    try:
        _write_targets(plan, outcome.task.source.name, outcome.result, {})
    except OutputError as error:
        return Outcome(outcome.task, error=error)
    return outcome


def _write_targets(
    plan: AnnotationPlan, name: str, record: ClipRecord, references: References
) -> None:
    """Write the timelines of a clip into the folders."""
    for output, path in plan.targets[name].items():
        if exists(path):
            forget(output, name)
        _write(plan, output, path, [name], references)
        _note(plan, output, path, name, record)


def _write(
    plan: AnnotationPlan, output: Output, path: Path, names: Sequence[str], references: References
) -> None:
    rows = (row for name in names for row in read_rows(plan.piece(name)))
    made = analysed(rows, plan.analysis, plan.people, references)
    details = Details(plan.analysis.derived(), plan.analysis.segments, plan.people, plan.media)
    write_timeline(path, output.format, made, plan.spec.emotions, details)


def _note(
    plan: AnnotationPlan, goal: Output | Picture, path: Path, name: str, record: ClipRecord
) -> None:
    made_from = plan.recipe.of(goal, record.source) | told_besides(goal, path, record)
    add_to_manifest(goal, name, made_from, plan.media[name])


# All together


def _analysis_record(
    plan: AnnotationPlan,
    records: Mapping[str, ClipRecord],
    references: References,
    command: str,
) -> AnalysisRecord:
    states = plan.states | {name: record.source for name, record in records.items()}
    return AnalysisRecord(
        options=plan.analysis,
        people=plan.people,
        references=references,
        emotions=plan.spec.emotions,
        sources=[
            {"path": str(plan.media[name]), **asdict(state)}
            for name, state in sorted(states.items())
        ],
        before=(),
        command=command,
        clips={name: plan.media[name] for name in states},
    )
