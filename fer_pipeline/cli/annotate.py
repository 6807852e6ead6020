"""``fer annotate``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from fer_pipeline.annotation import (
    AnnotationPlan,
    ClipRecord,
    Making,
    discard,
    note_pictures,
    plan_annotation,
    publish,
    references_of,
    run_annotation,
)
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.drawing import Drawn, draw, list_pictures, tell_left
from fer_pipeline.cli.options import sampling
from fer_pipeline.cli.people import tell_people, tell_references
from fer_pipeline.cli.picture_options import picture_options
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import (
    all_failed,
    collect,
    list_failures,
    readable,
    warn_each,
)
from fer_pipeline.cli.timeline_options import analysis_options, participants
from fer_pipeline.errors import UsageError
from fer_pipeline.exports import FORMATS
from fer_pipeline.face_search import SearchOptions, WhichFaces
from fer_pipeline.files import digest_of, locked
from fer_pipeline.following import DetectionMode
from fer_pipeline.model_folder import described, find_model
from fer_pipeline.outputs import Picture, all_paths, parse_outputs
from fer_pipeline.presenting import (
    PictureOptions,
    PictureTask,
    made_beside,
    refuse_among_clips,
    refuse_taken,
    refuse_too_large,
)
from fer_pipeline.provenance import command_line, provenance
from fer_pipeline.report.tables import Cell, counted, percent, text_table
from fer_pipeline.sources import Source
from fer_pipeline.timeline import AnalysisOptions
from fer_pipeline.workers import Crew


@click.command("annotate")
@click.argument("clips", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "--out",
    multiple=True,
    metavar="FILE|DIR/",
    help="A file for all clips together, or a folder, with a / at the end, for one file each, "
    "which formats of segments need for several clips. Repeat it for more; without it only the "
    f"summary is printed. Suffixes: {' '.join(format_.suffix for format_ in FORMATS.values())}.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="Format of all outputs; else the suffix of each tells it, in folders csv.",
)
@click.option(
    "--model",
    type=options.AnyPath,
    help="A model folder of fer train; else ./model if it exists, else the bundled model.",
)
@picture_options
@analysis_options
@participants
@options.every
@options.fps
@options.faces(SearchOptions().faces)
@options.detect
@options.profile
@options.crew
@options.overwrite
@reports
def command(
    console: Console,
    clips: tuple[Path, ...],
    out: tuple[str, ...],
    format_name: str | None,
    model: Path | None,
    pictures: PictureOptions,
    analysis: AnalysisOptions,
    participants: Path | None,
    every: int | None,
    fps: float | None,
    faces: WhichFaces,
    detect: DetectionMode,
    profile: bool,
    crew: Crew,
    overwrite: bool,
) -> None:
    """Clips to emotion timelines: a row for every frame, with its true media time.

    CLIPS are files and folders, searched recursively. The summary tells how long each face showed
    each emotion most.

    \b
    Example:
      fer annotate clip.mp4 --out labels.csv
      fer annotate clips/ --out timelines/ --workers 4
    """
    search = SearchOptions(
        sampling=sampling(every, fps), faces=faces, profile=profile, detect=detect
    )
    if pictures.overlay.picture == "covered" and faces == "largest":
        raise UsageError("--blur covers the faces that are followed; leave --faces largest out")
    refuse_among_clips(clips, pictures.pictures)
    outputs = parse_outputs(out, format_name)
    if crew.scheduler is not None and not outputs:
        raise UsageError("--scheduler: give --out, beside which the cluster's workers put rows")
    folder = find_model(model)
    with ExitStack() as stack:
        lockable = [one.lockable for one in outputs] + [one.lockable for one in pictures.pictures]
        for path in lockable:
            stack.enter_context(locked(path))
        plan = plan_annotation(
            clips,
            folder,
            search,
            outputs,
            Making(analysis, participants, pictures.pictures, pictures.values),
            overwrite=overwrite,
        )
        stack.callback(discard, plan)
        refuse_too_large(pictures, _to_embed(plan))
        replaced = refuse_taken(plan.pictures, list(plan.media.values()), overwrite=overwrite)
        for path in replaced:
            console.say(f"{path}: of an earlier run, will be replaced")
        console.say(
            f"model: {described(folder)} ({plan.spec.network}, {len(plan.spec.emotions)} emotions)"
        )
        _tell_plan(console, plan)
        earlier = _made_of_replaced(plan)
        records, failures = collect(
            console,
            plan.tasks,
            lambda progress: run_annotation(plan, crew, progress),
        )
        if plan.needs_all:
            tell_people(console, plan.found)
            tell_references(console, plan.found, references_of(plan, records))
        drawn = _draw(console, plan, pictures, records, crew)
        left = [path for name in failures for path in plan.pictures[name].values()]
        tell_left(console, filter(Path.is_file, left))
        publish(plan, records, command_line(), drawn.failures)
        _tell_outdated(console, earlier)
    _summarize(console, plan, records, _there(pictures.pictures, plan, records, drawn))
    if failures and not records and not plan.skipped:
        raise all_failed(console, failures, "no clip could be annotated; nothing was written")
    list_failures(console, failures | drawn.failures)
    damaged = plan.damaged or any(record.damaged for record in records.values())
    if failures or drawn.failures or damaged:
        click.get_current_context().exit(PARTLY_DONE)


def _draw(
    console: Console,
    plan: AnnotationPlan,
    options: PictureOptions,
    records: dict[str, ClipRecord],
    crew: Crew,
) -> Drawn:
    """Make the pictures that are missing."""
    names = [name for name in sorted(records) if plan.pictures[name]]
    references = references_of(plan, records) if names else {}
    tasks = [
        PictureTask(
            source=Source(plan.media[name], name),
            rows=plan.piece(name),
            targets=plan.pictures[name],
            emotions=plan.spec.emotions,
            options=options,
            analysis=plan.analysis,
            people=plan.people,
            references=references,
            made=provenance(command_line()) | {"model": plan.spec.network},
        )
        for name in names
    ]
    frames = sum(records[name].totals.frames for name in names)
    return draw(
        console,
        tasks,
        frames,
        crew,
        lambda name: note_pictures(plan, name, records[name]),
    )


def _there(
    pictures: Sequence[Picture], plan: AnnotationPlan, names: Collection[str], drawn: Drawn
) -> list[Picture]:
    """Return the pictures that at least one clip has, from now on or from earlier."""
    return [
        picture
        for picture in pictures
        if picture in drawn.made or any(picture not in plan.pictures[name] for name in names)
    ]


def _to_embed(plan: AnnotationPlan) -> list[Path]:
    """Return the clips of which a page is to be made."""
    return [
        plan.media[name]
        for name, pictures in plan.pictures.items()
        if any(picture.kind == "report" for picture in pictures)
    ]


_Earlier = dict[Path, tuple[str, tuple[Path, ...]]]
"""By timeline that is replaced: its digest before, and what earlier runs made beside it."""


def _made_of_replaced(plan: AnnotationPlan) -> _Earlier:
    """Find what earlier runs made of timelines that are replaced, and this one leaves as it is."""
    timelines = all_paths(plan.outputs, plan.targets)
    pictures = [path for of_clip in plan.pictures.values() for path in of_clip.values()]
    written = {path.resolve() for path in (*pictures, *(path for path, _ in timelines))}
    replaced, found = set(plan.replaced), {}
    for path, format_name in timelines:
        if path in replaced:
            beside = [one for one in made_beside(path, format_name) if one.resolve() not in written]
            if beside:
                found[path] = digest_of(path), tuple(beside)
    return found


def _tell_outdated(console: Console, earlier: _Earlier) -> None:
    """Warn of files beside timelines that tell something else from now on."""
    outdated = [
        one
        for path, (digest, beside) in earlier.items()
        if digest_of(path) != digest
        for one in beside
    ]
    told = "is still what an earlier run made; make it anew with fer timeline, or remove it"
    warn_each(console, [f"{path}: {told}" for path in dict.fromkeys(outdated)])


def _tell_plan(console: Console, plan: AnnotationPlan) -> None:
    for path in plan.replaced:
        console.say(f"{path}: a timeline of an earlier run, will be replaced")
    if plan.skipped:
        console.say(f"{counted(len(plan.skipped), 'clip')} finished already, not shown here")
    for name, warnings in sorted(plan.damaged.items()):
        for warning in warnings:
            console.warn(f"{name}: {warning}")
    if plan.finished:
        console.say(f"finished by an earlier run: {counted(len(plan.finished), 'clip')}")
    if plan.reread:
        console.say(f"annotated by an earlier run: {counted(len(plan.reread), 'clip')}")


def _summarize(
    console: Console,
    plan: AnnotationPlan,
    records: dict[str, ClipRecord],
    pictures: Sequence[Picture],
) -> None:
    """Print how much of each clip shows a face, and how long each face showed each emotion."""
    warnings = [
        f"{name}: {warning}"
        for name, record in sorted(records.items())
        for warning in (*record.warnings, *_no_face(record))
    ]
    warn_each(console, warnings)
    if not records:
        return
    shown, left = readable(console, sorted(records.items()), _urgency)
    rows: list[list[Cell]] = []
    for name, record in shown:
        totals = record.totals
        share = percent(totals.with_face / totals.frames) if totals.frames else ""
        rows.append([name, totals.frames, totals.with_face, share, totals.errors])
    header = ["clip", "frames", "with a face", "share", "not decoded"]
    console.result(text_table(header, rows))
    times: list[list[Cell]] = [
        [name, face, *(f"{seconds.get(emotion, 0):.2f}" for emotion in plan.spec.emotions)]
        for name, record in shown
        for face, seconds in record.totals.seconds.items()
    ]
    if left:
        console.result(left)
    if times:
        console.result("\nseconds in which a face showed each emotion most:")
        console.result(text_table(["clip", "face", *plan.spec.emotions], times))
    for output in plan.outputs:
        console.result(f"\n{output.path}: the timelines" if output.folder else f"\n{output.path}")
    list_pictures(console, pictures)


def _urgency(named: tuple[str, ClipRecord]) -> tuple[int, float, str]:
    """Put a clip with lost frames before one without a face, and that before a good one."""
    name, totals = named[0], named[1].totals
    return -totals.errors, totals.with_face / totals.frames if totals.frames else 1.0, name


def _no_face(record: ClipRecord) -> tuple[str, ...]:
    return ("no face found",) if record.totals.frames and not record.totals.with_face else ()
