"""A comparison in the layout of the published ones: a column for each network.

The rows are those of Yudin, Dolzhenko and Kapustina (NEUROINFORMATICS-2019): accuracy on training
and test faces, top-2 accuracy, time per image, number of weights, size of the model file, then
precision and recall of each class. Intervals, F1 and calibration are ours.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import TYPE_CHECKING, Any

from fer_pipeline.model_folder import KERAS_FILE
from fer_pipeline.report.tables import Cell, counted, markdown_table, percent, text_table

if TYPE_CHECKING:
    from fer_pipeline.comparison_results import Comparison, Result
    from fer_pipeline.paired import Difference

NOT_AS_PUBLISHED = "†"

_COLOURS = {"rgb": "colour", "gray": "gray"}


@dataclass(frozen=True, slots=True)
class Section:
    """A table with what has to be said about it.

    Attributes:
        title: Its heading.
        header: Names of its columns.
        rows: Its cells.
        notes: Sentences below it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Lay out all tables of a comparison; those about which it says nothing are left out."""
    made = (
        _figures(comparison),
        _by_emotion(comparison),
        _colour_or_gray(comparison),
        _leak_meter(comparison),
        _runs(comparison),
        _failures(comparison),
        _settings(comparison),
    )
    return tuple(section for section in made if section.rows)


def as_text(parts: Sequence[Section]) -> str:
    """Write tables for a terminal."""
    return "\n\n".join(
        "\n".join([part.title, text_table(part.header, part.rows), *part.notes]) for part in parts
    )


def as_markdown(parts: Sequence[Section]) -> str:
    """Write tables in Markdown."""
    blocks = ["# Comparison of networks"]
    for part in parts:
        blocks += [f"## {part.title}", markdown_table(part.header, part.rows), *part.notes]
    return "\n\n".join(blocks) + "\n"


def measures(result: Result) -> dict[str, float | int | None]:
    """Return the figures of a column by name."""
    return {name: measure(result) for name, measure in _MEASURES}


def as_csv(comparison: Comparison) -> str:
    """Write a row for each fold of each column, and one for all folds together."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    names = [name for name, _ in _MEASURES]
    classes = [f"{what} {name}" for what in ("precision", "recall") for name in comparison.emotions]
    columns = ["network", "channels", "split", "as published", "fold", "test faces", "low", "high"]
    writer.writerow([*columns, *names, *classes])
    for result in comparison.results:
        start = [
            result.entry.network,
            result.entry.channels,
            result.specs[0].split["kind"],
            result.as_published,
        ]
        figures = measures(result).values()
        by_class = [one.precision for one in result.scores.classes]
        by_class += [one.recall for one in result.scores.classes]
        writer.writerow([*start, "all", result.scores.faces, *result.interval, *figures, *by_class])
        if len(result.folds) > 1:
            writer.writerows([*start, n, "", "", "", "", x] for n, x in enumerate(result.folds, 1))
    return lines.getvalue()


_MAIN_MEASURE = "accuracy, test"

_MEASURES: tuple[tuple[str, Callable[[Result], float | int | None]], ...] = (
    ("accuracy, training", lambda one: one.training_accuracy),
    (_MAIN_MEASURE, lambda one: one.scores.accuracy),
    ("top-2 accuracy, test", lambda one: one.scores.top2),
    ("balanced accuracy, test", lambda one: one.scores.balanced_accuracy),
    ("macro F1, test", lambda one: one.scores.macro_f1),
    ("Cohen's kappa, test", lambda one: one.scores.kappa),
    ("calibration error, test", lambda one: one.scores.calibration.error),
    ("always the commonest", lambda one: one.scores.majority),
    ("milliseconds per image", lambda one: 1000 * one.speed.one),
    ("milliseconds per image, batches of 32", lambda one: 1000 * one.speed.batch32),
    ("weights", lambda one: one.size.weights),
    ("size of the model file, bytes", lambda one: one.size.bytes.get(KERAS_FILE)),
)


def name_of(result: Result) -> str:
    """Name a column, with a mark if it does not begin as the published network did."""
    mark = "" if result.as_published else f" {NOT_AS_PUBLISHED}"
    return f"{result.entry.network}{mark} {_COLOURS[result.entry.channels]}"


def _figures(comparison: Comparison) -> Section:
    columns = comparison.held_out
    rows: list[tuple[Cell, ...]] = []
    for name, measure in _MEASURES:
        rows.append((name, *(_shown(measure(result)) for result in columns)))
        if name == _MAIN_MEASURE:
            rows.append(("95 % interval", *(_ends(result.interval) for result in columns)))
            if any(len(result.folds) > 1 for result in columns):
                rows.append(("standard deviation over folds", *map(_spread, columns)))
    return Section(
        f"Figures on {_whose(comparison)}",
        ("", *map(name_of, columns)),
        tuple(rows) if columns else (),
        tuple(_notes(comparison)),
    )


def _whose(comparison: Comparison) -> str:
    kind = comparison.held_out[0].specs[0].split["kind"] if comparison.held_out else ""
    return {
        "participant": "people that the networks have not seen",
        "corpus": "the corpus's own test part",
        "video": "videos that the networks have not seen, of people they may have",
        "random": "RANDOM FRAMES of people that the networks have seen: this flatters",
    }.get(kind, "the test faces")


def _notes(comparison: Comparison) -> list[str]:
    said: list[str] = []
    columns = comparison.held_out
    if not columns:
        return said
    first = columns[0]
    said.append(_interval_note(first))
    said.append(
        f"Times: LiteRT on {counted(first.speed.threads, 'thread')} of "
        f"{comparison.provenance['machine']['processor']}, "
        "medians, from the network's input to the probabilities."
    )
    if not all(result.as_published for result in columns):
        said.append(
            f"{NOT_AS_PUBLISHED} began with random weights, the published one with ImageNet's: "
            "these are not the published figures' conditions."
        )
    return said


