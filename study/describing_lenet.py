"""The first paper's experiment: LeNet by random frames and by people, ours beside theirs."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean, median

from scipy.stats import ttest_1samp

from fer_pipeline.report.tables import Cell, markdown_table, percent
from study.published import LENET
from study.records import Figures
from study.told import Section, Told, column_of, points, with_interval

_LENETS = {
    "lenet5": ("lenet5", "LeNet-5 (6 and 16 filters)"),
    "lenet5-no-pitch": ("lenet5", "LeNet-5, heads not lowered"),
    "lenet": ("lenet", "LeNet (20 and 50 filters)"),
}
"""Steps that train a LeNet: the network, and how its column is called."""


def first_paper(told: Told) -> Section:
    """Set the four published figures beside ours, and both beside people held out."""
    found = {step: table for step in _LENETS if (table := told.figures(step)) is not None}
    blocks = [
        "## The first paper: LeNet, forty people, seven expressions",
        "Ozdemir, Elagoz, Alaybeyoglu Soy and Akan (TIPTEKNO 2020) filmed 20 women and 20 men who "
        "simulated seven expressions, cut out more than 25,000 faces with a Haar cascade, and "
        "trained a network that mimics LeNet. Input size, filters, optimizer, epochs and split are "
        "not known; a split by frames of the same people would explain the figures, and nothing is "
        "said of unseen people.",
    ]
    if not found:
        return [*blocks, told.lacking("lenet5")]
    header = ("", "published", *(_LENETS[step][1] for step in found))
    rows: list[tuple[Cell, ...]] = [
        (name, _figure(name, value), *(_mean(table, name) for table in found.values()))
        for name, value in LENET.items()
    ]
    rows += [
        ("accuracy, test, random frames", "", *(by_frames(told, step) for step in found)),
        ("**accuracy, people held out**", "", *(held_out(told, step) for step in found)),
        ("random frames flatter by, points", "", *(_flattery(told, step) for step in found)),
    ]
    whole = [
        f"[{_LENETS[step][1]}: the whole comparison](simulated-study/{step}/comparison.md)."
        for step in found
    ]
    missing = [f"{_LENETS[step][1]}: {told.lacking(step)}" for step in _LENETS if step not in found]
    return [
        *blocks,
        markdown_table(header, rows),
        "Ours take 48×48 pixels in gray, with all defaults of `fer train` but one: all faces "
        "count alike in the loss, so that it is plain cross-entropy. "
        "The first four rows are under a split by random frames: the epoch whose weights were "
        "kept, the mean over the folds and, in brackets, the extremes. Training figures are those "
        "of the epoch, on faces that are varied lightly. The last row but one is the very same "
        "network with the same options, on people of whom it has seen no frame, each tested once, "
        "with the 95 % interval from drawing people anew: **this is what to expect of somebody "
        "new**. The last row is the leak meter.",
        "*Comparable*: task, number of people, of expressions and of faces, detector, and, as far "
        "as it can be told, network and split. *Not comparable*: the people, who are rendered and "
        "act one expression in about the same way. "
        "*Heads not lowered*: people who act sadness lower their head a little, and with four "
        "other expressions they move it less than that; that column is of the same people without "
        "these clues.",
        *whole,
        *missing,
    ]


def _figure(name: str, value: float) -> str:
    return f"{value:.4f}" if "loss" in name else f"{100 * value:.2f} %"


def _mean(table: Figures, name: str) -> str:
    told = table["published"][name]
    mean, least, most = (_figure(name, told[key]) for key in ("mean", "least", "most"))
    return f"{mean} ({least} to {most})"


def _flattery(told: Told, step: str) -> str:
    table = told.figures(step)
    assert table is not None
    network = _LENETS[step][0]
    unseen, seen = column_of(table, network), column_of(table, network, by_frames=True)
    if unseen is None or seen is None:
        return ""
    return f"{100 * (seen['scores']['accuracy'] - unseen['scores']['accuracy']):+.1f}"


def each_expression(told: Told) -> Section:
    """Tell precision and recall of every expression."""
    title = "## Each expression"
    table = told.figures("lenet5")
    unseen = table and column_of(table, "lenet5")
    seen = table and column_of(table, "lenet5", by_frames=True)
    if not unseen or not seen:
        return [title, told.lacking("lenet5")]
    still = told.figures("lenet5-no-pitch")
    others = still and column_of(still, "lenet5")
    rows: list[tuple[Cell, ...]] = []
    for index, one in enumerate(unseen["scores"]["classes"]):
        row = [one["emotion"], one["faces"], percent(one["precision"]), percent(one["recall"])]
        row.append(percent(seen["scores"]["classes"][index]["recall"]))
        if others:
            row.append(percent(others["scores"]["classes"][index]["recall"]))
        rows.append(tuple(row))
    header = ["expression", "faces", "precision", "recall", "recall, random frames"]
    if others:
        header.append("recall, heads not lowered")
    return [
        title,
        "LeNet-5 on people held out; recall is the accuracy on the faces of an expression.",
        markdown_table(header, rows),
    ]


def each_person(told: Told) -> Section:
    """Tell how well each person is told by a network that has not seen them."""
    title = "## Each person"
    table = told.figures("lenet5")
    column = table and column_of(table, "lenet5")
    if not column:
        return [title, told.lacking("lenet5")]
    people, faces = column["scores"]["participants"], column["scores"]["participant_faces"]
    still = told.figures("lenet5-no-pitch")
    others = (still and column_of(still, "lenet5")) or None
    rows = [
        (person, faces[person], percent(share))
        + ((percent(others["scores"]["participants"][person]),) if others else ())
        for person, share in people.items()
    ]
    header = ("person", "faces", "accuracy", *(("heads not lowered",) if others else ()))
    worst, best = min(people, key=people.__getitem__), max(people, key=people.__getitem__)
    clue = [_clue(people, others["scores"]["participants"])] if others else []
    return [
        title,
        f"LeNet-5, each person told by a network that has not seen them: from "
        f"{percent(people[worst])} ({worst}) to {percent(people[best])} ({best}), median "
        f"{percent(median(people.values()))}. "
        "[participants.csv](simulated-study/lenet5/participants.csv) tells their sex, too. A row "
        "is of the few clips of one person, told by one network of one training: single rows vary.",
        *clue,
        markdown_table(header, rows),
    ]


def _clue(people: Mapping[str, float], still: Mapping[str, float]) -> str:
    differences = [still[person] - share for person, share in people.items()]
    low, high = ttest_1samp(differences, 0).confidence_interval()
    return (
        "Without these movements of the head the accuracy of a person changes by "
        f"{100 * mean(differences):+.1f} points on average ({points((low, high))}, 95 % interval "
        "of the mean over people)."
    )


def learning_curves(told: Told) -> Section:
    """Show the accuracy by epoch."""
    drawn = [
        f"![Accuracy by epoch of {name}, for training and validation faces]"
        f"(simulated-study/{step}/learning-curves.png)"
        for step, (_, name) in _LENETS.items()
        if step in told.records
    ]
    note = "Numbers of all epochs are in `epochs.csv` beside each picture."
    return ["## Learning curves", *([*drawn, note] if drawn else [told.lacking("lenet5")])]


def by_frames(told: Told, step: str) -> str:
    """Write the accuracy under a split by random frames."""
    table = told.figures(step)
    if table is None:
        return told.lacking(step)
    column = column_of(table, _LENETS[step][0], by_frames=True)
    return _accuracy(column) if column else "the network failed"


def held_out(told: Told, step: str) -> str:
    """Write the accuracy on people held out, with its interval."""
    table = told.figures(step)
    if table is None:
        return told.lacking(step)
    column = column_of(table, _LENETS[step][0])
    return with_interval(column) if column else "the network failed"


def _accuracy(column: Figures) -> str:
    return f"{100 * column['scores']['accuracy']:.2f} %"
