"""The model card: what a model is, whom it has seen, how well it does, and what it is not for."""

from __future__ import annotations

import json
import shlex

from fer_pipeline.evaluation import Scores, Side
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.report.tables import (
    CLASS_HEADER,
    OVERVIEW_HEADER,
    Cell,
    class_rows,
    doubts,
    markdown_table,
    people_on_both_sides,
    percent,
    scores_overview,
    side_name,
)

NOT_FOR = (
    "It names the expression that a face shows, as far as it resembles the posed expressions it "
    "was trained on. It does not tell what a person feels. It is not for decisions about "
    "individuals: not in hiring, schooling, policing, health or insurance."
)


# They say how a run began, and nothing of what came of it.
_NOT_TO_REPEAT = ("--resume", "--overwrite")


def model_card(spec: ModelSpec, scores: dict[Side, Scores], *, refitted: bool) -> str:
    """Write the card of a model in Markdown.

    Args:
        spec: The model's spec.
        scores: Its figures by side.
        refitted: Whether the saved model was fitted once more on everyone.
    """
    kind, test = spec.split["kind"], scores["unseen"]
    sections = [
        f"# Model card: {spec.network}",
        f"Tells {', '.join(spec.emotions)} from a face.",
        "## What it is for, and what not",
        NOT_FOR,
        "## The model",
        _description(spec),
        "## The data",
        _data(spec),
        "## How well it does",
        markdown_table(OVERVIEW_HEADER, scores_overview(scores, kind)),
        _explanation(spec, scores, refitted=refitted),
        f"### By emotion: {side_name('unseen', kind)}",
        markdown_table(CLASS_HEADER, class_rows(test)),
        "### What each emotion was called",
        "Rows: the emotion shown. Columns: the emotion named.",
        _confusion(spec, test),
        "### By person",
        _people(test),
        "## How to make it again",
        _reproduction(spec),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _description(spec: ModelSpec) -> str:
    rows: list[tuple[str, Cell]] = [
        ("network", spec.network),
        ("input", f"{spec.input_size} x {spec.input_size} px, {spec.input_channels}"),
        ("crop", f"{spec.crop.size} px, {spec.crop.channels}, margin {spec.crop.margin:g}"),
        ("detector", spec.crop.detector.get("cascade", "")),
        ("epochs", _epochs(spec.training["epochs"], spec.training["epochs_run"])),
    ]
    return markdown_table(("", ""), rows)


def _epochs(kept: int, run: int) -> str:
    return f"{kept}" if kept == run else f"{kept}, the best of {run}"


def _data(spec: ModelSpec) -> str:
    faces = f"{spec.dataset['faces']} faces of {spec.dataset['file']}"
    sides = [f"- {side}: {', '.join(names)}" for side, names in spec.split["groups"].items()]
    if spec.split["kind"] not in ("participant", "leave-one-participant-out"):
        sides += [
            f"- people in {side}: {', '.join(people)}"
            for side, people in spec.split["participants"].items()
            if people
        ]
    return "\n".join([f"{faces}, split by {spec.split['kind']}.", "", *sides]).rstrip()


def _explanation(spec: ModelSpec, scores: dict[Side, Scores], *, refitted: bool) -> str:
    said = []
    if "seen" in scores:
        gap = 100 * (scores["seen"].accuracy - scores["unseen"].accuracy)
        way = "higher" if gap >= 0 else "lower"
        said.append(
            "*Seen people* are frames of the training people that were held out at random, "
            "*unseen people* have no frame in training. Only the figure on unseen people says what "
            f"to expect of somebody new; the one on seen people is {abs(gap):.1f} points {way}."
        )
    said.append(_agreement(scores["unseen"]))
    said += doubts(scores["unseen"])
    if spec.split["kind"] in ("random", "video") or people_on_both_sides(spec.split):
        said.append("**The same people are on several sides of this split, which flatters.**")
    if refitted:
        said.append(
            "The saved model was fitted once more on everyone after this evaluation. The figures "
            "are those of its forerunner with people set aside; nobody is left to test it on."
        )
    return "\n\n".join(said)


def _agreement(test: Scores) -> str:
    kappa = "" if test.kappa is None else f"Cohen's kappa {test.kappa:.3f}, "
    return (
        f"{kappa}expected calibration error {percent(test.calibration.error)}, "
        f"Brier score {test.brier:.3f}."
    )


def _confusion(spec: ModelSpec, test: Scores) -> str:
    rows: list[tuple[Cell, ...]] = [
        (name, *counts) for name, counts in zip(spec.emotions, test.confusion, strict=True)
    ]
    return markdown_table(("", *spec.emotions), rows)


def _people(test: Scores) -> str:
    if not test.participants:
        return "The people are not known."
    rows = [(person, percent(accuracy)) for person, accuracy in test.participants.items()]
    return markdown_table(("person", "accuracy"), rows)


def _reproduction(spec: ModelSpec) -> str:
    words = shlex.split(spec.provenance["command"])
    command = shlex.join(word for word in words if word not in _NOT_TO_REPEAT)
    return (
        f"    {command}\n\n"
        f"Seed {spec.provenance['seed']}, dataset digest `{spec.dataset['digest']}`, "
        f"versions {json.dumps(spec.provenance['versions'])}, "
        f"Keras on {spec.provenance['backend']}, {spec.provenance['time']}."
    )