def _interval_note(result: Result) -> str:
    people = len(result.scores.participants)
    if result.scores.interval is not None:
        return f"Intervals: 95 %, from drawing the {people} test people anew."
    why = "all test faces are of one person" if people else "the people are not known"
    return (
        f"Intervals: Wilson's, 95 %, as if all faces were independent, since {why}; with several "
        "faces of a person they are too narrow."
    )


def _by_emotion(comparison: Comparison) -> Section:
    columns = comparison.held_out
    rows: list[tuple[Cell, ...]] = []
    for index, emotion in enumerate(comparison.emotions):
        classes = [result.scores.classes[index] for result in columns]
        rows.append((emotion, "precision", *(_shown(one.precision) for one in classes)))
        rows.append(("", "recall", *(_shown(one.recall) for one in classes)))
    title = "Precision and recall of each emotion"
    return Section(title, ("", "", *map(name_of, columns)), tuple(rows) if columns else ())


def _colour_or_gray(comparison: Comparison) -> Section:
    accuracy = {
        (result.entry.network, result.entry.channels): result.scores.accuracy
        for result in comparison.held_out
    }
    rows = tuple(
        (
            network,
            percent(accuracy[network, "rgb"]),
            percent(accuracy[network, "gray"]),
            _points(one.value),
            " to ".join(map(_points, one.interval)),
            "" if one.p is None else f"{one.p:.3f}",
        )
        for network, one in comparison.colour.items()
    )
    notes = tuple({_test_name(one): None for one in comparison.colour.values()})
    header = ("network", "colour", "gray", "colour better by, points", "95 % interval", "p")
    return Section("Colour or grayscale?", header, rows, notes)


def _test_name(one: Difference) -> str:
    if one.unit == "folds":
        return (
            f"Paired: the mean difference of {one.number} folds, with the corrected t test of "
            "Nadeau and Bengio (2003). An interval that holds 0 leaves the question open."
        )
    if one.unit == "people":
        return (
            f"Paired, the {one.number} test people drawn anew; --folds gives a test over everybody."
        )
    return (
        f"Paired over {one.number} test faces: McNemar's exact test, as if all were independent; "
        "with several faces of a person it finds too much."
    )


def _leak_meter(comparison: Comparison) -> Section:
    rows = tuple(
        (
            name_of(held_out),
            percent(held_out.scores.accuracy),
            _ends_percent(held_out.interval),
            percent(random.scores.accuracy),
            _points(random.scores.accuracy - held_out.scores.accuracy),
        )
        for held_out, random in comparison.leaks
    )
    note = (
        "Random frames: training and test hold frames of the same people, as in many published "
        "figures. Only the figure on people held out says what to expect of somebody new."
    )
    header = ("network", "people held out", "95 % interval", "random frames", "flatters by, points")
    return Section("Leak meter", header, rows, (note,))


def _runs(comparison: Comparison) -> Section:
    rows = tuple(
        (
            name_of(result) + (", random frames" if result.entry.by_frames else ""),
            f"{result.specs[0].input_size} px",
            len(result.folds),
            " ".join(str(len(history)) for history in result.histories),
            " ".join(str(spec.training["epochs"]) for spec in result.specs),
            round(result.seconds),
        )
        for result in comparison.results
    )
    header = ("network", "input", "folds", "epochs run", "epoch kept", "seconds")
    return Section("Training", header, rows)


def _failures(comparison: Comparison) -> Section:
    return Section("Runs without a result", ("run", "why"), tuple(comparison.failures.items()))


def _settings(comparison: Comparison) -> Section:
    if not comparison.results:
        return Section("How to make it again", (), ())
    spec = (comparison.held_out or comparison.results)[0].specs[0]
    options = spec.training["run"]["options"]
    versions = spec.provenance["versions"]
    machine = comparison.provenance["machine"]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("command", f"`{comparison.provenance['command']}`"),
        ("data", f"{spec.dataset['file']}, {spec.dataset['faces']} faces"),
        ("digest of the data", spec.dataset["digest"]),
        ("split", _split_words(spec.split)),
        ("seed", options["fit"]["seed"]),
        ("first weights", options["weights"] or "random"),
        ("varied faces", options["augment"]),
        ("fit", ", ".join(f"{name} {value}" for name, value in options["fit"].items())),
        ("class weights", "yes" if options["weigh_classes"] else "no"),
        ("balanced to", options["balance"] or "no"),
        ("machine", ", ".join(f"{value}" for value in machine.values())),
        ("backend", spec.provenance["backend"]),
        ("versions", ", ".join(f"{name} {number}" for name, number in versions.items())),
    )
    return Section("How to make it again", ("", ""), rows)


def _split_words(split: dict[str, Any]) -> str:
    folds = f", {split['folds']} folds" if split["folds"] else ""
    copies = split["copies_left_out"]
    left_out = f"; {copies} faces left out that have a copy on another side" if copies else ""
    return f"by {split['kind']}{folds}{left_out}"


def _shown(value: float | int | None) -> Cell:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if abs(value) >= 0.01 else f"{value:.2g}"


def _ends(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def _ends_percent(interval: tuple[float, float]) -> str:
    return " to ".join(map(percent, interval))


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _spread(result: Result) -> str:
    return f"{stdev(result.folds):.4f}" if len(result.folds) > 1 else ""
