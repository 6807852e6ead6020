"""``fer import``, in a module that is not called so because Python has the word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import click
import numpy as np

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.extract import DEFAULTS as CLIPS
from fer_pipeline.cli.extract import extract
from fer_pipeline.cli.options import sampling
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.corpora import CORPORA, ReadOptions
from fer_pipeline.corpora.members import source_size
from fer_pipeline.dataset import (
    SPLIT_TEST,
    SPLIT_TRAINING,
    SPLIT_VALIDATION,
    UNKNOWN,
    Dataset,
    open_dataset,
)
from fer_pipeline.extraction import Balance, Existing
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.faces import Channels, CropOptions
from fer_pipeline.files import locked
from fer_pipeline.fit_options import LARGEST_SEED
from fer_pipeline.importing import (
    CLIP_CORPORA,
    MOST_KEPT,
    NO_FACE,
    WITHDRAWN,
    Copies,
    Imported,
    ImportOptions,
    ImportPlan,
    choose_takes,
    clips_in,
    plan_import,
    run_import,
)
from fer_pipeline.labels import EmotionChoice, LabelOptions
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, text_table
from fer_pipeline.video_extraction import ExtractionOptions
from fer_pipeline.workers import Crew, available_cores

_MOST_LISTED = 20

_SIDES: tuple[tuple[str, int], ...] = (
    ("training", SPLIT_TRAINING),
    ("validation", SPLIT_VALIDATION),
    ("test", SPLIT_TEST),
)
_UNDIVIDED = ("no side", UNKNOWN)

_OF_PICTURES = ("detect", "pattern", "last", "most_voted")
_OF_CLIPS = ("every", "fps", "timeout")
_OF_READERS = frozenset(one.name for one in fields(ReadOptions))
"""Of those of pictures, the ones that mean something to some corpora only."""

_KINDS = sorted({**CORPORA, **CLIP_CORPORA})

_HELP = """A public corpus to a dataset of faces, with the corpus's own split.

SOURCE is what the corpus's authors distribute; archives of pictures need not be unpacked. Rows and
files that make no sense are left out and listed. Faces are looked for, as in videos, where a
corpus's pictures show more than a face.

{kinds}

\b
Example:
  fer import fer2013 fer2013.tar.gz -o faces.h5
  fer import affectnet AffectNet/ --emotions neutral,happy,negative=anger+sadness+fear
