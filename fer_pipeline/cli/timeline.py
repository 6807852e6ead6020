"""``fer timeline``."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.people import tell_people, tell_references
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import list_failures
from fer_pipeline.cli.timeline_options import analysis_options, participants
from fer_pipeline.exports import FORMATS
from fer_pipeline.files import locked
from fer_pipeline.outputs import parse_outputs
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table
from fer_pipeline.rewriting import RewriteOptions, RewritePlan, plan_rewrite, run_rewrite
from fer_pipeline.timeline import AnalysisOptions, ClipSegments, Segment


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
@analysis_options
@participants
@click.option(
    "--media",
    type=options.AnyPath,
    metavar="DIR",
    help="Where the clips are, for formats that link to them.  [default: beside each timeline]",
)
@options.overwrite
@reports
def command(
    console: Console,
    labels: tuple[Path, ...],
    out: tuple[str, ...],
    format_name: str | None,
    analysis: AnalysisOptions,
    participants: Path | None,
    media: Path | None,
    overwrite: bool,
) -> None:
    """Timelines already written: baseline, smoothing, segments, other formats.

    LABELS are timelines of fer annotate (.csv .tsv .json .jsonl .parquet), or folders of them.
    Nothing is told anew: neither videos nor a model are needed. The raw columns stay as they are.

    \b
    Formats by the end of the name:
      rows       .csv .tsv .json .jsonl .parquet
      segments   .segments.csv .boris.tsv _events.tsv (BIDS) .eaf (ELAN) .TextGrid (Praat) .vtt .srt

    \b
    Example:
      fer timeline labels.csv --smooth median:0.5 --out labels.parquet --out clip.eaf
      fer timeline timelines/ --baseline auto --format eaf --out elan/
    """
    outputs = parse_outputs(out, format_name)
    with ExitStack() as stack:
        for output in outputs:
            stack.enter_context(locked(output.lockable))
        wanted = RewriteOptions(analysis, participants, media)
        plan = plan_rewrite(labels, outputs, wanted, overwrite=overwrite)
        _tell_plan(console, plan)
        with console.frames(plan.rows, "rows") as progress:
            clips = list(run_rewrite(plan, command_line(), progress))
    _summarize(console, plan, clips)
    list_failures(console, plan.failures)
    if plan.failures:
        click.get_current_context().exit(PARTLY_DONE)


def _tell_plan(console: Console, plan: RewritePlan) -> None:
    for path in plan.replaced:
        console.say(f"{path}: written by an earlier run, will be replaced")
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
