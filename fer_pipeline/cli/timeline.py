"""``fer timeline``."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.drawing import Drawn, draw, list_pictures, tell_left
from fer_pipeline.cli.people import tell_people, tell_references
from fer_pipeline.cli.picture_options import picture_options
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import all_failed, list_failures
from fer_pipeline.cli.timeline_options import analysis_options, participants
from fer_pipeline.exports import FORMATS
from fer_pipeline.files import locked
from fer_pipeline.outputs import parse_outputs
from fer_pipeline.presenting import PictureOptions
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table
from fer_pipeline.rewriting import RewriteOptions, RewritePlan, plan_rewrite, run_rewrite
from fer_pipeline.timeline import AnalysisOptions, ClipSegments, Segment
from fer_pipeline.timeline_pictures import PicturePlan, picture_tasks, plan_pictures
from fer_pipeline.workers import Crew


@click.command("timeline")
@click.argument("labels", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "--out",
    multiple=True,
    metavar="FILE|DIR/",
    help="A file, or a folder, with a / at the end, for a file of each clip. Repeat it for more; "
    "without it only the summary is printed.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="Format of all outputs; else the end of each name tells it, in folders csv.",
)
@picture_options
@analysis_options
@participants
@click.option(
    "--media",
    type=options.AnyPath,
    metavar="DIR",
    help="The folder of the clips, for pictures and for formats that link to them.  [default: "
    "beside each timeline, else where they were annotated]",
)
@options.workers
@options.timeout
@options.overwrite
@reports
def command(
    console: Console,
    labels: tuple[Path, ...],
    out: tuple[str, ...],
    format_name: str | None,
    pictures: PictureOptions,
    analysis: AnalysisOptions,
    participants: Path | None,
    media: Path | None,
    workers: int,
    timeout: float | None,
    overwrite: bool,
) -> None:
    """Timelines already written: baseline, smoothing, segments, formats, pictures.

    LABELS are timelines of fer annotate (.csv .tsv .json .jsonl .parquet), or folders of them.
    Nothing is told anew: no model is needed, and clips only for --video and --embed. The raw
    columns stay as they are.

    \b
    Formats by the end of the name:
      rows       .csv .tsv .json .jsonl .parquet
      segments   .segments.csv .boris.tsv _events.tsv (BIDS) .eaf (ELAN) .TextGrid (Praat) .vtt .srt

    \b
    Example:
      fer timeline labels.csv --smooth median:0.5 --out labels.parquet --out clip.eaf
      fer timeline timelines/ --baseline auto --format eaf --out elan/
      fer timeline timelines/ --video covered/ --blur --media clips/
    """
    outputs = parse_outputs(out, format_name)
    with ExitStack() as stack:
        lockable = [one.lockable for one in outputs] + [one.lockable for one in pictures.pictures]
        for path in lockable:
            stack.enter_context(locked(path))
        wanted = RewriteOptions(analysis, participants, media)
        plan = plan_rewrite(labels, outputs, wanted, overwrite=overwrite)
        shown = plan_pictures(plan, pictures, overwrite=overwrite)
        _tell_plan(console, plan, shown)
        with console.frames(plan.rows, "rows") as progress:
            clips = list(run_rewrite(plan, command_line(), progress))
        drawn = _draw(console, plan, shown, Crew(workers, timeout))
    _summarize(console, plan, clips)
    list_pictures(console, [one for one in pictures.pictures if one in drawn.made])
    failures = plan.failures | drawn.failures
    if drawn.failures and not outputs and not drawn.made:
        raise all_failed(console, failures, "no picture could be made")
    list_failures(console, failures)
    if failures:
        click.get_current_context().exit(PARTLY_DONE)


def _draw(console: Console, plan: RewritePlan, shown: PicturePlan, crew: Crew) -> Drawn:
    """Make the pictures of all clips."""
    if not shown.options.pictures:
        return Drawn({}, frozenset())
    with TemporaryDirectory(prefix="fer-timeline-") as folder:
        tasks, frames = picture_tasks(shown, plan, Path(folder), command_line())
        drawn = draw(console, tasks, frames, crew)
    tell_left(console, shown.left)
    return Drawn(shown.failures | drawn.failures, drawn.made)


def _tell_plan(console: Console, plan: RewritePlan, shown: PicturePlan) -> None:
    for path in (*plan.replaced, *shown.replaced):
        console.say(f"{path}: written by an earlier run, will be replaced")
    for name, fault in shown.unfound.items():
        if plan.media[name].is_file():
            console.warn(f"{fault.problem}; its page shows it all the same: {fault.remedy}")
        else:
            console.warn(f"{name}: the clip was not found; its page asks for it")
    for name in shown.alone:
        console.warn(
            f"{name}: the timeline never tells of two faces at once; if it was made with --faces "
            "largest, other people stay uncovered"
        )
    for name in shown.unsure:
        console.warn(
            f"{name}: nothing notes whether {plan.media[name]} is the clip of the timeline; look "
            "whether its faces are covered"
        )
    tell_people(console, plan.found)
    tell_references(console, plan.found, plan.references)


def _summarize(console: Console, plan: RewritePlan, clips: list[ClipSegments]) -> None:
    """Print how often and how long each face showed each emotion."""
    rows: list[list[Cell]] = []
    every: dict[str, list[Segment]] = defaultdict(list)
    for clip in clips:
        for face in clip.faces:
            of_face = clip.of_face(face)
            for emotion in dict.fromkeys(one.emotion for one in of_face):
                shown = [one for one in of_face if one.emotion == emotion]
                every[emotion] += shown
                rows.append([clip.video, face, emotion, *_figures(shown)])
    if rows:
        header = ["clip", "face", "emotion", "segments", "seconds", "peak"]
        if len(clips) > 1:
            rows += [["all", "", emotion, *_figures(shown)] for emotion, shown in every.items()]
        console.result(text_table(header, rows))
    else:
        console.result(f"no segments in {counted(len(clips), 'clip')}")
    for output in plan.outputs:
        console.result(
            f"\n{output.path}: a file of each clip" if output.folder else f"\n{output.path}"
        )


def _figures(segments: list[Segment]) -> list[Cell]:
    seconds = sum(one.duration for one in segments)
    return [len(segments), f"{seconds:.2f}", f"{max(one.peak for one in segments):.2f}"]