"""


def _described() -> str:
    titles = {name: one.title for name, one in CORPORA.items()}
    titles |= {name: one.title for name, one in CLIP_CORPORA.items()}
    return _HELP.format(kinds="\n\n".join(f"{name}: {titles[name]}" for name in _KINDS))


@click.command("import", help=_described())
@click.argument("kind", metavar="CORPUS", type=click.Choice(_KINDS))
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=options.AnyPath)
@click.option(
    "-o",
    "--out",
    type=options.AnyPath,
    default=Path("faces.h5"),
    show_default=True,
    help="The dataset.",
)
@options.emotions
@click.option(
    "--detect/--no-detect",
    default=None,
    help="Look for a face in every picture, or take all as they are.  [default: as suits each]",
)
@click.option(
    "--size",
    type=click.IntRange(8, 1024),
    help="Side of the square crops in pixels.  [default: as suits the corpus]",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 2),
    help="Border on each side, as a share of the face; of faces that are cropped already, what "
    "they have.  [default: as suits the corpus]",
)
@click.option(
    "--channels",
    type=click.Choice(["rgb", "gray"]),
    help="Keep the colour, or not.  [default: as suits the corpus]",
)
@click.option("--pattern", help="How paths tell, such as '{participant}/{emotion}_{take}'; folder.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Frames at the end of a sequence that show its emotion; ck.  [default: "
    f"{ReadOptions().last}]",
)
@click.option(
    "--most-voted",
    is_flag=True,
    default=None,
    help="Take the emotion with most votes even if it has not more than half of them; ferplus.",
)
@click.option(
    "--balance",
    type=click.IntRange(min=1),
    metavar="N",
    help="N faces of each emotion, drawn or repeated; in the training part, where there is one.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    help=f"Draws the faces of --balance; another one draws others.  [default: "
    f"{ImportOptions().seed}]",
)
@options.every
@options.fps
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=available_cores,
    show_default="all cores",
    help="Cores used: for pictures or clips side by side; the result is the same.",
)
@options.timeout
@options.readmit
@options.overwrite
@reports
def command(
    console: Console,
    kind: str,
    sources: tuple[Path, ...],
    out: Path,
    emotions: EmotionChoice | None,
    detect: bool | None,
    size: int | None,
    margin: float | None,
    channels: Channels | None,
    pattern: str | None,
    last: int | None,
    most_voted: bool | None,
    balance: int | None,
    seed: int | None,
    every: int | None,
    fps: float | None,
    workers: int,
    timeout: float | None,
    readmit: frozenset[str],
    overwrite: bool,
) -> None:
    """Import a corpus; the help is put together above."""
    clips = kind in CLIP_CORPORA
    unheeded = () if clips else sorted(_OF_READERS - CORPORA[kind].heeds)
    _refuse_options(kind, _OF_PICTURES if clips else (*_OF_CLIPS, *unheeded))
    if seed is not None and balance is None:
        raise click.UsageError("--seed draws the faces of --balance; give both")
    if clips:
        search = SearchOptions(sampling=sampling(every, fps), faces=CLIPS.search.faces)
        cut = CropOptions(
            size or CLIPS.crop.size,
            CLIPS.crop.margin if margin is None else margin,
            channels or CLIPS.crop.channels,
        )
        wanted = ExtractionOptions(search=search, crop=cut)
        existing = Existing(overwrite, readmit=readmit)
        drawn = None if balance is None else Balance(balance, seed or 0)
        crew = Crew(workers, timeout)
        _import_clips(console, kind, sources, wanted, out, existing, crew, emotions, drawn)
        return
    read = ReadOptions(pattern, ReadOptions().last if last is None else last, bool(most_voted))
    how = ImportOptions(detect, size, margin, channels, read, emotions, balance, seed or 0, readmit)
    with locked(out):
        size = sum(map(source_size, sources)) if console.shows_progress else 0
        with console.bytes(size) as progress:
            plan = plan_import(kind, sources, out, how, overwrite=overwrite, progress=progress)
        if plan.known:
            console.say(f"{out} holds {', '.join(plan.sources)} already\nnothing to do")
            imported = plan.known
        else:
            with console.bytes(plan.size) as progress:
                imported = run_import(plan, workers, progress, command_line())
    _tell(console, plan, imported)
    refused = imported.skipped.get(WITHDRAWN)
    if refused:
        console.warn(
            f"left out: {counted(refused, 'face')} of people who were withdrawn from {out}; "
            "--readmit takes them in again"
        )
    if imported.unusable or refused:
        click.get_current_context().exit(PARTLY_DONE)


def _refuse_options(kind: str, names: Iterable[str]) -> None:
    given = click.get_current_context().params
    for name in names:
        if given[name] is not None:
            raise click.UsageError(
                f"--{name.replace('_', '-')} means nothing to {kind}; leave it out"
            )


def _import_clips(
    console: Console,
    kind: str,
    sources: Sequence[Path],
    wanted: ExtractionOptions,
    out: Path,
    existing: Existing,
    crew: Crew,
    emotions: EmotionChoice | None,
    balance: Balance | None,
) -> None:
    corpus = CLIP_CORPORA[kind]
    held = frozenset() if existing.overwrite else clips_in(out, kind)
    takes = choose_takes(corpus, sources, held)
    for number, why in ((takes.doubles, "others show, too"), (takes.held, f"{out} holds already")):
        if number:
            console.say(f"passed over: {counted(number, 'file')} of takes that {why}")
    labels = LabelOptions(layout=corpus.layout, emotions=emotions)
    extract(console, takes.clips, labels, wanted, out, existing, crew, kind, balance)


def _tell(console: Console, plan: ImportPlan, imported: Imported) -> None:
    with open_dataset(plan.output) as dataset:
        console.result(_faces_by_split(dataset))
        people = len(dataset.participants)
        whose = f"{people} {'person' if people == 1 else 'people'}" if people else "of nobody known"
        held = counted(len(dataset), "face")
        console.result(f"\n{plan.output}: {held} of {plan.kind}, {whose}")
        chosen = plan.options.emotions.names if plan.options.emotions else ()
        missing = [name for name in chosen if name not in dataset.emotions]
    for line in _about_copies(imported.copies):
        console.result(line)
    for reason, number in imported.skipped.items():
        console.result(f"left out, {reason}: {number}")
    if missing:
        console.warn(f"no face of {', '.join(missing)}")
    _list_unusable(console, imported)


def _faces_by_split(dataset: Dataset) -> str:
    label, split = dataset.column("label"), dataset.column("split")
    sides = _SIDES if np.any(split != UNKNOWN) else ()
    if sides and np.any(split == UNKNOWN):
        sides = (*sides, _UNDIVIDED)
    of_emotion = [label == index for index in range(len(dataset.emotions))]
    rows: list[list[Cell]] = [
        [emotion, *(int(np.sum(shown & (split == side))) for _, side in sides), int(shown.sum())]
        for emotion, shown in zip(
            (*dataset.emotions, "all"), (*of_emotion, label != UNKNOWN), strict=True
        )
    ]
    return text_table(["emotion", *(name for name, _ in sides), "all"], rows)


def _about_copies(copies: Copies) -> list[str]:
    told = [f"exact copies of an image before: {copies.all}"]
    in_training = {"test": copies.test_in_training, "validation": copies.validation_in_training}
    told += [
        f"{side} images that are in the training part, too: {number}"
        for side, number in in_training.items()
        if number
    ]
    return told


def _list_unusable(console: Console, imported: Imported) -> None:
    if not imported.left_out:
        return
    console.warn(f"left out because they cannot be used: {imported.left_out} rows or files")
    listed = imported.unusable[: None if console.verbose else _MOST_LISTED]
    if listed:
        rows = [(one.place, one.problem) for one in listed]
        console.alert(text_table(("place", "problem"), rows))
    if 0 < len(listed) < imported.left_out:
        console.alert(f"and {imported.left_out - len(listed)} more; -v lists up to {MOST_KEPT}")
    if any(one.problem == NO_FACE for one in imported.unusable):
        console.alert("pictures that are faces and no more are taken as they are with --no-detect")
