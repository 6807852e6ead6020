"""``fer summarize``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import list_failures
from fer_pipeline.cli.timeline_options import analysis_options, participants
from fer_pipeline.files import locked
from fer_pipeline.listing import few
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, text_table
from fer_pipeline.rewriting import RewriteOptions
from fer_pipeline.study_summary import KEYS, Grouping
from fer_pipeline.summarizing import Summary, plan_summary, run_summary, write_summary
from fer_pipeline.tidy_tables import Row, Value, check_tables
from fer_pipeline.timeline import AnalysisOptions

_PRINTED = {
    "dominant_share": "share",
    "episodes": "episodes",
    "episode_mean_s": "mean s",
    "latency_mean_s": "latency s",
}
_PRINTED_OF_GROUPS = {
    "clips": "clips",
    "observed_s": "seconds",
    "missing_face_share": "no face",
    "decode_error_share": "not decoded",
    "valence_mean": "valence",
    "valence_sd": "sd",
}


@click.command("summarize")
@click.argument("timelines", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "--by",
    default=str(Grouping()),
    show_default=True,
    metavar="KEYS",
    help=f"What a row is about: some of {','.join(KEYS)}.",
)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    metavar="FILE",
    help="The table as .csv, .tsv, .json or .parquet; without it a part of it is printed.",
)
@click.option(
    "--transitions",
    type=options.AnyPath,
    metavar="FILE",
    help="A second table: how often each emotion was followed by each.",
)
@analysis_options
@participants
@options.overwrite
@reports
def command(
    console: Console,
    timelines: tuple[Path, ...],
    by: str,
    out: Path | None,
    transitions: Path | None,
    analysis: AnalysisOptions,
    participants: Path | None,
    overwrite: bool,
) -> None:
    """Timelines of a study: one tidy table of who showed what, how often and how long.

    TIMELINES are those of fer annotate or fer timeline (.csv .tsv .json .jsonl .parquet), or
    folders of them. All figures count true media time. docs/summaries.md explains each column.

    \b
    Example:
      fer summarize timelines/ --by participant,emotion --out study.csv
      fer summarize timelines/ --baseline auto --by video,face,emotion --transitions steps.csv
    """
    grouping = Grouping.parse(by)
    with ExitStack() as stack:
        for path in (out, transitions):
            if path is not None:
                stack.enter_context(locked(path))
        check_tables((out, transitions), overwrite=overwrite)
        plan = plan_summary(timelines, RewriteOptions(analysis, participants))
        with console.frames(plan.rows, "rows") as progress:
            summary = run_summary(plan, grouping, progress)
        write_summary(summary, out, transitions, command_line())
    _tell_people(console, summary)
    _print(console, summary, out, transitions)
    list_failures(console, plan.failures)
    if plan.failures:
        click.get_current_context().exit(PARTLY_DONE)


def _tell_people(console: Console, summary: Summary) -> None:
    found = summary.plan.found
    if found.guessed:
        guessed = [f"{video}: {name}" for video, name in found.guessed.items()]
        console.say(f"participants guessed from names: {few(guessed)}")
    if found.strangers:
        console.warn(f"not among the timelines given: {few(found.strangers)}")
    if found.untold and "participant" in summary.study.grouping.keys:
        console.warn(
            f"nothing tells who is seen in {few(found.untold)}: each face is somebody of its own; "
            "--participants names them"
        )
    if summary.shared:
        console.warn(
            f"several faces in {few(summary.shared)}, and only one participant: each face is "
            "somebody of its own; --participants with the column face names them"
        )
    if not summary.study.has_valence:
        console.warn("no valence: the model does not tell happiness and a negative emotion")


def _print(console: Console, summary: Summary, out: Path | None, transitions: Path | None) -> None:
    keys = summary.study.grouping.keys
    rows = summary.table.rows
    if summary.study.grouping.emotions:
        header = [*keys, "emotion", *_PRINTED.values()]
        shown = [row for row in rows if row["dominant_s"] or row["episodes"]]
        console.result(
            text_table(header, [_cells([*keys, "emotion", *_PRINTED], row) for row in shown])
        )
        console.result("")
    groups = {tuple(row[key] for key in keys): row for row in rows}
    console.result(
        text_table(
            [*keys, *_PRINTED_OF_GROUPS.values()],
            [_cells([*keys, *_PRINTED_OF_GROUPS], row) for row in groups.values()],
        )
    )
    for path in filter(None, (out, transitions)):
        console.result(f"\n{path}")


def _cells(columns: list[str], row: Row) -> list[Cell]:
    return [_cell(name, row[name]) for name in columns]


def _cell(column: str, value: Value) -> Cell:
    if value is None:
        return ""
    if isinstance(value, float) and column.endswith("_share"):
        return f"{100 * value:.1f} %"
    return f"{value:.2f}" if isinstance(value, float) else value
