"""``fer agree``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import click

from fer_pipeline.agreeing import (
    NONE,
    SKIP,
    AgreeOptions,
    Comparison,
    Intensity,
    IntensityAgreement,
    Judged,
    compare_with_coder,
    parse_meanings,
    write_comparison,
)
from fer_pipeline.agreement import Agreement
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.timeline_options import analysis_options, participants
from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.exports import require_library
from fer_pipeline.files import locked
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, percent, text_table
from fer_pipeline.tidy_tables import check_tables, refuse_existing
from fer_pipeline.timeline import AnalysisOptions

_MOST_STRETCHES = 10


@click.command("agree")
@click.argument("labels", type=options.AnyPath)
@click.argument("coder", type=options.AnyPath)
@click.option(
    "--tier",
    metavar="NAME",
    help="Tier of ELAN or Praat, subject of BORIS, or column of a table; else the only one.",
)
@click.option(
    "--map",
    "meanings",
    multiple=True,
    metavar="CODE=EMOTION",
    help="What a code means, if it is no name of an emotion; CODE= leaves it out. Repeat it.",
)
@click.option(
    "--uncoded",
    metavar="WHAT",
    help=f"What time without a code means: {NONE}, a class of its own; {SKIP}: it is not compared; "
    f"or an emotion such as neutral.  [default: {NONE}; with --intensity {SKIP}]",
)
@click.option(
    "--compare",
    "judged",
    type=click.Choice(get_args(Judged)),
    default=get_args(Judged)[0],
    show_default=True,
    help="The timeline's segments, or the strongest emotion of each frame.",
)
@click.option(
    "--intensity",
    metavar="EMOTION[:MOST]",
    help="The codes are numbers from 0 to MOST (1): how strong this emotion is.",
)
@click.option(
    "--offset",
    type=float,
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Add this to the coder's times.",
)
@click.option("--video", metavar="NAME", help="Which clip of the timeline; else the only one.")
@click.option(
    "--face", metavar="FACE", help="Whose face: its number or participant; else the only one."
)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    metavar="FILE",
    help="Where the two differ, the longest first, as .csv, .tsv, .json or .parquet; all figures "
    "beside it as FILE.analysis.json.",
)
@click.option(
    "--elan",
    type=options.AnyPath,
    metavar="FILE",
    help="A copy of the coder's .eaf with tiers of the timeline and of where the two differ; of "
    "other formats, a new one with the coder's codes.",
)
@analysis_options
@participants
@options.overwrite
@reports
def command(
    console: Console,
    labels: Path,
    coder: Path,
    tier: str | None,
    meanings: tuple[str, ...],
    uncoded: str | None,
    judged: Judged,
    intensity: str | None,
    offset: float,
    video: str | None,
    face: str | None,
    out: Path | None,
    elan: Path | None,
    analysis: AnalysisOptions,
    participants: Path | None,
    overwrite: bool,
) -> None:
    """Agreement of a timeline with a human coder: kappa, and where the two differ most.

    LABELS is a timeline of fer annotate or fer timeline. CODER is what a coder wrote about the same
    clip: ELAN .eaf, Praat .TextGrid, events of BORIS or a table start,end,code or frame,code as
    .csv or .tsv. Both are compared on the timeline's own frames, each counting for its time, and
    only where the face is seen.

    \b
    Example:
      fer agree labels.csv coder.eaf --tier expression --map smile=happiness --map talk=
      fer agree labels.csv boris.tsv --uncoded neutral --out differences.csv --elan both.eaf
    """
    wanted = AgreeOptions(
        analysis=analysis,
        participants=participants,
        video=video,
        face=face,
        tier=tier,
        meanings=parse_meanings(meanings),
        uncoded=uncoded,
        judged=judged,
        intensity=None if intensity is None else Intensity.parse(intensity),
        offset=offset,
    )
    with ExitStack() as stack:
        for path in (out, elan):
            if path is not None:
                stack.enter_context(locked(path))
        _check_outputs(out, elan, (labels, coder), overwrite=overwrite)
        found = compare_with_coder(labels, coder, wanted)
        write_comparison(found, out, elan, command_line())
    _tell(console, found)
    _print(console, found)
    for path in filter(None, (out, elan)):
        console.result(f"\n{path}")


def _check_outputs(
    out: Path | None, elan: Path | None, read: tuple[Path, ...], *, overwrite: bool
) -> None:
    if elan is not None and elan.suffix.lower() != ".eaf":
        raise UsageError(f"--elan {elan}: is the name of no ELAN file", "let it end with .eaf")
    sources = {path.resolve() for path in read}
    for path in filter(None, (out, elan)):
        if path.resolve() in sources:
            raise OutputError(f"{path}: is what is read", "give another name")
    if elan is not None and read[-1].suffix.lower() != ".eaf":
        require_library(elan, "eaf")
    check_tables((out,), overwrite=overwrite)
    refuse_existing((out, elan), overwrite=overwrite)


def _tell(console: Console, found: Comparison) -> None:
    person, coding = found.person, found.coding
    console.say(f"compared: {person.name} in {person.video} with '{coding.tier}' of {coding.path}")
    if coding.origin:
        console.say(f"the clock of {coding.path} begins {coding.origin:g} s into the clip")
    clip = person.video.rpartition("/")[2]
    if coding.media and not any(clip in media for media in coding.media):
        console.warn(f"{coding.path} is about {', '.join(coding.media)}, not {clip}")
    if found.foreign:
        console.warn(f"the model of the timeline does not know {', '.join(found.foreign)}")
    left = found.left_out
    reasons = {
        "without the face": left.no_face,
        "that did not decode": left.lost,
        "without a code": left.uncoded,
    }
    told = [f"{seconds:.2f} s {why}" for why, seconds in reasons.items() if seconds > 0]
    if told:
        console.say(f"not compared: {', '.join(told)}")


def _print(console: Console, found: Comparison) -> None:
    figures = found.figures
    if isinstance(figures, Agreement):
        _print_classes(console, figures)
    else:
        _print_intensity(console, figures)
    if not found.stretches:
        console.result("\nthe two never differ")
        return
    console.result("\nwhere the two differ most:")
    rows: list[list[Cell]] = [
        [
            rank,
            f"{one.start:.2f}",
            f"{one.end:.2f}",
            f"{one.end - one.start:.2f}",
            _value(one.coder),
            _value(one.fer),
        ]
        for rank, one in enumerate(found.stretches[:_MOST_STRETCHES], start=1)
    ]
    console.result(text_table(["", "from s", "to s", "seconds", "coder", "fer"], rows))


def _print_classes(console: Console, figures: Agreement) -> None:
    facts: list[tuple[str, Cell]] = [
        ("Cohen's kappa", _figure(figures.kappa)),
        ("agreement", percent(figures.observed)),
        ("by chance", percent(figures.chance)),
        ("time compared", f"{figures.seconds:.2f} s"),
    ]
    console.result(text_table(("", ""), facts))
    header = ["", "coder s", "fer s", "precision", "recall", "agreement", "kappa"]
    rows: list[list[Cell]] = [
        [
            one.name,
            f"{one.coder_s:.2f}",
            f"{one.fer_s:.2f}",
            _share(one.precision),
            _share(one.recall),
            _share(one.positive_agreement),
            _figure(one.kappa),
        ]
        for one in figures.classes
    ]
    console.result("\nby class:")
    console.result(text_table(header, rows))
    console.result("\nseconds of what the coder saw (a row) by what fer told (a column):")
    names = [one.name for one in figures.classes]
    table: list[list[Cell]] = [
        [name, *(f"{seconds:.2f}" for seconds in row)]
        for name, row in zip(names, figures.confusion, strict=True)
    ]
    console.result(text_table(["", *names], table))


def _print_intensity(console: Console, figures: IntensityAgreement) -> None:
    facts: list[tuple[str, Cell]] = [
        ("emotion", figures.emotion),
        ("ICC(2,1)", _figure(figures.correlation.icc21)),
        ("ICC(3,1)", _figure(figures.correlation.icc31)),
        ("mean of the coder", f"{figures.coder_mean:.3f}"),
        ("mean of fer", f"{figures.fer_mean:.3f}"),
        ("time compared", f"{figures.seconds:.2f} s, {figures.frames} frames"),
    ]
    console.result(text_table(("", ""), facts))


def _figure(value: float | None) -> Cell:
    return "none" if value is None else f"{value:.3f}"


def _value(value: str | float) -> Cell:
    return value if isinstance(value, str) else f"{value:.2f}"


def _share(value: float | None) -> Cell:
    return "" if value is None else percent(value)
