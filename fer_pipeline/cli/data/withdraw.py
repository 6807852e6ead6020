"""``fer data withdraw``."""

from __future__ import annotations

from pathlib import Path

import click

from fer_pipeline.care.pseudonyms import corpora_in, read_key
from fer_pipeline.care.withdrawal import WithdrawalPlan, plan_withdrawal, withdraw
from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.dataset import open_dataset
from fer_pipeline.files import locked
from fer_pipeline.report.tables import counted, text_table


@click.command("withdraw")
@click.argument("data", type=options.AnyPath)
@click.argument("participant")
@click.option(
    "--models",
    type=options.AnyPath,
    multiple=True,
    metavar="FOLDER",
    help="Tell which models here, or in folders below, were trained with that person; repeatable.",
)
@click.option(
    "--key",
    type=options.AnyPath,
    metavar="FILE",
    help="Of a dataset with pseudonyms: finds the code that stands for PARTICIPANT.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@reports
def command(
    console: Console,
    data: Path,
    participant: str,
    models: tuple[Path, ...],
    key: Path | None,
    dry_run: bool,
) -> None:
    """Remove a participant from a dataset: faces, rows, names and traces.

    The file is written anew, so that no byte of that person stays in it; what unfinished
    extractions and trainings beside it hold of them goes, too. A hash is left, by which a later
    extract, import or merge refuses that person until --readmit, and a line in a log that does not
    tell who it was. Videos, kept pictures and finished models are yours to delete; they are listed.

    \b
    Example:
      fer data withdraw faces.h5 P07 --models models/
    """
    code = _pseudonym(data, participant, key) if key else participant
    with locked(data):
        plan = plan_withdrawal(data, code, models, participant)
        if dry_run:
            console.say("nothing is done; without --dry-run this would be removed:")
        elif plan.anything_to_do:
            with console.frames(plan.faces_left, "faces") as progress:
                withdraw(plan, progress)
        else:
            console.say("nothing to do")
    console.result(text_table(["removed", "number"], _removed(plan)))
    _tell_what_is_left(console, plan)
    with open_dataset(data) as dataset:
        held = counted(len(dataset), "face"), counted(len(dataset.participants), "participant")
        console.result(f"\n{data}: {held[0]} of {held[1]}")


def _pseudonym(data: Path, participant: str, key: Path) -> str:
    secret = read_key(key)
    with open_dataset(data) as dataset:
        corpora = corpora_in(dataset.provenance)
    return secret.person(participant, corpora)


def _removed(plan: WithdrawalPlan) -> list[list[str | int]]:
    return [
        ["faces", plan.faces],
        ["videos", len(plan.videos)],
        ["files of unfinished runs", len(plan.parts)],
        ["unfinished trainings", len(plan.trainings)],
    ]


def _tell_what_is_left(console: Console, plan: WithdrawalPlan) -> None:
    """List what only the user can decide about."""
    if plan.before:
        console.say(f"was withdrawn before, {plan.before}")
    if len(plan.codes) > 1:
        console.warn(f"taken for the same person: {', '.join(sorted(plan.codes))}")
    if plan.videos:
        console.say(_listing("the videos themselves, if you still have them:", plan.videos))
    if plan.shared:
        console.warn(
            _listing("videos that show others, too, are still listed by their names:", plan.shared)
        )
    if plan.doubtful:
        console.warn(
            f"{counted(plan.doubtful, 'face')} of nobody known in these videos stay, and may be "
            "that person's; fer data review shows them"
        )
    if plan.pictures:
        console.warn(_listing("pictures of that person, to be deleted by you:", plan.pictures))
    _tell_of_unfinished_work(console, plan)
    for model in plan.models:
        sides = ", ".join(model.sides) or "people unknown, but of this dataset"
        console.warn(f"{model.folder}: has seen that person ({sides}); train it again")


def _tell_of_unfinished_work(console: Console, plan: WithdrawalPlan) -> None:
    for training in plan.trainings:
        console.say(f"{training}: has to be trained from the beginning")
    may_hold = {
        "unfinished exports may hold that person's faces:": plan.exports,
        "unfinished trainings on other data, or on this before it changed, may hold that "
        "person's faces:": plan.others,
    }
    for title, folders in may_hold.items():
        if folders:
            console.warn(_listing(title, folders))


def _listing(title: str, entries: tuple[str, ...] | tuple[Path, ...]) -> str:
    return "\n  ".join([title, *map(str, entries)])
