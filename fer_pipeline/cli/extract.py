"""``fer extract``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.options import sampling
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import (
    all_failed,
    collect,
    list_failures,
    participants_by_emotion,
    readable,
    warn_each,
)
from fer_pipeline.dataset import open_dataset
from fer_pipeline.errors import OutputError
from fer_pipeline.extraction import (
    Balance,
    Existing,
    ExtractionPlan,
    plan_extraction,
    publish,
    run_extraction,
    understand,
)
from fer_pipeline.face_search import SearchOptions, WhichFaces
from fer_pipeline.faces import Channels, CropOptions, DetectionOptions, bundled_cascades
from fer_pipeline.files import locked
from fer_pipeline.following import DetectionMode
from fer_pipeline.labels import LAYOUTS, NOT_CHOSEN, EmotionChoice, Labelling, LabelOptions
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, percent, text_table
from fer_pipeline.video_extraction import ExtractionOptions, VideoRecord
from fer_pipeline.workers import Crew

DEFAULTS = ExtractionOptions()


@click.command("extract")
@click.argument("videos", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=Path("faces.h5"),
    show_default=True,
    help="The dataset; new videos are added to one that exists.",
)
@click.option(
    "--labels",
    type=options.AnyPath,
    help="CSV with the columns video,participant,emotion and optionally start,end (seconds), face.",
)
@click.option("--pattern", help="How paths tell, such as '{participant}/{emotion}_{take}'.")
@click.option("--layout", type=click.Choice(sorted(LAYOUTS)), help="A well-known corpus.")
@click.option(
    "--outside",
    metavar="unlabelled|CLASS",
    help="Keep the frames outside the stretches of --labels, so labelled.",
)
@click.option("--unlabelled", is_flag=True, help="Keep videos that cannot be told, unlabelled.")
@click.option("--skip-unlabelled", is_flag=True, help="Leave out videos that cannot be told.")
@options.emotions
@click.option("--dry-run", is_flag=True, help="Print what was understood; touch nothing.")
@options.every
@options.fps
@click.option(
    "--size",
    type=click.IntRange(8, 1024),
    default=DEFAULTS.crop.size,
    show_default=True,
    help="Side of the square crops in pixels.",
)
@click.option(
    "--channels",
    type=click.Choice(["rgb", "gray"]),
    default=DEFAULTS.crop.channels,
    show_default=True,
    help="Keep the colour, or not.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 2),
    default=DEFAULTS.crop.margin,
    show_default=True,
    help="Border on each side, as a share of the face.",
)
@options.faces(DEFAULTS.search.faces)
@click.option(
    "--cascade",
    default=DEFAULTS.detection.cascade,
    show_default=True,
    help=f"Haar cascade: a file, or one of {', '.join(sorted(bundled_cascades()))}.",
)
@click.option(
    "--smallest-face",
    type=click.FloatRange(0.02, 1),
    default=DEFAULTS.detection.smallest_face,
    show_default=True,
    help="Smallest face looked for, as a share of the frame's shorter side.",
)
@options.detect
@options.profile
@click.option("--keep-frames", type=options.AnyPath, metavar="DIR", help="Also keep frames as PNG.")
@click.option("--keep-crops", type=options.AnyPath, metavar="DIR", help="Also keep crops as PNG.")
@options.crew
@options.overwrite
@click.option("--verify", is_flag=True, help="Compare the content of videos known already.")
@options.readmit
@reports
def command(
    console: Console,
    videos: tuple[Path, ...],
    out: Path,
    labels: Path | None,
    pattern: str | None,
    layout: str | None,
    outside: str | None,
    unlabelled: bool,
    skip_unlabelled: bool,
    emotions: EmotionChoice | None,
    dry_run: bool,
    every: int | None,
    fps: float | None,
    size: int,
    channels: Channels,
    margin: float,
    faces: WhichFaces,
    cascade: str,
    smallest_face: float,
    detect: DetectionMode,
    profile: bool,
    keep_frames: Path | None,
    keep_crops: Path | None,
    crew: Crew,
    overwrite: bool,
    verify: bool,
    readmit: frozenset[str],
) -> None:
    """Videos of participants to a dataset of faces.

    VIDEOS are files and folders, searched recursively. Participant and emotion come from --labels,
    --pattern or --layout, and are otherwise guessed from words such as happy or angry in the paths.
    A run that was stopped goes on where it was; a dataset that exists gets the new videos.

    \b
    Example:
      fer extract videos/ --pattern '{participant}/{emotion}_{take}' -o faces.h5
    """
    options = ExtractionOptions(
        detection=DetectionOptions(cascade=cascade, smallest_face=smallest_face),
        search=SearchOptions(
            sampling=sampling(every, fps), faces=faces, profile=profile, detect=detect
        ),
        crop=CropOptions(size, margin, channels),
        keep_frames=keep_frames,
        keep_crops=keep_crops,
    )
    wanted = LabelOptions(labels, pattern, layout, outside, unlabelled, skip_unlabelled, emotions)
    if dry_run:
        _, labelling = understand(videos, wanted)
        console.result(_labelling_table(labelling))
        _tell_unshown(console, wanted, labelling)
        _tell_untold(console, labelling)
        return
    existing = Existing(overwrite, verify, readmit)
    extract(console, videos, wanted, options, out, existing, crew)


def extract(
    console: Console,
    videos: Sequence[Path],
    labels: LabelOptions,
    options: ExtractionOptions,
    out: Path,
    existing: Existing,
    crew: Crew,
    corpus: str | None = None,
    balance: Balance | None = None,
) -> None:
    """Extract videos, those of a public corpus too, and tell of it; ends the command if in part."""
    with locked(out):
        plan = plan_extraction(videos, labels, options, out, existing, corpus, balance)
        _tell_unshown(console, labels, plan.labelling)
        _tell_plan(console, plan)
        records, failures = collect(
            console,
            plan.tasks,
            lambda progress: run_extraction(plan, crew, progress),
        )
        if failures and plan.balance is not None:
            list_failures(console, failures)
            raise _cannot_be_balanced(plan, len(failures))
        publish(plan, records, command_line())
    _summarize(console, plan, {**plan.finished, **records})
    _tell_untold(console, plan.labelling)
    if plan.refused:
        console.warn(
            f"left out: {counted(len(plan.refused), 'video')} of people who were withdrawn from "
            f"{out}; --readmit takes them in again"
        )
    if failures and not (records or plan.finished or plan.known):
        raise all_failed(console, failures, "no video could be extracted; nothing was written")
    list_failures(console, failures)
    damaged = any(record.damaged for record in (*plan.finished.values(), *records.values()))
    if failures or damaged or plan.labelling.untold or plan.refused:
        click.get_current_context().exit(PARTLY_DONE)


def _labelling_table(labelling: Labelling) -> str:
    rows: list[list[Cell]] = []
    for name, labels in labelling.videos.items():
        for stretch in labels.all_stretches:
            whole = stretch.start is None and stretch.end is None
            when = "all" if whole else f"{stretch.start or 0:g} to {stretch.end or 'the end'}"
            when += f", face {stretch.face}" if stretch.face else ""
            emotion, person = stretch.emotion or "(unlabelled)", stretch.participant or "(unknown)"
            rows.append([name, person, emotion, when])
    return text_table(["video", "participant", "emotion", "seconds"], rows)


def _tell_untold(console: Console, labelling: Labelling) -> None:
    untold = labelling.untold
    if labelling.unchosen:
        unchosen = counted(len(labelling.unchosen), "video")
        console.say(f"left out: {unchosen} of emotions {NOT_CHOSEN}")
    for warning in labelling.warnings:
        console.warn(warning)
    if untold:
        console.warn(f"{len(untold)} left out because it cannot be told what they show:")
        warn_each(console, [f"  {name}: {reason}" for name, reason in untold])


def _tell_plan(console: Console, plan: ExtractionPlan) -> None:
    new = {task.source.name: task.labels for task in plan.tasks}
    if any(labels.origin == "guess" for labels in new.values()):
        shown, left = readable(console, list(new))
        table = _labelling_table(Labelling({name: new[name] for name in shown}))
        console.say(f"guessed from the paths:\n{table}" + (f"\n{left}" if left else ""))
    if plan.known and plan.keeps_pictures:
        console.warn(
            f"no pictures of the {len(plan.known)} videos that {plan.output} holds already: they "
            "are written while a video is read; --overwrite reads all again"
        )
    if plan.known:
        console.say(f"{plan.output} holds {counted(len(plan.known), 'video')} already")
    if plan.gone:
        first = ", ".join(plan.gone[:3]) + (", …" if len(plan.gone) > 3 else "")
        console.say(f"{len(plan.gone)} of them are not among the inputs, and stay: {first}")
    if plan.finished:
        console.say(f"finished by an earlier run: {counted(len(plan.finished), 'video')}")
    if not plan.tasks and not plan.finished:
        console.say("nothing to do")


def _summarize(console: Console, plan: ExtractionPlan, records: dict[str, VideoRecord]) -> None:
    """Say what the dataset holds now, and how much of each new video."""
    if records:
        shown, left = readable(console, sorted(records.items()), _urgency)
        rows = [[name, *_figures([record])] for name, record in shown]
        rows.append([counted(len(records), "video"), *_figures(records.values())])
        header = ["video", "frames read", "lost", "looked at", "with a face", "share"]
        console.result("\n".join([text_table(header, rows), *([left] if left else []), ""]))
    warnings = [
        f"{name}: {warning}"
        for name, record in sorted(records.items())
        for warning in (*record.warnings, *_no_face(record))
    ]
    warn_each(console, warnings)
    if plan.output.exists():
        with open_dataset(plan.output) as dataset:
            console.result(participants_by_emotion(dataset))
            unseen = set(plan.labelling.emotions).difference(dataset.emotions)
            for emotion in sorted(unseen):
                console.warn(f"{emotion}: labelled, but no face of it was found")
            held = f"{counted(len(dataset), 'face')} of {counted(len(dataset.videos), 'video')}"
            console.result(f"\n{plan.output}: {held}")


def _tell_unshown(console: Console, labels: LabelOptions, labelling: Labelling) -> None:
    chosen = labels.emotions.names if labels.emotions is not None else ()
    for emotion in chosen:
        if emotion not in labelling.emotions:
            console.warn(f"{emotion}: no video shows it")


def _cannot_be_balanced(plan: ExtractionPlan, failures: int) -> OutputError:
    """Return the error of a dataset that would be balanced without some of its videos.

    It could not take them in later. The others wait in their parts.
    """
    return OutputError(
        f"{plan.output}: not written, because it is balanced over all videos, and "
        f"{counted(failures, 'video')} failed",
        "mend them or take them away, and run again; the others are kept",
    )


def _figures(records: Collection[VideoRecord]) -> list[Cell]:
    """Return what is told of some videos together."""
    read, lost = sum(one.read for one in records), sum(one.lost for one in records)
    sampled = sum(one.sampled for one in records)
    with_face = sum(one.with_face for one in records)
    return [read, lost, sampled, with_face, percent(with_face / sampled) if sampled else ""]


def _urgency(named: tuple[str, VideoRecord]) -> tuple[int, float, str]:
    """Put a video with lost frames before one without a face, and that before a good one."""
    name, record = named
    return -record.lost, record.with_face / record.sampled if record.sampled else 1.0, name


def _no_face(record: VideoRecord) -> tuple[str, ...]:
    return ("no face found",) if record.sampled and not record.with_face else ()
